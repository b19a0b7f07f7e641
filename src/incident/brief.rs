//! What others want to know of an incident that they are told of.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::card::{next, tried};
use super::{Incident, State};
use crate::playbook::Severity;

/// How many lines of evidence somebody reads who is told.
const EVIDENCE: usize = 4;

/// The facts: for those who respond what, evidence and next; for those who wait impact, status
/// and when they hear more.
#[must_use]
pub fn brief(state: &State, now: DateTime<Utc>) -> Value {
    let Some(incident) = &state.incident else {
        return Value::Null;
    };
    let alarm = incident.alarms.front();
    let walk = state.execution();
    let step = walk.and_then(|walk| {
        let visit = walk.visits.last()?;
        Some(walk.playbook.step(&visit.step.0)?.title.clone())
    });
    let read = walk.map(tried).unwrap_or_default();
    let mut evidence: Vec<String> = alarm
        .filter(|alarm| !alarm.reason.is_empty())
        .map(|alarm| alarm.reason.clone())
        .into_iter()
        .collect();
    let more = read.len().saturating_sub(EVIDENCE - 1);
    evidence.extend(read.into_iter().skip(more));
    json!({
        "alarm": alarm.map(|alarm| &alarm.name),
        "account": alarm.map(|alarm| &alarm.account),
        "region": alarm.map(|alarm| &alarm.region),
        "opened_at": incident.opened_at.to_rfc3339(),
        "playbook": walk.map(|walk| &walk.playbook.name),
        "step": step,
        "evidence": evidence,
        "next": next(state, now),
        "impact": impact(incident, state),
        "update": incident.updates.last().map(|update| &update.text),
        "next_update": incident.next_update.map(|at| at.to_rfc3339()),
        "escalated": state.escalations().any(|one| one.asked_by.is_some() || one.level > 0),
    })
}

/// What it does to those who use the system: as somebody wrote it down, or as its playbook or its
/// severity says.
#[must_use]
pub fn impact(incident: &Incident, state: &State) -> String {
    let written = incident.review.as_ref().map(|review| review.impact.trim());
    if let Some(written) = written.filter(|written| !written.is_empty()) {
        return written.to_owned();
    }
    let graded = state.executions.front().map(|walk| walk.playbook.impact);
    let words = match (graded, incident.severity) {
        (Some(1), _) | (None, Severity::Critical) => "the business stands still",
        (Some(2), _) | (None, Severity::High) => "customers notice",
        (Some(3), _) | (None, Severity::Medium) => "some customers may notice",
        _ => "nobody notices yet",
    };
    words.into()
}
