//! What the journal holds: one line per incident.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::lease::Holder;
use super::row::{time, to_u64};
use super::{FindError, Hash, Journal, JournalError};
use crate::incident::{Actor, AlarmRef, Event, IncidentId, IncidentStatus, Rehearsal};
use crate::playbook::Severity;

/// An incident in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its id.
    pub id: IncidentId,
    /// Its title.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub status: IncidentStatus,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub last_at: DateTime<Utc>,
    /// The last event's place, counted from 1.
    pub events: u64,
    /// The scenario, when it is a rehearsal.
    pub rehearsal: Option<Rehearsal>,
    /// Where it came from, when it was recorded elsewhere.
    pub imported: Option<Imported>,
    /// Who held the lease last, if nobody gave it back.
    pub writer: Option<String>,
}

impl Summary {
    /// Whether somebody still has to do something about it here.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.status != IncidentStatus::Closed && self.imported.is_none()
    }
}

/// How an incident came into this store from another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The file's name.
    pub from: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
}

/// Keeps what a list shows in step with an event that is being stored.
pub(super) fn remember(
    connection: &Connection,
    incident: &str,
    event: &Event,
    at: i64,
) -> rusqlite::Result<()> {
    match event {
        Event::IncidentOpened {
            title,
            severity,
            rehearsal,
            ..
        } => {
            let rehearsal = rehearsal.as_ref().map(json).transpose()?;
            connection.execute(
                "INSERT INTO incident (id, title, severity, status, opened_at, rehearsal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![incident, title, severity.name(), IncidentStatus::Open.name(), at, rehearsal],
            )?;
        }
        Event::StatusChanged { to, .. } => {
            connection.execute(
                "UPDATE incident SET status = ?2 WHERE id = ?1",
                params![incident, to.name()],
            )?;
        }
        Event::SeverityChanged { to, .. } => {
            connection.execute(
                "UPDATE incident SET severity = ?2 WHERE id = ?1",
                params![incident, to.name()],
            )?;
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Reads a word or a JSON text that this program wrote; what it did not write has no value.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

impl Journal {
    /// Lists all incidents: unfinished ones first, and the latest of them first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn incidents(&self) -> Result<Vec<Summary>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.id, title, severity, status, opened_at, rehearsal, imported, holder,
                    (SELECT sequence FROM event e WHERE e.incident = i.id ORDER BY sequence DESC LIMIT 1),
                    (SELECT at FROM event e WHERE e.incident = i.id ORDER BY sequence DESC LIMIT 1)
             FROM incident i LEFT JOIN lease ON lease.incident = i.id",
        )?;
        let rows = statement.query_map([], |row| {
            let text = |at: usize| row.get::<_, String>(at);
            let optional = |at: usize| row.get::<_, Option<String>>(at);
            let opened: i64 = row.get(4)?;
            Ok(Summary {
                id: IncidentId(text(0)?.into()),
                title: text(1)?,
                severity: word(&text(2)?).unwrap_or(Severity::High),
                status: word(&text(3)?).unwrap_or(IncidentStatus::Open),
                opened_at: time(opened),
                rehearsal: optional(5)?.and_then(|text| serde_json::from_str(&text).ok()),
                imported: optional(6)?.and_then(|text| serde_json::from_str(&text).ok()),
                writer: optional(7)?
                    .and_then(|text| serde_json::from_str::<Holder>(&text).ok())
                    .map(|holder| holder.to_string()),
                events: to_u64(row.get::<_, Option<i64>>(8)?.unwrap_or(0)),
                last_at: time(row.get::<_, Option<i64>>(9)?.unwrap_or(opened)),
            })
        })?;
        let mut all: Vec<Summary> = rows.collect::<Result<_, _>>()?;
        all.sort_by_key(|summary| (!summary.is_unfinished(), std::cmp::Reverse(summary.last_at)));
        Ok(all)
    }

    /// The unfinished incident that was opened for this very alarm, the latest if there are more.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn unfinished_for(&self, alarm: &AlarmRef) -> Result<Option<IncidentId>, JournalError> {
        for summary in self.incidents()? {
            if !summary.is_unfinished() {
                continue;
            }
            let events = self.load(&summary.id, 0, Hash::default())?.events;
            let attached = events.iter().any(|one| match &one.event {
                Event::AlarmAttached { alarm: known } => known.is_same(alarm),
                _ => false,
            });
            if attached {
                return Ok(Some(summary.id));
            }
        }
        Ok(None)
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
}
