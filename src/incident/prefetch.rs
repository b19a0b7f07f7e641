//! Which steps run ahead of the responder.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{State, scope};
use crate::expression::{Expression, Scope};
use crate::playbook::{Automated, StepId, StepKind};

/// How many attempts run ahead at a time.
pub const MAX_PREFETCHES: usize = 8;
/// How many decisions ahead.
pub const PREFETCH_DECISIONS: usize = 2;

/// Lists the steps that should start ahead of the responder now.
pub(super) fn plan(state: &State, now: DateTime<Utc>) -> Vec<StepId> {
    let Some(execution) = state.walking() else {
        return Vec::new();
    };
    let from = execution
        .current()
        .map_or(&execution.playbook.start, |visit| &visit.step);
    let here = execution.current().map(|visit| &visit.step);
    let running = execution
        .running()
        .filter(|attempt| Some(&attempt.step) != here)
        .count();
    let mut free = MAX_PREFETCHES.saturating_sub(running);
    if free == 0 {
        return Vec::new();
    }
    let scope = scope(state, now);
    let mut planned = Vec::new();
    for step in execution.playbook.within(from, PREFETCH_DECISIONS) {
        if free == 0 {
            break;
        }
        let StepKind::Automated(automated) = &step.kind else {
            continue;
        };
        let untouched =
            !execution.latest.contains_key(&step.id) && execution.visits_of(&step.id) == 0;
        if automated.prefetch && untouched && ready(automated, &scope) {
            planned.push(step.id.clone());
            free -= 1;
        }
    }
    planned
}

/// Tells whether everything that a step reads before it runs is known.
fn ready(automated: &Automated, scope: &Scope) -> bool {
    let mut own = vec!["item"];
    own.extend(automated.output.as_deref());
    let own_names: BTreeSet<String> = own.iter().map(ToString::to_string).collect();
    let known = |expression: &Expression| {
        let why = expression.explain(scope);
        why.unknown().all(|path| {
            let root = path.split(['.', '[']).next().unwrap_or(path);
            own.contains(&root)
        }) && (why.error.is_none() || !expression.variables().is_disjoint(&own_names))
    };
    automated.for_each.iter().all(known)
        && automated
            .runs
            .iter()
            .flat_map(|run| run.parameters.expressions())
            .all(known)
}
