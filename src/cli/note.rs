//! `standdown note`: writes a note into an incident, whether or not a console has it open.

use super::{CliError, SUCCESS, aside, printable, say};
use crate::config::Settings;
use crate::incident::{Command, Event};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// What to write down.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    text: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let command = Command::Note(arguments.text.join(" "));
    let (summary, events) = aside::record(settings, &arguments.incident, command)?;
    for event in &events {
        if let Event::NoteAdded { text, .. } = event {
            say!("noted in {}: {}", summary.id, printable(text));
        }
    }
    Ok(SUCCESS)
}
