//! `standdown incidents`: what the journal holds.

use std::io::Write as _;

use super::{CliError, SUCCESS, printable, stores};
use crate::config::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// List rehearsals instead of real incidents.
    #[arg(long)]
    rehearsals: bool,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let name = if arguments.rehearsals {
        stores::REHEARSALS
    } else {
        stores::INCIDENTS
    };
    let all = stores::open(settings, name)?.incidents()?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        return super::print_json(&all);
    }
    for incident in &all {
        let place = match (&incident.imported, &incident.writer) {
            (Some(imported), _) => format!("  imported from {}", imported.from),
            (None, Some(writer)) if incident.is_unfinished() => format!("  written by {writer}"),
            _ => String::new(),
        };
        writeln!(
            out,
            "{}  {:<12}  {:<8}  {}  {:>5} events  {}{}",
            incident.id,
            incident.status.name(),
            incident.severity.name(),
            incident.opened_at.format("%Y-%m-%d %H:%M:%SZ"),
            incident.events,
            crate::tui::clean(&incident.title),
            printable(&place),
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
