//! A change to the system, in the core: asked for, approved, sent once, and never by itself again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod approval;
mod turns;
mod walk;

use chrono::Duration;
use standdown::incident::{
    AttemptResult, AttemptStatus, Command, Effect, Event, ExecutionStatus, HealingRun, Proposed,
    Question, Refusal, Remote, Verdict, question,
};
use standdown::playbook::{Action, Layer, Mode};
use walk::{Walk, approve, step};

#[test]
fn nothing_is_sent_before_exactly_what_was_shown_is_approved_by_typing_its_target() {
    let mut walk = Walk::started();
    assert_eq!(walk.effects, [Effect::Survey], "arriving only reads");
    walk.effects.clear();
    walk.surveyed();
    let digest = walk.digest();
    assert_eq!(walk.ask(approve("other", "one")), Err(Refusal::OtherDigest));
    for typed in ["", "y", "yes", "First", "two"] {
        let wanted = "one".to_owned();
        assert_eq!(
            walk.ask(approve(&digest, typed)),
            Err(Refusal::NotConfirmed { wanted })
        );
    }
    assert_eq!(walk.effects, []);
    let attempt = walk.approve();
    assert_eq!(walk.effects, [Effect::Publish, Effect::Send(attempt)]);
    let again = walk.ask(approve(&digest, "one"));
    assert_eq!(
        again,
        Err(Refusal::NothingToApprove(step())),
        "an approval is used once"
    );
    assert!(matches!(
        question(&walk.state, walk.now),
        Question::Working(_)
    ));
}

#[test]
fn whoever_takes_it_up_looks_for_it_and_never_sends_it() {
    let mut walk = Walk::described();
    let attempt = walk.approve();
    for _ in 0..3 {
        walk.effects.clear();
        walk.ask(Command::TakeUp).unwrap();
        assert_eq!(walk.effects, [Effect::LookUp(attempt)]);
    }
    let remote = Remote::Automation("e-1".into());
    let identified = Command::AttemptIdentified {
        attempt,
        run: String::new(),
        remote: remote.clone(),
    };
    assert_eq!(walk.ask(identified.clone()).unwrap().len(), 1);
    assert_eq!(walk.ask(identified).unwrap(), [], "it is said once");
    walk.effects.clear();
    walk.ask(Command::TakeUp).unwrap();
    assert_eq!(
        walk.effects,
        [Effect::LookUp(attempt)],
        "followed where it is"
    );
}

#[test]
fn an_unknown_change_stands_and_only_a_new_approval_sends_another_one() {
    let mut walk = Walk::described();
    let first = walk.approve();
    walk.end(first, AttemptStatus::Unknown);
    assert!(matches!(
        question(&walk.state, walk.now),
        Question::Unknown { .. }
    ));
    walk.effects.clear();
    for _ in 0..5 {
        walk.now += Duration::hours(1);
        walk.ask(Command::Tick).unwrap();
        walk.ask(Command::TakeUp).unwrap();
    }
    assert_eq!(walk.effects, [], "time changes nothing");
    walk.ask(Command::RequestAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    assert_eq!(walk.effects, [Effect::Survey], "asking anew sends nothing");
    walk.surveyed();
    let second = walk.approve();
    assert_ne!(first, second);
    assert_eq!(walk.effects, [Effect::Publish, Effect::Send(second)]);
}

#[test]
fn the_responder_may_say_what_became_of_an_unknown_change() {
    for (verdict, stays) in [(Verdict::Done, true), (Verdict::Failed, false)] {
        let mut walk = Walk::described();
        let attempt = walk.approve();
        walk.end(attempt, AttemptStatus::Unknown);
        walk.ask(Command::Confirm {
            step: step(),
            visit: 1,
            verdict,
            note: Some("looked".into()),
            answers: Default::default(),
        })
        .unwrap();
        assert_eq!(
            walk.state.walking().is_some(),
            stays,
            "on failure this playbook stops"
        );
    }
}

#[test]
fn stopping_asks_aws_and_the_end_is_what_aws_says() {
    let mut walk = Walk::described();
    let attempt = walk.approve();
    walk.effects.clear();
    walk.ask(Command::CancelCurrent).unwrap();
    assert_eq!(walk.effects, [Effect::StopRemote(attempt)]);
    assert!(
        matches!(question(&walk.state, walk.now), Question::Working(_)),
        "it goes on until then"
    );
    walk.end(attempt, AttemptStatus::Succeeded);
    assert!(matches!(
        question(&walk.state, walk.now),
        Question::Decision { .. }
    ));
}

#[test]
fn a_walk_that_is_stopped_leaves_the_change_to_its_end() {
    let mut walk = Walk::described();
    let attempt = walk.approve();
    walk.effects.clear();
    walk.ask(Command::StopExecution {
        reason: "enough".into(),
    })
    .unwrap();
    assert_eq!(
        walk.effects,
        [Effect::Publish],
        "the change is still followed"
    );
    walk.end(attempt, AttemptStatus::Succeeded);
    let execution = walk.state.execution().unwrap();
    assert_eq!(execution.status, ExecutionStatus::Failed);
    assert!(
        execution.attempts[&attempt].end.is_some(),
        "and its end is recorded"
    );
}

#[test]
fn declining_wants_a_reason_and_fails_the_step() {
    let mut walk = Walk::described();
    let decline = |reason: &str| Command::Decline {
        step: step(),
        visit: 1,
        reason: reason.into(),
    };
    assert_eq!(walk.ask(decline(" ")), Err(Refusal::Empty));
    walk.ask(decline("too risky")).unwrap();
    assert!(
        !walk
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Send(_)))
    );
    assert_eq!(
        walk.state.execution().unwrap().status,
        ExecutionStatus::Failed
    );
}

#[test]
fn a_late_result_is_recorded_and_the_writer_goes_on_from_it() {
    let mut walk = Walk::described();
    let attempt = walk.approve();
    let result = AttemptResult::succeeded(serde_json::json!({"status": "Success"}));
    let late = Command::LateResult { attempt, result };
    let events = walk.ask(late.clone()).unwrap();
    assert!(
        matches!(events.as_slice(), [Event::AttemptEnded { .. }]),
        "{events:?}"
    );
    walk.ask(Command::Tick).unwrap();
    assert!(matches!(
        question(&walk.state, walk.now),
        Question::Decision { .. }
    ));
    assert!(matches!(
        walk.ask(late).unwrap().as_slice(),
        [Event::LateResult { .. }]
    ));
}

#[test]
fn a_rule_that_waits_is_not_put_before_the_responder_again() {
    let mut walk = Walk::described();
    let now = walk.now;
    let propose = |resource: &str, minutes: i64| Command::ProposeHealing {
        run: HealingRun {
            rule: "restart".into(),
            layer: Layer::Platform,
            action: Action::Restart,
            resource: resource.into(),
            place: "111122223333/eu-central-1".into(),
            mode: Mode::Propose,
            transition: now + Duration::minutes(minutes),
            ordinal: 1,
            cooldown: 300,
            attempts: 3,
            window: 3600,
            per_hour: 10,
            breaker: Default::default(),
        },
        rule: Proposed {
            name: "restart.toml".into(),
            title: "Restart".into(),
            text: String::new(),
            trusted: true,
        },
    };
    let mut asked = |resource: &str, minutes| walk.ask(propose(resource, minutes)).unwrap().len();
    assert_eq!(asked("checkout", 0), 1);
    assert_eq!(asked("checkout", 0), 0, "looked at again");
    assert_eq!(asked("checkout", 3), 0, "the alarm flapped");
    assert_eq!(asked("orders", 3), 1, "another thing");
}
