//! What happened when, from every source, merged by time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::engine::BEFORE;
use crate::incident::{Event, Recorded, State, sentence};
use crate::journal::{Moment, MomentSource};

/// A change of state that the console saw itself is the one that CloudWatch tells of, when it was
/// seen within so long.
const SAME: TimeDelta = TimeDelta::minutes(3);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Where it was read.
    pub source: Source,
    /// Who did it.
    pub actor: String,
    /// What, in one line.
    pub text: String,
    /// Its id there: of an event, its place in the record.
    pub id: String,
    /// Of what somebody did in the two hours before the alarm: how many minutes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_before_alarm: Option<i64>,
    /// Whether it brought a new version of something into service.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deployment: bool,
}

/// Where an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An alarm's history at `CloudWatch`.
    Alarm,
    /// A call to AWS, from `CloudTrail`.
    Api,
    /// The incident's own record.
    Journal,
}

impl Source {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("alarm", Self::Alarm),
        ("api", Self::Api),
        ("journal", Self::Journal),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// Merges the record with what was read outside.
#[must_use]
pub fn timeline(state: &State, events: &[Recorded], moments: &[Moment]) -> Vec<Entry> {
    let alarm = alarm_at(state, moments);
    let mut all: Vec<Entry> = moments
        .iter()
        .map(|one| Entry {
            at: one.at,
            source: match one.source {
                MomentSource::Alarm => Source::Alarm,
                MomentSource::Api => Source::Api,
            },
            actor: one.actor.clone(),
            text: one.text.clone(),
            id: one.id.clone(),
            minutes_before_alarm: alarm.filter(|_| is_suspect(one)).and_then(|alarm| {
                let before = alarm - one.at;
                let within = before >= TimeDelta::zero() && before <= BEFORE;
                within.then(|| before.num_minutes())
            }),
            deployment: one.deployment,
        })
        .collect();
    for recorded in events {
        if told_by_cloudwatch(recorded, moments) {
            continue;
        }
        let Some(text) = sentence(&recorded.event, state) else {
            continue;
        };
        all.push(Entry {
            at: recorded.at,
            source: Source::Journal,
            actor: recorded.by.user.clone(),
            text,
            id: recorded.sequence.to_string(),
            minutes_before_alarm: None,
            deployment: false,
        });
    }
    // Of the same moment, what happened outside comes first: it was seen afterwards.
    all.sort_by_key(|one| (one.at, one.source));
    all
}

/// Whether it may have caused the alarm: somebody did it, and it was not refused.
fn is_suspect(moment: &Moment) -> bool {
    moment.source == MomentSource::Api && !moment.failed
}

/// When the incident's first alarm went into ALARM.
#[must_use]
pub fn alarm_at(state: &State, moments: &[Moment]) -> Option<DateTime<Utc>> {
    let incident = state.incident.as_ref()?;
    let first = incident.alarms.front()?;
    let told = moments.iter().filter(|one| {
        one.source == MomentSource::Alarm
            && one.about.contains(&first.name)
            && one.text.contains("→ ALARM")
            && one.at <= incident.opened_at
    });
    let told = told.map(|one| one.at).max();
    told.or(incident.alarm_since)
}

fn told_by_cloudwatch(recorded: &Recorded, moments: &[Moment]) -> bool {
    let Event::AlarmStateChanged { name, to, .. } = &recorded.event else {
        return false;
    };
    let arrow = format!("→ {}", to.name());
    moments.iter().any(|one| {
        one.source == MomentSource::Alarm
            && one.about.contains(name)
            && one.text.contains(&arrow)
            && (recorded.at - one.at).abs() <= SAME
    })
}
