//! Finds the first event that was altered, removed or put elsewhere, and an end that was cut off.

use serde::Serialize;

use super::chain::Hash;
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
        let mut found = Verification {
            events: 0,
            head: Hash::default(),
            broken: None,
            asked: asked.map(|_| HeadPlace::Nowhere),
        };
        self.rows(incident, 0, |row| {
            let expected = found.events + 1;
            if found.broken.is_none() {
                found.broken = row
                    .fault(incident, expected, found.head)
                    .map(|fault| Broken {
                        sequence: if fault == Fault::Missing {
                            expected
                        } else {
                            row.sequence
                        },
                        fault,
                    });
            }
            found.events = row.sequence;
            found.head = row.hash.unwrap_or_default();
            if asked == Some(found.head) && found.broken.is_none() {
                found.asked = Some(HeadPlace::At {
                    sequence: row.sequence,
                });
            }
            Ok::<(), JournalError>(())
        })?;
        Ok(found)
    }
}
