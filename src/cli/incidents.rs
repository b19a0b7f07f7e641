//! `standdown incidents`: what the journal holds.

use std::io::Write as _;

use super::{CliError, SUCCESS, printable};
use crate::journal::{Journal, state_folder};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// List rehearsals instead of real incidents.
    #[arg(long)]
    rehearsals: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, CliError> {
    let name = if arguments.rehearsals {
        "rehearsals.db"
    } else {
        "journal.db"
    };
    let all = Journal::open(&state_folder()?.join(name))?.incidents()?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        return super::print_json(&all);
    }
    for incident in &all {
        writeln!(
            out,
            "{}  {:<12}  {}  {:>5} events  {}",
            incident.id,
            incident.status.name(),
            incident.opened_at.format("%Y-%m-%d %H:%M:%SZ"),
            incident.events,
            printable(&incident.title),
        )?;
    }
    if all.is_empty() {
        writeln!(
            out,
            "none yet; `standdown` opens the console, `standdown rehearse` practises, --rehearsals lists what was practised"
        )?;
    }
    Ok(SUCCESS)
}
