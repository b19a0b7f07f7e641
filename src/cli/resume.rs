//! `standdown resume`: takes an unfinished incident up, or opens a finished one to read it.

use super::{CliError, console, rehearse, stores};
use crate::config::Settings;
use crate::journal::Summary;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it; the latest unfinished one unless given.
    incident: Option<String>,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    let summary = if let Some(prefix) = arguments.incident {
        stores::find(settings, &prefix)?.1
    } else {
        let all = stores::open(settings, stores::INCIDENTS)?.incidents()?;
        all.into_iter().find(Summary::is_unfinished).ok_or_else(|| {
            CliError::Said("no incident is unfinished; `standdown` opens the console, `standdown incidents` lists all".into())
        })?
    };
    match summary.rehearsal.clone() {
        Some(rehearsal) => rehearse::resume(summary, rehearsal, settings).await,
        None => console::resume(summary.id, settings).await,
    }
}
