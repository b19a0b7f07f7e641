//! What happened outside and was read there: beside the events, and never taken back.
//!
//! CloudTrail delivers late, and CloudWatch keeps an alarm's history for a month: what was read once
//! is kept, so that reading again only adds to it.

use chrono::{DateTime, Utc};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::schema::has_table;
use super::{Journal, JournalError};
use crate::incident::IncidentId;

/// The table; a store gets it with the first moment.
const TABLE: &str = "
CREATE TABLE IF NOT EXISTS moment (
    incident TEXT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    moment TEXT NOT NULL,
    PRIMARY KEY (incident, source, id)
) STRICT, WITHOUT ROWID;
";

/// Something that happened outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: DateTime<Utc>,
    /// Where it was read.
    pub source: MomentSource,
    /// Its id there: the same thing read twice is one.
    pub id: String,
    /// Who did it.
    pub actor: String,
    /// What happened, in one line.
    pub text: String,
    /// The alarm, or the resources.
    pub about: Vec<String>,
    /// Whether it brought a new version of something into service.
    #[serde(default)]
    pub deployment: bool,
    /// Whether it was refused, or failed.
    #[serde(default)]
    pub failed: bool,
}

/// Where something was read that happened outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentSource {
    /// `DescribeAlarmHistory` of `CloudWatch`.
    Alarm,
    /// `LookupEvents` of `CloudTrail`.
    Api,
}

impl MomentSource {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Api => "api",
        }
    }
}

impl Journal {
    /// Keeps what was read outside. Returns how much of it was not known.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add_moments(
        &mut self,
        incident: &IncidentId,
        moments: &[Moment],
    ) -> Result<usize, JournalError> {
        if moments.is_empty() {
            return Ok(0);
        }
        let transaction = self.transaction()?;
        transaction.execute_batch(TABLE)?;
        let mut new = 0;
        for one in moments {
            let text = serde_json::to_string(one).unwrap_or_default();
            new += transaction.execute(
                "INSERT OR IGNORE INTO moment (incident, source, id, at, moment) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    &*incident.0,
                    one.source.name(),
                    one.id,
                    one.at.timestamp_nanos_opt().unwrap_or(i64::MAX),
                    text
                ],
            )?;
        }
        transaction.commit()?;
        Ok(new)
    }

    /// What is known of an incident from outside, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn moments(&self, incident: &IncidentId) -> Result<Vec<Moment>, JournalError> {
        if !has_table(self.connection(), "moment")? {
            return Ok(Vec::new());
        }
        let mut query = self
            .connection()
            .prepare("SELECT moment FROM moment WHERE incident = ?1 ORDER BY at, source, id")?;
        let rows = query.query_map([&*incident.0], |row| row.get::<_, String>(0))?;
        let mut all = Vec::new();
        for row in rows {
            // One that cannot be read was written by a later version.
            all.extend(serde_json::from_str::<Moment>(&row?).ok());
        }
        Ok(all)
    }
}
