//! The event store: append at an expected version, load, follow.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::chain::{Hash, Link};
use super::lease::{self, Holder};
use super::verify::{Broken, Fault};
use super::{AppendError, JournalError, Recovered, access, codec, list, recovery, schema};
use crate::document::sha256;
use crate::incident::{Actor, IncidentId, Recorded};

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The file's device and inode, as it was opened.
    file: Option<(u64, u64)>,
}

/// Events that were loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The events.
    pub events: Vec<Recorded>,
    /// The hash of the last one.
    pub head: Hash,
    /// The first place where the chain does not hold.
    pub broken: Option<Broken>,
}

/// A row as it is stored.
pub(super) struct Row {
    pub sequence: u64,
    pub at: i64,
    pub by: String,
    pub version: i64,
    pub payload: String,
    pub blob: Option<String>,
    pub hash: Option<Hash>,
    /// The part that stands apart.
    pub large: Option<String>,
}

impl Row {
    pub fn link<'a>(&'a self, incident: &'a IncidentId) -> Link<'a> {
        Link {
            incident: &incident.0,
            sequence: self.sequence,
            at: self.at,
            by: &self.by,
            version: self.version,
            payload: &self.payload,
            blob: self.blob.as_deref(),
        }
    }

    /// What is wrong with this row, after those before it.
    pub fn fault(&self, incident: &IncidentId, expected: u64, previous: Hash) -> Option<Fault> {
        if self.sequence != expected {
            return Some(Fault::Missing);
        }
        if self.hash != Some(self.link(incident).hash(previous)) {
            return Some(Fault::Altered);
        }
        let apart = self.blob.as_ref().is_none_or(|hash| {
            self.large
                .as_ref()
                .is_some_and(|large| sha256(large) == *hash)
        });
        (!apart).then_some(Fault::PartAltered)
    }
}

const COLUMNS: &str = "sequence, at, by, version, payload, blob, hash,
    CAST((SELECT bytes FROM blob WHERE blob.hash = event.blob) AS TEXT)";

/// Text as far as it is text: what was damaged is not lost with an error, it fails the chain.
pub(super) fn text(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<String> {
    Ok(maybe(row, at)?.unwrap_or_default())
}

pub(super) fn maybe(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    })
}

pub(super) fn number(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(to_u64(row.get_ref(at)?.as_i64().unwrap_or_default()))
}

/// A hash; one of another length is none.
pub(super) fn hash(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Hash>> {
    let bytes = row.get_ref(at)?;
    Ok(bytes
        .as_blob()
        .ok()
        .and_then(|hash| hash.try_into().ok())
        .map(Hash))
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        sequence: number(row, 0)?,
        at: row.get_ref(1)?.as_i64().unwrap_or_default(),
        by: text(row, 2)?,
        version: row.get_ref(3)?.as_i64().unwrap_or_default(),
        payload: text(row, 4)?,
        blob: maybe(row, 5)?,
        hash: hash(row, 6)?,
        large: maybe(row, 7)?,
    })
}

impl Drop for Journal {
    fn drop(&mut self) {
        // What stands in the file itself no longer hangs on its log. Where that cannot be done now,
        // the log has it.
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

impl Journal {
    /// Opens the journal, making it if there is none. One that is damaged is set aside, and what
    /// can be read of it is carried over into a new one.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, others can write it, or a later version
    /// wrote it.
    pub fn open(path: &Path) -> Result<(Self, Option<Recovered>), JournalError> {
        access::folder(path)?;
        let _lock = recovery::Lock::take(path)?;
        recovery::finish(path)?;
        access::prepare(path)?;
        match Self::connect(path).and_then(Self::with_whole_log) {
            Err(error) if error.is_corrupt() => {
                let recovered = recovery::set_aside(path)?;
                Ok((Self::connect(path)?, Some(recovered)))
            }
            other => Ok((other?, None)),
        }
    }

    /// Opens a file as it is.
    pub(super) fn connect(path: &Path) -> Result<Self, JournalError> {
        let mut connection = Connection::open(path)?;
        schema::prepare(&mut connection)?;
        connection.set_prepared_statement_cache_capacity(32);
        // Damage to the first pages shows here, and not in the middle of an incident.
        connection.query_row("SELECT COUNT(*) FROM incident", [], |row| {
            row.get::<_, i64>(0)
        })?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            file: identity(path),
        })
    }

    /// SQLite takes a log as ended where a frame is damaged, and would go on from there.
    fn with_whole_log(mut self) -> Result<Self, JournalError> {
        // While somebody else writes, the log is theirs, and was looked at when they opened it.
        let log = recovery::part(&self.path, "wal");
        let damaged = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .is_ok_and(|_writing| super::wal::is_damaged(&log));
        if damaged {
            return Err(JournalError::DamagedLog);
        }
        Ok(self)
    }

    /// Sets a journal aside that was found damaged while it was open, and opens a new one with
    /// what could be read.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn replace(self) -> Result<(Self, Option<Recovered>), JournalError> {
        let path = self.path.clone();
        let lock = recovery::Lock::take(&path)?;
        // Another console may have set it aside while this one waited.
        let moved = self.is_moved();
        drop(self);
        if moved {
            drop(lock);
            return Self::open(&path);
        }
        let recovered = recovery::set_aside(&path)?;
        Ok((Self::connect(&path)?, Some(recovered)))
    }

    /// Tells whether another file stands at its path now.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        identity(&self.path) != self.file
    }

    pub(super) fn transaction(&mut self) -> Result<Transaction<'_>, JournalError> {
        if self.is_moved() {
            return Err(JournalError::Moved);
        }
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Appends events after the `expected` last one, all or none; they are on the disk when it
    /// returns the new head. The first event of an incident is appended after 0, and gives the
    /// lease to `writer`. With a writer, the lease must be theirs; without one, what is appended
    /// is something that anyone may add, such as a note.
    ///
    /// # Errors
    /// When somebody else wrote meanwhile, somebody else is the writer, the incident was
    /// imported, or the journal cannot be written.
    pub fn append(
        &mut self,
        incident: &IncidentId,
        expected: u64,
        events: &[Recorded],
        writer: Option<&Holder>,
    ) -> Result<Hash, AppendError> {
        let transaction = self.transaction()?;
        let (found, mut head) = last(&transaction, incident)?;
        if found != expected {
            return Err(AppendError::Conflict {
                incident: incident.clone(),
                found,
                expected,
            });
        }
        if expected > 0 {
            if is_imported(&transaction, incident)? {
                return Err(AppendError::Imported(incident.clone()));
            }
            if let Some(writer) = writer
                && !lease::holds(&transaction, incident, writer.token)?
            {
                drop(transaction);
                return Err(AppendError::NotTheWriter {
                    incident: incident.clone(),
                    by: self.lease(incident)?.map(Box::new),
                });
            }
        }
        for recorded in events {
            head = insert(&transaction, incident, recorded, head)?;
        }
        if expected == 0
            && let Some(writer) = writer
        {
            lease::give(&transaction, incident, writer)?;
        }
        transaction.commit()?;
        Ok(head)
    }

    /// Loads the events of an incident that come after one, and checks their chain. `head` is
    /// the hash of the one before; for the whole incident, after 0, it is the default.
    ///
    /// # Errors
    /// When the journal cannot be read. An event that cannot be read is no error: it says so in
    /// its place.
    pub fn load(
        &self,
        incident: &IncidentId,
        after: u64,
        head: Hash,
    ) -> Result<Loaded, JournalError> {
        let mut loaded = Loaded {
            head,
            ..Loaded::default()
        };
        let mut actors: HashMap<String, Arc<Actor>> = HashMap::new();
        let mut expected = after + 1;
        self.rows(incident, after, |row| {
            if loaded.broken.is_none() {
                loaded.broken = row
                    .fault(incident, expected, loaded.head)
                    .map(|fault| Broken {
                        sequence: if fault == Fault::Missing {
                            expected
                        } else {
                            row.sequence
                        },
                        fault,
                    });
            }
            expected = row.sequence + 1;
            loaded.head = row.hash.unwrap_or_default();
            let by = if let Some(by) = actors.get(&row.by) {
                Arc::clone(by)
            } else {
                let by =
                    Arc::new(serde_json::from_str(&row.by).unwrap_or_else(|_| Actor::unknown()));
                actors.insert(row.by.clone(), Arc::clone(&by));
                by
            };
            loaded.events.push(Recorded {
                sequence: row.sequence,
                at: time(row.at),
                by,
                event: codec::decode(row.version, &row.payload, row.large.as_deref()),
            });
            Ok::<(), JournalError>(())
        })?;
        Ok(loaded)
    }

    /// Goes through an incident's rows, in order.
    pub(super) fn rows<E: From<rusqlite::Error>>(
        &self,
        incident: &IncidentId,
        after: u64,
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM event WHERE incident = ?1 AND sequence > ?2 ORDER BY sequence"
        ))?;
        let mut rows = statement.query(params![&*incident.0, to_sql(after)])?;
        while let Some(found) = rows.next()? {
            each(row(found)?)?;
        }
        Ok(())
    }

    /// The last event's place and hash; 0 and the default before the first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn head(&self, incident: &IncidentId) -> Result<(u64, Hash), JournalError> {
        Ok(last(&self.connection, incident)?)
    }

    /// A number that changes when somebody else writes to the store.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn generation(&self) -> Result<i64, JournalError> {
        if self.is_moved() {
            return Err(JournalError::Moved);
        }
        Ok(self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))?)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata()
        .ok()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

fn is_imported(connection: &Connection, incident: &IncidentId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM incident WHERE id = ?1 AND imported IS NOT NULL")?
        .exists(params![&*incident.0])
}

pub(super) fn last(
    connection: &Connection,
    incident: &IncidentId,
) -> rusqlite::Result<(u64, Hash)> {
    let last: Option<(i64, Hash)> = connection
        .prepare_cached(
            "SELECT sequence, hash FROM event WHERE incident = ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row(params![&*incident.0], |row| {
            Ok((row.get(0)?, hash(row, 1)?.unwrap_or_default()))
        })
        .optional()?;
    Ok(last.map_or((0, Hash::default()), |(sequence, hash)| {
        (to_u64(sequence), hash)
    }))
}

fn insert(
    connection: &Connection,
    incident: &IncidentId,
    recorded: &Recorded,
    previous: Hash,
) -> Result<Hash, AppendError> {
    let unwritable = |source: serde_json::Error| {
        AppendError::Journal(JournalError::Unwritable {
            incident: incident.clone(),
            sequence: recorded.sequence,
            source,
        })
    };
    let encoded = codec::encode(&recorded.event).map_err(unwritable)?;
    let at = recorded.at.timestamp_nanos_opt().unwrap_or(i64::MAX);
    list::remember(connection, &incident.0, &recorded.event, at)?;
    let row = Row {
        sequence: recorded.sequence,
        at,
        by: serde_json::to_string(&*recorded.by).map_err(unwritable)?,
        version: codec::VERSION,
        payload: encoded.payload,
        blob: encoded.blob.as_ref().map(|(hash, _)| hash.clone()),
        hash: None,
        large: encoded.blob.map(|(_, text)| text),
    };
    let hash = row.link(incident).hash(previous);
    write(
        connection,
        incident,
        &Row {
            hash: Some(hash),
            ..row
        },
    )?;
    Ok(hash)
}

/// Stores a row as it is.
pub(super) fn write(
    connection: &Connection,
    incident: &IncidentId,
    row: &Row,
) -> rusqlite::Result<()> {
    if let (Some(hash), Some(text)) = (&row.blob, &row.large) {
        connection
            .prepare_cached(
                "INSERT INTO blob (hash, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![hash, text.as_bytes()])?;
    }
    connection
        .prepare_cached("INSERT INTO event (incident, sequence, at, by, version, payload, blob, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            &*incident.0, to_sql(row.sequence), row.at, row.by, row.version, row.payload, row.blob,
            row.hash.unwrap_or_default().0
        ])?;
    Ok(())
}

pub(super) fn to_sql(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(super) fn to_u64(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}

pub(super) fn time(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}
