//! What was started in a world, in a file: a console that is killed takes its simulator with it,
//! and AWS would not have forgotten either.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::automations::{Execution, Signal};
use super::commands::Sent;

/// Something that was started or stopped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    Sent { id: String, command: Sent },
    Started(Execution),
    Cancelled { id: String, at: f64 },
    Signalled { id: String, signal: Signal },
}

/// The file.
#[derive(Debug)]
pub(super) struct Ledger(File);

impl Ledger {
    /// Opens the file, and reads what it holds. A last line that was cut off was never answered.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Entry>)> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let mut entries = Vec::new();
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            let Ok(entry) = serde_json::from_str(&line) else {
                break;
            };
            entries.push(entry);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        Ok((Self(file), entries))
    }

    /// Writes an entry; it is on the disk when this returns.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        (&self.0).write_all(&line)?;
        self.0.sync_data()
    }
}
