//! "Recommended", "not met" and "not verified".

use serde_json::json;
use standdown::incident::{Command, Event, ExecutionStatus, Refusal, Verdict};
use standdown::playbook::StepId;

use super::walk::Walk;

/// A read, and a decision over it.
fn read_and_decide(read: &str, branches: &str) -> Walk {
    let steps = format!(
        r#"
[[steps]]
id = "read"
kind = "automated"
title = "Read"
description = "d"
expect = "e"
output = "cpu"
on_failure = "continue"
next = "choose"
{read}
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
{branches}
[[steps.branches]]
label = "Otherwise"
otherwise = true
because = "nothing else"
next = "bad"
"#
    );
    Walk::start("read", &steps)
}

const METRIC: &str =
    r#"run.metric = { namespace = "n", name = "m", window = "15m", threshold = 90 }"#;
const HOT: &str = r#"
[[steps.branches]]
label = "Hot"
when = "cpu.maximum > 90"
because = "CPU peaked at {{ cpu.maximum }} %"
next = "good"
"#;

fn otherwise() -> (Option<String>, Vec<String>) {
    (Some("Otherwise".into()), Vec::new())
}

#[test]
fn a_condition_that_is_met_is_recommended_with_its_reason() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    assert_eq!(walk.recommended().0.as_deref(), Some("Hot"));
    assert_eq!(walk.reasons(), [Some("CPU peaked at 97 %".into()), None]);
}

#[test]
fn a_condition_that_is_not_met_recommends_the_next_one() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"maximum": 30.0, "datapoints": 15}));
    assert_eq!(walk.recommended(), otherwise());
    assert_eq!(walk.reasons(), [None, Some("nothing else".into())]);
}

#[test]
fn nothing_is_recommended_past_a_read_that_failed() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.fail("read", "AccessDenied: cloudwatch:GetMetricData", None);
    let (recommended, missing) = walk.recommended();
    assert_eq!(recommended, None);
    assert_eq!(
        missing,
        ["cpu.maximum is unknown: the read failed: AccessDenied: cloudwatch:GetMetricData"]
    );
    assert_eq!(
        walk.reasons(),
        [None, None],
        "no reason without a recommendation"
    );
}

#[test]
fn no_datapoints_are_not_a_condition_that_is_not_met() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"datapoints": 0}));
    let (recommended, missing) = walk.recommended();
    assert_eq!(recommended, None);
    assert_eq!(
        missing,
        ["cpu.maximum is unknown: the metric returned no datapoints"]
    );
}

#[test]
fn an_absent_key_is_named() {
    let mut walk = read_and_decide(
        r#"run.aws = { service = "ec2", operation = "describe-instances" }"#,
        r#"
[[steps.branches]]
label = "Many"
when = "cpu.Count > 90"
next = "good"
"#,
    );
    walk.succeed("read", json!({"Reservations": []}));
    assert_eq!(
        walk.recommended().1,
        ["cpu.Count is unknown: the output has no such key"]
    );
}

#[test]
fn has_of_a_failed_read_is_unknown() {
    let steps = r#"
[[steps.branches]]
label = "Absent"
when = "!has(cpu.maximum)"
next = "good"
"#;
    let mut walk = read_and_decide(METRIC, steps);
    walk.fail("read", "no", None);
    assert_eq!(walk.recommended().0, None);
    let mut walk = read_and_decide(METRIC, steps);
    walk.succeed("read", json!({"datapoints": 0}));
    assert_eq!(walk.recommended().0.as_deref(), Some("Absent"));
}

#[test]
fn what_an_earlier_read_found_does_not_stand_in_for_one_that_failed() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    walk.ask(Command::ReadAgain(vec![StepId::from("read")]))
        .unwrap();
    // Until the new one ends, what was read stands.
    assert_eq!(walk.recommended().0.as_deref(), Some("Hot"));
    walk.fail("read", "throttled", None);
    assert_eq!(walk.recommended().0, None);
    walk.ask(Command::ReadAgain(vec![StepId::from("read")]))
        .unwrap();
    walk.succeed("read", json!({"maximum": 20.0, "datapoints": 15}));
    assert_eq!(walk.recommended(), otherwise());
    let ended = walk
        .events
        .iter()
        .filter(|recorded| matches!(recorded.event, Event::AttemptEnded { .. }))
        .count();
    assert_eq!(ended, 3, "the record keeps every attempt");
}

#[test]
fn an_author_can_let_an_unknown_branch_be_passed_over() {
    let mut walk = read_and_decide(
        METRIC,
        &HOT.replace("when = ", "when_unknown = \"skip\"\nwhen = "),
    );
    walk.fail("read", "no", None);
    assert_eq!(walk.recommended(), otherwise());
}

#[test]
fn a_branch_above_the_unknown_one_is_still_recommended() {
    let branches = format!(
        r#"
[[steps.branches]]
label = "Seen"
when = "alarm.state == 'ALARM'"
next = "good"
{HOT}"#
    );
    let mut walk = read_and_decide(METRIC, &branches);
    walk.fail("read", "no", None);
    assert_eq!(walk.recommended().0.as_deref(), Some("Seen"));
}

#[test]
fn a_condition_that_is_met_below_an_unknown_one_is_not_recommended() {
    let branches = format!(
        r#"{HOT}
[[steps.branches]]
label = "Seen"
when = "alarm.state == 'ALARM'"
next = "good"
"#
    );
    let mut walk = read_and_decide(METRIC, &branches);
    walk.fail("read", "no", None);
    assert_eq!(walk.recommended().0, None);
}

#[test]
fn a_comparison_of_different_types_is_a_fault_of_the_playbook() {
    let mut walk = read_and_decide(
        r#"run.http = { url = "https://example.com" }"#,
        r#"
[[steps.branches]]
label = "Down"
when = "cpu.matched == 503"
next = "good"
"#,
    );
    walk.succeed("read", json!({"matched": "503"}));
    let (recommended, missing) = walk.recommended();
    assert_eq!(recommended, None);
    assert!(
        missing[0].contains("the playbook is at fault") && missing[0].contains("the text '503'"),
        "{missing:?}"
    );
}

#[test]
fn all_of_an_empty_list_is_unknown() {
    let mut walk = read_and_decide(
        r#"run.aws = { service = "ec2", operation = "describe-instances" }"#,
        r#"
[[steps.branches]]
label = "All run"
when = "cpu.Instances.all(i, i.State == 'running')"
next = "good"
"#,
    );
    walk.succeed("read", json!({"Instances": []}));
    assert_eq!(walk.recommended().0, None);
}

#[test]
fn one_failed_run_of_several_is_unknown_and_the_others_are_read() {
    let runs = r#"runs = [
    { as = "one", metric = { namespace = "n", name = "m", window = "15m" } },
    { as = "two", metric = { namespace = "n", name = "m", window = "15m" } },
]
values = { both = "cpu.one.last + cpu.two.last", first = "cpu.one.last" }"#;
    let found = json!({
        "one": {"last": 5.0, "datapoints": 1, "ok": true},
        "two": {"ok": false, "reason": "AccessDenied", "last": 1.0},
    });
    let with = |when: &str| {
        let branch =
            format!("[[steps.branches]]\nlabel = \"Met\"\nwhen = \"{when}\"\nnext = \"good\"\n");
        let mut walk = read_and_decide(runs, &branch);
        walk.fail("read", "two: AccessDenied", Some(found.clone()));
        walk.recommended()
    };
    assert_eq!(with("cpu.one.last == 5.0").0.as_deref(), Some("Met"));
    assert_eq!(with("cpu.first == 5.0").0.as_deref(), Some("Met"));
    assert_eq!(with("cpu.two.ok"), otherwise());
    for unknown in [
        "cpu.two.last == 1.0",
        "has(cpu.two.last)",
        "has(cpu.two.other)",
        "cpu.both > 1.0",
        "has(cpu.both)",
        "!has(cpu.both)",
    ] {
        let (recommended, missing) = with(unknown);
        assert_eq!(recommended, None, "{unknown}");
        assert!(!missing.is_empty(), "{unknown}");
    }
    let missing = with("cpu.two.last == 1.0").1;
    assert_eq!(
        missing,
        ["cpu.two.last is unknown: the read failed: AccessDenied"]
    );
}

#[test]
fn a_condition_of_the_step_that_fails_it_leaves_what_was_read_known() {
    let read = format!("success = \"cpu.datapoints > 20\"\n{METRIC}");
    let mut walk = read_and_decide(&read, HOT);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    assert_eq!(walk.recommended().0.as_deref(), Some("Hot"));
}

#[test]
fn a_failure_that_the_step_calls_a_success_has_no_error_left() {
    let runs = r#"success = "cpu.one.ok || cpu.two.ok"
runs = [
    { as = "one", metric = { namespace = "n", name = "m", window = "15m" } },
    { as = "two", metric = { namespace = "n", name = "m", window = "15m" } },
]"#;
    let mut walk = read_and_decide(runs, &HOT.replace("cpu.maximum", "cpu.one.maximum"));
    let found = json!({"one": {"ok": true}, "two": {"ok": false, "reason": "no"}});
    walk.fail("read", "two: no", Some(found));
    let ended = walk
        .events
        .iter()
        .find_map(|recorded| match &recorded.event {
            Event::AttemptEnded { result, .. } => Some(result.clone()),
            _ => None,
        });
    let ended = ended.unwrap();
    assert_eq!(ended.status.name(), "succeeded");
    assert_eq!(ended.error, None);
}

#[test]
fn a_reason_is_shown_only_where_all_of_it_was_read() {
    let branch = r#"
[[steps.branches]]
label = "Hot"
when = "cpu.maximum > 90"
because = "CPU peaked at {{ cpu.maximum }} %, and {{ cpu.trend }}"
next = "good"
"#;
    let mut walk = read_and_decide(METRIC, branch);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    assert_eq!(walk.recommended().0.as_deref(), Some("Hot"));
    assert_eq!(walk.reasons()[0], None);
}

#[test]
fn a_branch_that_is_not_recommended_wants_a_reason_also_where_none_is() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.fail("read", "no", None);
    let refused = walk.take(1, None).unwrap_err();
    assert_eq!(
        refused,
        Refusal::ReasonNeeded {
            recommended: String::new()
        }
    );
    assert_eq!(
        refused.to_string(),
        "no branch is recommended; say why you take this one"
    );
    let events = walk.take(1, Some("I looked myself")).unwrap();
    assert!(events.iter().any(|event| matches!(
        event,
        Event::BranchTaken { recommended, overridden_because: Some(_), .. } if recommended.is_empty()
    )));
}

#[test]
fn a_branch_can_be_undone_for_some_seconds() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    walk.take(0, None).unwrap();
    assert_eq!(
        walk.state.execution().unwrap().status,
        ExecutionStatus::Completed
    );
    walk.pass(9);
    walk.ask(Command::UndoBranch).unwrap();
    assert_eq!(walk.here(), "choose");
    assert_eq!(
        walk.state.execution().unwrap().status,
        ExecutionStatus::InProgress
    );
    assert_eq!(walk.recommended().0.as_deref(), Some("Hot"));
    assert_eq!(
        walk.ask(Command::UndoBranch).unwrap_err(),
        Refusal::NoBranchToUndo
    );
    walk.take(0, None).unwrap();
    walk.pass(11);
    assert_eq!(
        walk.ask(Command::UndoBranch).unwrap_err(),
        Refusal::TooLateToUndo
    );
}

#[test]
fn a_branch_is_not_undone_once_somebody_acted_on_it() {
    let steps = r#"
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Fix"
when = "alarm.state == 'ALARM'"
next = "fix"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
[[steps]]
id = "fix"
kind = "manual"
title = "Fix"
description = "d"
next = "good"
"#;
    let mut walk = Walk::start("choose", steps);
    walk.take(0, None).unwrap();
    assert_eq!(walk.here(), "fix");
    walk.ask(Command::UndoBranch).unwrap();
    assert_eq!(walk.here(), "choose");
    walk.take(0, None).unwrap();
    walk.confirm(Verdict::Done);
    assert_eq!(
        walk.ask(Command::UndoBranch).unwrap_err(),
        Refusal::BranchActedOn
    );
}

/// A manual fix, its verification, and a decision that asks whether the fix was the cause.
const FIX: &str = r#"
[[steps]]
id = "fix"
kind = "manual"
title = "Fix"
description = "d"
output = "fixed"
verified_by = "verify"
next = "verify"
[[steps]]
id = "verify"
kind = "automated"
title = "Verify"
description = "d"
expect = "e"
output = "after"
on_failure = "fix-again"
next = "cause"
run.metric = { namespace = "n", name = "m", window = "15m" }
[[steps]]
id = "fix-again"
kind = "manual"
title = "Fix otherwise"
description = "d"
next = "verify"
[[steps]]
id = "cause"
kind = "decision"
title = "Cause"
description = "d"
[[steps.branches]]
label = "The fix was it"
when = "fixed.verified"
next = "good"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
"#;

#[test]
fn a_fix_whose_verification_failed_counts_as_no_fix() {
    let mut walk = Walk::start("fix", FIX);
    walk.confirm(Verdict::Done);
    walk.fail("verify", "still hot", None);
    assert_eq!(walk.here(), "fix-again");
    walk.confirm(Verdict::Done);
    // What helped came later.
    walk.succeed("verify", json!({"last": 1.0, "datapoints": 3}));
    assert_eq!(walk.here(), "cause");
    assert_eq!(walk.recommended(), otherwise());
}

#[test]
fn a_fix_that_was_verified_counts() {
    let mut walk = Walk::start("fix", FIX);
    walk.confirm(Verdict::Done);
    walk.succeed("verify", json!({"last": 1.0, "datapoints": 3}));
    assert_eq!(walk.recommended().0.as_deref(), Some("The fix was it"));
}

#[test]
fn values_follow_what_they_read() {
    let steps = r#"
[[steps]]
id = "limit"
kind = "automated"
title = "Limit"
description = "d"
expect = "e"
output = "limit"
next = "use"
run.metric = { namespace = "n", name = "limit", window = "15m" }
[[steps]]
id = "use"
kind = "automated"
title = "Use"
description = "d"
expect = "e"
output = "used"
on_failure = "continue"
next = "choose"
run.metric = { namespace = "n", name = "use", window = "15m" }
values = { share = "used.last / limit.last", full = "used.share >= 0.9" }
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Full"
when = "used.full"
next = "good"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
"#;
    let mut walk = Walk::start("limit", steps);
    // The one that reads the other ends first.
    walk.succeed("use", json!({"last": 95.0, "datapoints": 1}));
    walk.succeed("limit", json!({"last": 100.0, "datapoints": 1}));
    assert_eq!(walk.recommended().0.as_deref(), Some("Full"));
    walk.ask(Command::ReadAgain(vec![StepId::from("limit")]))
        .unwrap();
    walk.succeed("limit", json!({"last": 1000.0, "datapoints": 1}));
    assert_eq!(walk.recommended(), otherwise());
    walk.ask(Command::ReadAgain(vec![StepId::from("limit")]))
        .unwrap();
    walk.fail("limit", "throttled", None);
    assert_eq!(walk.recommended().0, None);
}

#[test]
fn nothing_is_prefetched_on_an_input_that_was_not_answered() {
    let steps = r#"
[inputs.host]
type = "string"
from = ["ask"]
prompt = "Which host?"
[[steps]]
id = "read"
kind = "automated"
title = "Read"
description = "d"
expect = "e"
output = "cpu"
next = "choose"
run.metric = { namespace = "n", name = "{{ has(inputs.host) ? inputs.host : 'none' }}", window = "15m" }
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Fix"
when = "alarm.state == 'ALARM'"
next = "good"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
"#;
    let mut walk = Walk::start("read", steps);
    assert_eq!(walk.state.execution().unwrap().running().count(), 0);
    walk.ask(Command::ProvideInput {
        name: "host".into(),
        text: "db".into(),
    })
    .unwrap();
    walk.running("read");
}

#[test]
fn a_change_is_not_read_again() {
    let mut walk = read_and_decide(METRIC, HOT);
    walk.succeed("read", json!({"maximum": 97.0, "datapoints": 15}));
    assert_eq!(
        walk.ask(Command::ReadAgain(vec![StepId::from("choose")])),
        Err(Refusal::NothingToRead)
    );
}
