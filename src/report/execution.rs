//! One walk of a playbook, as other programs read it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::incident::{
    Attempt, Event, Execution as Walk, Note, Recorded, State, Verdict, Visit, VisitResult,
};
use crate::playbook::Outcome;

/// A walk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// The playbook's id.
    pub playbook: String,
    /// The incident.
    pub incident: String,
    /// Where the incident stands.
    pub incident_status: &'static str,
    /// `not_started`, `in_progress`, `completed`, `escalated` or `failed`.
    pub status: &'static str,
    /// The outcome it reached.
    pub outcome: Option<Outcome>,
    /// Who began it.
    pub started_by: String,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// The step at which the responder stands.
    pub current_step: Option<String>,
    /// How many steps the playbook has.
    pub total_steps: usize,
    /// Whether it was escalated.
    pub escalated: bool,
    /// Each arrival at a step, in order.
    pub step_results: Vec<StepResult>,
    /// What was written down in the incident.
    pub notes: Vec<Note>,
    /// The incident's other walks, without their steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
}

/// Another walk of the same incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Its id.
    pub id: String,
    /// The playbook's id, or the healing rule's.
    pub playbook: String,
    /// Where it stands.
    pub status: &'static str,
}

/// An arrival at a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepResult {
    /// The step's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `in_progress`, `succeeded`, `failed`, `done`, `skipped`, `branched` or `outcome`.
    pub status: &'static str,
    /// What it captured; of a decision the branch, of an outcome the outcome.
    pub output: Option<Value>,
    /// Whether it succeeded; nothing while the responder stands there.
    pub success: Option<bool>,
    /// Why it did not.
    pub error: Option<String>,
    /// When it was arrived at.
    pub start: DateTime<Utc>,
    /// When it was left.
    pub end: Option<DateTime<Utc>>,
    /// How long that took, in seconds.
    pub duration: Option<f64>,
}

/// The walk in progress, or the one that ended last.
#[must_use]
pub fn execution(state: &State, events: &[Recorded]) -> Option<Execution> {
    let (incident, walk) = (state.incident.as_ref()?, state.execution()?);
    let began = |one: &&Recorded| matches!(&one.event, Event::ExecutionStarted { execution, .. } if *execution == walk.id);
    let started_by = events.iter().find(began);
    let others = state.executions.iter().filter(|one| one.id != walk.id);
    Some(Execution {
        id: walk.id.to_string(),
        playbook: walk.playbook.id.clone(),
        incident: incident.id.to_string(),
        incident_status: incident.status.name(),
        status: walk.status.name(),
        outcome: walk.outcome,
        started_by: started_by.map_or_else(String::new, |one| one.by.user.clone()),
        start: walk.started_at,
        end: walk.ended_at,
        current_step: walk.current().map(|visit| visit.step.to_string()),
        total_steps: walk.playbook.steps.len(),
        escalated: walk.escalated,
        step_results: walk
            .visits
            .iter()
            .map(|visit| result(walk, visit))
            .collect(),
        notes: incident.notes.iter().cloned().collect(),
        others: others
            .map(|one| Other {
                id: one.id.to_string(),
                playbook: one.playbook.id.clone(),
                status: one.status.name(),
            })
            .collect(),
    })
}

fn result(walk: &Walk, visit: &Visit) -> StepResult {
    let step = walk.playbook.step(&visit.step.0);
    let (status, success, error) = match &visit.result {
        None => ("in_progress", None, None),
        Some(VisitResult::Succeeded { .. }) => ("succeeded", Some(true), None),
        Some(VisitResult::Failed { error }) => ("failed", Some(false), Some(error.clone())),
        Some(VisitResult::Confirmed { verdict }) => {
            (verdict.name(), Some(*verdict != Verdict::Failed), None)
        }
        Some(VisitResult::Branched { .. }) => ("branched", Some(true), None),
        Some(VisitResult::Outcome { .. }) => ("outcome", Some(true), None),
    };
    StepResult {
        id: visit.step.to_string(),
        title: step.map_or_else(String::new, |step| step.title.clone()),
        status,
        output: output(walk, visit),
        success,
        error,
        start: visit.arrived_at,
        end: visit.ended_at,
        duration: visit.ended_at.map(|end| seconds(end - visit.arrived_at)),
    }
}

fn output(walk: &Walk, visit: &Visit) -> Option<Value> {
    let captured = |attempt: &Attempt| {
        let (result, _) = attempt.end.as_ref()?;
        result.output.clone()
    };
    match visit.result.as_ref()? {
        VisitResult::Succeeded { attempt, .. } => captured(walk.attempts.get(attempt)?),
        VisitResult::Failed { .. } => {
            // The last try that had ended when the step was left.
            let tried = walk.attempts.values().filter(|one| one.step == visit.step);
            let ended = tried.filter(|one| one.end.as_ref().map(|(_, at)| *at) <= visit.ended_at);
            captured(ended.max_by_key(|one| one.started_at)?)
        }
        VisitResult::Confirmed { .. } => {
            let name = walk.playbook.output_of(&visit.step.0)?;
            Some((*walk.outputs.get(&name)?.json).clone())
        }
        VisitResult::Branched { branch, .. } => Some(branch.as_str().into()),
        VisitResult::Outcome { outcome } => Some(outcome.name().into()),
    }
}

/// A span in seconds, to the millisecond.
#[must_use]
pub fn seconds(span: chrono::TimeDelta) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an incident is no 2^52 ms long")]
    let seconds = span.num_milliseconds() as f64 / 1000.0;
    seconds
}
