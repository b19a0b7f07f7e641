//! The core: its table of transitions, and what holds whatever comes in whichever order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AlarmRef, AlarmState, AttemptId, AttemptResult, AttemptStatus, Command,
    EscalationAnswer, Event, ExecutionStatus, IncidentStatus, Question, Recorded, Refusal, Stamp,
    State, Verdict, decide, evolve, question,
};
use standdown::playbook::{Severity, StepId};

const PLAYBOOK: &str = r#"
format = 1
id = "p"
name = "P"
summary = "s"
owner = "o"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "check"
[[answers]]
name = "*"
[inputs.host]
type = "host"
from = ["alarm.dimensions.Host", "ask"]
[escalation]
path = "primary"
triggers = ["load.exit_code == 3", "execution.elapsed > duration('15m')"]
[[steps]]
id = "check"
kind = "automated"
title = "Check"
description = "d"
expect = "e"
output = "load"
retries = 1
max_age = "60s"
on_failure = "continue"
prefetch = true
next = "choose"
run.exec = { command = ["uptime", "{{ inputs.host }}"] }
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Fix"
when = "load.exit_code == 0"
next = "fix"
[[steps.branches]]
label = "Give up"
otherwise = true
next = "gave-up"
[[steps]]
id = "fix"
kind = "manual"
title = "Fix"
description = "d"
output = "fixed"
on_failure = "choose"
next = "verify"
ask.version = { type = "string", pattern = "^v[0-9.]+$" }
[[steps]]
id = "verify"
kind = "automated"
title = "Verify"
description = "d"
expect = "e"
on_failure = "choose"
next = "good"
run.exec = { command = ["true"] }
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "resolved"
[[steps]]
id = "gave-up"
kind = "outcome"
title = "Gave up"
description = "d"
outcome = "escalated"
"#;

/// A state with the events that made it, and a clock of its own.
struct Walk {
    state: State,
    events: Vec<Recorded>,
    now: DateTime<Utc>,
    seed: u128,
}

impl Walk {
    fn new() -> Self {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Self {
            state: State::new(VOCABULARY),
            events: Vec::new(),
            now,
            seed: 1,
        }
    }

    fn stamp(&mut self) -> Stamp {
        self.seed += 1;
        let actor = std::sync::Arc::new(Actor {
            user: "u".into(),
            uid: 1,
            host: "h".into(),
            arn: None,
        });
        Stamp {
            at: self.now,
            at_aws: self.now,
            actor,
            seed: uuid::Uuid::from_u128(self.seed),
        }
    }

    fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        let stamp = self.stamp();
        let events = decide(&self.state, command, &stamp)?;
        for event in &events {
            let recorded = Recorded {
                sequence: self.state.sequence + 1,
                at: stamp.at,
                by: stamp.actor.clone(),
                event: event.clone(),
            };
            self.state = evolve(self.state.clone(), &recorded);
            self.events.push(recorded);
        }
        Ok(events)
    }

    fn open(host: Option<&str>) -> Self {
        let mut walk = Self::new();
        let dimensions = host
            .map(|host| ("Host".to_owned(), host.to_owned()))
            .into_iter()
            .collect();
        let alarm = AlarmRef {
            name: "a".into(),
            state: AlarmState::Alarm,
            dimensions,
            ..AlarmRef::default()
        };
        walk.ask(Command::Open {
            title: "t".into(),
            severity: Severity::High,
            alarm: Some(alarm),
            rehearsal: None,
        })
        .unwrap();
        walk
    }

    fn started() -> Self {
        let mut walk = Self::open(Some("db.example.com"));
        walk.ask(start()).unwrap();
        walk
    }

    /// At the decision, after the check ended with an exit code.
    fn decided(code: i64) -> Self {
        let mut walk = Self::started();
        walk.end(AttemptStatus::Succeeded, code);
        walk
    }

    fn running(&self) -> Vec<AttemptId> {
        self.state
            .execution()
            .into_iter()
            .flat_map(|execution| {
                execution
                    .running()
                    .map(|attempt| attempt.id)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn end(&mut self, status: AttemptStatus, code: i64) -> Vec<Event> {
        let attempt = self.running()[0];
        self.ask(Command::AttemptEnded {
            attempt,
            result: result(status, code),
        })
        .unwrap()
    }

    fn here(&self) -> String {
        self.state
            .execution()
            .unwrap()
            .visits
            .last()
            .unwrap()
            .step
            .to_string()
    }

    fn confirm(&mut self, verdict: Verdict, version: &str) -> Result<Vec<Event>, Refusal> {
        let visit = self
            .state
            .execution()
            .unwrap()
            .visits
            .last()
            .unwrap()
            .number;
        let answers = BTreeMap::from([("version".to_owned(), version.to_owned())]);
        self.ask(Command::Confirm {
            step: StepId::from("fix"),
            visit,
            verdict,
            note: None,
            answers,
        })
    }

    fn take(&mut self, branch: usize, reason: Option<&str>) -> Result<Vec<Event>, Refusal> {
        let visit = self
            .state
            .execution()
            .unwrap()
            .visits
            .last()
            .unwrap()
            .number;
        self.ask(Command::TakeBranch {
            step: StepId::from("choose"),
            visit,
            branch,
            reason: reason.map(str::to_owned),
        })
    }
}

fn start() -> Command {
    Command::Start {
        name: "p.toml".into(),
        text: PLAYBOOK.into(),
        others: Vec::new(),
        trusted: true,
    }
}

fn result(status: AttemptStatus, code: i64) -> AttemptResult {
    let output = serde_json::json!({"exit_code": code});
    match status {
        AttemptStatus::Succeeded => AttemptResult::succeeded(output),
        status => AttemptResult::ended(status, "why", Some(output)),
    }
}

#[test]
fn the_playbook_of_these_tests_has_no_problems() {
    let compiled = standdown::playbook::compile(
        &standdown::document::Source::new("p.toml", PLAYBOOK),
        &[],
        &VOCABULARY,
    );
    assert_eq!(compiled.problems, []);
}

/// From each status, to each status: allowed or refused.
#[test]
fn the_status_of_an_incident_only_moves_forward_and_closes_when_resolved() {
    use IncidentStatus::{Acknowledged, Closed, Mitigated, Open, Resolved};
    let table = [
        (
            Open,
            [
                (Open, false),
                (Acknowledged, true),
                (Mitigated, true),
                (Resolved, true),
                (Closed, false),
            ],
        ),
        (
            Acknowledged,
            [
                (Open, false),
                (Acknowledged, false),
                (Mitigated, true),
                (Resolved, true),
                (Closed, false),
            ],
        ),
        (
            Mitigated,
            [
                (Open, false),
                (Acknowledged, false),
                (Mitigated, false),
                (Resolved, true),
                (Closed, false),
            ],
        ),
        (
            Resolved,
            [
                (Open, false),
                (Acknowledged, false),
                (Mitigated, false),
                (Resolved, false),
                (Closed, true),
            ],
        ),
    ];
    for (from, row) in table {
        for (to, allowed) in row {
            let mut walk = Walk::open(None);
            if from != Open {
                walk.ask(Command::SetStatus(from)).unwrap();
            }
            assert_eq!(
                walk.ask(Command::SetStatus(to)).is_ok(),
                allowed,
                "{from:?} → {to:?}"
            );
        }
    }
}

#[test]
fn a_closed_incident_takes_notes_and_nothing_else() {
    let mut walk = Walk::open(None);
    walk.ask(Command::SetStatus(IncidentStatus::Resolved))
        .unwrap();
    walk.ask(Command::SetStatus(IncidentStatus::Closed))
        .unwrap();
    assert!(walk.ask(Command::Note("later".into())).is_ok());
    assert_eq!(walk.ask(start()).unwrap_err(), Refusal::Closed);
    assert_eq!(
        walk.ask(Command::Regrade(Severity::Low)).unwrap_err(),
        Refusal::Closed
    );
}

#[test]
fn an_incident_is_not_closed_under_a_walk() {
    let mut walk = Walk::started();
    walk.ask(Command::SetStatus(IncidentStatus::Resolved))
        .unwrap();
    assert_eq!(
        walk.ask(Command::SetStatus(IncidentStatus::Closed))
            .unwrap_err(),
        Refusal::Walking
    );
}

#[test]
fn an_input_the_alarm_does_not_carry_is_asked_for_before_anything_runs() {
    let mut walk = Walk::open(None);
    walk.ask(start()).unwrap();
    assert!(
        matches!(question(&walk.state, walk.now), Question::Input(input) if input.name == "host")
    );
    assert!(walk.running().is_empty());
    let refused = walk.ask(Command::ProvideInput {
        name: "host".into(),
        text: "a b;c".into(),
    });
    assert!(matches!(refused, Err(Refusal::InvalidInput(_))));
    walk.ask(Command::ProvideInput {
        name: "host".into(),
        text: "db.example.com".into(),
    })
    .unwrap();
    assert_eq!((walk.here().as_str(), walk.running().len()), ("check", 1));
}

#[test]
fn a_hostile_dimension_is_no_value_and_the_responder_is_asked() {
    let mut walk = Walk::open(Some("{{ssm:secret}}"));
    walk.ask(start()).unwrap();
    assert!(matches!(
        question(&walk.state, walk.now),
        Question::Input(_)
    ));
}

#[test]
fn a_failed_attempt_is_tried_again_and_then_the_playbook_goes_on() {
    let mut walk = Walk::started();
    walk.end(AttemptStatus::Failed, 1);
    assert!(walk.running().is_empty());
    walk.now += Duration::seconds(2);
    walk.ask(Command::Tick).unwrap();
    assert_eq!(walk.running().len(), 1);
    walk.end(AttemptStatus::TimedOut, 1);
    assert_eq!(walk.here(), "choose");
    assert_eq!(walk.state.execution().unwrap().failed_steps, 1);
}

#[test]
fn the_branch_whose_condition_holds_is_recommended_and_another_wants_a_reason() {
    let mut walk = Walk::decided(0);
    let refused = walk.take(1, None);
    assert_eq!(
        refused.unwrap_err(),
        Refusal::ReasonNeeded {
            recommended: "Fix".into()
        }
    );
    let events = walk.take(1, Some("the owner said so")).unwrap();
    assert!(events.iter().any(|event| matches!(
        event,
        Event::BranchTaken {
            overridden_because: Some(_),
            ..
        }
    )));
    assert_eq!(
        walk.state.execution().unwrap().status,
        ExecutionStatus::Escalated
    );
}

#[test]
fn a_manual_step_wants_the_answers_it_asks_for() {
    let mut walk = Walk::decided(0);
    walk.take(0, None).unwrap();
    assert_eq!(
        walk.confirm(Verdict::Done, "").unwrap_err(),
        Refusal::Unanswered("version".into())
    );
    assert!(matches!(
        walk.confirm(Verdict::Done, "1; rm").unwrap_err(),
        Refusal::InvalidInput(_)
    ));
    walk.confirm(Verdict::Done, "v1.2").unwrap();
    assert_eq!(walk.here(), "verify");
    assert_eq!(
        walk.state
            .execution()
            .unwrap()
            .outputs
            .get("fixed")
            .unwrap()
            .json["version"],
        "v1.2"
    );
}

#[test]
fn an_answer_to_what_is_no_longer_on_the_screen_is_refused() {
    let mut walk = Walk::decided(0);
    walk.take(0, None).unwrap();
    let again = walk.ask(Command::TakeBranch {
        step: StepId::from("choose"),
        visit: 1,
        branch: 0,
        reason: None,
    });
    assert_eq!(
        again.unwrap_err(),
        Refusal::NotCurrent(StepId::from("choose"))
    );
}

#[test]
fn a_step_is_visited_at_most_as_often_as_it_may_be() {
    let mut walk = Walk::decided(0);
    for _ in 0..2 {
        walk.take(0, None).unwrap();
        walk.confirm(Verdict::Failed, "").unwrap();
    }
    walk.take(0, None).unwrap();
    assert!(matches!(
        walk.confirm(Verdict::Failed, "").unwrap_err(),
        Refusal::VisitsUsedUp { visits: 3, .. }
    ));
}

#[test]
fn a_trigger_asks_once_and_again_when_it_was_put_off() {
    let mut walk = Walk::decided(3);
    let escalation = walk
        .state
        .execution()
        .unwrap()
        .pending_escalation()
        .unwrap()
        .id;
    walk.ask(Command::Tick).unwrap();
    assert_eq!(walk.state.execution().unwrap().escalations.len(), 1);
    let until = walk.now + Duration::minutes(5);
    walk.ask(Command::PostponeEscalation {
        escalation,
        until,
        reason: "soon done".into(),
    })
    .unwrap();
    walk.now += Duration::minutes(4);
    walk.ask(Command::Tick).unwrap();
    assert!(
        walk.state
            .execution()
            .unwrap()
            .pending_escalation()
            .is_none()
    );
    walk.now += Duration::minutes(2);
    walk.ask(Command::Tick).unwrap();
    let pending = walk
        .state
        .execution()
        .unwrap()
        .pending_escalation()
        .unwrap()
        .id;
    walk.ask(Command::ApproveEscalation {
        escalation: pending,
        note: None,
    })
    .unwrap();
    assert!(walk.state.execution().unwrap().escalated);
    assert_eq!(
        walk.ask(Command::ApproveEscalation {
            escalation: pending,
            note: None
        })
        .unwrap_err(),
        Refusal::NoEscalation
    );
}

#[test]
fn time_alone_fires_a_trigger() {
    let mut walk = Walk::started();
    walk.now += Duration::minutes(16);
    let events = walk.ask(Command::Tick).unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::EscalationRaised { .. }))
    );
}

#[test]
fn a_late_or_duplicate_result_is_recorded_and_changes_nothing() {
    let mut walk = Walk::started();
    let attempt = walk.running()[0];
    walk.end(AttemptStatus::Succeeded, 0);
    let before = serde_json::to_value(&walk.state.executions).unwrap();
    let events = walk
        .ask(Command::AttemptEnded {
            attempt,
            result: result(AttemptStatus::Failed, 9),
        })
        .unwrap();
    assert!(matches!(events.as_slice(), [Event::LateResult { .. }]));
    assert_eq!(
        serde_json::to_value(&walk.state.executions).unwrap(),
        before
    );
}

#[test]
fn what_was_cut_off_ends_as_unknown_and_runs_again() {
    let mut walk = Walk::started();
    let cut = walk.running()[0];
    walk.ask(Command::TakeUp).unwrap();
    let execution = walk.state.execution().unwrap();
    assert_eq!(
        execution
            .attempts
            .get(&cut)
            .unwrap()
            .end
            .as_ref()
            .unwrap()
            .0
            .status,
        AttemptStatus::Unknown
    );
    assert_eq!(walk.running().len(), 1);
    assert_ne!(walk.running()[0], cut);
}

#[test]
fn where_nobody_is_no_step_is_arrived_at_until_somebody_comes() {
    let mut walk = Walk::open(Some("db.example.com"));
    let Command::Start {
        name,
        text,
        others,
        trusted,
    } = start()
    else {
        unreachable!()
    };
    let events = walk
        .ask(Command::Prepare {
            name,
            text,
            others,
            trusted,
        })
        .unwrap();
    let arrived = |events: &[Event]| {
        events
            .iter()
            .any(|event| matches!(event, Event::StepArrived { .. }))
    };
    assert!(!arrived(&events), "{events:?}");
    assert!(!arrived(&walk.ask(Command::TakeUp).unwrap()));
    assert!(!arrived(&walk.ask(Command::Tick).unwrap()));
    let events = walk.ask(Command::Attend).unwrap();
    assert!(matches!(events[0], Event::ExecutionAttended) && arrived(&events));
    assert_eq!(walk.here(), "check");
    assert_eq!(walk.ask(Command::Attend).unwrap(), []);
}

#[test]
fn stopping_a_check_goes_on_as_after_a_failure() {
    let mut walk = Walk::started();
    walk.ask(Command::CancelCurrent).unwrap();
    assert_eq!(walk.here(), "choose");
    assert_eq!(
        walk.ask(Command::CancelCurrent).unwrap_err(),
        Refusal::NothingRunning
    );
}

#[test]
fn a_broken_playbook_is_refused_and_nothing_is_recorded() {
    let mut walk = Walk::open(None);
    let before = walk.events.len();
    let refused = walk.ask(Command::Start {
        name: "x.toml".into(),
        text: "id = 'x'".into(),
        others: Vec::new(),
        trusted: true,
    });
    assert_eq!(refused.unwrap_err(), Refusal::Playbook("x".into()));
    assert_eq!(walk.events.len(), before);
}

#[test]
fn a_failure_does_not_lead_to_a_step_more_often_than_it_may_be_visited() {
    let mut walk = Walk::decided(0);
    for _ in 0..3 {
        walk.take(0, None).unwrap();
        walk.confirm(Verdict::Done, "v1").unwrap();
        assert_eq!(walk.here(), "verify");
        let attempt = walk.running()[0];
        walk.ask(Command::AttemptEnded {
            attempt,
            result: result(AttemptStatus::Failed, 1),
        })
        .unwrap();
    }
    let execution = walk.state.execution().unwrap();
    assert_eq!(
        (
            execution.visits_of(&StepId::from("choose")),
            execution.status
        ),
        (3, ExecutionStatus::Failed)
    );
    assert!(execution.pending_escalation().is_some());
}

#[test]
fn a_decision_that_nobody_can_take_asks_for_help_and_stays() {
    let mut walk = Walk::decided(0);
    walk.ask(Command::Confirm {
        step: StepId::from("choose"),
        visit: 1,
        verdict: Verdict::Failed,
        note: None,
        answers: BTreeMap::new(),
    })
    .unwrap();
    assert_eq!(walk.here(), "choose");
    assert!(
        walk.state
            .execution()
            .unwrap()
            .pending_escalation()
            .is_some()
    );
    assert!(
        walk.events
            .iter()
            .all(|recorded| !matches!(recorded.event, Event::BranchTaken { .. }))
    );
}

#[test]
fn a_check_stopped_before_its_next_try_is_not_tried_again() {
    let mut walk = Walk::started();
    walk.end(AttemptStatus::Failed, 1);
    walk.ask(Command::CancelCurrent).unwrap();
    assert_eq!(walk.here(), "choose");
    walk.now += Duration::minutes(1);
    walk.ask(Command::Tick).unwrap();
    assert!(walk.running().is_empty());
}

#[test]
fn an_attempt_of_an_earlier_walk_gets_its_end() {
    let mut walk = Walk::started();
    let attempt = walk.running()[0];
    walk.ask(Command::StopExecution {
        reason: "other one".into(),
    })
    .unwrap();
    walk.ask(start()).unwrap();
    walk.ask(Command::AttemptEnded {
        attempt,
        result: AttemptResult::ended(AttemptStatus::Cancelled, "stopped", None),
    })
    .unwrap();
    let first = walk.state.executions.front().unwrap();
    assert!(first.attempts.get(&attempt).unwrap().end.is_some());
}

/// A chain of checks with decisions between them.
fn chain(checks: usize, decisions: usize, extra: &str) -> String {
    let mut text = PLAYBOOK
        .split("[inputs.host]")
        .next()
        .unwrap()
        .replace("start = \"check\"", "start = \"c0\"");
    let mut next = 0;
    let mut step = |text: &mut String, kind: &str, body: &str| {
        let id = if kind == "automated" { "c" } else { "d" };
        let written = format!(
            "[[steps]]\nid = \"{id}{next}\"\nkind = \"{kind}\"\ntitle = \"T\"\ndescription = \"d\"\n{body}\n"
        );
        text.push_str(&written);
        next += 1;
    };
    let total = checks * (decisions + 1) + decisions;
    let name = |index: usize| {
        let decision = index % (checks + 1) == checks;
        if index == total {
            "end".to_owned()
        } else {
            format!("{}{index}", if decision { "d" } else { "c" })
        }
    };
    for index in 0..total {
        if index % (checks + 1) == checks {
            let body = format!(
                "[[steps.branches]]\nlabel = \"on\"\notherwise = true\nnext = \"{}\"",
                name(index + 1)
            );
            step(&mut text, "decision", &body);
        } else {
            let body = format!(
                "expect = \"e\"\nprefetch = true\nnext = \"{}\"\n{extra}\nrun.exec = {{ command = [\"true\"] }}",
                name(index + 1)
            );
            step(&mut text, "automated", &body);
        }
    }
    text + "[[steps]]\nid = \"end\"\nkind = \"outcome\"\ntitle = \"E\"\ndescription = \"d\"\noutcome = \"resolved\"\n"
}

fn walk_chain(text: String) -> Walk {
    let mut walk = Walk::open(None);
    walk.ask(Command::Start {
        name: "c.toml".into(),
        text,
        others: Vec::new(),
        trusted: true,
    })
    .unwrap();
    walk
}

fn attempted(walk: &Walk) -> Vec<String> {
    let execution = walk.state.execution().unwrap();
    let mut steps: Vec<String> = execution.latest.keys().map(ToString::to_string).collect();
    steps.sort_by_key(|id| id[1..].parse::<usize>().unwrap());
    steps
}

#[test]
fn what_is_within_two_decisions_runs_ahead_and_nothing_beyond() {
    let walk = walk_chain(chain(1, 4, ""));
    assert_eq!(attempted(&walk), ["c0", "c2", "c4"]);
}

#[test]
fn at_most_eight_run_ahead_at_a_time() {
    let mut walk = walk_chain(chain(12, 0, ""));
    // The responder stands at the first: its attempt is not one that runs ahead.
    assert_eq!(attempted(&walk).len(), 9);
    let ahead = walk
        .state
        .execution()
        .unwrap()
        .latest
        .get("c5")
        .copied()
        .unwrap();
    walk.ask(Command::AttemptEnded {
        attempt: ahead,
        result: result(AttemptStatus::Succeeded, 0),
    })
    .unwrap();
    assert_eq!(attempted(&walk).len(), 10);
}

#[test]
fn exec_runs_ahead_only_where_the_step_says_so() {
    let walk = walk_chain(chain(3, 0, "").replace("prefetch = true\n", ""));
    assert_eq!(attempted(&walk), ["c0"]);
}

/// Ends what runs ahead for the second step, lets time pass, and ends the first.
fn arrive_after(seconds: i64) -> Walk {
    let mut walk = walk_chain(chain(2, 0, "max_age = \"60s\""));
    let attempt = |walk: &Walk, step: &str| {
        walk.state
            .execution()
            .unwrap()
            .latest
            .get(step)
            .copied()
            .unwrap()
    };
    let ahead = attempt(&walk, "c1");
    walk.ask(Command::AttemptEnded {
        attempt: ahead,
        result: result(AttemptStatus::Succeeded, 0),
    })
    .unwrap();
    walk.now += Duration::seconds(seconds);
    let first = attempt(&walk, "c0");
    walk.ask(Command::AttemptEnded {
        attempt: first,
        result: result(AttemptStatus::Succeeded, 0),
    })
    .unwrap();
    walk
}

#[test]
fn a_fresh_result_is_used_on_arrival_and_an_old_one_is_fetched_again() {
    assert_eq!(arrive_after(59).here(), "end");
    let walk = arrive_after(61);
    assert_eq!((walk.here().as_str(), walk.running().len()), ("c1", 1));
}

#[test]
fn a_failure_ahead_of_the_responder_counts_only_on_arrival() {
    let mut walk = walk_chain(chain(2, 0, "on_failure = \"continue\""));
    let attempt = |walk: &Walk, step: &str| {
        walk.state
            .execution()
            .unwrap()
            .latest
            .get(step)
            .copied()
            .unwrap()
    };
    let ahead = attempt(&walk, "c1");
    walk.ask(Command::AttemptEnded {
        attempt: ahead,
        result: result(AttemptStatus::Failed, 1),
    })
    .unwrap();
    assert_eq!(walk.state.execution().unwrap().failed_steps, 0);
    let first = attempt(&walk, "c0");
    walk.ask(Command::AttemptEnded {
        attempt: first,
        result: result(AttemptStatus::Succeeded, 0),
    })
    .unwrap();
    assert_eq!(
        (
            walk.here().as_str(),
            walk.state.execution().unwrap().failed_steps
        ),
        ("end", 1)
    );
}

#[test]
fn the_responder_waits_for_what_already_runs_and_it_is_not_started_twice() {
    let mut walk = walk_chain(chain(2, 0, "on_failure = \"continue\""));
    let first = walk
        .state
        .execution()
        .unwrap()
        .latest
        .get("c0")
        .copied()
        .unwrap();
    let ahead = walk
        .state
        .execution()
        .unwrap()
        .latest
        .get("c1")
        .copied()
        .unwrap();
    walk.ask(Command::AttemptEnded {
        attempt: first,
        result: result(AttemptStatus::Succeeded, 0),
    })
    .unwrap();
    assert_eq!((walk.here().as_str(), walk.running()), ("c1", vec![ahead]));
    walk.ask(Command::AttemptEnded {
        attempt: ahead,
        result: result(AttemptStatus::TimedOut, 1),
    })
    .unwrap();
    assert_eq!((walk.here().as_str(), walk.running().len()), ("end", 0));
}

/// Something that may come in, in any order.
#[derive(Debug, Clone)]
enum Step {
    Status(usize),
    Start,
    Provide(bool),
    End {
        which: usize,
        status: usize,
        code: i64,
    },
    Again {
        which: usize,
    },
    Confirm {
        verdict: usize,
        visit: u32,
        good: bool,
    },
    Take {
        branch: usize,
        visit: u32,
        reason: bool,
    },
    Escalate,
    Approve(usize),
    Postpone(usize),
    Cancel,
    Stop,
    Note(bool),
    Seen(usize),
    Attach(usize),
    TakeUp,
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..5_usize).prop_map(Step::Status),
        3 => Just(Step::Start),
        2 => any::<bool>().prop_map(Step::Provide),
        8 => (0..4_usize, 0..5_usize, 0..4_i64).prop_map(|(which, status, code)| Step::End { which, status, code }),
        2 => (0..20_usize).prop_map(|which| Step::Again { which }),
        4 => (0..3_usize, 1..4_u32, any::<bool>()).prop_map(|(verdict, visit, good)| Step::Confirm { verdict, visit, good }),
        6 => (0..3_usize, 1..4_u32, any::<bool>()).prop_map(|(branch, visit, reason)| Step::Take { branch, visit, reason }),
        1 => Just(Step::Escalate),
        1 => (0..3_usize).prop_map(Step::Approve),
        1 => (0..3_usize).prop_map(Step::Postpone),
        1 => Just(Step::Cancel),
        1 => Just(Step::Stop),
        1 => any::<bool>().prop_map(Step::Note),
        1 => (0..3_usize).prop_map(Step::Seen),
        1 => (0..3_usize).prop_map(Step::Attach),
        1 => Just(Step::TakeUp),
        3 => (-7200..7200_i64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

fn command(walk: &mut Walk, step: &Step) -> Option<Command> {
    const STATUSES: [AttemptStatus; 5] = [
        AttemptStatus::Succeeded,
        AttemptStatus::Failed,
        AttemptStatus::TimedOut,
        AttemptStatus::Cancelled,
        AttemptStatus::Unknown,
    ];
    const INCIDENT: [IncidentStatus; 5] = [
        IncidentStatus::Open,
        IncidentStatus::Acknowledged,
        IncidentStatus::Mitigated,
        IncidentStatus::Resolved,
        IncidentStatus::Closed,
    ];
    let escalation = |index: usize| Some(walk.state.execution()?.escalations.get(index)?.id);
    let any_attempt = |index: usize| {
        let all: Vec<AttemptId> = walk
            .state
            .executions
            .iter()
            .flat_map(|execution| execution.attempts.keys().copied().collect::<Vec<_>>())
            .collect();
        all.get(index % all.len().max(1)).copied()
    };
    Some(match step {
        Step::Status(index) => Command::SetStatus(INCIDENT[*index]),
        Step::Start => start(),
        Step::Provide(good) => Command::ProvideInput {
            name: "host".into(),
            text: if *good { "h" } else { "; rm" }.into(),
        },
        Step::End {
            which,
            status,
            code,
        } => {
            let running = walk.running();
            let attempt = *running.get(which % running.len().max(1))?;
            Command::AttemptEnded {
                attempt,
                result: result(STATUSES[*status], *code),
            }
        }
        Step::Again { which } => Command::AttemptEnded {
            attempt: any_attempt(*which)?,
            result: result(AttemptStatus::Succeeded, 0),
        },
        Step::Confirm {
            verdict,
            visit,
            good,
        } => Command::Confirm {
            step: StepId::from("fix"),
            visit: *visit,
            verdict: [Verdict::Done, Verdict::Failed, Verdict::Skipped][*verdict],
            note: None,
            answers: BTreeMap::from([(
                "version".to_owned(),
                if *good { "v1" } else { "x" }.to_owned(),
            )]),
        },
        Step::Take {
            branch,
            visit,
            reason,
        } => Command::TakeBranch {
            step: StepId::from("choose"),
            visit: *visit,
            branch: *branch,
            reason: reason.then(|| "because".to_owned()),
        },
        Step::Escalate => Command::Escalate {
            reason: "help".into(),
        },
        Step::Approve(index) => Command::ApproveEscalation {
            escalation: escalation(*index)?,
            note: None,
        },
        Step::Postpone(index) => {
            let until = walk.now + Duration::minutes(5);
            Command::PostponeEscalation {
                escalation: escalation(*index)?,
                until,
                reason: "later".into(),
            }
        }
        Step::Cancel => Command::CancelCurrent,
        Step::Stop => Command::StopExecution {
            reason: "enough".into(),
        },
        Step::Note(full) => Command::Note(if *full { "n" } else { " " }.into()),
        Step::Seen(index) => Command::AlarmSeen {
            name: "a".into(),
            state: [
                AlarmState::Ok,
                AlarmState::Alarm,
                AlarmState::InsufficientData,
            ][*index],
            reason: String::new(),
        },
        Step::Attach(index) => Command::AttachAlarm(AlarmRef {
            name: format!("b{index}"),
            ..AlarmRef::default()
        }),
        Step::TakeUp => Command::TakeUp,
        Step::Pass(seconds) => {
            // The wall clock may jump either way.
            walk.now += Duration::seconds(*seconds);
            Command::Tick
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_the_record_stays_whole(known in any::<bool>(), steps in steps()) {
        let mut walk = Walk::open(known.then_some("db.example.com"));
        for step in &steps {
            let before = walk.state.sequence;
            if let Some(command) = command(&mut walk, step) {
                // A refusal is an answer; it records nothing.
                if walk.ask(command).is_err() {
                    prop_assert_eq!(walk.state.sequence, before);
                }
            }
        }
        one_end_per_attempt(&walk)?;
        one_place_at_a_time(&walk)?;
        folding_gives_the_same_state(&walk)?;
    }
}

fn one_end_per_attempt(walk: &Walk) -> Result<(), TestCaseError> {
    let mut ends: HashMap<AttemptId, usize> = HashMap::new();
    let mut starts: HashMap<AttemptId, usize> = HashMap::new();
    for recorded in &walk.events {
        match &recorded.event {
            Event::AttemptStarted { attempt, .. } => *starts.entry(*attempt).or_default() += 1,
            Event::AttemptEnded { attempt, .. } => *ends.entry(*attempt).or_default() += 1,
            _ => {}
        }
    }
    for (attempt, count) in &starts {
        prop_assert_eq!(*count, 1);
        let ended = ends.get(attempt).copied().unwrap_or(0);
        let running = walk
            .state
            .executions
            .iter()
            .any(|execution| execution.running().any(|running| running.id == *attempt));
        prop_assert_eq!(ended, usize::from(!running));
    }
    prop_assert!(ends.keys().all(|attempt| starts.contains_key(attempt)));
    Ok(())
}

fn one_place_at_a_time(walk: &Walk) -> Result<(), TestCaseError> {
    for execution in &walk.state.executions {
        let open = execution
            .visits
            .iter()
            .filter(|visit| visit.result.is_none())
            .count();
        prop_assert!(open <= 1);
        let pending = execution
            .escalations
            .iter()
            .filter(|escalation| escalation.answer == EscalationAnswer::Pending)
            .count();
        prop_assert!(pending <= 2, "{} pending", pending);
        for step in &execution.playbook.steps {
            prop_assert!(execution.visits_of(&step.id) <= step.max_visits);
        }
    }
    Ok(())
}

fn folding_gives_the_same_state(walk: &Walk) -> Result<(), TestCaseError> {
    // Through JSON, as the journal keeps it.
    let folded = walk
        .events
        .iter()
        .fold(State::new(VOCABULARY), |state, recorded| {
            let text = serde_json::to_string(recorded).unwrap();
            evolve(state, &serde_json::from_str(&text).unwrap())
        });
    prop_assert_eq!(
        serde_json::to_value(&folded).unwrap(),
        serde_json::to_value(&walk.state).unwrap()
    );
    Ok(())
}
