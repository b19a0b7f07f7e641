//! An alarm's past, through DescribeAlarmHistory.

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{AlarmType, HistoryItemType, ScanBy};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::aws::{Aws, AwsError, Pages, Quota, describe};
use crate::incident::AlarmState;

/// Pages read of one alarm's history; each holds a hundred entries.
const PAGES: usize = 10;

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryEntry {
    /// Its state changed.
    State {
        /// When.
        at: DateTime<Utc>,
        /// The state it left, in CloudWatch's words.
        from: String,
        /// The state it came to.
        to: String,
        /// Why, in CloudWatch's words.
        reason: String,
    },
    /// Somebody changed the alarm itself.
    Update {
        /// When.
        at: DateTime<Utc>,
        /// What, in CloudWatch's words.
        summary: String,
    },
    /// One of its actions ran, or failed to.
    Action {
        /// When.
        at: DateTime<Utc>,
        /// What, in CloudWatch's words.
        summary: String,
    },
}

impl HistoryEntry {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::State { at, .. } | Self::Update { at, .. } | Self::Action { at, .. } => *at,
        }
    }
}

/// What was found of an alarm's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// In time order.
    pub entries: Vec<HistoryEntry>,
    /// Whether there is more, before the first of them.
    pub truncated: bool,
}

/// Reads an alarm's history.
///
/// # Errors
/// When CloudWatch cannot be asked, or does not allow it.
pub async fn history(
    aws: &Aws,
    alarm: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<History, AwsError> {
    let mut entries = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    let mut truncated = false;
    for page in 0.. {
        aws.pace(Quota::DescribeAlarmHistory).await;
        let answer = aws
            .cloudwatch
            .describe_alarm_history()
            .alarm_name(alarm)
            // Without the types, CloudWatch returns the history of metric alarms only.
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .alarm_types(AlarmType::LogAlarm)
            .start_date(AwsTime::from_secs(from.timestamp()))
            .end_date(AwsTime::from_secs(to.timestamp()))
            .scan_by(ScanBy::TimestampDescending)
            .max_records(100)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudwatch:DescribeAlarmHistory", &error).about(alarm))?;
        for item in answer.alarm_history_items() {
            let Some(at) = item
                .timestamp()
                .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            else {
                continue;
            };
            if at < from || at > to {
                continue;
            }
            let summary = || item.history_summary().unwrap_or_default().to_owned();
            entries.extend(match item.history_item_type() {
                Some(HistoryItemType::StateUpdate) => state(at, item.history_data()),
                Some(HistoryItemType::ConfigurationUpdate) => Some(HistoryEntry::Update {
                    at,
                    summary: summary(),
                }),
                Some(HistoryItemType::Action) => Some(HistoryEntry::Action {
                    at,
                    summary: summary(),
                }),
                _ => None,
            });
        }
        token = pages.next("cloudwatch:DescribeAlarmHistory", answer.next_token)?;
        if token.is_none() {
            break;
        }
        if page + 1 >= PAGES {
            truncated = true;
            break;
        }
    }
    entries.sort_by_key(HistoryEntry::at);
    Ok(History { entries, truncated })
}

/// The state an alarm is in now, and since when; `None` where there is no such alarm.
///
/// # Errors
/// When CloudWatch cannot be asked, or does not allow it.
pub async fn state_now(
    aws: &Aws,
    alarm: &str,
) -> Result<Option<(AlarmState, Option<DateTime<Utc>>)>, AwsError> {
    let found = super::feed::named(aws, alarm).await?;
    Ok(found.map(|seen| (seen.alarm.state, seen.alarm.since)))
}

fn state(at: DateTime<Utc>, data: Option<&str>) -> Option<HistoryEntry> {
    let data: Value = serde_json::from_str(data?).ok()?;
    let text = |side: &str, key: &str| data[side][key].as_str().unwrap_or_default().to_owned();
    Some(HistoryEntry::State {
        at,
        from: text("oldState", "stateValue"),
        to: text("newState", "stateValue"),
        reason: text("newState", "stateReason"),
    })
}

/// Changes of state in an hour from which on an alarm flaps: into the state and out of it, and
/// once more.
const FLAPS: usize = 3;

/// Tells whether an alarm goes to and fro.
#[must_use]
pub fn is_flapping(changes: impl Iterator<Item = DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    changes
        .filter(|at| now - *at <= chrono::Duration::hours(1))
        .count()
        >= FLAPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_state_is_read_from_its_data() {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        let data = r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM","stateReason":"crossed"}}"#;
        let wanted = HistoryEntry::State {
            at,
            from: "OK".into(),
            to: "ALARM".into(),
            reason: "crossed".into(),
        };
        assert_eq!(state(at, Some(data)), Some(wanted));
        assert_eq!(state(at, Some("no json")), None);
    }

    #[test]
    fn three_changes_in_an_hour_are_flapping() {
        let now = DateTime::from_timestamp(10_000, 0).unwrap();
        let ago = |minutes: &[i64]| {
            let all: Vec<_> = minutes
                .iter()
                .map(|minutes| now - chrono::Duration::minutes(*minutes))
                .collect();
            is_flapping(all.into_iter(), now)
        };
        assert!(ago(&[5, 20, 50]));
        assert!(!ago(&[5, 20, 70]));
    }
}
