//! The tables, and how a store comes to have them.

use rusqlite::Connection;

use super::JournalError;

/// The version this program writes, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;

/// One row per event. Payloads beyond the limit stand in `blob`, once each, under their hash.
const TABLES: &str = "
CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    opened_at TEXT NOT NULL
) STRICT;
CREATE TABLE event (
    incident TEXT NOT NULL REFERENCES incident(id),
    sequence INTEGER NOT NULL,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT,
    blob TEXT REFERENCES blob(hash),
    PRIMARY KEY (incident, sequence),
    CHECK ((payload IS NULL) <> (blob IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE blob (
    hash TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
";

/// Sets durability, and brings an empty store to the present version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), JournalError> {
    // A reader or another console may hold the store for a moment.
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(JournalError::Newer {
            found: version,
            known: VERSION,
        });
    }
    // https://sqlite.org/wal.html: with FULL, a commit is on the disk when it returns.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    if version == 0 {
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Another console may have made the tables while this one waited for the lock.
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
