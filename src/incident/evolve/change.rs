//! What becomes of a change: described, agreed to, made in turns, verified.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::incident::{
    Approval, AttemptId, AttemptOrigin, AttemptResult, Change, Event, Execution, Recorded, Sought,
    Survey,
};
use crate::playbook::REQUEST_LIFE;

pub(super) fn change(execution: &mut Execution, recorded: &Recorded) {
    match &recorded.event {
        Event::SurveyStarted {
            step,
            visit,
            intent,
        } => {
            execution.approval = None;
            execution.survey = Some(Survey {
                step: step.clone(),
                visit: *visit,
                intent: Arc::new(intent.clone()),
                since: recorded.at,
                failed: None,
            });
        }
        Event::SurveyFailed { reason, .. } => {
            if let Some(survey) = &mut execution.survey {
                survey.failed = Some(reason.clone());
            }
        }
        Event::ApprovalRequested {
            step,
            visit,
            intent,
            digest,
            before,
            at_aws,
        } => {
            let valid = intent
                .terms
                .as_ref()
                .map_or(REQUEST_LIFE.as_secs(), |terms| terms.valid);
            execution.survey = None;
            execution.approval = Some(Approval {
                step: step.clone(),
                visit: *visit,
                intent: Arc::new(intent.clone()),
                digest: digest.clone(),
                before: before.clone().map(Arc::new),
                asked_at: recorded.at,
                until: after(recorded.at, valid),
                until_aws: at_aws.map(|at| after(at, valid)),
                sought: None,
                given: Default::default(),
                refused: Default::default(),
            });
        }
        Event::ApprovalExpired {
            step,
            visit,
            digest,
        } => {
            let expired = execution
                .approval
                .take_if(|approval| approval.digest == *digest);
            if let Some(expired) = expired {
                execution.survey = Some(Survey {
                    step: step.clone(),
                    visit: *visit,
                    intent: expired.intent,
                    since: recorded.at,
                    failed: Some(format!(
                        "the request of {} has ended; nobody can agree to it any more",
                        expired.asked_at.format("%H:%M:%SZ")
                    )),
                });
            }
        }
        Event::ApprovalGranted {
            step,
            visit,
            digest,
            signed_at,
            ..
        } => {
            execution.signed = Some(*signed_at);
            if let Some(approval) = &execution.approval {
                // What is taken back keeps what was found around it: it may have to be described
                // again.
                let taken_back = execution
                    .change
                    .take()
                    .filter(|_| approval.intent.undoes.is_some());
                let (before, after) = taken_back
                    .map(|change| (change.before, change.after))
                    .unwrap_or_default();
                execution.change = Some(Change {
                    step: step.clone(),
                    visit: *visit,
                    intent: Arc::clone(&approval.intent),
                    digest: digest.clone(),
                    wave: 0,
                    attempt: None,
                    next: None,
                    stopped: false,
                    ended_at: None,
                    before: approval.before.clone().or(before),
                    after,
                });
            }
        }
        Event::ApprovalDeclined { .. } => {
            execution.approval = None;
            execution.survey = None;
        }
        Event::WaveScheduled { at, .. } => {
            if let Some(change) = &mut execution.change {
                change.next = Some(*at);
            }
        }
        Event::TurnsStopped { .. } => {
            if let Some(change) = &mut execution.change {
                change.next = None;
                change.stopped = true;
            }
        }
        Event::WaveBegun { signed_at, .. } => execution.signed = Some(*signed_at),
        event => {
            if let Some(approval) = &mut execution.approval {
                agreement(approval, event, recorded);
            }
        }
    }
}

fn agreement(approval: &mut Approval, event: &Event, recorded: &Recorded) {
    match event {
        Event::ApprovalSought {
            reason,
            until,
            until_aws,
            ..
        } => {
            approval.until = *until;
            approval.until_aws = *until_aws;
            approval.sought = Some(Sought {
                by: Arc::clone(&recorded.by),
                reason: reason.clone(),
                at: recorded.at,
            });
        }
        Event::ApprovalGiven { approver, .. } => approval.given.push_back(approver.clone()),
        Event::ApprovalRefused { from, reason, .. } => {
            approval.refused.push_back((from.clone(), reason.clone()));
        }
        _ => {}
    }
}

fn after(at: DateTime<Utc>, seconds: u64) -> DateTime<Utc> {
    let span = i64::try_from(seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .and_then(|span| at.checked_add_signed(span));
    span.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Takes note of what a turn, or a look at what it has done, came to.
pub(super) fn ended(
    execution: &mut Execution,
    (id, origin): (AttemptId, AttemptOrigin),
    result: &AttemptResult,
    recorded: &Recorded,
) {
    let Some(change) = &mut execution.change else {
        return;
    };
    if origin == AttemptOrigin::Verify {
        if let Some(output) = &result.output {
            change.after = Some(Arc::new(output.clone()));
        }
    } else if change.attempt == Some(id) {
        let said = result.output.as_ref().and_then(|output| {
            let ended = output["ended"].as_str()?;
            Some(DateTime::parse_from_rfc3339(ended).ok()?.to_utc())
        });
        change.ended_at = Some(said.unwrap_or(recorded.at));
    }
}

/// What later expressions read of a step: the change's own output, with what was read `before` and
/// `after` it.
pub(super) fn output(
    execution: &Execution,
    origin: AttemptOrigin,
    result: &AttemptResult,
) -> Option<Value> {
    let output = result.output.clone()?;
    let Some(change) = execution
        .change
        .as_ref()
        .filter(|change| change.before.is_some() || origin == AttemptOrigin::Verify)
    else {
        return Some(output);
    };
    let mut whole = match origin {
        AttemptOrigin::Verify => {
            let made = execution.attempts.get(&change.attempt?)?;
            let (result, _) = made.end.as_ref()?;
            result.output.clone()?
        }
        _ => output,
    };
    let fields = whole.as_object_mut()?;
    for (name, value) in [("before", &change.before), ("after", &change.after)] {
        if let Some(value) = value {
            fields.insert(name.into(), (**value).clone());
        }
    }
    // What could not be verified is neither: whoever reads `verified` is told that it is unknown.
    if let Some(verified) = result
        .verified()
        .filter(|_| origin == AttemptOrigin::Verify)
    {
        fields.insert("verified".into(), verified.into());
    }
    Some(whole)
}
