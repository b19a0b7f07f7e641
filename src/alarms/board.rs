//! What is known of all alarms, and how old it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::incident::{AlarmRef, AlarmState};

/// One alarm with its latest values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The alarm.
    pub alarm: Arc<AlarmRef>,
    /// Its metric's latest datapoints, oldest first; empty until they were asked for.
    pub values: Arc<[f64]>,
}

/// How far the board can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing was answered yet.
    Connecting,
    /// The last answer came in time.
    Live {
        /// When.
        at: DateTime<Utc>,
    },
    /// The last request failed; what is shown is from before.
    Delayed {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Nothing can be had until somebody does something.
    Lost {
        /// What.
        reason: String,
    },
}

/// All alarms as last seen: those in ALARM first, the latest first among them; then those
/// without data, then the rest by name.
#[derive(Debug, Clone)]
pub struct Board {
    /// The alarms.
    pub rows: Vec<Row>,
    /// How far they can be trusted.
    pub freshness: Freshness,
    /// Why the values could not be read, when they could not; the alarms may be live all the same.
    pub values_missing: Option<String>,
    /// Whether every page was read, or only those in ALARM so far.
    pub complete: bool,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            freshness: Freshness::Connecting,
            values_missing: None,
            complete: false,
        }
    }
}

impl Board {
    /// Takes a full list over. Rows that did not change are kept as they are.
    pub fn replace(&mut self, alarms: Vec<AlarmRef>, complete: bool, at: DateTime<Utc>) {
        let mut known: HashMap<(String, String), Row> = self
            .rows
            .drain(..)
            .map(|row| ((row.alarm.region.clone(), row.alarm.name.clone()), row))
            .collect();
        self.rows = alarms
            .into_iter()
            .map(
                |alarm| match known.remove(&(alarm.region.clone(), alarm.name.clone())) {
                    Some(row) if *row.alarm == alarm => row,
                    Some(row) => Row {
                        alarm: Arc::new(alarm),
                        values: row.values,
                    },
                    None => Row {
                        alarm: Arc::new(alarm),
                        values: Arc::from([]),
                    },
                },
            )
            .collect();
        if !complete {
            // Until every page was read, what was known of the others still stands, but an alarm
            // that is no longer among those in ALARM has left that state.
            self.rows.extend(
                known
                    .into_values()
                    .filter(|row| row.alarm.state != AlarmState::Alarm),
            );
        }
        self.rows.sort_by(|a, b| order(&a.alarm, &b.alarm));
        self.complete = complete || self.complete;
        self.freshness = Freshness::Live { at };
    }

    /// Takes the values of some alarms over.
    pub fn set_values(&mut self, found: &[(Arc<AlarmRef>, Arc<[f64]>)]) {
        self.values_missing = None;
        let mut found: HashMap<(&str, &str), &Arc<[f64]>> = found
            .iter()
            .map(|(alarm, values)| ((alarm.region.as_str(), alarm.name.as_str()), values))
            .collect();
        for row in &mut self.rows {
            if let Some(values) =
                found.remove(&(row.alarm.region.as_str(), row.alarm.name.as_str()))
            {
                row.values = Arc::clone(values);
            }
        }
    }

    /// Says that the last request failed.
    pub fn delay(&mut self, at: DateTime<Utc>, reason: String) {
        let since = match &self.freshness {
            Freshness::Live { at } => *at,
            Freshness::Delayed { since, .. } => *since,
            Freshness::Connecting | Freshness::Lost { .. } => at,
        };
        self.freshness = Freshness::Delayed { since, reason };
    }

    /// Counts alarms by state.
    #[must_use]
    pub fn count(&self, state: AlarmState) -> usize {
        self.rows
            .iter()
            .filter(|row| row.alarm.state == state)
            .count()
    }
}

impl Freshness {
    /// Tells whether data older than that must be said to be old.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>, interval: Duration) -> bool {
        match self {
            Self::Live { at } => (now - *at).to_std().unwrap_or_default() > interval * 2,
            _ => true,
        }
    }
}

fn order(a: &AlarmRef, b: &AlarmRef) -> std::cmp::Ordering {
    a.state
        .cmp(&b.state)
        .then_with(|| {
            if a.state == AlarmState::Alarm {
                b.since.cmp(&a.since)
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.region.cmp(&b.region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: &str, state: AlarmState, since: i64) -> AlarmRef {
        AlarmRef {
            name: name.into(),
            state,
            since: DateTime::from_timestamp(since, 0),
            ..AlarmRef::default()
        }
    }

    fn names(board: &Board) -> Vec<&str> {
        board
            .rows
            .iter()
            .map(|row| row.alarm.name.as_str())
            .collect()
    }

    #[test]
    fn alarms_come_first_the_latest_first() {
        let mut board = Board::default();
        let all = vec![
            alarm("b-ok", AlarmState::Ok, 9),
            alarm("old", AlarmState::Alarm, 1),
            alarm("a-ok", AlarmState::Ok, 1),
            alarm("new", AlarmState::Alarm, 5),
            alarm("none", AlarmState::InsufficientData, 5),
        ];
        board.replace(all, true, Utc::now());
        assert_eq!(names(&board), ["new", "old", "none", "a-ok", "b-ok"]);
    }

    #[test]
    fn a_partial_list_keeps_the_rest_but_not_alarms_that_ended() {
        let mut board = Board::default();
        board.replace(
            vec![
                alarm("a", AlarmState::Alarm, 1),
                alarm("b", AlarmState::Ok, 1),
            ],
            true,
            Utc::now(),
        );
        board.replace(vec![alarm("c", AlarmState::Alarm, 2)], false, Utc::now());
        assert_eq!(names(&board), ["c", "b"]);
    }

    #[test]
    fn a_delay_says_since_when() {
        let mut board = Board::default();
        let then = DateTime::from_timestamp(100, 0).unwrap();
        board.replace(Vec::new(), true, then);
        board.delay(
            DateTime::from_timestamp(200, 0).unwrap(),
            "throttled".into(),
        );
        board.delay(
            DateTime::from_timestamp(300, 0).unwrap(),
            "throttled".into(),
        );
        assert_eq!(
            board.freshness,
            Freshness::Delayed {
                since: then,
                reason: "throttled".into()
            }
        );
    }
}
