//! Escalation: asked for by a trigger, a failed step or the responder; approved or put off.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Draft, chase};
use crate::expression::Verdict;
use crate::incident::scope::scope_in;
use crate::incident::{Cause, EscalationAnswer, EscalationId, Event, Refusal};
use crate::playbook::StepId;

/// The path where the playbook names none.
const DEFAULT_PATH: &str = "primary";

fn raise(draft: &mut Draft<'_>, causes: Vec<Cause>) -> EscalationId {
    let escalation = EscalationId(draft.id());
    let path = draft
        .state
        .execution()
        .and_then(|execution| execution.playbook.escalation.as_ref())
        .map_or(DEFAULT_PATH, |plan| plan.path.as_str())
        .to_owned();
    let route = draft.state.escalation.path(&path).cloned().map(Arc::new);
    draft.emit(Event::EscalationRaised {
        escalation,
        causes,
        path,
        route,
    });
    escalation
}

/// Asks for an escalation when a trigger fires. A trigger asks once: while its question stands,
/// while it is put off, and after somebody was escalated to, it does not ask again.
pub(super) fn triggers(draft: &mut Draft<'_>) {
    let Some(execution) = draft.state.walking() else {
        return;
    };
    let Some(plan) = execution
        .playbook
        .escalation
        .clone()
        .filter(|_| !execution.escalated)
    else {
        return;
    };
    if draft.state.pending_escalation().is_some() {
        return;
    }
    let asked = |condition: &str| {
        execution.escalations.iter().any(|escalation| {
            escalation.causes.iter().any(|cause| {
                matches!(cause, Cause::Trigger { condition: known, .. } if known == condition)
            })
        })
    };
    // What a playbook watches for is its own affair, wherever the walk has come to.
    let scope = scope_in(&draft.state, draft.state.walking(), draft.stamp.at, 0);
    let causes: Vec<Cause> = plan
        .triggers
        .iter()
        .filter(|trigger| !asked(trigger.source()))
        .filter_map(|trigger| {
            let why = trigger.explain(&scope);
            (why.verdict == Verdict::True).then(|| Cause::Trigger {
                condition: trigger.source().to_owned(),
                evidence: why.evidence,
            })
        })
        .collect();
    if !causes.is_empty() {
        raise(draft, causes);
    }
}

pub(super) fn step_failed(draft: &mut Draft<'_>, step: &StepId, error: &str) {
    let escalated = draft
        .state
        .walking()
        .is_none_or(|execution| execution.escalated);
    if !escalated {
        raise(
            draft,
            vec![Cause::StepFailed {
                step: step.clone(),
                error: error.to_owned(),
            }],
        );
    }
}

/// An outcome that hands the incident up asks for the escalation it speaks of.
pub(super) fn outcome(draft: &mut Draft<'_>) {
    let walking = draft.state.walking();
    let asked = draft.state.pending_escalation().is_some()
        || walking.is_none_or(|execution| execution.escalated);
    if !asked {
        let reason = "the playbook ends in an escalation".to_owned();
        raise(draft, vec![Cause::Responder { reason }]);
    }
}

pub(super) fn now(draft: &mut Draft<'_>, reason: String) -> Result<(), Refusal> {
    if draft.state.execution().is_none() {
        return Err(Refusal::NotWalking);
    }
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let escalation = raise(draft, vec![Cause::Responder { reason }]);
    approve(draft, escalation, None)
}

fn pending(draft: &Draft<'_>, id: EscalationId) -> Result<(), Refusal> {
    draft
        .state
        .executions
        .iter()
        .flat_map(|execution| execution.escalations.iter())
        .find(|escalation| escalation.id == id && escalation.answer == EscalationAnswer::Pending)
        .map(|_| ())
        .ok_or(Refusal::NoEscalation)
}

pub(super) fn approve(
    draft: &mut Draft<'_>,
    id: EscalationId,
    note: Option<String>,
) -> Result<(), Refusal> {
    pending(draft, id)?;
    answer(draft, id, note, false);
    Ok(())
}

/// One yes answers everything that was asked; each path is asked along once.
fn answer(draft: &mut Draft<'_>, id: EscalationId, note: Option<String>, unanswered: bool) {
    let others = draft
        .state
        .escalations()
        .filter(|one| one.answer == EscalationAnswer::Pending && one.id != id);
    let all: Vec<EscalationId> = std::iter::once(id)
        .chain(others.map(|one| one.id))
        .collect();
    for (escalation, note) in all
        .iter()
        .zip(std::iter::once(note).chain(std::iter::repeat(None)))
    {
        draft.emit(Event::EscalationApproved {
            escalation: *escalation,
            note,
            unanswered,
        });
    }
    for escalation in all {
        chase::begin(draft, escalation);
    }
}

/// Escalates what nobody answered, where it cannot wait.
pub(super) fn unanswered(draft: &mut Draft<'_>) {
    let due = draft.state.escalations().find(|one| {
        one.by_itself_at(&draft.state)
            .is_some_and(|at| at <= draft.stamp.at)
    });
    if let Some(id) = due.map(|one| one.id) {
        answer(draft, id, None, true);
    }
}

pub(super) fn postpone(
    draft: &mut Draft<'_>,
    id: EscalationId,
    until: DateTime<Utc>,
    reason: String,
) -> Result<(), Refusal> {
    pending(draft, id)?;
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    draft.emit(Event::EscalationPostponed {
        escalation: id,
        until,
        reason,
    });
    Ok(())
}

/// Asks again for what was put off and is due, unless somebody was escalated to meanwhile.
pub(super) fn ask_again(draft: &mut Draft<'_>) {
    let Some(execution) = draft
        .state
        .walking()
        .filter(|execution| !execution.escalated)
    else {
        return;
    };
    let due: Vec<Vec<Cause>> = execution
        .escalations
        .iter()
        .filter(|escalation| {
            matches!(escalation.answer, EscalationAnswer::Postponed { until } if until <= draft.stamp.at)
        })
        .map(|escalation| escalation.causes.clone())
        .collect();
    for causes in due {
        raise(draft, causes);
    }
}
