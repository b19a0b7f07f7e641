//! What expressions can read of an incident.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{AlarmRef, Execution, State};
use crate::expression::{Scope, from_json, to_json};
use crate::playbook::{Environment, Frame, Input, InputSource, Step, StepId};

/// Builds the variables as they are at a time, as the step sees them at which the responder
/// stands.
#[must_use]
pub fn scope(state: &State, now: DateTime<Utc>) -> Scope {
    let execution = state.execution();
    let frame = execution.map_or(0, |execution| {
        let here = execution.visits.last();
        here.map_or(0, |visit| execution.playbook.frame_of(&visit.step.0))
    });
    scope_in(state, execution, now, frame)
}

/// Builds the variables as a step sees them.
#[must_use]
pub fn scope_of(state: &State, now: DateTime<Utc>, step: &StepId) -> Scope {
    let execution = state.walk_of(step).or_else(|| state.execution());
    let frame = execution.map_or(0, |execution| execution.playbook.frame_of(&step.0));
    scope_in(state, execution, now, frame)
}

/// Builds the variables as the steps of a frame see them.
pub(super) fn scope_in(
    state: &State,
    execution: Option<&Execution>,
    now: DateTime<Utc>,
    frame: usize,
) -> Scope {
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
    let Some(execution) = execution else {
        return scope;
    };
    scope.set("execution", execution_value(execution, now));
    let Some(own) = execution.playbook.frames.get(frame) else {
        return scope;
    };
    if let Some(environment) = environment_in(incident.alarms.front(), own) {
        scope.set_json("env", &environment.values.clone().into());
    }
    let inputs = if frame == 0 {
        execution
            .inputs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    } else {
        handed_over(
            own,
            &scope,
            &scope_in(state, Some(execution), now, own.parent),
        )
    };
    scope.set_json("inputs", &inputs);
    for (name, output) in &execution.outputs {
        if let Some(name) = name
            .strip_prefix(&own.prefix)
            .filter(|name| !name.contains('/'))
        {
            scope.set(name, output.value.clone());
            let step = execution.playbook.step(&output.step.0);
            let values = step.map_or(&[][..], Step::values);
            for (value, _) in values
                .iter()
                .filter(|(value, _)| output.json.get(value).is_none())
            {
                scope.unreadable(format!("{name}.{value}"));
            }
        }
    }
    scope
}

/// The inputs of a playbook that is walked on the way: what it is given, what the alarm says, or
/// its defaults. What nobody knows yet is left out.
fn handed_over(frame: &Frame, own: &Scope, outer: &Scope) -> serde_json::Value {
    let value = |input: &Input| {
        let given = frame.with.iter().find(|(name, _)| *name == input.name);
        if let Some((_, parameter)) = given {
            return input.accept(&parameter.render(outer).ok()?).ok();
        }
        let found = input.from.iter().find_map(|source| match source {
            InputSource::Expression(expression) => {
                let value = to_json(&expression.evaluate(own).ok()?);
                input.accept(&value).ok()
            }
            InputSource::Ask => None,
        });
        found.or_else(|| input.default.clone())
    };
    frame
        .inputs
        .iter()
        .filter_map(|input| Some((input.name.clone(), value(input)?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn environment_in<'a>(alarm: Option<&AlarmRef>, frame: &'a Frame) -> Option<&'a Environment> {
    let unknown = AlarmRef::default();
    let alarm = alarm.unwrap_or(&unknown);
    frame.environment(&alarm.account, &alarm.region, &alarm.profile, &alarm.name)
}

impl State {
    /// The environment of the incident's alarm, as the walked playbook names it.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        let frame = self.execution()?.playbook.frames.first()?;
        let alarm = self.incident.as_ref()?.alarms.front();
        environment_in(alarm, frame).map(|environment| environment.name.as_str())
    }
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
