//! The event store.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::schema;
use crate::document::sha256;
use crate::incident::{Event, IncidentId, IncidentStatus, Recorded};

/// Events larger than this, in bytes of JSON, are stored once under their hash.
const INLINE_LIMIT: usize = 32 * 1024;
/// The version of the events' JSON.
const EVENT_VERSION: i64 = 1;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite refused.
    #[error("failed to use the journal: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder cannot be made or protected.
    #[error("failed to prepare the journal's folder {}: {source}; set XDG_STATE_HOME to a folder you can write", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something else stands where the journal was expected.
    #[error("failed to use the journal: {} is not a regular file; move it away", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// No home folder is known.
    #[error(
        "failed to find a folder for the journal: neither XDG_STATE_HOME nor HOME is set; set one of them"
    )]
    NoHome,
    /// A later version wrote it.
    #[error(
        "the journal has version {found}, this program knows {known}; install a newer standdown, nothing was changed"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The version known.
        known: i64,
    },
    /// An event cannot be read.
    #[error("failed to read event {sequence} of incident {incident}: {reason}")]
    Unreadable {
        /// The incident.
        incident: String,
        /// The event.
        sequence: i64,
        /// Why.
        reason: String,
    },
}

/// Why events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first; load what they wrote and decide again.
    #[error(
        "somebody else wrote to incident {incident} meanwhile (it is at event {found}, not {expected})"
    )]
    Conflict {
        /// The incident.
        incident: IncidentId,
        /// The last event there is.
        found: u64,
        /// The last event the writer knew.
        expected: u64,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// An incident in a list.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Its id.
    pub id: IncidentId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub last_at: DateTime<Utc>,
    /// How many events it has.
    pub events: u64,
    /// The scenario, when it is a rehearsal.
    pub rehearsal: Option<crate::incident::Rehearsal>,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
}

/// Names the folder of the journal: `$XDG_STATE_HOME/standdown`, or `~/.local/state/standdown`.
///
/// # Errors
/// When neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn state_folder() -> Result<PathBuf, JournalError> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("standdown"))
        .ok_or(JournalError::NoHome)
}

impl Journal {
    /// Opens the journal, making it if there is none. The folder is for its owner alone.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, or a later version wrote it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(|source| JournalError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        // A pipe or a device in its place would wait for ever.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(JournalError::NotAFile {
                path: path.to_owned(),
            });
        }
        let private = |source| JournalError::Folder {
            path: path.to_owned(),
            source,
        };
        private_file(path).map_err(private)?;
        let mut connection = Connection::open(path)?;
        schema::prepare(&mut connection)?;
        Ok(Self { connection })
    }

    /// Appends events after the `expected` last one, all or none; they are on the disk when it
    /// returns. The first event of an incident is appended after 0.
    ///
    /// # Errors
    /// When somebody else wrote meanwhile, or the journal cannot be written.
    pub fn append(
        &mut self,
        incident: &IncidentId,
        expected: u64,
        events: &[Recorded],
    ) -> Result<(), AppendError> {
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let found = last(&transaction, incident)?;
        if found != expected {
            return Err(AppendError::Conflict {
                incident: incident.clone(),
                found,
                expected,
            });
        }
        for recorded in events {
            if recorded.sequence == 1 {
                transaction.execute(
                    "INSERT INTO incident (id, opened_at) VALUES (?1, ?2)",
                    params![&*incident.0, recorded.at.to_rfc3339()],
                )?;
            }
            insert(&transaction, incident, recorded)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Loads the events of an incident that come after one.
    ///
    /// # Errors
    /// When the journal or an event cannot be read.
    pub fn load(&self, incident: &IncidentId, after: u64) -> Result<Vec<Recorded>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, at, by, COALESCE(payload, CAST((SELECT bytes FROM blob WHERE hash = event.blob) AS TEXT))
             FROM event WHERE incident = ?1 AND sequence > ?2 ORDER BY sequence",
        )?;
        let rows = statement.query_map(params![&*incident.0, to_sql(after)], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        })?;
        rows.map(|row| {
            let (sequence, at, by, payload) = row?;
            let unreadable = |reason: String| JournalError::Unreadable {
                incident: incident.to_string(),
                sequence,
                reason,
            };
            let event: Event =
                serde_json::from_str(&payload).map_err(|error| unreadable(error.to_string()))?;
            Ok(Recorded {
                sequence: u64::try_from(sequence).map_err(|error| unreadable(error.to_string()))?,
                at: at
                    .parse()
                    .map_err(|error: chrono::ParseError| unreadable(error.to_string()))?,
                by: serde_json::from_str(&by).map_err(|error| unreadable(error.to_string()))?,
                event,
            })
        })
        .collect()
    }

    /// Lists all incidents, unfinished ones first, then the latest first.
    ///
    /// # Errors
    /// When the journal or an event cannot be read.
    pub fn incidents(&self) -> Result<Vec<Summary>, JournalError> {
        let mut statement = self.connection.prepare("SELECT id FROM incident")?;
        let ids: Vec<String> = statement
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.summary(&IncidentId(id.into()))?);
        }
        all.sort_by_key(|summary| {
            (
                summary.status == IncidentStatus::Closed,
                std::cmp::Reverse(summary.last_at),
            )
        });
        Ok(all)
    }

    /// Summarises one incident from the few events that say what a list shows.
    fn summary(&self, id: &IncidentId) -> Result<Option<Summary>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, at, payload FROM event WHERE incident = ?1 AND (sequence = 1
               OR json_extract(payload, '$.type') = 'status_changed'
               OR sequence = (SELECT MAX(sequence) FROM event WHERE incident = ?1)) ORDER BY sequence",
        )?;
        let mut rows = statement.query(params![&*id.0])?;
        let mut summary: Option<Summary> = None;
        while let Some(row) = rows.next()? {
            let sequence: i64 = row.get(0)?;
            let at: String = row.get(1)?;
            let payload: Option<String> = row.get(2)?;
            let unreadable = |reason: String| JournalError::Unreadable {
                incident: id.to_string(),
                sequence,
                reason,
            };
            let at: DateTime<Utc> = at
                .parse()
                .map_err(|error: chrono::ParseError| unreadable(error.to_string()))?;
            let event: Option<Event> = payload
                .map(|payload| serde_json::from_str(&payload))
                .transpose()
                .map_err(|error| unreadable(error.to_string()))?;
            match (&mut summary, event) {
                (
                    _,
                    Some(Event::IncidentOpened {
                        title, rehearsal, ..
                    }),
                ) => {
                    summary = Some(Summary {
                        id: id.clone(),
                        title,
                        status: IncidentStatus::Open,
                        opened_at: at,
                        last_at: at,
                        events: 1,
                        rehearsal,
                    });
                }
                (Some(summary), event) => {
                    if let Some(Event::StatusChanged { to, .. }) = event {
                        summary.status = to;
                    }
                    summary.last_at = at;
                    summary.events = u64::try_from(sequence).unwrap_or(0);
                }
                (None, _) => {}
            }
        }
        Ok(summary)
    }

    /// Finds the incident whose id begins with `prefix`; several or none are said.
    ///
    /// # Errors
    /// When the journal cannot be read, or the prefix fits none or several.
    pub fn find(&self, prefix: &str) -> Result<Summary, FindError> {
        let mut fitting: Vec<Summary> = self
            .incidents()?
            .into_iter()
            .filter(|summary| summary.id.0.starts_with(prefix))
            .collect();
        match (fitting.len(), fitting.pop()) {
            (1, Some(summary)) => Ok(summary),
            (0, _) => Err(FindError::None(prefix.to_owned())),
            (count, _) => Err(FindError::Several {
                prefix: prefix.to_owned(),
                count,
            }),
        }
    }

    /// A number that changes when somebody else writes to the store.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn generation(&self) -> Result<i64, JournalError> {
        Ok(self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))?)
    }
}

/// Why an incident was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// None has such an id.
    #[error(
        "no incident's id begins with {0:?}; an id looks like 20261120-4f3a9c and stands in the console's header"
    )]
    None(String),
    /// Several have.
    #[error("{count} incidents' ids begin with {prefix:?}; write more of the id")]
    Several {
        /// What was asked for.
        prefix: String,
        /// How many fit.
        count: usize,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn last(connection: &Connection, incident: &IncidentId) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT sequence FROM event WHERE incident = ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row(params![&*incident.0], |row| row.get(0))
        .optional()?;
    Ok(last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0))
}

fn insert(
    connection: &Connection,
    incident: &IncidentId,
    recorded: &Recorded,
) -> Result<(), AppendError> {
    let sequence = to_sql(recorded.sequence);
    let unwritable = |error: serde_json::Error| {
        AppendError::Journal(JournalError::Unreadable {
            incident: incident.to_string(),
            sequence,
            reason: error.to_string(),
        })
    };
    let payload = serde_json::to_string(&recorded.event).map_err(unwritable)?;
    let by = serde_json::to_string(&recorded.by).map_err(unwritable)?;
    let (inline, blob) = if payload.len() > INLINE_LIMIT {
        let hash = sha256(&payload);
        connection.execute(
            "INSERT INTO blob (hash, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![hash, payload.as_bytes()],
        )?;
        (None, Some(hash))
    } else {
        (Some(payload), None)
    };
    connection
        .prepare_cached("INSERT INTO event (incident, sequence, at, by, version, payload, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![&*incident.0, sequence, recorded.at.to_rfc3339(), by, EVENT_VERSION, inline, blob])?;
    Ok(())
}

fn to_sql(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Actor;
    use crate::playbook::Severity;

    fn recorded(sequence: u64, event: Event) -> Recorded {
        let by = Actor {
            user: "u".into(),
            uid: 1,
            host: "h".into(),
            arn: None,
        };
        Recorded {
            sequence,
            at: DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap(),
            by,
            event,
        }
    }

    fn opened(id: &IncidentId) -> Event {
        Event::IncidentOpened {
            incident: id.clone(),
            title: "t".into(),
            severity: Severity::High,
            rehearsal: None,
        }
    }

    #[test]
    fn what_was_appended_is_loaded_the_same_large_or_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/journal.db");
        let id = IncidentId("20261120-abcdef".into());
        let note = |text: String| Event::NoteAdded { text, step: None };
        let events = vec![
            recorded(1, opened(&id)),
            recorded(2, note("x".repeat(100_000))),
            recorded(3, note("y".into())),
        ];
        Journal::open(&path)
            .unwrap()
            .append(&id, 0, &events)
            .unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.load(&id, 0).unwrap(), events);
        assert_eq!(journal.load(&id, 2).unwrap(), events[2..]);
        let summary = journal.find("20261120").unwrap();
        assert_eq!((summary.events, summary.status), (3, IncidentStatus::Open));
    }

    #[test]
    fn an_append_at_another_version_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("j.db")).unwrap();
        let id = IncidentId("20261120-abcdef".into());
        journal.append(&id, 0, &[recorded(1, opened(&id))]).unwrap();
        let again = journal.append(&id, 0, &[recorded(1, opened(&id))]);
        assert!(matches!(
            again,
            Err(AppendError::Conflict {
                found: 1,
                expected: 0,
                ..
            })
        ));
        assert_eq!(journal.load(&id, 0).unwrap().len(), 1);
    }

    #[test]
    fn a_newer_store_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.db");
        drop(Journal::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(JournalError::Newer { found: 99, .. })
        ));
    }

    #[test]
    fn folder_and_file_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/j.db");
        drop(Journal::open(&path).unwrap());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn what_is_no_file_is_no_journal() {
        let folder = tempfile::tempdir().unwrap();
        let error = Journal::open(folder.path()).unwrap_err();
        assert!(matches!(error, JournalError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn another_connection_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.db");
        let id = IncidentId("20261120-abcdef".into());
        let reader = Journal::open(&path).unwrap();
        let before = reader.generation().unwrap();
        Journal::open(&path)
            .unwrap()
            .append(&id, 0, &[recorded(1, opened(&id))])
            .unwrap();
        assert_ne!(reader.generation().unwrap(), before);
    }
}
