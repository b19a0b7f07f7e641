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
        // Real incidents go first; a rehearsal is taken up where there is none.
        let mut unfinished = None;
        for store in [stores::INCIDENTS, stores::REHEARSALS] {
            let all = stores::open(settings, store)?.incidents()?;
            unfinished = all.into_iter().find(Summary::is_unfinished);
            if unfinished.is_some() {
                break;
            }
        }
        unfinished.ok_or_else(|| {
            CliError::Said("no incident or rehearsal is unfinished; `standdown` opens the console, `standdown incidents` lists all, with --rehearsals those".into())
        })?
    };
    match summary.rehearsal.clone() {
        Some(rehearsal) => rehearse::resume(summary, rehearsal, settings).await,
        None => console::resume(summary.id, settings).await,
    }
}
