//! `standdown verify`: whether an incident's record is what was written.

use std::io::Write as _;

use super::{CliError, FAILURE, SUCCESS, stores};
use crate::config::Settings;
use crate::journal::{Hash, HeadPlace};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// A head that was printed when the console ended, or in a report: finds a cut-off end.
    #[arg(long, value_name = "HASH")]
    head: Option<Hash>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (journal, summary) = stores::find(settings, &arguments.incident)?;
    let found = journal.verify(&summary.id, arguments.head)?;
    let code = if found.holds() { SUCCESS } else { FAILURE };
    if arguments.json {
        let value = serde_json::json!({
            "incident": summary.id, "holds": found.holds(), "events": found.events,
            "head": found.head, "broken": found.broken, "asked": found.asked,
        });
        super::print_json(&value)?;
        return Ok(code);
    }
    let mut out = std::io::stdout().lock();
    let id = &summary.id;
    match found.broken {
        Some(broken) => writeln!(
            out,
            "{id}: {broken}; nothing from there on can be relied upon"
        )?,
        None => writeln!(out, "{id}: {} events, each as it was written", found.events)?,
    }
    match found.asked {
        Some(HeadPlace::Nowhere) => writeln!(
            out,
            "{id}: no event has the head you gave: the end was cut off after it was printed, or the record was written anew"
        )?,
        Some(HeadPlace::At { sequence }) if sequence < found.events => {
            writeln!(
                out,
                "{id}: the head you gave is event {sequence}; {} came after it",
                found.events - sequence
            )?;
        }
        Some(HeadPlace::At { .. }) => writeln!(out, "{id}: the head you gave is the last event")?,
        None => {}
    }
    writeln!(out, "head {}", found.head)?;
    Ok(code)
}
