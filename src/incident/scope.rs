//! What expressions can read of an incident.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{AlarmRef, Execution, State};
use crate::expression::{Scope, from_json};

/// Builds the variables as they are at a time.
#[must_use]
pub fn scope(state: &State, now: DateTime<Utc>) -> Scope {
    let mut scope = Scope::default();
    let Some(incident) = &state.incident else {
        return scope;
    };
    scope.set_json(
        "incident",
        &json!({
            "id": incident.id, "title": incident.title,
            "severity": incident.severity, "status": incident.status,
        }),
    );
    if let Some(alarm) = incident.alarms.front() {
        scope.set("alarm", alarm_value(alarm));
    }
    let Some(execution) = state.execution() else {
        return scope;
    };
    scope.set("execution", execution_value(execution, now));
    scope.set_json(
        "inputs",
        &execution
            .inputs
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    );
    for (name, output) in &execution.outputs {
        scope.set(name.clone(), output.value.clone());
    }
    scope
}

/// Fields without a value are left out, so that reading one is "unknown" and not "null".
fn alarm_value(alarm: &AlarmRef) -> cel::Value {
    let json = serde_json::to_value(alarm).unwrap_or_default();
    let known = json
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null());
    from_json(
        &known
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

fn execution_value(execution: &Execution, now: DateTime<Utc>) -> cel::Value {
    let elapsed =
        execution.ended_at.unwrap_or(now).max(execution.started_at) - execution.started_at;
    cel::Value::from(std::collections::HashMap::from([
        (
            "failed_steps".to_owned(),
            cel::Value::Int(execution.failed_steps.into()),
        ),
        (
            "escalated".to_owned(),
            cel::Value::Bool(execution.escalated),
        ),
        ("elapsed".to_owned(), cel::Value::Duration(elapsed)),
    ]))
}
