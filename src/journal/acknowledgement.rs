//! Who looks after which alarm: what no incident is opened for is recorded here.

use chrono::{DateTime, Utc};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::schema::has_table;
use super::{Journal, JournalError};

/// The table; a store that has none yet gets it when the first alarm is acknowledged.
const TABLE: &str = "
CREATE TABLE IF NOT EXISTS acknowledgement (
    alarm TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
";

/// Somebody has seen an alarm and looks after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The alarm's ARN.
    pub alarm: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What is being done.
    pub note: String,
}

impl Journal {
    /// Records that somebody looks after an alarm. Earlier records stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn acknowledge(&mut self, one: &Acknowledgement) -> Result<(), JournalError> {
        let transaction = self.transaction()?;
        transaction.execute_batch(TABLE)?;
        transaction.execute(
            "INSERT INTO acknowledgement (alarm, by, at, until, note) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                one.alarm,
                one.by,
                one.at.timestamp_millis(),
                one.until.timestamp_millis(),
                one.note
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Who looks after alarms at a time: the latest word for each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acknowledgements(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<Acknowledgement>, JournalError> {
        let connection = self.connection();
        if !has_table(connection, "acknowledgement")? {
            return Ok(Vec::new());
        }
        let mut query = connection.prepare(
            "SELECT alarm, by, at, until, note, max(rowid) FROM acknowledgement
             GROUP BY alarm HAVING until > ?1",
        )?;
        let time = |millis: i64| DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let rows = query.query_map([now.timestamp_millis()], |row| {
            Ok(Acknowledgement {
                alarm: row.get(0)?,
                by: row.get(1)?,
                at: time(row.get(2)?),
                until: time(row.get(3)?),
                note: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_word_counts_until_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(&folder.path().join("journal.db")).unwrap();
        let at = |minutes: i64| DateTime::from_timestamp(minutes * 60, 0).unwrap();
        assert_eq!(journal.acknowledgements(at(0)).unwrap(), []);
        let word = |by: &str, from, until| Acknowledgement {
            alarm: "arn".into(),
            by: by.into(),
            at: at(from),
            until: at(until),
            note: "n".into(),
        };
        journal.acknowledge(&word("alice", 0, 60)).unwrap();
        journal.acknowledge(&word("bob", 5, 30)).unwrap();
        assert_eq!(
            journal.acknowledgements(at(10)).unwrap(),
            [word("bob", 5, 30)]
        );
        assert_eq!(journal.acknowledgements(at(31)).unwrap(), []);
    }
}
