//! Approval: a change is made only after a yes to exactly its description.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Draft, give_up};
use crate::incident::{Approval, Approver, AttemptOrigin, Event, Refusal};
use crate::playbook::StepId;

/// What the responder says to a change.
pub(super) struct Yes<'a> {
    pub digest: &'a str,
    pub typed: &'a str,
    pub reason: Option<String>,
}

fn has_ended(draft: &Draft<'_>, waiting: &Approval) -> bool {
    waiting.has_ended(draft.stamp.at, draft.stamp.at_aws)
}

/// Whether what somebody agreed to beforehand has ended since it was described.
fn no_longer_agreed(draft: &Draft<'_>, waiting: &Approval) -> bool {
    let terms = waiting.intent.terms.as_ref();
    let until = terms.and_then(|terms| terms.preapproved_until);
    until.is_some_and(|until| until <= draft.stamp.at)
}

pub(super) fn approve(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    yes: Yes<'_>,
) -> Result<(), Refusal> {
    let waiting = waiting(draft, step, visit)?;
    if waiting.digest != yes.digest || waiting.intent.digest() != yes.digest {
        return Err(Refusal::OtherDigest);
    }
    if has_ended(draft, &waiting) || no_longer_agreed(draft, &waiting) {
        return Err(Refusal::Expired);
    }
    let wanted = waiting.intent.confirmation();
    if yes.typed.trim() != wanted || wanted.trim().is_empty() {
        return Err(Refusal::NotConfirmed { wanted });
    }
    if let Some(over) = waiting.intent.over_ceiling() {
        return Err(Refusal::OverCeiling(over));
    }
    let reason = yes
        .reason
        .map(|reason| reason.trim().to_owned())
        .filter(|reason| !reason.is_empty());
    let plan = waiting.intent.plan.as_ref();
    if let (Some(closed), None) = (plan.and_then(|plan| plan.closed.clone()), &reason) {
        return Err(Refusal::CalendarClosed(closed));
    }
    let Some((count, group)) = waiting.intent.others() else {
        grant(draft, &waiting, reason);
        return Ok(());
    };
    if waiting.sought.is_some() {
        return Err(Refusal::Sought(count, group.to_owned()));
    }
    let reason = reason.ok_or(Refusal::WhyNeeded)?;
    if draft.state.escalation.unreadable {
        return Err(Refusal::ApproversUnknown);
    }
    let approvers = draft.state.escalation.group(group);
    let document = waiting.intent.document();
    if approvers.is_some_and(|approvers| !approvers.may(document)) {
        return Err(Refusal::NotTheirs(group.to_owned(), document.to_owned()));
    }
    let channels = approvers.map_or_else(Vec::new, |approvers| approvers.channels.clone());
    let valid = (waiting.until - waiting.asked_at).max(TimeDelta::seconds(1));
    draft.emit(Event::ApprovalSought {
        step: step.clone(),
        visit,
        digest: waiting.digest,
        reason,
        until: draft.stamp.at + valid,
        until_aws: Some(draft.stamp.at_aws + valid),
        channels,
    });
    Ok(())
}

/// The approval is used up by the same append that intends the attempt.
fn grant(draft: &mut Draft<'_>, waiting: &Approval, reason: Option<String>) {
    // One approval is for one attempt: another one needs another nonce, and so another digest.
    let attempt = waiting.intent.attempt_id(&waiting.digest, 1);
    draft.emit(Event::ApprovalGranted {
        step: waiting.step.clone(),
        visit: waiting.visit,
        digest: waiting.digest.clone(),
        attempt,
        signed_at: draft.stamp.at_aws,
        reason,
    });
    draft.emit(Event::AttemptStarted {
        attempt,
        step: waiting.step.clone(),
        number: 1,
        origin: AttemptOrigin::Approval,
    });
}

/// A healing that was agreed to beforehand begins as soon as it is described, unless something
/// stands against it.
pub(super) fn by_itself(draft: &mut Draft<'_>) {
    let waiting = draft
        .state
        .walking()
        .and_then(|execution| execution.approval.clone());
    let Some(waiting) = waiting else {
        return;
    };
    let agreed = waiting
        .intent
        .terms
        .as_ref()
        .filter(|terms| terms.auto)
        .and_then(|terms| terms.preapproved.clone());
    let plan = waiting.intent.plan.as_ref();
    let closed = plan.is_some_and(|plan| plan.closed.is_some());
    if no_longer_agreed(draft, &waiting) {
        return;
    }
    if let Some(agreed) = agreed
        && waiting.intent.over_ceiling().is_none()
        && !closed
    {
        grant(
            draft,
            &waiting,
            Some(format!("agreed to beforehand by {agreed}")),
        );
    }
}

fn waiting(draft: &Draft<'_>, step: &StepId, visit: u32) -> Result<Approval, Refusal> {
    draft
        .walking()?
        .approval
        .clone()
        .filter(|approval| approval.step == *step && approval.visit == visit)
        .ok_or_else(|| Refusal::NothingToApprove(step.clone()))
}

/// The request that others were asked about, if it is still that one.
fn sought(draft: &Draft<'_>, digest: &str) -> Result<Approval, Refusal> {
    let nothing = || Refusal::OtherDigest;
    let approval = draft.walking()?.approval.clone().ok_or_else(nothing)?;
    if approval.digest == *digest && approval.sought.is_some() {
        Ok(approval)
    } else {
        Err(nothing())
    }
}

/// Refuses an agreement that is the requester's own.
fn is_other(waiting: &Approval, approver: &Approver) -> Result<(), Refusal> {
    let Some(sought) = &waiting.sought else {
        return Ok(());
    };
    if sought.by.uid == approver.uid {
        return Err(Refusal::OwnRequest(sought.by.user.clone()));
    }
    // Two people, and not one with two logins.
    let known = waiting.given.iter().filter(|one| one.uid != approver.uid);
    let mut callers = known
        .map(|one| &one.arn)
        .chain(std::iter::once(&sought.by.arn));
    match &approver.arn {
        Some(arn) if !approver.shared && callers.any(|known| known.as_ref() == Some(arn)) => {
            Err(Refusal::SameCaller(arn.clone()))
        }
        _ => Ok(()),
    }
}

pub(super) fn agree(
    draft: &mut Draft<'_>,
    digest: &str,
    approver: Approver,
) -> Result<(), Refusal> {
    let waiting = sought(draft, digest)?;
    if has_ended(draft, &waiting) {
        return Err(Refusal::Expired);
    }
    is_other(&waiting, &approver)?;
    if waiting.given.iter().any(|known| known.uid == approver.uid) {
        return Ok(());
    }
    draft.emit(Event::ApprovalGiven {
        step: waiting.step.clone(),
        visit: waiting.visit,
        digest: digest.to_owned(),
        approver,
    });
    let needed = waiting.intent.others().map_or(0, |(count, _)| count);
    if waiting.given.len() + 1 >= needed {
        let reason = waiting.sought.as_ref().map(|sought| sought.reason.clone());
        grant(draft, &waiting, reason);
    }
    Ok(())
}

pub(super) fn disagree(
    draft: &mut Draft<'_>,
    digest: &str,
    approver: Approver,
    reason: String,
) -> Result<(), Refusal> {
    let waiting = sought(draft, digest)?;
    is_other(&waiting, &approver)?;
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let error = format!("not approved by {}: {reason}", approver.user);
    draft.emit(Event::ApprovalDeclined {
        step: waiting.step.clone(),
        visit: waiting.visit,
        digest: waiting.digest,
        reason,
        approver: Some(approver),
    });
    give_up(draft, &waiting.step, waiting.visit, &error);
    Ok(())
}

/// As many agreements to one request that do not count are taken note of; whoever leaves more of
/// them fills nobody's record.
const REFUSED: usize = 20;

/// Takes note of an agreement that does not count, once.
pub(super) fn refuse(
    draft: &mut Draft<'_>,
    digest: &str,
    from: String,
    reason: String,
) -> Result<(), Refusal> {
    let waiting = sought(draft, digest)?;
    let said = (from.clone(), reason.clone());
    if waiting.refused.len() < REFUSED && !waiting.refused.contains(&said) {
        draft.emit(Event::ApprovalRefused {
            step: waiting.step,
            visit: waiting.visit,
            digest: waiting.digest,
            from,
            reason,
        });
    }
    Ok(())
}

pub(super) fn decline(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    reason: String,
) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let execution = draft.walking()?;
    let error = format!("not approved: {reason}");
    let undescribed = execution
        .survey
        .as_ref()
        .filter(|survey| survey.step == *step && survey.visit == visit && survey.failed.is_some());
    let intent = match undescribed {
        Some(survey) => Arc::clone(&survey.intent),
        None => waiting(draft, step, visit)?.intent,
    };
    draft.emit(Event::ApprovalDeclined {
        step: step.clone(),
        visit,
        digest: intent.digest(),
        reason,
        approver: None,
    });
    // Who does not take a change back stands before it as before.
    if intent.undoes.is_none() {
        give_up(draft, step, visit, &error);
    }
    Ok(())
}

/// Lets it touch more than the playbook allows: another description, and so another digest.
pub(super) fn raise(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    digest: &str,
    reason: &str,
) -> Result<(), Refusal> {
    let waiting = waiting(draft, step, visit)?;
    let reason = reason.trim();
    if waiting.digest != digest {
        return Err(Refusal::OtherDigest);
    }
    if reason.is_empty() {
        return Err(Refusal::WhyNeeded);
    }
    if waiting.intent.over_ceiling().is_none() {
        return Err(Refusal::NothingToApprove(step.clone()));
    }
    draft.emit(Event::CeilingRaised {
        step: step.clone(),
        visit,
        digest: waiting.digest,
        reason: reason.to_owned(),
    });
    let mut intent = (*waiting.intent).clone();
    intent.nonce = draft.id();
    if let Some(terms) = intent.terms.as_mut() {
        terms.raised = Some(reason.to_owned());
    }
    let digest = intent.digest();
    draft.emit(Event::ApprovalRequested {
        step: step.clone(),
        visit,
        intent,
        digest,
        before: waiting.before.map(|before| (*before).clone()),
        at_aws: Some(draft.stamp.at_aws),
    });
    Ok(())
}

/// Ends a request that nobody answered in time.
pub(super) fn expire(draft: &mut Draft<'_>) {
    let expired = draft
        .state
        .walking()
        .and_then(|execution| execution.approval.clone())
        .filter(|approval| has_ended(draft, approval) || no_longer_agreed(draft, approval));
    if let Some(approval) = expired {
        draft.emit(Event::ApprovalExpired {
            step: approval.step,
            visit: approval.visit,
            digest: approval.digest,
        });
    }
}
