//! A row of the event table: how it is read, checked and written.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::chain::{Hash, Link};
use super::verify::Fault;
use crate::document::sha256;
use crate::incident::IncidentId;

/// A row as it is stored.
pub(super) struct Row {
    pub sequence: u64,
    pub at: i64,
    pub by: String,
    pub version: i64,
    pub payload: String,
    pub blob: Option<String>,
    pub hash: Option<Hash>,
    /// The part that stands apart; rows that refer to the same one share it where they can.
    pub large: Option<Arc<str>>,
}

impl Row {
    /// Reads a row of the columns [`COLUMNS`].
    pub fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        // What is no text any more was altered, whatever it is shown as.
        let altered = (0..7).any(|at| match row.get_ref(at) {
            Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).is_err(),
            _ => false,
        });
        Ok(Self {
            sequence: number(row, 0)?,
            at: row.get_ref(1)?.as_i64().unwrap_or_default(),
            by: text(row, 2)?,
            version: row.get_ref(3)?.as_i64().unwrap_or_default(),
            payload: text(row, 4)?,
            blob: maybe(row, 5)?,
            hash: hash(row, 6)?.filter(|_| !altered),
            large: maybe(row, 7)?.map(Arc::from),
        })
    }

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

    /// What is wrong with its place in the chain, after the rows before it.
    pub fn break_of(&self, incident: &IncidentId, expected: u64, previous: Hash) -> Option<Fault> {
        if self.sequence != expected {
            return Some(Fault::Missing);
        }
        (self.hash != Some(self.link(incident).hash(previous))).then_some(Fault::Altered)
    }

    /// What is wrong with this row, after those before it.
    pub fn fault(&self, incident: &IncidentId, expected: u64, previous: Hash) -> Option<Fault> {
        if let Some(fault) = self.break_of(incident, expected, previous) {
            return Some(fault);
        }
        let apart = self.blob.as_ref().is_none_or(|hash| {
            self.large
                .as_ref()
                .is_some_and(|large| sha256(large) == *hash)
        });
        (!apart).then_some(Fault::PartAltered)
    }
}

pub(super) const COLUMNS: &str = "sequence, at, by, version, payload, blob, hash,
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
