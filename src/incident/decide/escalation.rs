//! Escalation: asked for by a trigger, a failed step or the responder; approved or put off.

use chrono::{DateTime, Utc};

use super::Draft;
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
    draft.emit(Event::EscalationRaised {
        escalation,
        causes,
        path,
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
    draft.emit(Event::EscalationApproved {
        escalation: id,
        note,
    });
    // One yes answers everything that was asked.
    let others: Vec<EscalationId> = draft
        .state
        .executions
        .iter()
        .flat_map(|execution| execution.escalations.iter())
        .filter(|escalation| escalation.answer == EscalationAnswer::Pending)
        .map(|escalation| escalation.id)
        .collect();
    for escalation in others {
        draft.emit(Event::EscalationApproved {
            escalation,
            note: None,
        });
    }
    Ok(())
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
