//! `standdown export` and `standdown import`: an incident's record as JSON Lines, out and in.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use super::{CliError, SUCCESS, progress, stores};
use crate::config::Settings;
use crate::engine;
use crate::journal::{Export, Import};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct ImportArguments {
    /// What `standdown export` wrote; `-` for the standard input.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (journal, summary) = stores::find(settings, &arguments.incident)?;
    let bar = progress::bytes(None, "exporting");
    let mut out = BufWriter::new(bar.wrap_write(std::io::stdout().lock()));
    journal.export(&summary.id, &mut out)?;
    out.flush()?;
    bar.finish_and_clear();
    Ok(SUCCESS)
}

pub(super) fn import(arguments: &ImportArguments, settings: &Settings) -> Result<u8, CliError> {
    let name = arguments.file.display().to_string();
    let redactor = settings.redactor();
    let export = if name == "-" {
        Export::read(&mut std::io::stdin().lock(), &redactor)?
    } else {
        let file = File::open(&arguments.file)
            .map_err(|error| CliError::Said(format!("failed to read {name}: {error}")))?;
        let size = file.metadata().ok().map(|metadata| metadata.len());
        let bar = progress::bytes(size, "importing");
        let export = Export::read(&mut BufReader::new(bar.wrap_read(file)), &redactor)?;
        bar.finish_and_clear();
        export
    };
    // A rehearsal stays among the rehearsals: it counts in no statistics.
    let store = if export.is_rehearsal() {
        stores::REHEARSALS
    } else {
        stores::INCIDENTS
    };
    let Import {
        incident,
        events,
        head,
        known,
    } = stores::open(settings, store)?.import(&name, &export, &engine::actor())?;
    let how = if known {
        "was here already"
    } else {
        "imported; it can be read, and not continued"
    };
    writeln!(
        std::io::stdout(),
        "{incident}: {events} events, {how}\nhead {head}"
    )?;
    Ok(SUCCESS)
}
