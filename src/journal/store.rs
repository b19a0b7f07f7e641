//! The event store: append at an expected version, load, follow.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::chain::Hash;
use super::lease::{self, Holder};
use super::load::Parser;
use super::outbox::Told;
use super::row::{self, Row, to_sql, to_u64};
use super::verify::{Broken, Check};
use super::{
    AppendError, JournalError, Recovered, Subscription, access, codec, healing, list, outbox,
    recovery, schema,
};
use crate::incident::{Event, IncidentId, Recorded};

/// The log between two checkpoints, in bytes: 1,000 pages, each with its frame.
/// <https://sqlite.org/pragma.html#pragma_wal_autocheckpoint>
const LOG: u64 = 1000 * (4096 + 24);
/// Tells a connection from the ones before it.
static OPENED: AtomicI64 = AtomicI64::new(0);

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The file's device and inode, as it was opened.
    file: Option<(u64, u64)>,
    /// Which connection of this process it is.
    number: i64,
    /// Nothing of it was found damaged.
    whole: bool,
    /// Who is told of what is recorded.
    pub(super) subscriptions: Option<Vec<Subscription>>,
    /// How often something was added here that is no writer's.
    asides: i64,
}

/// Takes note of an event before it is written; the reason why it may not be, if it may not.
type Remember = fn(&Connection, &str, &Event, i64) -> rusqlite::Result<Result<(), String>>;

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

impl Drop for Journal {
    fn drop(&mut self) {
        if !self.whole {
            return;
        }
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
        Self::open_there(path).map_err(|error| error.explained(path))
    }

    /// Whether there is one at a path, or will be once it is opened: somebody may have been interrupted
    /// while a damaged one was set aside.
    #[must_use]
    pub fn is_there(path: &Path) -> bool {
        recovery::is_there(path)
    }

    fn open_there(path: &Path) -> Result<(Self, Option<Recovered>), JournalError> {
        access::folder(path)?;
        let _lock = recovery::Lock::take(path)?;
        recovery::tidy(path);
        let finished = recovery::finish(path)?;
        // SQLite would throw away a log whose file is gone.
        let orphan = recovery::is_orphan(path);
        access::prepare(path)?;
        let opened = if orphan {
            Err(JournalError::DamagedLog)
        } else {
            Self::connect(path)
        };
        match opened {
            Err(error) if error.is_corrupt() => {
                let recovered = recovery::set_aside(path)?;
                Ok((Self::connect(path)?, Some(recovered)))
            }
            other => {
                let journal = other?;
                journal.grow_log();
                Ok((journal, finished))
            }
        }
    }

    /// Opens a file as it is.
    pub(super) fn connect(path: &Path) -> Result<Self, JournalError> {
        let mut connection = Connection::open(path)?;
        schema::configure(&connection)?;
        // Before anything is written: SQLite takes a log as ended where a frame is damaged, and
        // would go on from there.
        if log_is_damaged(&mut connection, path) {
            return Err(JournalError::DamagedLog);
        }
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
            number: OPENED.fetch_add(1, Ordering::Relaxed),
            whole: true,
            subscriptions: None,
            asides: 0,
        })
    }

    /// Makes the log as large as it gets between two checkpoints: appends then change no file's
    /// size, which is what makes a sync slow. Where that cannot be done, appends are slower.
    fn grow_log(&self) {
        let log = recovery::part(&self.path, "wal");
        if log.metadata().is_ok_and(|log| log.len() >= LOG) {
            return;
        }
        let connection = &self.connection;
        // What does not fit into the cache goes into the log, even when it is never committed.
        let _ = connection.execute_batch(
            "PRAGMA cache_size = 16;
             BEGIN IMMEDIATE;
             INSERT INTO blob (hash, bytes) VALUES ('', zeroblob(4300000));",
        );
        let _ = connection.execute_batch("ROLLBACK");
        let _ = connection.execute_batch("PRAGMA cache_size = -2000");
    }

    /// Sets a journal aside that was found damaged while it was open, and opens a new one with
    /// what could be read.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn replace(mut self) -> Result<(Self, Option<Recovered>), JournalError> {
        let path = self.path.clone();
        let lock = recovery::Lock::take(&path)?;
        // Another console may have set it aside while this one waited.
        let moved = self.is_moved();
        // The damaged file stays as it is.
        self.whole = false;
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

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn transaction(&mut self) -> Result<Transaction<'_>, JournalError> {
        if self.is_moved() {
            return Err(JournalError::Moved);
        }
        // There, BEGIN IMMEDIATE takes no write lock, and does not fail.
        if self.connection.is_readonly("main")? {
            return Err(JournalError::ReadOnly);
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
        self.append_telling(incident, expected, events, writer, &|| {
            serde_json::Value::Null
        })
    }

    /// The same, with what those are told besides who are told of these events: it is asked for where
    /// somebody is.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_telling(
        &mut self,
        incident: &IncidentId,
        expected: u64,
        events: &[Recorded],
        writer: Option<&Holder>,
        facts: &dyn Fn() -> serde_json::Value,
    ) -> Result<Hash, AppendError> {
        let channels = self.subscriptions.clone();
        let told = Told {
            channels: channels.as_deref(),
            facts,
        };
        let remember = (healing::remember as Remember, told);
        self.write_on(incident, expected, events, writer, remember)
    }

    /// Writes events again that were recorded once and got lost. Nothing is judged anew.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn restore(
        &mut self,
        incident: &IncidentId,
        expected: u64,
        events: &[Recorded],
    ) -> Result<Hash, AppendError> {
        let noted: Remember = |connection, incident, event, at| {
            healing::note(connection, incident, event, at).map(Ok)
        };
        self.write_on(incident, expected, events, None, (noted, Told::nobody()))
    }

    fn write_on(
        &mut self,
        incident: &IncidentId,
        expected: u64,
        events: &[Recorded],
        writer: Option<&Holder>,
        (remember, told): (Remember, Told<'_>),
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
            let at = recorded.at.timestamp_nanos_opt().unwrap_or(i64::MAX);
            remember(&transaction, &incident.0, &recorded.event, at)?
                .map_err(AppendError::NotHealed)?;
            head = insert(&transaction, incident, recorded, head)?;
            let place = (&*incident.0, recorded.sequence);
            outbox::note(&transaction, &told, place, &recorded.event, at)?;
        }
        if expected == 0
            && let Some(writer) = writer
        {
            lease::give(&transaction, incident, writer)?;
        }
        transaction.commit()?;
        if writer.is_none() {
            self.asides += 1;
        }
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
        let mut check = Check::after(incident, after, head);
        let events = std::thread::scope(|scope| {
            let mut parser = Parser::new(scope);
            self.rows(incident, after, |row| {
                check.next(&row);
                parser.take(row);
                Ok::<(), JournalError>(())
            })?;
            Ok::<_, JournalError>(parser.finish())
        })?;
        Ok(Loaded {
            events,
            head: check.head,
            broken: check.broken,
        })
    }

    /// Goes through an incident's rows, in order.
    pub(super) fn rows<E: From<rusqlite::Error>>(
        &self,
        incident: &IncidentId,
        after: u64,
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM event WHERE incident = ?1 AND sequence > ?2 ORDER BY sequence",
            row::COLUMNS
        ))?;
        let mut rows = statement.query(params![&*incident.0, to_sql(after)])?;
        while let Some(found) = rows.next()? {
            each(Row::read(found)?)?;
        }
        Ok(())
    }

    /// Tells whether an incident was recorded elsewhere.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn is_imported(&self, incident: &IncidentId) -> Result<bool, JournalError> {
        Ok(is_imported(&self.connection, incident)?)
    }

    /// The last event's place and hash; 0 and the default before the first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn head(&self, incident: &IncidentId) -> Result<(u64, Hash), JournalError> {
        Ok(last(&self.connection, incident)?)
    }

    /// Numbers that change when somebody writes to the store who is not the writer, and when it is
    /// opened anew.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn generation(&self) -> Result<(i64, i64), JournalError> {
        if self.is_moved() {
            return Err(JournalError::Moved);
        }
        let version = self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))?;
        let version: i64 = version;
        Ok((self.number, version + self.asides))
    }
}

/// Whether the log holds more than SQLite would take from it. Nobody writes meanwhile.
fn log_is_damaged(connection: &mut Connection, path: &Path) -> bool {
    let log = recovery::part(path, "wal");
    // A connection that can only read locks nobody out, and the log may be growing under its eyes.
    if connection.is_readonly("main").unwrap_or(true) {
        return false;
    }
    // While somebody else writes, the log is theirs, and was looked at when they opened it.
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .is_ok_and(|_writing| super::wal::is_damaged(&log))
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
            Ok((row.get(0)?, row::hash(row, 1)?.unwrap_or_default()))
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
        large: encoded.blob.map(|(_, text)| text.into()),
    };
    let hash = row.link(incident).hash(previous);
    row::write(
        connection,
        incident,
        &Row {
            hash: Some(hash),
            ..row
        },
    )?;
    Ok(hash)
}
