//! The tables, and how a store comes to have them.

use rusqlite::{Connection, TransactionBehavior};

use super::chain::Hash;
use super::row::{self, Row, to_u64};
use super::{JournalError, list};
use crate::incident::IncidentId;

/// The version this program writes, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 2;

/// How long another console may hold the store. It writes for milliseconds; whoever waits for
/// longer is better told so, and tries again.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

/// One row per event. `incident` holds what a list shows, kept up to date by the same
/// transaction that appends.
const TABLES: &str = "
CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    rehearsal TEXT,
    imported TEXT
) STRICT;
CREATE TABLE blob (
    hash TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE event (
    incident TEXT NOT NULL REFERENCES incident(id),
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    blob TEXT REFERENCES blob(hash),
    hash BLOB NOT NULL,
    PRIMARY KEY (incident, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
    incident TEXT PRIMARY KEY REFERENCES incident(id),
    token TEXT NOT NULL,
    holder TEXT NOT NULL,
    beat INTEGER NOT NULL,
    wanted TEXT
) STRICT;
";

/// Version 1 knew no chain, no lease, and no summary of an incident.
const ASIDE: &str = "
ALTER TABLE event RENAME TO event_1;
ALTER TABLE incident RENAME TO incident_1;
ALTER TABLE blob RENAME TO blob_1;
";
const COPIED: &str = "
INSERT INTO blob (hash, bytes) SELECT hash, bytes FROM blob_1;
DROP TABLE event_1;
DROP TABLE incident_1;
DROP TABLE blob_1;
";

/// Sets what changes nothing in the file.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    // The log stays between two runs, as large as it has grown; and a store that is only looked at
    // stays as it is.
    connection.set_db_config(
        rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        true,
    )?;
    Ok(())
}

/// Sets durability, and brings a store to the present version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), JournalError> {
    connection.pragma_update(None, "foreign_keys", true)?;
    let version = version(connection)?;
    if version > VERSION {
        return Err(JournalError::Newer {
            found: version,
            known: VERSION,
        });
    }
    // https://sqlite.org/wal.html: with FULL, a commit is on the disk when it returns.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    if version < VERSION {
        // Tables that refer to each other are moved and dropped below.
        connection.pragma_update(None, "foreign_keys", false)?;
        migrate(connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // The tables stand in the file itself: it is a journal without its log as well.
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> Result<(), JournalError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another console may have done it while this one waited for the lock.
    match version(&transaction)? {
        0 => transaction.execute_batch(TABLES)?,
        1 => from_1(&transaction)?,
        _ => return Ok(()),
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Copies the events of version 1 as they are, and lays the chain over them.
fn from_1(connection: &Connection) -> Result<(), JournalError> {
    connection.execute_batch(ASIDE)?;
    connection.execute_batch(TABLES)?;
    let mut old = connection.prepare(
        "SELECT incident, sequence, at, by, version, COALESCE(payload, 'null'), blob,
                COALESCE(payload, CAST((SELECT bytes FROM blob_1 WHERE hash = event_1.blob) AS TEXT), '')
         FROM event_1 ORDER BY incident, sequence",
    )?;
    let mut rows = old.query([])?;
    let mut chain = (String::new(), Hash::default());
    while let Some(row) = rows.next()? {
        let (incident, sequence): (String, i64) = (row.get(0)?, row.get(1)?);
        let at: String = row.get(2)?;
        let at = chrono::DateTime::parse_from_rfc3339(&at)
            .ok()
            .and_then(|at| at.timestamp_nanos_opt())
            .unwrap_or_default();
        let (by, version): (String, i64) = (row.get(3)?, row.get(4)?);
        let (payload, blob): (String, Option<String>) = (row.get(5)?, row.get(6)?);
        let event = super::codec::decode(version, &row.get::<_, String>(7)?, None);
        if chain.0 != incident {
            chain = (incident.clone(), Hash::default());
        }
        list::remember(connection, &incident, &event, at)?;
        let id = IncidentId(incident.into());
        let row = Row {
            sequence: to_u64(sequence),
            at,
            by,
            version,
            payload,
            blob,
            hash: None,
            // The parts that stand apart have been copied already.
            large: None,
        };
        chain.1 = row.link(&id).hash(chain.1);
        let hash = Some(chain.1);
        row::write(connection, &id, &Row { hash, ..row })?;
    }
    drop(rows);
    drop(old);
    connection.execute_batch(COPIED)?;
    Ok(())
}

/// Whether a store has a table: some come with their first row.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection
        .query_row(query, [name], |row| row.get::<_, i64>(0))
        .map(|count| count > 0)
}
