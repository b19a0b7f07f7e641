//! What is added to an incident without opening it: anyone may, whoever writes it.

use std::sync::Arc;

use super::door;
use super::record::CONFLICTS;
use crate::clock;
use crate::incident::{
    Actor, Command, Event, IncidentId, Recorded, Refusal, Stamp, State, decide, evolve,
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

/// Records a note, and returns it as it was recorded.
///
/// # Errors
/// When it is refused, or cannot be recorded.
pub fn note(
    journal: &mut Journal,
    id: &IncidentId,
    text: &str,
    (actor, redactor, vocabulary): (&Actor, &Redactor, Vocabulary),
) -> Result<String, AsideError> {
    let command = door::mask(Command::Note(text.to_owned()), redactor);
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
        // What follows from time passing is the writer's to record.
        let note = decide(&state, command.clone(), &stamp)?
            .into_iter()
            .find(|event| matches!(event, Event::NoteAdded { .. }))
            .ok_or(Refusal::Empty)?;
        let said = match &note {
            Event::NoteAdded { text, .. } => text.clone(),
            _ => String::new(),
        };
        let recorded = Recorded {
            sequence: state.sequence + 1,
            at: stamp.at,
            by: Arc::clone(&stamp.actor),
            event: note,
        };
        match journal.append(id, state.sequence, &[recorded], None) {
            Ok(_) => return Ok(said),
            Err(AppendError::Conflict { .. }) if tries < CONFLICTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}
