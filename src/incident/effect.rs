//! What the world must do because of an event.

use chrono::{DateTime, Utc};

use super::{AttemptId, AttemptOrigin, Event, State};

/// Something to be done. Its result comes back as a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Run an attempt that reads, or go on following what it runs at AWS.
    Run(AttemptId),
    /// Send an attempt's change: once, and never again.
    Send(AttemptId),
    /// Find out what became of an attempt's change, and follow it.
    LookUp(AttemptId),
    /// Ask AWS to stop an attempt's change.
    StopRemote(AttemptId),
    /// Tell AWS what the responder says to the step of a change that waits for it.
    Answer(AttemptId, bool),
    /// Stop an attempt that reads, if it still runs.
    Abort(AttemptId),
    /// Ask AWS what the change of the current step would do, and to what.
    Survey,
    /// Show others what waits for them, and nothing else.
    Publish,
    /// Say when that time has come.
    WakeAt(DateTime<Utc>),
}

/// Lists what an event, already folded into the state, wants done.
#[must_use]
pub fn effects(state: &State, event: &Event) -> Vec<Effect> {
    match event {
        Event::AttemptStarted {
            attempt,
            origin: AttemptOrigin::Approval,
            ..
        } => vec![Effect::Send(*attempt)],
        Event::AttemptStarted { attempt, .. } => vec![Effect::Run(*attempt)],
        Event::AttemptReattached { attempt } => {
            let changes = state
                .attempt(*attempt)
                .is_some_and(|(_, attempt)| attempt.intent.is_some());
            vec![if changes {
                Effect::LookUp(*attempt)
            } else {
                Effect::Run(*attempt)
            }]
        }
        Event::CancelRequested { attempt } => vec![Effect::StopRemote(*attempt)],
        Event::GateAnswered {
            attempt, approved, ..
        } => vec![Effect::Answer(*attempt, *approved)],
        Event::SurveyStarted { .. } => vec![Effect::Survey],
        Event::ApprovalSought { until, .. } => vec![Effect::Publish, Effect::WakeAt(*until)],
        Event::ApprovalGranted { .. }
        | Event::ApprovalDeclined { .. }
        | Event::ApprovalExpired { .. }
        | Event::ExecutionEnded { .. } => vec![Effect::Publish],
        Event::WaveScheduled { at, .. } => vec![Effect::WakeAt(*at)],
        Event::RetryScheduled { at, .. } => vec![Effect::WakeAt(*at)],
        Event::EscalationPostponed { until, .. }
        | Event::EscalationHeld { until, .. }
        | Event::EscalationLevelAsked { next_at: until, .. } => vec![Effect::WakeAt(*until)],
        Event::EscalationRaised { escalation, .. } => {
            let raised = state.escalation(*escalation);
            let at = raised.and_then(|raised| raised.by_itself_at(state));
            at.map(Effect::WakeAt).into_iter().collect()
        }
        Event::UpdateGiven {
            next: Some(next), ..
        } => vec![Effect::WakeAt(*next)],
        Event::AttemptEnded { attempt, .. } => vec![Effect::Abort(*attempt)],
        _ => Vec::new(),
    }
}
