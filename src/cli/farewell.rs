//! What is said on stderr once the terminal is given back: how to go on, and what the record is.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{FAILURE, SUCCESS, printable, shell_word};
use crate::config::Settings;
use crate::engine::{Recording, Snapshot};
use crate::incident::{IncidentId, IncidentStatus};
use crate::tui::Left;

/// Says good-bye, and returns the exit code. Nobody may be listening any more.
pub(super) fn say(left: &Left, settings: &Settings) -> u8 {
    let mut lines: Vec<String> = left
        .failures
        .iter()
        .map(|failure| format!("a background task failed: {failure}"))
        .collect();
    if let Some((id, snapshot)) = &left.incident {
        lines.extend(about(id, snapshot, settings));
    }
    let mut out = std::io::stderr();
    for line in lines {
        let _ = writeln!(out, "standdown: {}", printable(&line));
    }
    let whole = left
        .incident
        .as_ref()
        .is_none_or(|(_, snapshot)| snapshot.recording.kept() == 0);
    match left.how.code() {
        SUCCESS if !whole => FAILURE,
        code => code,
    }
}

fn about(id: &IncidentId, snapshot: &Snapshot, settings: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    let status = snapshot
        .state
        .incident
        .as_ref()
        .map(|incident| incident.status);
    if status.is_some_and(|status| status != IncidentStatus::Closed) {
        let state = settings
            .state
            .value
            .as_ref()
            .map_or_else(String::new, |folder| {
                format!(" --state {}", shell_word(folder))
            });
        lines.push(format!(
            "incident {id} is unfinished; `standdown{state} resume {id}` takes it up where it stands"
        ));
    }
    if snapshot.state.chases().next().is_some() {
        lines.push(format!(
            "{id} is escalated, and nobody has it: the next level is asked while a console or `standdown watch` has the incident"
        ));
    }
    let recorded = snapshot
        .state
        .sequence
        .saturating_sub(snapshot.recording.kept());
    lines.push(format!(
        "the record of {id} has {recorded} events, head {}",
        snapshot.head
    ));
    if let Recording::No { reason, kept, .. } = &snapshot.recording
        && *kept > 0
    {
        lines.push(match rescue(id, snapshot, *kept) {
            Ok(path) => format!("{kept} events could not be recorded ({reason}); they are in {}", path.display()),
            Err(error) => format!("{kept} events could not be recorded ({reason}), nor written elsewhere ({error}): they are lost"),
        });
    }
    lines
}

/// Writes what the journal did not take into a new file of its own: where anybody may write, else into
/// the home, else here. A file that is there already is never written, nor a link followed.
fn rescue(id: &IncidentId, snapshot: &Snapshot, kept: u64) -> std::io::Result<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let folders = [Some(std::env::temp_dir()), home, Some(PathBuf::from("."))];
    let made = folders.into_iter().flatten().map(|folder| {
        tempfile::Builder::new()
            .prefix(&format!("standdown-{id}-"))
            .suffix(".jsonl")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)
    });
    let mut failed = None;
    let made = made.into_iter().find_map(|made| match made {
        Ok(file) => Some(file),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let Some(made) = made else {
        return Err(failed.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()));
    };
    let (mut file, path) = made.keep().map_err(|error| error.error)?;
    let from = snapshot.state.sequence - kept;
    for recorded in snapshot
        .events
        .iter()
        .filter(|recorded| recorded.sequence > from)
    {
        serde_json::to_writer(&mut file, &**recorded)?;
        file.write_all(b"\n")?;
    }
    file.sync_all()?;
    Ok(path)
}
