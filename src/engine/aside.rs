//! What is added to an incident without opening it: anyone may, whoever writes it.

use std::sync::Arc;

use super::door;
use super::record::{CONFLICTS, number};
use crate::clock;
use crate::incident::{
    Actor, Command, Event, IncidentId, Recorded, Refusal, Stamp, State, brief, decide, evolve,
};
use crate::journal::{AppendError, Hash, Journal};
use crate::playbook::Vocabulary;
use crate::redaction::Redactor;

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// It does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be recorded.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Whether anyone may ask for it, whoever writes the incident.
pub(super) fn is_anyones(command: &Command) -> bool {
    matches!(
        command,
        Command::Note(_)
            | Command::AcknowledgeEscalation { .. }
            | Command::PageEnded { .. }
            | Command::Update { .. }
            | Command::GiveCard { .. }
            | Command::Review(_)
    )
}

/// Whether an event is what such a command asks for, and not what follows from time passing.
pub(super) fn belongs(command: &Command, event: &Event) -> bool {
    match command {
        Command::Note(_) => matches!(event, Event::NoteAdded { .. }),
        Command::AcknowledgeEscalation { .. } => matches!(
            event,
            Event::EscalationAcknowledged { .. } | Event::StatusChanged { .. }
        ),
        Command::PageEnded { .. } => matches!(
            event,
            Event::PageAccepted { .. }
                | Event::PageGivenUp { .. }
                | Event::EscalationLevelAsked { .. }
                | Event::EscalationExhausted { .. }
                | Event::EscalationHeld { .. }
        ),
        Command::Update { .. } => matches!(event, Event::UpdateGiven { .. }),
        Command::GiveCard { .. } => matches!(event, Event::HandedOver { .. }),
        Command::Review(_) => matches!(event, Event::ReviewWritten { .. }),
        _ => false,
    }
}

/// Records what anyone may add, and returns the events.
///
/// # Errors
/// When it is refused, or cannot be recorded.
pub fn add(
    journal: &mut Journal,
    id: &IncidentId,
    command: Command,
    (actor, redactor, vocabulary): (&Actor, &Redactor, Vocabulary),
) -> Result<Vec<Event>, AsideError> {
    let command = door::mask(command, redactor);
    let mut tries = 0;
    loop {
        tries += 1;
        let loaded = journal
            .load(id, 0, Hash::default())
            .map_err(AppendError::from)?;
        let state = loaded.events.iter().fold(State::new(vocabulary), evolve);
        let last = loaded
            .events
            .last()
            .map_or(chrono::DateTime::UNIX_EPOCH, |last| last.at);
        let stamp = Stamp {
            at: clock::now().max(last),
            at_aws: clock::now(),
            actor: Arc::new(actor.clone()),
            seed: uuid::Uuid::new_v4(),
        };
        let mut events = decide(&state, command.clone(), &stamp)?;
        events.retain(|event| belongs(&command, event));
        if events.is_empty() {
            return Ok(events);
        }
        let recorded = number(state.sequence, events.clone(), &stamp);
        let facts = || brief_after(&state, &recorded);
        match journal.append_telling(id, state.sequence, &recorded, None, &facts) {
            Ok(_) => return Ok(events),
            Err(AppendError::Conflict { .. }) if tries < CONFLICTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What others want to know of an incident once these events are recorded; those that the state has
/// already are not folded in again.
pub(super) fn brief_after(state: &State, recorded: &[Recorded]) -> serde_json::Value {
    let new = recorded.iter().filter(|one| one.sequence > state.sequence);
    let after = new.fold(state.clone(), evolve);
    let at = recorded.last().map_or_else(clock::now, |last| last.at);
    brief(&after, at)
}
