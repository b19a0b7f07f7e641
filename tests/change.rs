//! A change to the system, in the core: asked for, approved, sent once, and never by itself again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AlarmRef, AttemptId, AttemptResult, AttemptStatus, Command, Effect, Event,
    ExecutionStatus, Intent, Question, Recorded, Refusal, Remote, Stamp, State, Verdict, decide,
    effects, evolve, question,
};
use standdown::playbook::{Severity, StepId};

struct Walk {
    state: State,
    now: DateTime<Utc>,
    seed: u128,
    effects: Vec<Effect>,
}

impl Walk {
    fn started() -> Self {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let mut walk = Self {
            state: State::new(VOCABULARY),
            now,
            seed: 0,
            effects: Vec::new(),
        };
        let alarm = AlarmRef {
            name: "a".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            ..AlarmRef::default()
        };
        walk.ask(Command::Open {
            title: "t".into(),
            severity: Severity::High,
            alarm: Some(alarm),
            rehearsal: None,
        })
        .unwrap();
        let text =
            include_str!("torture/playbook.toml").replace("start = \"look\"", "start = \"first\"");
        let text = text.split("[[steps]]\nid = \"look\"").collect::<Vec<_>>();
        let rest = text[1].split_once("[[steps]]").unwrap().1;
        walk.ask(Command::Start {
            name: "p.toml".into(),
            text: format!("{}[[steps]]{rest}", text[0]),
            others: Vec::new(),
        })
        .unwrap();
        walk
    }

    fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.seed += 1;
        let stamp = Stamp {
            at: self.now,
            at_aws: self.now,
            actor: Arc::new(Actor::unknown()),
            seed: uuid::Uuid::from_u128(self.seed),
        };
        let events = decide(&self.state, command, &stamp)?;
        for event in &events {
            let recorded = Recorded {
                sequence: self.state.sequence + 1,
                at: stamp.at,
                by: Arc::clone(&stamp.actor),
                event: event.clone(),
            };
            self.state = evolve(self.state.clone(), &recorded);
            self.effects.extend(effects(&self.state, event));
        }
        Ok(events)
    }

    fn digest(&self) -> String {
        match question(&self.state, self.now) {
            Question::Approval(approval) => approval.digest.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn approve(&mut self) -> AttemptId {
        let digest = self.digest();
        self.effects.clear();
        self.ask(approve(&digest, "one")).unwrap();
        Intent::attempt(&digest, 1)
    }

    fn end(&mut self, attempt: AttemptId, status: AttemptStatus) {
        let result = AttemptResult::ended(
            status,
            "why",
            Some(serde_json::json!({"status": "Success"})),
        );
        self.ask(Command::AttemptEnded { attempt, result }).unwrap();
    }
}

fn step() -> StepId {
    "first".into()
}

fn approve(digest: &str, typed: &str) -> Command {
    Command::Approve {
        step: step(),
        visit: 1,
        digest: digest.into(),
        typed: typed.into(),
    }
}

#[test]
fn nothing_is_sent_before_exactly_what_was_shown_is_approved_by_typing_its_target() {
    let mut walk = Walk::started();
    assert_eq!(walk.effects, [], "arriving sends nothing");
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
    assert_eq!(walk.effects, [Effect::Send(attempt)]);
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
    let mut walk = Walk::started();
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
    let mut walk = Walk::started();
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
    assert_eq!(walk.effects, [], "asking anew sends nothing");
    let second = walk.approve();
    assert_ne!(first, second);
    assert_eq!(walk.effects, [Effect::Send(second)]);
}

#[test]
fn the_responder_may_say_what_became_of_an_unknown_change() {
    for (verdict, stays) in [(Verdict::Done, true), (Verdict::Failed, false)] {
        let mut walk = Walk::started();
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
    let mut walk = Walk::started();
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
    let mut walk = Walk::started();
    let attempt = walk.approve();
    walk.effects.clear();
    walk.ask(Command::StopExecution {
        reason: "enough".into(),
    })
    .unwrap();
    assert_eq!(walk.effects, [], "the change is still followed");
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
    let mut walk = Walk::started();
    let decline = |reason: &str| Command::Decline {
        step: step(),
        visit: 1,
        reason: reason.into(),
    };
    assert_eq!(walk.ask(decline(" ")), Err(Refusal::Empty));
    walk.ask(decline("too risky")).unwrap();
    assert_eq!(walk.effects, []);
    assert_eq!(
        walk.state.execution().unwrap().status,
        ExecutionStatus::Failed
    );
}

#[test]
fn a_late_result_is_recorded_and_the_writer_goes_on_from_it() {
    let mut walk = Walk::started();
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
