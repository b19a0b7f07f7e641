//! Export to JSON Lines, and import into another store.
//!
//! The first line says what follows; then comes one line per event, byte for byte as it is
//! stored, and before it the large part that it refers to, once. An import is checked against the
//! chain before anything is written, and cannot be continued: its place is where it was recorded.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Write};
use std::sync::Arc;

use chrono::Utc;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chain::Hash;
use super::list::{self, Imported, json};
use super::row::{Row, time, write};
use super::store::last;
use super::{Journal, JournalError, codec};
use crate::document::sha256;
use crate::incident::{Actor, Event, IncidentId};
use crate::redaction::Redactor;

/// The version of the export's lines.
const FORMAT: u32 = 1;
/// The longest line that is read, in bytes: larger than any output that is kept.
const LONGEST: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    standdown_export: u32,
    incident: IncidentId,
    events: u64,
    #[serde(rename = "head")]
    last: Hash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    part: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sequence: u64,
    at: chrono::DateTime<Utc>,
    by: Box<RawValue>,
    version: i64,
    event: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    hash: Hash,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("failed to read the export: {0}")]
    Read(#[from] std::io::Error),
    /// It is not an export, or was damaged on its way.
    #[error("line {line} of the export {reason}; nothing was imported")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The store has another record under this id.
    #[error("incident {0} is in this store already, with another record; nothing was imported")]
    Different(IncidentId),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The incident.
    pub incident: IncidentId,
    /// How many events it has.
    pub events: u64,
    /// Its head.
    pub head: Hash,
    /// Whether it was here before, event for event.
    pub known: bool,
}

impl Journal {
    /// Writes an incident as JSON Lines.
    ///
    /// # Errors
    /// When the journal cannot be read, or the lines cannot be written.
    pub fn export(&self, incident: &IncidentId, out: &mut impl Write) -> Result<(), ExportError> {
        // One look at the store: a console may be writing.
        let _look = self.connection.unchecked_transaction()?;
        let (events, head) = self.head(incident)?;
        line(
            out,
            &Head {
                standdown_export: FORMAT,
                incident: incident.clone(),
                events,
                last: head,
            },
        )?;
        let mut written = HashSet::new();
        self.rows(incident, 0, |row| {
            if let (Some(hash), Some(text)) = (&row.blob, &row.large)
                && written.insert(hash.clone())
            {
                line(
                    out,
                    &Part {
                        part: hash.clone(),
                        text: text.to_string(),
                    },
                )?;
            }
            line(
                out,
                &Line {
                    sequence: row.sequence,
                    at: time(row.at),
                    by: RawValue::from_string(row.by)?,
                    version: row.version,
                    event: RawValue::from_string(row.payload)?,
                    part: row.blob,
                    hash: row.hash.unwrap_or_default(),
                },
            )
        })
    }

    /// Takes an exported incident into this store, all of it or nothing.
    ///
    /// # Errors
    /// When the store has another record under its id, or cannot be written.
    pub fn import(
        &mut self,
        from: &str,
        export: &Export,
        by: &Actor,
    ) -> Result<Import, ImportError> {
        let Export { head, rows } = export;
        let found = Import {
            incident: head.incident.clone(),
            events: head.events,
            head: head.last,
            known: false,
        };
        let transaction = self.transaction()?;
        let (events, known) = last(&transaction, &head.incident)?;
        if events > 0 {
            // The same head means the same events: the chain says so.
            return if known == head.last {
                Ok(Import {
                    known: true,
                    ..found
                })
            } else {
                Err(ImportError::Different(head.incident.clone()))
            };
        }
        for row in rows {
            let event = codec::decode(row.version, &row.payload, row.large.as_deref());
            list::remember(&transaction, &head.incident.0, &event, row.at)?;
            write(&transaction, &head.incident, row)?;
        }
        let imported = Imported {
            from: from.to_owned(),
            at: Utc::now(),
            by: by.clone(),
        };
        transaction.execute(
            "UPDATE incident SET imported = ?2 WHERE id = ?1",
            params![&*head.incident.0, json(&imported)?],
        )?;
        transaction.commit()?;
        Ok(found)
    }
}

/// An export that was read and found whole.
pub struct Export {
    head: Head,
    rows: Vec<Row>,
}

impl Export {
    /// Reads an export, checking each line.
    ///
    /// # Errors
    /// When it is no export, its chain does not hold, or it holds what looks like a secret.
    pub fn read(input: &mut impl BufRead, redactor: &Redactor) -> Result<Self, ImportError> {
        let (head, rows) = read(input, redactor)?;
        Ok(Self { head, rows })
    }

    /// Whether it is a rehearsal's.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.rows.first().is_some_and(|row| {
            let opened = codec::decode(row.version, &row.payload, row.large.as_deref());
            matches!(
                opened,
                Event::IncidentOpened {
                    rehearsal: Some(_),
                    ..
                }
            )
        })
    }
}

fn read(input: &mut impl BufRead, redactor: &Redactor) -> Result<(Head, Vec<Row>), ImportError> {
    let mut lines = Lines { input, line: 0 };
    let first = lines.next()?.unwrap_or_default();
    let head: Head = serde_json::from_str(&first)
        .map_err(|_| lines.wrong("is not the beginning of an export by `standdown export`"))?;
    if head.standdown_export != FORMAT {
        return Err(lines.wrong(
            "was written by another version; export it with this one, or import it with that one",
        ));
    }
    let id_fits = head.incident.0.len() <= 64
        && head
            .incident
            .0
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !id_fits {
        return Err(lines.wrong("names an incident by what is no id"));
    }
    let mut parts: HashMap<String, Arc<str>> = HashMap::new();
    // The parts of outputs in which no secret was found: one stands for many events.
    let mut clean: HashSet<String> = HashSet::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut previous = Hash::default();
    while let Some(text) = lines.next()? {
        if let Ok(Part { part, text }) = serde_json::from_str(&text) {
            if sha256(&text) != part {
                return Err(lines.wrong("holds a part that does not fit its hash: it was altered"));
            }
            parts.insert(part, text.into());
            continue;
        }
        let line: Line = serde_json::from_str(&text)
            .map_err(|error| lines.wrong(&format!("is no event: {error}")))?;
        let large = match &line.part {
            Some(hash) => Some(
                parts
                    .get(hash)
                    .cloned()
                    .ok_or_else(|| lines.wrong("refers to a part that is not in the file"))?,
            ),
            None => None,
        };
        let row = Row {
            sequence: line.sequence,
            at: line
                .at
                .timestamp_nanos_opt()
                .ok_or_else(|| lines.wrong("has a time out of range"))?,
            by: line.by.get().to_owned(),
            version: line.version,
            payload: line.event.get().to_owned(),
            blob: line.part,
            hash: Some(line.hash),
            large,
        };
        let expected = rows.len() as u64 + 1;
        // Its part fits its hash: that was looked at when the part was read.
        if row.break_of(&head.incident, expected, previous).is_some() {
            return Err(
                lines.wrong("does not continue the chain: an event was altered, removed or moved")
            );
        }
        if holds_secret(&row, redactor, &mut clean) {
            return Err(lines.wrong(
                "holds what looks like a secret; export it again with a version that masks it",
            ));
        }
        previous = line.hash;
        rows.push(row);
    }
    let opened = rows
        .first()
        .map(|row| codec::decode(row.version, &row.payload, None));
    if !matches!(opened, Some(Event::IncidentOpened { incident, .. }) if incident == head.incident)
    {
        return Err(
            lines.wrong("ends a file whose first event does not open the incident it names")
        );
    }
    if (rows.len() as u64, previous) != (head.events, head.last) {
        return Err(lines.wrong("is not the last one: the end of the export was cut off"));
    }
    Ok((head, rows))
}

/// Whether an event, or its part, holds what looks like a secret. A playbook's text is a file of its
/// owner's, and stays as it is.
fn holds_secret(row: &Row, redactor: &Redactor, clean: &mut HashSet<String>) -> bool {
    let masks = |text: &str| {
        serde_json::from_str(text)
            .is_ok_and(|mut value: serde_json::Value| redactor.json(&mut value))
    };
    // Version 1 kept a large event apart as a whole.
    let large = row.large.as_deref().filter(|_| row.version == 1);
    if matches!(
        codec::decode(row.version, &row.payload, large),
        Event::ExecutionStarted { .. }
    ) {
        return false;
    }
    let of_part = match (&row.blob, &row.large) {
        (Some(hash), Some(text)) if !clean.contains(hash) => {
            let masks = masks(text);
            if !masks {
                clean.insert(hash.clone());
            }
            masks
        }
        _ => false,
    };
    of_part || masks(&row.payload)
}

struct Lines<'a, R> {
    input: &'a mut R,
    line: u64,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<String>, ImportError> {
        use std::io::Read as _;
        self.line += 1;
        let mut text = Vec::new();
        let read = (&mut *self.input)
            .take(LONGEST)
            .read_until(b'\n', &mut text)?;
        if read as u64 == LONGEST {
            return Err(self.wrong("is longer than 64 MiB"));
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        match String::from_utf8(text) {
            Ok(text) => Ok((read > 0).then_some(text)),
            Err(_) => Err(self.wrong("is not UTF-8")),
        }
    }

    fn wrong(&self, reason: &str) -> ImportError {
        ImportError::Line {
            line: self.line,
            reason: reason.to_owned(),
        }
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), ExportError> {
    let text = crate::document::harmless_json(serde_json::to_string(value)?);
    out.write_all(text.as_bytes())?;
    Ok(out.write_all(b"\n")?)
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An event is damaged, or the lines cannot be written.
    #[error("failed to write the export: {0}")]
    Write(#[from] std::io::Error),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Write(error.into())
    }
}
