//! An incident without an engine: commands in, events folded, with a clock of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AlarmRef, AlarmState, AttemptId, AttemptResult, AttemptStatus, Command, Event, Question,
    Recorded, Refusal, Stamp, State, Verdict, decide, evolve, question,
};
use standdown::playbook::{Severity, StepId};

/// What stands before the steps of every playbook here.
const HEAD: &str = r#"
format = 1
id = "p"
name = "P"
summary = "s"
owner = "o"
impact = 2
severities = ["high"]
incident_types = ["x"]
"#;

/// Two outcomes that branches can lead to.
const OUTCOMES: &str = r#"
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "resolved"
[[steps]]
id = "bad"
kind = "outcome"
title = "Bad"
description = "d"
outcome = "handed_off"
"#;

pub struct Walk {
    pub state: State,
    pub events: Vec<Recorded>,
    pub now: DateTime<Utc>,
    seed: u128,
}

impl Walk {
    /// Opens an incident and starts a playbook of these steps, to which two outcomes are added.
    pub fn start(begins: &str, steps: &str) -> Self {
        Self::begin(begins, &format!("{steps}{OUTCOMES}"))
    }

    /// The same with the good outcome alone.
    pub fn start_good(begins: &str, steps: &str) -> Self {
        let good = OUTCOMES.split("[[steps]]\nid = \"bad\"").next().unwrap();
        Self::begin(begins, &format!("{steps}{good}"))
    }

    fn begin(begins: &str, steps: &str) -> Self {
        let mut walk = Self {
            state: State::new(VOCABULARY),
            events: Vec::new(),
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            seed: 1,
        };
        walk.ask(Command::Open {
            title: "t".into(),
            severity: Severity::High,
            alarm: Some(AlarmRef {
                name: "a".into(),
                account: "111122223333".into(),
                region: "eu-central-1".into(),
                state: AlarmState::Alarm,
                ..AlarmRef::default()
            }),
            rehearsal: None,
        })
        .unwrap();
        let answers = "[[answers]]\nname = \"*\"\n";
        let text = format!("{HEAD}start = \"{begins}\"\n{answers}{steps}");
        walk.ask(Command::Start {
            name: "p.toml".into(),
            text,
            others: Vec::new(),
            trusted: true,
        })
        .unwrap();
        walk
    }

    pub fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.seed += 1;
        let stamp = Stamp {
            at: self.now,
            at_aws: self.now,
            actor: std::sync::Arc::new(Actor {
                user: "u".into(),
                uid: 1,
                host: "h".into(),
                arn: None,
            }),
            seed: uuid::Uuid::from_u128(self.seed),
        };
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

    pub fn pass(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
        self.ask(Command::Tick).unwrap();
    }

    /// The attempt of a step that is running.
    pub fn running(&self, step: &str) -> AttemptId {
        let execution = self.state.execution().unwrap();
        let mut running = execution.running();
        let found = running.find(|attempt| *attempt.step.0 == *step);
        found.unwrap_or_else(|| panic!("{step} does not run")).id
    }

    pub fn succeed(&mut self, step: &str, output: Value) {
        let attempt = self.running(step);
        let result = AttemptResult::succeeded(output);
        self.ask(Command::AttemptEnded { attempt, result }).unwrap();
    }

    pub fn fail(&mut self, step: &str, why: &str, output: Option<Value>) {
        let attempt = self.running(step);
        let result = AttemptResult::ended(AttemptStatus::Failed, why, output);
        self.ask(Command::AttemptEnded { attempt, result }).unwrap();
    }

    pub fn confirm(&mut self, verdict: Verdict) -> Vec<Event> {
        let visit = self.visit();
        self.ask(Command::Confirm {
            step: visit.0,
            visit: visit.1,
            verdict,
            note: None,
            answers: BTreeMap::new(),
        })
        .unwrap()
    }

    pub fn take(&mut self, branch: usize, reason: Option<&str>) -> Result<Vec<Event>, Refusal> {
        let visit = self.visit();
        self.ask(Command::TakeBranch {
            step: visit.0,
            visit: visit.1,
            branch,
            reason: reason.map(str::to_owned),
        })
    }

    fn visit(&self) -> (StepId, u32) {
        let visit = self.state.execution().unwrap().visits.last().unwrap();
        (visit.step.clone(), visit.number)
    }

    pub fn here(&self) -> String {
        self.visit().0.to_string()
    }

    /// The label of the recommended branch, and what is said of missing values.
    pub fn recommended(&self) -> (Option<String>, Vec<String>) {
        match question(&self.state, self.now) {
            Question::Decision {
                branches, missing, ..
            } => (
                branches
                    .iter()
                    .find(|view| view.recommended)
                    .map(|view| view.branch.label.clone()),
                missing.iter().map(ToString::to_string).collect(),
            ),
            other => panic!("not at a decision: {other:?}"),
        }
    }

    /// The reasons that are shown, by branch.
    pub fn reasons(&self) -> Vec<Option<String>> {
        match question(&self.state, self.now) {
            Question::Decision { branches, .. } => {
                branches.into_iter().map(|view| view.because).collect()
            }
            other => panic!("not at a decision: {other:?}"),
        }
    }
}
