//! What others want to know of an incident that they are told of.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::card::{next, tried};
use super::{AlarmRef, Incident, State};

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
        "resource": alarm.and_then(resource),
        "opened_at": incident.opened_at.to_rfc3339(),
        "playbook": walk.map(|walk| &walk.playbook.name),
        "step": step,
        "evidence": evidence,
        "next": next(state, now),
        "impact": impact(incident),
        "update": incident.updates.last().map(|update| &update.text),
        "next_update": incident.next_update.map(|at| at.to_rfc3339()),
        "escalated": state.escalations().any(|one| one.asked_by.is_some() || one.level > 0),
    })
}

/// The resource that an alarm watches: the values of its metric's dimensions.
fn resource(alarm: &AlarmRef) -> Option<String> {
    let values: Vec<&str> = alarm.dimensions.values().map(String::as_str).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// What the incident does to those who use the system, as a person graded it; `None` before that.
#[must_use]
pub fn impact(incident: &Incident) -> Option<String> {
    let written = incident.review.as_ref().map(|review| review.impact.trim());
    let written = written.filter(|written| !written.is_empty());
    written.map(str::to_owned)
}
