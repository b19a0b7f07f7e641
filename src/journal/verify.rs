//! Finds the first event that was altered, removed or put elsewhere, and an end that was cut off.

use serde::Serialize;

use super::chain::Hash;
use super::row::Row;
use super::{Journal, JournalError};
use crate::incident::IncidentId;

/// The first place where a record does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The event's place, counted from 1.
    pub sequence: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is not there.
    Missing,
    /// Its content, its time or its author was altered, or another event stands in its place.
    Altered,
    /// The large part that is stored apart from it was altered or is not there.
    PartAltered,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sequence = self.sequence;
        match self.fault {
            Fault::Missing => write!(f, "event {sequence} is missing: it was removed"),
            Fault::Altered => write!(
                f,
                "event {sequence} was altered, or another one stands in its place"
            ),
            Fault::PartAltered => write!(
                f,
                "the output or playbook stored with event {sequence} was altered or removed"
            ),
        }
    }
}

/// Where a head that was kept elsewhere stands in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "head")]
pub enum HeadPlace {
    /// It is the hash of this event.
    At {
        /// The event's place.
        sequence: u64,
    },
    /// It is the hash of none: the end was cut off, or the record was written anew.
    Nowhere,
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The last event's place.
    pub events: u64,
    /// The last event's hash.
    pub head: Hash,
    /// The first place where the chain does not hold.
    pub broken: Option<Broken>,
    /// Where the head that was asked for stands.
    pub asked: Option<HeadPlace>,
}

impl Verification {
    /// Whether the record holds, and goes at least as far as was asked.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken.is_none() && self.asked != Some(HeadPlace::Nowhere)
    }
}

/// Goes along a record, and keeps the first place where it does not hold.
pub(super) struct Check<'a> {
    incident: &'a IncidentId,
    /// The place of the last event seen.
    pub last: u64,
    /// Its hash.
    pub head: Hash,
    pub broken: Option<Broken>,
}

impl<'a> Check<'a> {
    /// Starts after an event with this hash.
    pub fn after(incident: &'a IncidentId, last: u64, head: Hash) -> Self {
        Self {
            incident,
            last,
            head,
            broken: None,
        }
    }

    pub fn next(&mut self, row: &Row) {
        let expected = self.last + 1;
        if self.broken.is_none() {
            let fault = row.fault(self.incident, expected, self.head);
            self.broken = fault.map(|fault| Broken {
                // Where one is missing, that one's place, not its neighbour's.
                sequence: expected,
                fault,
            });
        }
        self.last = row.sequence;
        self.head = row.hash.unwrap_or_default();
    }
}

impl Journal {
    /// Verifies an incident's record, and looks for a head in it that was kept elsewhere.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn verify(
        &self,
        incident: &IncidentId,
        asked: Option<Hash>,
    ) -> Result<Verification, JournalError> {
        let mut place = asked.map(|_| HeadPlace::Nowhere);
        let mut check = Check::after(incident, 0, Hash::default());
        self.rows(incident, 0, |row| {
            check.next(&row);
            if asked == Some(check.head) && check.broken.is_none() {
                place = Some(HeadPlace::At {
                    sequence: row.sequence,
                });
            }
            Ok::<(), JournalError>(())
        })?;
        Ok(Verification {
            events: check.last,
            head: check.head,
            broken: check.broken,
            asked: place,
        })
    }
}
