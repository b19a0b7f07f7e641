//! `standdown note`: writes a note into an incident, whether or not a console has it open.

use std::io::Write as _;

use super::{CliError, SUCCESS, printable};
use crate::actions::VOCABULARY;
use crate::incident::{Command, IncidentId, Recorded, Stamp, State, decide, evolve};
use crate::journal::{AppendError, FindError, Journal, JournalError, state_folder};

/// How often it is tried again because somebody else wrote first.
const CONFLICTS: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// What to write down.
    #[arg(required = true)]
    text: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, CliError> {
    let folder = state_folder()?;
    let (mut journal, id) = find(&folder, &arguments.incident)?;
    let text = arguments.text.join(" ");
    for _ in 0..CONFLICTS {
        let state = journal
            .load(&id, 0)?
            .iter()
            .fold(State::new(VOCABULARY), evolve);
        let stamp = Stamp {
            at: chrono::Utc::now(),
            actor: crate::engine::actor(),
            seed: uuid::Uuid::new_v4(),
        };
        let events = decide(&state, Command::Note(text.clone()), &stamp)
            .map_err(|refusal| CliError::Said(refusal.to_string()))?;
        let recorded: Vec<Recorded> = (state.sequence + 1..)
            .zip(events)
            .map(|(sequence, event)| Recorded {
                sequence,
                at: stamp.at,
                by: stamp.actor.clone(),
                event,
            })
            .filter(|recorded| matches!(recorded.event, crate::incident::Event::NoteAdded { .. }))
            .collect();
        match journal.append(&id, state.sequence, &recorded) {
            Ok(()) => {
                writeln!(std::io::stdout(), "noted in {id}: {}", printable(&text))?;
                return Ok(SUCCESS);
            }
            Err(AppendError::Conflict { .. }) => {}
            Err(AppendError::Journal(error)) => return Err(error.into()),
        }
    }
    Err(CliError::Said(format!(
        "a console keeps writing to {id}; try again"
    )))
}

/// Looks in the journal first, then among the rehearsals.
fn find(folder: &std::path::Path, prefix: &str) -> Result<(Journal, IncidentId), CliError> {
    let open = |name: &str| -> Result<Journal, JournalError> { Journal::open(&folder.join(name)) };
    let journal = open("journal.db")?;
    match journal.find(prefix) {
        Ok(summary) => Ok((journal, summary.id)),
        Err(FindError::None(_)) => {
            let rehearsals = open("rehearsals.db")?;
            let summary = rehearsals.find(prefix)?;
            Ok((rehearsals, summary.id))
        }
        Err(error) => Err(error.into()),
    }
}
