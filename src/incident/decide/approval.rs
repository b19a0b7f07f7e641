//! Approval: a change is described, and made only after a yes to exactly that description.

use super::{Draft, walk};
use crate::incident::{AttemptOrigin, Event, Intent, Refusal, VisitResult, is_unknown, scope};
use crate::playbook::{StepId, StepKind};

/// Describes the change of the step where the responder stands, and asks for a yes.
pub(super) fn request(draft: &mut Draft<'_>, step: &StepId, visit: u32) {
    let nonce = draft.id();
    let described = describe(draft, step, visit, nonce);
    match described {
        Ok(intent) => {
            let digest = intent.digest();
            draft.emit(Event::ApprovalRequested {
                step: step.clone(),
                visit,
                intent,
                digest,
            });
        }
        Err(error) => give_up(draft, step, visit, &error),
    }
}

fn describe(
    draft: &Draft<'_>,
    step: &StepId,
    visit: u32,
    nonce: uuid::Uuid,
) -> Result<Intent, String> {
    let (Some(incident), Some(execution)) = (&draft.state.incident, draft.state.walking()) else {
        return Err("no playbook is being walked".into());
    };
    let run = match execution.playbook.step(&step.0).map(|step| &step.kind) {
        Some(StepKind::Automated(automated)) => automated.runs.first(),
        _ => None,
    };
    let run = run.ok_or("the step has nothing to run")?;
    let parameters = run
        .parameters
        .render(&scope(&draft.state, draft.stamp.at))
        .map_err(|error| error.to_string())?;
    let alarm = incident.alarms.front();
    // Where it is made is part of what is approved, and where it is looked for afterwards.
    if alarm.is_none_or(|alarm| alarm.account.is_empty() || alarm.region.is_empty()) {
        return Err("the incident has no alarm that says in which account and region to change something; open one for an alarm".into());
    }
    Ok(Intent {
        kind: run.kind.to_owned(),
        parameters,
        account: alarm.map(|alarm| alarm.account.clone()).unwrap_or_default(),
        region: alarm.map(|alarm| alarm.region.clone()).unwrap_or_default(),
        incident: incident.id.clone(),
        playbook: execution.playbook.hash.clone(),
        step: step.clone(),
        visit,
        nonce,
    })
}

fn give_up(draft: &mut Draft<'_>, step: &StepId, visit: u32, error: &str) {
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Failed {
            error: error.to_owned(),
        },
    });
    walk::fail(draft, step, error);
}

pub(super) fn approve(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    digest: &str,
    typed: &str,
) -> Result<(), Refusal> {
    let waiting = waiting(draft, step, visit)?;
    if waiting.digest != digest || waiting.intent.digest() != digest {
        return Err(Refusal::OtherDigest);
    }
    let wanted = waiting.intent.confirmation();
    if typed.trim() != wanted {
        return Err(Refusal::NotConfirmed { wanted });
    }
    // One approval is for one attempt: another one needs another nonce, and so another digest.
    let attempt = Intent::attempt(digest, 1);
    draft.emit(Event::ApprovalGranted {
        step: step.clone(),
        visit,
        digest: digest.to_owned(),
        attempt,
        signed_at: draft.stamp.at_aws,
    });
    draft.emit(Event::AttemptStarted {
        attempt,
        step: step.clone(),
        number: 1,
        origin: AttemptOrigin::Approval,
    });
    Ok(())
}

fn waiting(
    draft: &Draft<'_>,
    step: &StepId,
    visit: u32,
) -> Result<crate::incident::Approval, Refusal> {
    draft
        .walking()?
        .approval
        .clone()
        .filter(|approval| approval.step == *step && approval.visit == visit)
        .ok_or_else(|| Refusal::NothingToApprove(step.clone()))
}

pub(super) fn decline(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    reason: String,
) -> Result<(), Refusal> {
    let waiting = waiting(draft, step, visit)?;
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let error = format!("not approved: {reason}");
    draft.emit(Event::ApprovalDeclined {
        step: step.clone(),
        visit,
        digest: waiting.digest,
        reason,
    });
    give_up(draft, step, visit, &error);
    Ok(())
}

/// Asks anew, once it is certain that nothing of the attempt before is under way.
pub(super) fn again(draft: &mut Draft<'_>, step: &StepId, visit: u32) -> Result<(), Refusal> {
    let nothing = || Refusal::NothingToApprove(step.clone());
    let execution = draft.walking()?;
    let here = execution
        .current()
        .is_some_and(|current| current.step == *step && current.number == visit);
    if !here || !is_unknown(execution, step) || execution.approval.is_some() {
        return Err(nothing());
    }
    request(draft, step, visit);
    Ok(())
}
