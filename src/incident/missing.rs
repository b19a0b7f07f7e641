//! Why a value that a condition reads is unknown.

use std::fmt;

use serde_json::Value;

use super::{AttemptStatus, Execution, State};
use crate::playbook::{Step, StepId, StepKind};

/// A value that is unknown, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its path, such as `cpu.maximum`.
    pub name: String,
    /// The step that reads it, where it is a step of the playbook.
    pub step: Option<StepId>,
    /// Why.
    pub why: Absence,
}

/// Why a value is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The step has not run.
    NotRun,
    /// The step is running.
    Running,
    /// The step, or the one run of it, failed.
    Failed(String),
    /// The metric has no datapoint in the window.
    NoDatapoints,
    /// The step ran, and its output has no such key.
    NoKey,
    /// The input was not answered.
    NotAnswered,
    /// The expression itself cannot be computed: a fault of the playbook.
    Fault(String),
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun => f.write_str("its step has not run"),
            Self::Running => f.write_str("its step is still running"),
            Self::Failed(why) => write!(f, "the read failed: {why}"),
            Self::NoDatapoints => f.write_str("the metric returned no datapoints"),
            Self::NoKey => f.write_str("the output has no such key"),
            Self::NotAnswered => f.write_str("the input was not answered"),
            Self::Fault(why) => write!(f, "the playbook is at fault: {why}"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is unknown: {}", self.name, self.why)
    }
}

/// Finds out why a value of the current step's frame is unknown.
pub(super) fn missing(state: &State, frame: usize, name: &str) -> Missing {
    let (root, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    let found = |step: Option<&Step>, why| Missing {
        name: name.to_owned(),
        step: step.map(|step| step.id.clone()),
        why,
    };
    let Some(execution) = state.execution() else {
        return found(None, Absence::NotRun);
    };
    if root == "inputs" {
        return found(None, Absence::NotAnswered);
    }
    let own = execution
        .playbook
        .steps
        .iter()
        .filter(|step| step.frame == frame)
        .find(|step| step.output() == Some(root));
    let Some(step) = own else {
        return found(None, Absence::NoKey);
    };
    let why = match &step.kind {
        StepKind::Automated(_) => of_attempt(execution, step, rest),
        _ if execution.visits_of(&step.id) == 0 => Absence::NotRun,
        _ => Absence::NoKey,
    };
    found(Some(step), why)
}

fn of_attempt(execution: &Execution, step: &Step, rest: &str) -> Absence {
    let Some(attempt) = execution.latest_attempt(&step.id) else {
        return Absence::NotRun;
    };
    let Some((result, _)) = &attempt.end else {
        return Absence::Running;
    };
    let output = result.output.as_ref();
    // Of several runs, the one that the path leads through.
    let run = output.and_then(|output| run_of(output, rest));
    if let Some(reason) = run.and_then(|run| run["reason"].as_str()) {
        return Absence::Failed(reason.to_owned());
    }
    if !result.is_read() {
        let why = result.error.clone();
        let why = why.unwrap_or_else(|| match result.status {
            AttemptStatus::Unknown => "its result is unknown".to_owned(),
            status => status.name().to_owned(),
        });
        return Absence::Failed(why);
    }
    let empty = |value: &Value| value["datapoints"] == 0;
    let any_empty = || {
        output
            .and_then(Value::as_object)
            .is_some_and(|entries| entries.values().any(empty))
    };
    let is_empty = match run {
        Some(run) => empty(run),
        None => output.is_some_and(empty) || any_empty(),
    };
    if is_empty {
        Absence::NoDatapoints
    } else {
        Absence::NoKey
    }
}

/// The part of an output that a path such as `.alb.maximum` or `["i-1"].maximum` leads through, as far
/// as it tells whether it was read.
fn run_of<'a>(output: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = output;
    let mut found = None;
    let keys = path
        .split(['.', '[', ']'])
        .map(|key| key.trim_matches('"'))
        .filter(|key| !key.is_empty());
    for key in keys {
        at = at.get(key)?;
        if at.get("ok").is_some() || at.get("datapoints").is_some() {
            found = Some(at);
        }
    }
    found
}
