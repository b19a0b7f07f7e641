//! Simulated Automation: what was started, and how far it has come. A function of time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::documents::parsed;
use super::ledger::Entry;
use super::runbook::Play;
use super::wire::Failure;
use super::world::{World, lock};
use crate::incident::AlarmState;
use crate::rehearsal::scenario::Automation;

/// An execution appears in lists this many scenario seconds after it was started.
const APPEARS: f64 = 2.0;

/// An Automation that was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Execution {
    pub id: String,
    pub document: String,
    pub version: String,
    pub parameters: BTreeMap<String, Vec<String>>,
    pub token: Option<String>,
    pub tags: Vec<String>,
    /// In scenario seconds.
    pub at: f64,
    pub stopped: Option<f64>,
    /// The alarm that stops it, and the one that did.
    #[serde(default)]
    pub alarm: Option<String>,
    #[serde(default)]
    pub stopped_by: Option<String>,
    /// What those who were asked have said.
    #[serde(default)]
    pub signals: Vec<Signal>,
    /// The parameter whose values each get an execution of their own.
    #[serde(default)]
    pub target_parameter: Option<String>,
}

/// What somebody said to a step that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Signal {
    /// `Approve` or `Reject`.
    pub kind: String,
    /// In scenario seconds.
    pub at: f64,
}

impl Execution {
    /// An execution of a document without parameters.
    pub fn of(document: &str, at: f64) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            document: document.to_owned(),
            version: "1".into(),
            parameters: BTreeMap::new(),
            token: None,
            tags: Vec::new(),
            at,
            stopped: None,
            alarm: None,
            stopped_by: None,
            signals: Vec::new(),
            target_parameter: None,
        }
    }
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepState {
    pub name: String,
    pub action: String,
    pub status: &'static str,
    pub began: Option<f64>,
    pub ended: Option<f64>,
    pub failure: Option<String>,
    pub outputs: BTreeMap<String, Json>,
}

/// How far an execution has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub status: &'static str,
    pub ended: Option<f64>,
    pub steps: Vec<StepState>,
    pub failure: Option<String>,
}

impl World {
    pub(super) fn runbook(&self, document: &str) -> Option<&Automation> {
        self.scenario
            .automations
            .iter()
            .find(|automation| automation.document == document)
    }

    /// Starts an execution, or returns the one that was started with the same token.
    pub(super) fn start(&self, wanted: Execution) -> Result<String, Failure> {
        let mut all = lock(&self.automations);
        let before = wanted
            .token
            .as_ref()
            .and_then(|token| all.iter().find(|one| one.token.as_ref() == Some(token)));
        if let Some(before) = before {
            let same =
                (&before.document, &before.parameters) == (&wanted.document, &wanted.parameters);
            return if same {
                Ok(before.id.clone())
            } else {
                Err(Failure::new(
                    "IdempotentParameterMismatch",
                    "the token was used with other parameters",
                ))
            };
        }
        self.keep(&Entry::Started(wanted.clone()))?;
        let id = wanted.id.clone();
        all.push(wanted);
        Ok(id)
    }

    pub(super) fn execution(&self, id: &str) -> Option<Execution> {
        lock(&self.automations)
            .iter()
            .find(|one| one.id == id)
            .cloned()
    }

    /// What lists show now, the latest first.
    pub(super) fn executions(&self) -> Vec<Execution> {
        let now = self.now();
        lock(&self.automations)
            .iter()
            .rev()
            .filter(|one| one.at + APPEARS <= now)
            .cloned()
            .collect()
    }

    /// Asks an execution to stop; false when there is none.
    pub(super) fn stop(&self, id: &str) -> Result<bool, Failure> {
        let at = self.now();
        let mut all = lock(&self.automations);
        let Some(execution) = all.iter_mut().find(|one| one.id == id) else {
            return Ok(false);
        };
        self.keep(&Entry::Cancelled {
            id: id.to_owned(),
            at,
        })?;
        execution.stopped.get_or_insert(at);
        Ok(true)
    }

    /// How far an execution has come by a time. A step that has begun is finished, also when the
    /// execution was stopped.
    pub(super) fn progress(&self, execution: &Execution, by: f64) -> Progress {
        let gone = |why: &str| Progress {
            status: "Failed",
            ended: Some(execution.at),
            steps: Vec::new(),
            failure: Some(why.to_owned()),
        };
        let Some(known) = self.document(&execution.document) else {
            return gone("the account has no such document");
        };
        let number = known.number(Some(&execution.version)).unwrap_or(1);
        let Some(document) = parsed(known.text(number)) else {
            return gone("the document cannot be read");
        };
        Play {
            document: &document,
            told: self
                .runbook(&execution.document)
                .map_or(&[], |runbook| runbook.steps.as_slice()),
            execution,
            by,
        }
        .run()
    }

    /// Lets whoever is asked in an execution say yes or no; false when nobody is asked.
    pub(super) fn signal(&self, id: &str, kind: &str) -> Result<bool, Failure> {
        let at = self.now();
        let Some(execution) = self.execution(id) else {
            return Ok(false);
        };
        if self.progress(&execution, at).status != "Waiting" {
            return Ok(false);
        }
        let kind = kind.to_owned();
        let signal = Signal { kind, at };
        self.keep(&Entry::Signalled {
            id: id.to_owned(),
            signal: signal.clone(),
        })?;
        let mut all = lock(&self.automations);
        if let Some(execution) = all.iter_mut().find(|one| one.id == id) {
            execution.signals.push(signal);
        }
        Ok(true)
    }

    /// Stops executions whose alarm fires, as soon as somebody looks: Systems Manager polls it too.
    pub(super) fn watch_alarms(&self) {
        let now = self.now();
        let watched: Vec<Execution> = lock(&self.automations)
            .iter()
            .filter(|one| one.alarm.is_some() && one.stopped.is_none())
            .cloned()
            .collect();
        for one in watched {
            let alarm = one.alarm.as_deref().unwrap_or_default();
            let fires = self
                .scenario
                .alarms
                .iter()
                .find(|known| known.name == alarm)
                .is_some_and(|known| self.state(known, now) == AlarmState::Alarm);
            if fires && self.progress(&one, now).ended.is_none() {
                let entry = Entry::Cancelled {
                    id: one.id.clone(),
                    at: now,
                };
                // A ledger that cannot be written is told by the next call that needs it.
                if self.keep(&entry).is_ok()
                    && let Some(execution) = lock(&self.automations)
                        .iter_mut()
                        .find(|known| known.id == one.id)
                {
                    execution.stopped = Some(now);
                    execution.stopped_by.clone_from(&one.alarm);
                }
            }
        }
    }

    /// When an automation last made a fix, if one did by then.
    pub(super) fn fixed_by_automation(&self, fix: &str, by: f64) -> Option<f64> {
        let making: Vec<&Automation> = self
            .scenario
            .automations
            .iter()
            .filter(|automation| automation.makes(fix))
            .collect();
        if making.is_empty() {
            return None;
        }
        lock(&self.automations)
            .iter()
            .filter(|execution| {
                making.iter().any(|automation| {
                    automation.document == execution.document
                        && automation.made(&execution.parameters) == Some(fix)
                })
            })
            .filter_map(|execution| self.succeeded(execution, by))
            .max_by(f64::total_cmp)
    }

    /// When an execution succeeded, if it had by then. What was found out stands: it does not
    /// change for the time before it was looked at, and an alarm asks for thousands of moments.
    fn succeeded(&self, execution: &Execution, by: f64) -> Option<f64> {
        let mut looked = lock(&self.successes);
        let known = looked.get(&execution.id).copied();
        let ended = match known {
            Some((at, ended)) if ended.is_some() || by <= at => ended,
            _ => {
                let now = self.now();
                let at = by.max(now);
                let progress = self.progress(execution, at);
                let ended = progress.ended.filter(|_| progress.status == "Success");
                if at <= now {
                    looked.insert(execution.id.clone(), (at, ended));
                }
                ended
            }
        };
        ended.filter(|ended| *ended <= by)
    }

    /// Everything that was started, for whoever counts.
    #[must_use]
    pub fn started(&self) -> Json {
        let now = self.now();
        let all = lock(&self.automations).clone();
        all.iter()
            .map(|one| {
                json!({
                    "id": one.id, "document": one.document, "parameters": one.parameters,
                    "tags": one.tags, "status": self.progress(one, now).status,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::rehearsal::scenario::Scenario;

    fn world() -> World {
        let text = "format = 1\nid = \"x\"\ntitle = \"x\"\nsummary = \"x\"\nplaybook = \"x\"\naccount = \"1\"\nregion = \"r\"\nalarm = \"a\"\n[[alarms]]\nname = \"a\"\nstate = \"ALARM\"\n[[fixes]]\nid = \"f\"\n[[automations]]\ndocument = \"D\"\nfixes = \"f\"\nsteps = [{ name = \"one\", action = \"aws:sleep\", takes = \"10s\" }, { name = \"two\", action = \"aws:sleep\", takes = \"5s\" }]\n";
        let (scenario, problems) = Scenario::compile(&Source::new("x.toml", text));
        World::new(
            scenario.unwrap_or_else(|| panic!("{problems:?}")),
            chrono::Utc::now(),
            1.0,
        )
    }

    fn execution(token: &str) -> Execution {
        Execution {
            id: format!("id-{token}"),
            token: Some(token.into()),
            ..Execution::of("D", 0.0)
        }
    }

    #[test]
    fn steps_follow_each_other_and_the_last_one_makes_the_fix() {
        let world = world();
        world.start(execution("t")).unwrap();
        let statuses = |by: f64| {
            let progress = world.progress(&execution("t"), by);
            (
                progress.status,
                progress
                    .steps
                    .iter()
                    .map(|step| step.status)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(statuses(5.0), ("InProgress", vec!["InProgress", "Pending"]));
        assert_eq!(
            statuses(12.0),
            ("InProgress", vec!["Success", "InProgress"])
        );
        assert_eq!(statuses(15.0), ("Success", vec!["Success", "Success"]));
        assert_eq!(
            (world.fixed("f", 14.0), world.fixed("f", 16.0)),
            (None, Some(15.0))
        );
    }

    #[test]
    fn what_has_begun_is_finished_and_the_rest_is_cancelled() {
        let world = world();
        let stopped = Execution {
            stopped: Some(3.0),
            ..execution("t")
        };
        assert_eq!(world.progress(&stopped, 5.0).status, "Cancelling");
        let ended = world.progress(&stopped, 11.0);
        assert_eq!((ended.status, ended.ended), ("Cancelled", Some(10.0)));
        assert_eq!(ended.steps[1].status, "Cancelled");
    }

    #[test]
    fn a_token_starts_one_execution_and_the_ledger_remembers_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.jsonl");
        let first = world().keeping(&path);
        assert_eq!(
            first.start(execution("t")),
            first.start(Execution {
                id: "other".into(),
                ..execution("t")
            })
        );
        let other = Execution {
            document: "E".into(),
            ..execution("t")
        };
        assert_eq!(
            first.start(other).unwrap_err().code,
            "IdempotentParameterMismatch"
        );
        drop(first);
        // A line that was cut off was never answered.
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, b"{\"started\":"))
            .unwrap();
        let second = world().keeping(&path);
        assert_eq!(second.start(execution("t")), Ok("id-t".into()));
        assert_eq!(second.started().as_array().unwrap().len(), 1);
    }
}
