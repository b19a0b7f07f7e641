//! A walk through a playbook whose first step changes something, without a runtime and without AWS.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AlarmRef, AttemptId, AttemptResult, AttemptStatus, Command, Effect, Event, Found, Group,
    Intent, Plan, Question, Recorded, Refusal, Stamp, State, Target, decide, effects, evolve,
    question,
};
use standdown::playbook::{Severity, StepId};

const PLAYBOOK: &str = r#"
format = 1
id = "change"
name = "A change"
summary = "Made to be tried in every way."
owner = "tests"
impact = 4
severities = ["low"]
incident_types = ["test"]
start = "first"

[[answers]]
name = "a"

[[steps]]
id = "first"
kind = "automated"
title = "The first change"
description = "An Automation."
expect = "Success."
output = "one"
on_failure = "stop"
next = "choose"
run.ssm_automation = { document = "First", parameters = { Name = "one" }, target_parameter = "Name" }
MORE

[[steps]]
id = "choose"
kind = "decision"
title = "Go on?"
description = "Something that a responder answers."
[[steps.branches]]
label = "Go on"
when = "one.status == 'Success'"
next = "good"
[[steps.branches]]
label = "Stop"
otherwise = true
next = "lost"

[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "It worked."
outcome = "resolved"

[[steps]]
id = "lost"
kind = "outcome"
title = "Lost"
description = "It did not."
outcome = "stop"
"#;

pub struct Walk {
    pub state: State,
    pub now: DateTime<Utc>,
    /// The time at AWS is this far ahead.
    pub ahead: Duration,
    pub who: Actor,
    pub targets: Vec<&'static str>,
    pub total: usize,
    pub closed: Option<String>,
    pub effects: Vec<Effect>,
    seed: u128,
}

impl Walk {
    /// Stands at the change, of which AWS has said nothing yet.
    pub fn started() -> Self {
        Self::with("", true)
    }

    /// Stands at the change, described.
    pub fn described() -> Self {
        let mut walk = Self::started();
        walk.surveyed();
        walk
    }

    /// Stands at a change with more to it than its `run`.
    pub fn with(more: &str, trusted: bool) -> Self {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let mut walk = Self {
            state: State::new(VOCABULARY),
            now,
            ahead: Duration::zero(),
            who: Actor {
                user: "ada".into(),
                uid: 1001,
                ..Actor::unknown()
            },
            targets: vec!["one"],
            total: 0,
            closed: None,
            effects: Vec::new(),
            seed: 0,
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
        walk.ask(Command::Start {
            name: "p.toml".into(),
            text: PLAYBOOK.replace("MORE", more),
            others: Vec::new(),
            trusted,
        })
        .unwrap();
        walk
    }

    pub fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.seed += 1;
        let stamp = Stamp {
            at: self.now,
            at_aws: self.now + self.ahead,
            actor: Arc::new(self.who.clone()),
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

    /// AWS says what would be changed.
    pub fn surveyed(&mut self) {
        let survey = self
            .state
            .walking()
            .and_then(|walk| walk.survey.clone())
            .expect("a survey is under way");
        let plan = Plan {
            document: "First".into(),
            version: "3".into(),
            hash: "ab".repeat(32),
            target_parameter: Some("Name".into()),
            targets: self
                .targets
                .iter()
                .map(|id| Target {
                    id: (*id).to_owned(),
                    ..Target::default()
                })
                .collect(),
            group: (self.total > 0).then(|| Group {
                name: "things".into(),
                total: self.total,
                zones: Vec::new(),
            }),
            closed: self.closed.clone(),
            ..Plan::default()
        };
        let before = Some(serde_json::json!({"maximum": 97}));
        self.ask(Command::Surveyed {
            step: step(),
            visit: 1,
            nonce: survey.intent.nonce,
            result: Ok(Box::new(Found { plan, before })),
        })
        .unwrap();
    }

    pub fn asked(&self) -> Question<'_> {
        question(&self.state, self.now)
    }

    pub fn digest(&self) -> String {
        match self.asked() {
            Question::Approval(approval) => approval.digest.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn approve(&mut self) -> AttemptId {
        let digest = self.digest();
        let typed = match self.asked() {
            Question::Approval(approval) => approval.intent.confirmation(),
            other => panic!("{other:?}"),
        };
        self.effects.clear();
        self.ask(approve(&digest, &typed)).unwrap();
        Intent::attempt(&digest, 1)
    }

    pub fn end(&mut self, attempt: AttemptId, status: AttemptStatus) {
        let output = Some(serde_json::json!({"status": "Success"}));
        let result = AttemptResult::ended(status, "why", output);
        self.ask(Command::AttemptEnded { attempt, result }).unwrap();
    }

    /// The attempt that runs now.
    pub fn running(&self) -> AttemptId {
        let walk = self.state.walking().expect("a playbook is walked");
        let mut running = walk.running();
        running.next().expect("an attempt runs").id
    }

    /// Ends the look at what a change has done.
    pub fn verified(&mut self, status: AttemptStatus, maximum: i64) {
        let attempt = self.running();
        let output = Some(serde_json::json!({ "maximum": maximum }));
        let failed = status != AttemptStatus::Succeeded;
        let result = AttemptResult {
            judged: failed.then_some(standdown::expression::Verdict::False),
            ..AttemptResult::ended(status, "it is not met", output)
        };
        self.ask(Command::AttemptEnded { attempt, result }).unwrap();
    }

    pub fn wait(&mut self, span: Duration) -> Vec<Event> {
        self.now += span;
        self.ask(Command::Tick).unwrap()
    }
}

pub fn step() -> StepId {
    "first".into()
}

pub fn approve(digest: &str, typed: &str) -> Command {
    Command::Approve {
        step: step(),
        visit: 1,
        digest: digest.into(),
        typed: typed.into(),
        reason: None,
    }
}

pub fn approve_because(digest: &str, typed: &str, reason: &str) -> Command {
    Command::Approve {
        step: step(),
        visit: 1,
        digest: digest.into(),
        typed: typed.into(),
        reason: Some(reason.into()),
    }
}
