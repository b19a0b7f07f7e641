//! Which steps run ahead of the responder.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::State;
use super::scope::scope_in;
use crate::expression::{Expression, Scope};
use crate::playbook::{Automated, Run, StepId, StepKind};

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
    let mut scopes: BTreeMap<usize, Scope> = BTreeMap::new();
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
        let scope = scopes
            .entry(step.frame)
            .or_insert_with(|| scope_in(state, Some(execution), now, step.frame));
        let answered = scope.fields_of("inputs");
        if automated.prefetch
            && !automated.mutating()
            && untouched
            && ready(automated, scope, &answered)
        {
            planned.push(step.id.clone());
            free -= 1;
        }
    }
    planned
}

/// Tells whether everything that a step reads before it runs is known.
fn ready(automated: &Automated, scope: &Scope, inputs: &BTreeSet<String>) -> bool {
    let own: BTreeSet<String> = ["item"]
        .into_iter()
        .chain(automated.output.as_deref())
        .map(str::to_owned)
        .collect();
    let known = |expression: &Expression| {
        // What reads the step's own output or item is filled in while it runs.
        let inner = !expression.variables().is_disjoint(&own);
        let outer_known = || {
            expression
                .explain(scope)
                .unknown()
                .all(|path| own.contains(path.split(['.', '[']).next().unwrap_or(path)))
        };
        if inner {
            outer_known()
        } else {
            expression.evaluate(scope).is_ok()
        }
    };
    // An input that nobody has answered yet decides nothing, also where `has` would ask for it.
    let answered = |expression: &Expression| {
        expression.members().iter().all(|(root, member)| {
            root != "inputs" || member.as_ref().is_none_or(|member| inputs.contains(member))
        })
    };
    let runs = || automated.runs.iter().flat_map(Run::expressions);
    let conditions = automated.success.iter().chain(&automated.until);
    automated.for_each.iter().all(known)
        && runs().all(known)
        && runs()
            .chain(conditions)
            .chain(&automated.for_each)
            .all(answered)
}
