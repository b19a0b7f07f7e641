//! The two stores: incidents, and rehearsals.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what became of a damaged store is said here"
)]

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::CliError;
use crate::config::Settings;
use crate::engine::{Recorder, subscriptions};
use crate::journal::{FindError, Journal, Summary};

/// The file of real incidents.
pub(super) const INCIDENTS: &str = "journal.db";
/// The file of rehearsals.
pub(super) const REHEARSALS: &str = "rehearsals.db";

/// Names a store's file.
pub(super) fn path(settings: &Settings, name: &str) -> Result<PathBuf, CliError> {
    Ok(settings.state_folder()?.join(name))
}

/// Starts the journal's thread, and whoever tells others what is recorded there.
pub(super) fn telling(settings: &Settings, path: &Path) -> (Recorder, Untold) {
    let recorder = Recorder::telling(path, subscriptions(&settings.channels.value));
    let untold = super::notify::sender(settings, &recorder).start();
    (recorder, untold)
}

/// Says on the standard error what became of a journal that was damaged, for whoever has no screen.
pub(super) fn tell_of_damage(recorder: &Recorder) {
    let mut recovered = recorder.recovered();
    recovered.mark_changed();
    tokio::spawn(async move {
        while recovered.changed().await.is_ok() {
            if let Some(recovered) = &*recovered.borrow_and_update() {
                eprintln!("standdown: {recovered}");
            }
        }
    });
}

/// The channels that are left alone because they kept failing, in words.
pub(super) type Untold = watch::Receiver<Vec<String>>;

/// Opens a store.
pub(super) fn open(settings: &Settings, name: &str) -> Result<Journal, CliError> {
    let (journal, recovered) = Journal::open(&path(settings, name)?)?;
    if let Some(recovered) = recovered {
        eprintln!("standdown: {recovered}");
    }
    Ok(journal)
}

/// Finds an incident among the real ones first, then among the rehearsals.
pub(super) fn find(settings: &Settings, prefix: &str) -> Result<(Journal, Summary), CliError> {
    // Looking for something makes no store that was not there.
    let there = |name| path(settings, name).map(|path| Journal::is_there(&path));
    if !there(INCIDENTS)? && there(REHEARSALS)? {
        let rehearsals = open(settings, REHEARSALS)?;
        let summary = rehearsals.find(prefix)?;
        return Ok((rehearsals, summary));
    }
    let journal = open(settings, INCIDENTS)?;
    match journal.find(prefix) {
        Ok(summary) => Ok((journal, summary)),
        Err(FindError::None(_)) => {
            let rehearsals = open(settings, REHEARSALS)?;
            let summary = rehearsals.find(prefix)?;
            Ok((rehearsals, summary))
        }
        Err(error) => Err(error.into()),
    }
}
