//! What is known of all alarms, and how old it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::facts::{Details, Facts};
use super::source::{Freshness, Source};
use super::values::Series;
use crate::aws::Place;
use crate::incident::{AlarmRef, AlarmState};
use crate::journal::Acknowledgement;

/// An alarm as AWS described it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The alarm.
    pub alarm: AlarmRef,
    /// What else was said.
    pub facts: Facts,
}

/// One alarm with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The alarm.
    pub alarm: Arc<AlarmRef>,
    /// What AWS says of it, beside its state.
    pub facts: Arc<Facts>,
    /// What was asked for this alarm alone.
    pub details: Arc<Details>,
    /// Its metric's latest datapoints, oldest first; empty until they were asked for.
    pub values: Series,
}

/// What tells an alarm from all others: the profile and region it was seen through, and its name.
pub type Key = (String, String, String);

/// An alarm's key.
#[must_use]
pub fn key(alarm: &AlarmRef) -> Key {
    (
        alarm.profile.clone(),
        alarm.region.clone(),
        alarm.name.clone(),
    )
}

impl Row {
    /// Whether it is the alarm that a key names.
    #[must_use]
    pub fn is(&self, (profile, region, name): &Key) -> bool {
        let alarm = &self.alarm;
        alarm.name == *name && alarm.region == *region && alarm.profile == *profile
    }
}

/// Whether an alarm was seen at a place.
pub(super) fn is_at(alarm: &AlarmRef, place: &Place) -> bool {
    alarm.profile == place.profile && alarm.region == place.region
}

/// All alarms as last seen: those in ALARM first, the latest first among them; then those
/// without data, then the rest by name.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// The alarms. A board on which only a source has answered shares them with the one before.
    pub rows: Arc<Vec<Row>>,
    /// Where they come from, and how far each can be trusted.
    pub sources: Vec<Source>,
    /// Who looks after which alarm, by ARN.
    pub acknowledged: Arc<HashMap<String, Acknowledgement>>,
    /// The names of the rules that mute alarms.
    pub muted: Arc<HashMap<Key, Vec<String>>>,
    /// What is known to be wrong at AWS, or planned.
    pub events: Arc<[super::ServiceEvent]>,
}

impl Board {
    /// A board of these sources, on which nothing is known yet.
    #[must_use]
    pub fn of(sources: Vec<Source>) -> Self {
        Self {
            sources,
            ..Self::default()
        }
    }

    /// Finds a source.
    #[must_use]
    pub fn source(&self, place: &Place) -> Option<&Source> {
        self.sources.iter().find(|source| source.place == *place)
    }

    pub(super) fn source_mut(&mut self, place: &Place) -> Option<&mut Source> {
        self.sources
            .iter_mut()
            .find(|source| source.place == *place)
    }

    /// The source of an alarm.
    #[must_use]
    pub fn source_of(&self, alarm: &AlarmRef) -> Option<&Source> {
        self.sources
            .iter()
            .find(|source| is_at(alarm, &source.place))
    }

    /// Takes alarms of one source over. Rows that did not change are kept as they are. What is not
    /// among them is gone if `gone` says so.
    pub fn take(&mut self, place: &Place, mut seen: Vec<Seen>, gone: impl Fn(&AlarmRef) -> bool) {
        let before = std::mem::take(&mut self.rows);
        let mut mine: HashMap<&str, &Row> = HashMap::new();
        let mut rows = Vec::with_capacity(before.len());
        for row in before.iter() {
            if is_at(&row.alarm, place) {
                mine.insert(&row.alarm.name, row);
            } else {
                rows.push(row.clone());
            }
        }
        seen.sort_by(|a, b| a.alarm.name.cmp(&b.alarm.name));
        seen.dedup_by(|later, first| later.alarm.name == first.alarm.name);
        for Seen { alarm, facts } in seen {
            rows.push(match mine.remove(alarm.name.as_str()) {
                Some(row) if *row.alarm == alarm && *row.facts == facts => row.clone(),
                Some(row) => Row {
                    alarm: Arc::new(alarm),
                    facts: facts.shared(),
                    ..row.clone()
                },
                None => Row {
                    alarm: Arc::new(alarm),
                    facts: facts.shared(),
                    details: Details::unknown(),
                    values: Series::default(),
                },
            });
        }
        rows.extend(mine.into_values().filter(|row| !gone(&row.alarm)).cloned());
        self.rows = Arc::new(rows);
        self.sort();
    }

    /// Takes away what a source no longer has.
    pub fn keep(&mut self, place: &Place, is_there: impl Fn(&AlarmRef) -> bool) {
        let gone = |row: &Row| is_at(&row.alarm, place) && !is_there(&row.alarm);
        if self.rows.iter().any(gone) {
            Arc::make_mut(&mut self.rows).retain(|row| !gone(row));
        }
    }

    /// Puts rows that were put in by hand in order.
    pub fn sort(&mut self) {
        Arc::make_mut(&mut self.rows).sort_by(|a, b| order(&a.alarm, &b.alarm));
    }

    /// Says that a source has answered.
    pub fn live(&mut self, place: &Place, at: DateTime<Utc>) {
        if let Some(source) = self.source_mut(place) {
            source.freshness = Freshness::Live { at };
        }
    }

    /// Says that a source's last request failed, and whether asking again can help.
    pub fn fail(&mut self, place: &Place, at: DateTime<Utc>, reason: String, lost: bool) {
        let Some(source) = self.source_mut(place) else {
            return;
        };
        let since = match &source.freshness {
            Freshness::Live { at } => *at,
            Freshness::Delayed { since, .. } | Freshness::Lost { since, .. } => *since,
            Freshness::Connecting => at,
        };
        source.freshness = if lost {
            Freshness::Lost { since, reason }
        } else {
            Freshness::Delayed { since, reason }
        };
    }

    /// Takes over what was asked for one alarm alone.
    pub(super) fn set_details(&mut self, wanted: &Key, details: Arc<Details>) {
        if let Some(at) = self.rows.iter().position(|row| row.is(wanted)) {
            Arc::make_mut(&mut self.rows)[at].details = details;
        }
    }

    /// What to call a source in few letters: what sets it apart from the others.
    #[must_use]
    pub fn short_name(&self, source: &Source) -> String {
        let first = [&source.alias, &source.place.profile, &source.account];
        let first = first.into_iter().find(|name| !name.is_empty());
        let Some(first) = first else {
            return source.place.region.clone();
        };
        let other = |one: &&Source| one.place != source.place;
        let alone = !self
            .sources
            .iter()
            .filter(other)
            .any(|one| [&one.alias, &one.place.profile, &one.account].contains(&first));
        if alone {
            first.clone()
        } else {
            source.place.region.clone()
        }
    }

    /// Says that something besides the alarms is missing, or that it is not any more. `what` is
    /// the first word of the text.
    pub fn missing(&mut self, place: &Place, what: &str, text: Option<String>) {
        if let Some(source) = self.source_mut(place) {
            replace(&mut source.missing, what, text);
        }
    }

    /// Says that something is not read here, or that it is. `what` is the first word of the text.
    pub fn unread(&mut self, place: &Place, what: &str, text: Option<String>) {
        if let Some(source) = self.source_mut(place) {
            replace(&mut source.unread, what, text);
        }
    }

    /// Takes over which alarms of a source rules mute, by name.
    pub(super) fn set_muted(&mut self, place: &Place, muted: HashMap<String, Vec<String>>) {
        let mut all: HashMap<Key, Vec<String>> = HashMap::clone(&self.muted);
        all.retain(|(profile, region, _), _| *profile != place.profile || *region != place.region);
        all.extend(
            muted
                .into_iter()
                .map(|(name, rules)| ((place.profile.clone(), place.region.clone(), name), rules)),
        );
        self.muted = Arc::new(all);
        if let Some(source) = self.source_mut(place) {
            source.mutes_asked = true;
        }
    }

    /// Takes the values of some alarms over.
    pub fn set_values(&mut self, found: Vec<(Key, Series)>) {
        let mut found: HashMap<Key, Series> = found.into_iter().collect();
        let names: HashSet<String> = found.keys().map(|(_, _, name)| name.clone()).collect();
        let rows = self.rows.iter().enumerate();
        let mut changed: Vec<(usize, Series)> = Vec::new();
        for (at, row) in rows.filter(|(_, row)| names.contains(&row.alarm.name)) {
            let values = found.remove(&key(&row.alarm));
            changed.extend(
                values
                    .filter(|values| *values != row.values)
                    .map(|values| (at, values)),
            );
        }
        if changed.is_empty() {
            return;
        }
        let rows = Arc::make_mut(&mut self.rows);
        for (at, values) in changed {
            rows[at].values = values;
        }
    }

    /// The names of the rules that mute an alarm.
    #[must_use]
    pub fn muting(&self, alarm: &AlarmRef) -> &[String] {
        if self.muted.is_empty() {
            return &[];
        }
        self.muted.get(&key(alarm)).map_or(&[], Vec::as_slice)
    }

    /// Counts alarms by state.
    #[must_use]
    pub fn count(&self, state: AlarmState) -> usize {
        self.rows
            .iter()
            .filter(|row| row.alarm.state == state)
            .count()
    }

    /// Whether every page of every source that answers was read.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sources.iter().all(|source| {
            source.complete
                || matches!(
                    source.freshness,
                    Freshness::Lost { .. } | Freshness::Delayed { .. }
                )
        })
    }

    /// Who looks after an alarm, if somebody does.
    #[must_use]
    pub fn acknowledgement(
        &self,
        alarm: &AlarmRef,
        now: DateTime<Utc>,
    ) -> Option<&Acknowledgement> {
        self.acknowledged
            .get(&alarm.arn)
            .filter(|one| one.until > now)
    }
}

/// Puts a text in the place of the one that begins with the same words.
fn replace(texts: &mut Vec<String>, what: &str, text: Option<String>) {
    texts.retain(|known| !known.starts_with(what));
    texts.extend(text);
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
        .then_with(|| a.profile.cmp(&b.profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: &str, state: AlarmState, since: i64) -> Seen {
        Seen {
            alarm: AlarmRef {
                name: name.into(),
                state,
                since: DateTime::from_timestamp(since, 0),
                ..AlarmRef::default()
            },
            facts: Facts::default(),
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
        board.take(&Place::default(), all, |_| true);
        assert_eq!(names(&board), ["new", "old", "none", "a-ok", "b-ok"]);
    }

    #[test]
    fn a_partial_list_keeps_the_rest_but_not_alarms_that_ended() {
        let mut board = Board::default();
        let here = Place::default();
        let all = vec![
            alarm("a", AlarmState::Alarm, 1),
            alarm("b", AlarmState::Ok, 1),
        ];
        board.take(&here, all, |_| true);
        let burning = vec![alarm("c", AlarmState::Alarm, 2)];
        board.take(&here, burning, |old| old.state == AlarmState::Alarm);
        assert_eq!(names(&board), ["c", "b"]);
    }

    #[test]
    fn a_source_does_not_touch_the_rows_of_another() {
        let mut board = Board::default();
        let other = Place::new("p", "r");
        board.take(
            &Place::default(),
            vec![alarm("a", AlarmState::Ok, 1)],
            |_| true,
        );
        let mut elsewhere = alarm("a", AlarmState::Alarm, 1);
        (elsewhere.alarm.profile, elsewhere.alarm.region) = ("p".into(), "r".into());
        board.take(&other, vec![elsewhere], |_| true);
        assert_eq!(board.rows.len(), 2);
        board.take(&other, Vec::new(), |_| true);
        assert_eq!(names(&board), ["a"]);
    }

    #[test]
    fn a_delay_says_since_when() {
        let here = Place::default();
        let mut board = Board::of(vec![Source::new(here.clone(), String::new(), false)]);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        board.live(&here, at(100));
        board.fail(&here, at(200), "throttled".into(), false);
        board.fail(&here, at(300), "throttled".into(), false);
        let wanted = Freshness::Delayed {
            since: at(100),
            reason: "throttled".into(),
        };
        assert_eq!(board.sources[0].freshness, wanted);
    }
}
