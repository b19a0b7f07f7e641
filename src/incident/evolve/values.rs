//! Computes the `values` of steps again when what they read changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::expression::from_json;
use crate::incident::scope::scope_in;
use crate::incident::{Event, Output, Recorded, State};
use crate::playbook::{StepId, StepKind};

/// What changed: the walk, the frame whose steps see it, its name there, and the step it came from.
struct Changed {
    walk: usize,
    frame: Option<usize>,
    name: String,
    step: Option<StepId>,
}

/// Computes again what reads something that an event changed.
pub(super) fn recompute(state: &mut State, recorded: &Recorded) {
    for changed in changes(state, &recorded.event) {
        follow(state, changed, recorded.at);
    }
}

fn changes(state: &State, event: &Event) -> Vec<Changed> {
    let of_step = |walk: usize, step: &StepId| {
        let playbook = &state.executions.get(walk)?.playbook;
        let own = playbook.step(&step.0)?;
        Some(Changed {
            walk,
            frame: Some(own.frame),
            name: own.output()?.to_owned(),
            step: Some(step.clone()),
        })
    };
    match event {
        Event::AttemptEnded { attempt, .. } => {
            let holder = state
                .executions
                .iter()
                .position(|walk| walk.attempts.contains_key(attempt));
            let found = holder.and_then(|walk| {
                let step = &state.executions.get(walk)?.attempts.get(attempt)?.step;
                of_step(walk, step)
            });
            found.into_iter().collect()
        }
        Event::StepConfirmed { step, .. } => {
            let walks = state.executions.iter();
            let walk = walks.clone().rposition(|walk| walk.is_walking(step));
            walk.and_then(|walk| of_step(walk, step))
                .into_iter()
                .collect()
        }
        Event::InputProvided { .. } => every_walk(state, "inputs"),
        Event::AlarmStateChanged { .. } => every_walk(state, "alarm"),
        _ => Vec::new(),
    }
}

fn every_walk(state: &State, name: &str) -> Vec<Changed> {
    (0..state.executions.len())
        .map(|walk| Changed {
            walk,
            frame: None,
            name: name.to_owned(),
            step: None,
        })
        .collect()
}

fn follow(state: &mut State, first: Changed, at: DateTime<Utc>) {
    let walk = first.walk;
    let mut done: BTreeSet<StepId> = first.step.iter().cloned().collect();
    let mut waiting = vec![(first.frame, first.name)];
    while let Some((frame, name)) = waiting.pop() {
        let Some(playbook) = state
            .executions
            .get(walk)
            .map(|walk| Arc::clone(&walk.playbook))
        else {
            return;
        };
        for step in &playbook.steps {
            let StepKind::Automated(automated) = &step.kind else {
                continue;
            };
            let sees = frame.is_none_or(|frame| frame == step.frame);
            if !sees || !automated.reads.contains(&name) || !done.insert(step.id.clone()) {
                continue;
            }
            let Some(full) = playbook.output_of(&step.id.0) else {
                continue;
            };
            let Some(output) = computed(state, walk, automated, (step.frame, &full), at) else {
                continue;
            };
            if let Some(walk) = state.executions.get_mut(walk) {
                walk.outputs.insert(full, output);
            }
            waiting.extend(step.output().map(|own| (Some(step.frame), own.to_owned())));
        }
    }
}

/// An output with its values as they are now; `None` where the step has none.
fn computed(
    state: &State,
    walk: usize,
    automated: &crate::playbook::Automated,
    (frame, name): (usize, &str),
    at: DateTime<Utc>,
) -> Option<Output> {
    let execution = state.executions.get(walk)?;
    let known = execution.outputs.get(name)?;
    let mut raw = (*known.json).clone();
    let fields = raw.as_object_mut()?;
    for (value, _) in &automated.values {
        fields.remove(value);
    }
    let mut scope = scope_in(state, Some(execution), at, frame);
    let json = automated.complete(raw, &mut scope);
    Some(Output {
        value: from_json(&automated.readable(&json)),
        json: Arc::new(json),
        ..known.clone()
    })
}
