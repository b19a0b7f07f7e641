//! What the world must do because of an event.

use chrono::{DateTime, Utc};

use super::{AttemptId, Event, State};
use crate::playbook::StepId;

/// Something to be done. Its result comes back as a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run the step's actions.
    StartAttempt {
        /// The attempt.
        attempt: AttemptId,
        /// The step.
        step: StepId,
    },
    /// Stop an attempt, if it still runs.
    CancelAttempt {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Say when that time has come.
    WakeAt(DateTime<Utc>),
}

/// Lists what an event, already folded into the state, wants done.
#[must_use]
pub fn effects(state: &State, event: &Event) -> Vec<Effect> {
    match event {
        Event::AttemptStarted { attempt, step, .. } => {
            vec![Effect::StartAttempt {
                attempt: *attempt,
                step: step.clone(),
            }]
        }
        Event::RetryScheduled { at, .. } => vec![Effect::WakeAt(*at)],
        Event::EscalationPostponed { until, .. } => vec![Effect::WakeAt(*until)],
        Event::AttemptEnded { attempt, .. } => vec![Effect::CancelAttempt { attempt: *attempt }],
        Event::ExecutionEnded { .. } => state
            .execution()
            .into_iter()
            .flat_map(super::Execution::running)
            .map(|attempt| Effect::CancelAttempt {
                attempt: attempt.id,
            })
            .collect(),
        _ => Vec::new(),
    }
}
