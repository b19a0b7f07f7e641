//! What is said of a change is what became of it.

use serde_json::json;
use standdown::expression;
use standdown::incident::{
    AttemptId, AttemptResult, AttemptStatus, Became, ChangeEffect, Command, Fault, Found, Plan,
    Question, Refusal, Target, Verdict, card, question,
};
use standdown::report::Report;

use crate::walk::Walk;

/// A change, and a way on that does not depend on it.
fn playbook(more: &str) -> String {
    format!(
        r#"
[[steps]]
id = "change"
kind = "automated"
title = "Restart It"
description = "d"
expect = "e"
output = "one"
on_failure = "choose"
next = "choose"
run.ssm_automation = {{ document = "Restart", parameters = {{ Name = "web" }}, target_parameter = "Name" }}
{more}
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "It is done"
when = "false"
next = "good"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
"#
    )
}

const VERIFY: &str = r#"
[steps.verify]
holds = "after.maximum < 9.0"
within = "1m"
every = "10s"
run.metric = { namespace = "n", name = "m", window = "15m" }
"#;

const UNDO: &str = r#"
[steps.undo]
ssm_automation = { document = "Restore", parameters = { Name = "web" }, target_parameter = "Name" }
"#;

/// A change that AWS has described.
fn described(more: &str) -> Walk {
    let mut walk = Walk::start("change", &playbook(more));
    survey(&mut walk);
    walk
}

fn survey(walk: &mut Walk) {
    let survey = walk.state.walking().and_then(|one| one.survey.clone());
    let survey = survey.expect("a change is being described");
    let plan = Plan {
        document: "Restart".into(),
        version: "3".into(),
        hash: "ab".repeat(32),
        target_parameter: Some("Name".into()),
        targets: vec![Target {
            id: "web".into(),
            ..Target::default()
        }],
        ..Plan::default()
    };
    walk.ask(Command::Surveyed {
        step: survey.step.clone(),
        visit: survey.visit,
        nonce: survey.intent.nonce,
        result: Ok(Box::new(Found { plan, before: None })),
    })
    .unwrap();
}

fn approve(walk: &mut Walk) -> AttemptId {
    let Question::Approval(approval) = question(&walk.state, walk.now) else {
        panic!("no change waits: {:?}", question(&walk.state, walk.now));
    };
    let (step, visit, digest) = (
        approval.step.clone(),
        approval.visit,
        approval.digest.clone(),
    );
    walk.ask(Command::Approve {
        step,
        visit,
        digest,
        typed: "web".into(),
        reason: None,
    })
    .unwrap();
    walk.running("change")
}

fn end(walk: &mut Walk, attempt: AttemptId, result: AttemptResult) {
    walk.ask(Command::AttemptEnded { attempt, result }).unwrap();
}

fn succeeded() -> AttemptResult {
    AttemptResult::succeeded(json!({"status": "Success"}))
}

/// Made, and its verification ended like this.
fn verified(more: &str, result: AttemptResult) -> Walk {
    let mut walk = described(&format!("{VERIFY}{more}"));
    let attempt = approve(&mut walk);
    end(&mut walk, attempt, succeeded());
    let look = walk.running("change");
    end(&mut walk, look, result);
    walk
}

fn not_met() -> AttemptResult {
    AttemptResult {
        judged: Some(expression::Verdict::False),
        ..AttemptResult::ended(
            AttemptStatus::Failed,
            "not met",
            Some(json!({"maximum": 97})),
        )
    }
}

fn report(walk: &Walk) -> Report {
    Report::of(&walk.state, &walk.events, &[], Vec::new()).unwrap()
}

/// What the report's summary, the timeline and the hand-over card say.
fn said(walk: &Walk) -> String {
    let report = report(walk);
    let mut all = report.summary.clone();
    all.extend(report.timeline.iter().map(|one| one.text.clone()));
    all.extend(card(&walk.state, walk.now, None));
    all.join("\n")
}

#[track_caller]
fn says(walk: &Walk, wanted: &[&str], never: &[&str]) {
    let said = said(walk);
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted:?} is missing in\n{said}");
    }
    for never in never {
        assert!(!said.contains(never), "{never:?} is said in\n{said}");
    }
}

#[test]
fn a_change_that_was_declined_was_not_made() {
    let mut walk = described("");
    walk.ask(Command::Decline {
        step: "change".into(),
        visit: 1,
        reason: "the wrong host".into(),
    })
    .unwrap();
    says(
        &walk,
        &[
            "Nothing was changed by the console.",
            "Restart It was declined and not made",
        ],
        &["Restart It failed", "was sent"],
    );
    let report = report(&walk);
    assert!(report.changes.is_empty());
    assert_eq!(report.not_made[0].how, "declined");
    assert_eq!(report.not_made[0].reason.as_deref(), Some("the wrong host"));
}

#[test]
fn a_request_that_expired_is_not_a_change() {
    let mut walk = described("");
    walk.pass(24 * 3600);
    assert_eq!(report(&walk).not_made[0].how, "expired");
    says(
        &walk,
        &["Nothing was changed by the console."],
        &["was sent"],
    );
}

#[test]
fn a_change_that_nobody_verifies_is_applied_and_not_verified() {
    let mut walk = described("");
    let attempt = approve(&mut walk);
    end(&mut walk, attempt, succeeded());
    says(
        &walk,
        &[
            "It was applied, not verified.",
            "Restart It was applied, not verified",
        ],
        &["applied and verified", "healed", "Restart It succeeded"],
    );
    assert_eq!(report(&walk).changes[0].verified, None);
    assert_eq!(
        walk.state.execution().unwrap().effect(),
        ChangeEffect::Applied
    );
}

#[test]
fn a_change_is_verified_only_once_its_verification_was_met() {
    let walk = verified("", AttemptResult::succeeded(json!({"maximum": 1})));
    says(&walk, &["applied and verified"], &["not verified"]);
    assert_eq!(
        walk.state.execution().unwrap().effect(),
        ChangeEffect::Verified
    );
}

#[test]
fn a_verification_that_failed_is_said_and_offers_to_undo() {
    let walk = verified(UNDO, not_met());
    says(
        &walk,
        &["applied, and its verification failed"],
        &["applied and verified", "applied, not verified"],
    );
    let Question::Standing { standing, .. } = question(&walk.state, walk.now) else {
        panic!("nothing is asked");
    };
    assert_eq!(standing.fault, Fault::VerificationFailed);
    assert!(standing.can_undo);
}

#[test]
fn a_verification_that_could_not_be_made_is_not_a_failed_one() {
    let failed = AttemptResult::ended(AttemptStatus::Failed, "throttled", None);
    let walk = verified(UNDO, failed);
    says(&walk, &["applied, not verified"], &["verification failed"]);
    let Question::Standing { standing, .. } = question(&walk.state, walk.now) else {
        panic!("nothing is asked");
    };
    assert_eq!(standing.fault, Fault::NotVerified);
    assert!(!standing.can_undo, "nothing is known against it");
    assert_eq!(report(&walk).changes[0].verified, None);
}

#[test]
fn a_change_that_was_rolled_back_is_said_as_such() {
    let mut walk = verified(UNDO, not_met());
    walk.ask(Command::Undo {
        step: "change".into(),
        visit: 1,
    })
    .unwrap();
    survey(&mut walk);
    let attempt = approve(&mut walk);
    end(&mut walk, attempt, succeeded());
    let report = report(&walk);
    assert_eq!(report.changes[0].became, Became::RolledBack);
    assert!(report.changes[1].takes_back);
    says(
        &walk,
        &["was applied and rolled back"],
        &["applied and verified"],
    );
}

#[test]
fn a_rollback_that_did_not_start_leaves_the_change_standing() {
    let mut walk = verified(UNDO, not_met());
    walk.ask(Command::Undo {
        step: "change".into(),
        visit: 1,
    })
    .unwrap();
    survey(&mut walk);
    let attempt = approve(&mut walk);
    let throttled = AttemptResult::not_started("it was not started: throttled");
    end(&mut walk, attempt, throttled);
    let asked = question(&walk.state, walk.now);
    assert!(
        !matches!(asked, Question::NotStarted { .. }),
        "the change was made: {asked:?}"
    );
    let report = report(&walk);
    assert_eq!(report.changes[0].became, Became::NoEffect);
    assert_eq!(report.changes[1].became, Became::NotStarted);
    says(&walk, &["its verification failed"], &["rolled back"]);
}

#[test]
fn a_change_that_was_refused_before_it_was_sent_was_not_sent() {
    let mut walk = described("");
    let attempt = approve(&mut walk);
    let refused = AttemptResult::refused("it was not sent: the document is another one");
    end(&mut walk, attempt, refused);
    says(
        &walk,
        &["Nothing was changed by the console.", "was not started"],
        &["One change was sent", "It failed"],
    );
    assert_eq!(
        walk.state.execution().unwrap().effect(),
        ChangeEffect::Nothing
    );
}

#[test]
fn a_change_that_failed_was_sent_and_not_applied() {
    let mut walk = described("");
    let attempt = approve(&mut walk);
    let failed = AttemptResult::ended(AttemptStatus::Failed, "step stop: denied", None);
    end(&mut walk, attempt, failed);
    says(&walk, &["It failed."], &["applied"]);
    assert_eq!(
        walk.state.execution().unwrap().effect(),
        ChangeEffect::NotApplied
    );
}

#[test]
fn a_change_that_did_not_start_changed_nothing_and_is_offered_again() {
    let mut walk = described("");
    let attempt = approve(&mut walk);
    end(
        &mut walk,
        attempt,
        AttemptResult::not_started("it was not started: throttled"),
    );
    says(
        &walk,
        &["Nothing was changed by the console.", "was not started"],
        &["One change was sent", "unknown result"],
    );
    assert_eq!(
        walk.state.execution().unwrap().effect(),
        ChangeEffect::Nothing
    );
    // Nobody can say that it was made.
    let done = walk.ask(Command::Confirm {
        step: "change".into(),
        visit: 1,
        verdict: Verdict::Done,
        note: Some("I looked".into()),
        answers: std::collections::BTreeMap::new(),
    });
    assert!(matches!(done, Err(Refusal::WrongKind(_))), "{done:?}");
    walk.ask(Command::RequestAgain {
        step: "change".into(),
        visit: 1,
    })
    .unwrap();
    survey(&mut walk);
    let attempt = approve(&mut walk);
    end(&mut walk, attempt, succeeded());
    says(&walk, &["One change was sent"], &[]);
}

#[test]
fn a_result_that_nobody_knows_is_neither_applied_nor_failed() {
    let mut walk = described("");
    let attempt = approve(&mut walk);
    let lost = AttemptResult::ended(AttemptStatus::Unknown, "lost", None);
    end(&mut walk, attempt, lost);
    says(&walk, &["has an unknown result"], &["applied", "It failed"]);
}

#[test]
fn a_change_that_runs_is_in_flight() {
    let mut walk = described("");
    approve(&mut walk);
    says(
        &walk,
        &["Restart on web is running", "in flight: Restart It"],
        &["applied", "failed"],
    );
}

#[test]
fn who_says_that_a_change_worked_against_what_was_read_overrides_it() {
    let mut walk = verified("", not_met());
    walk.ask(Command::Confirm {
        step: "change".into(),
        visit: 1,
        verdict: Verdict::Done,
        note: Some("the graph lags".into()),
        answers: std::collections::BTreeMap::new(),
    })
    .unwrap();
    says(
        &walk,
        &[
            "override: Restart It: went on as if the change had worked, because the graph lags",
            "its verification failed",
        ],
        &["applied and verified"],
    );
    let by_hand = &report(&walk).by_hand[0];
    assert!(by_hand.overrides);
    assert_eq!(by_hand.note.as_deref(), Some("the graph lags"));
}

#[test]
fn several_changes_are_counted_by_what_became_of_them() {
    let mut walk = verified("", not_met());
    walk.pass(1);
    walk.ask(Command::VerifyAgain {
        step: "change".into(),
        visit: 1,
    })
    .unwrap();
    let look = walk.running("change");
    end(
        &mut walk,
        look,
        AttemptResult::succeeded(json!({"maximum": 1})),
    );
    // The last look counts.
    says(
        &walk,
        &["It was applied and verified."],
        &["changes were sent"],
    );
}
