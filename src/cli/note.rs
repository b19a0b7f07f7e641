//! `standdown note`: writes a note into an incident, whether or not a console has it open.

use std::io::Write as _;

use super::{CliError, SUCCESS, printable, stores};
use crate::actions::VOCABULARY;
use crate::config::Settings;
use crate::engine;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// What to write down.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    text: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (mut journal, summary) = stores::find(settings, &arguments.incident)?;
    let said = engine::note(
        &mut journal,
        &summary.id,
        &arguments.text.join(" "),
        (&engine::actor(), &settings.redactor(), VOCABULARY),
    )
    .map_err(|error| CliError::Said(error.to_string()))?;
    writeln!(
        std::io::stdout(),
        "noted in {}: {}",
        summary.id,
        printable(&said)
    )?;
    Ok(SUCCESS)
}
