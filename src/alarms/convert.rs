//! Turns the SDK's alarms into ours, and does nothing else.

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{CompositeAlarm, LogAlarm, MetricAlarm, StateValue};
use chrono::{DateTime, Utc};

use crate::incident::{AlarmRef, AlarmState};

/// Where the alarms were asked for.
pub(super) struct Place<'a> {
    pub region: &'a str,
    pub profile: &'a str,
}

/// The fields that all three types of alarm have, under the same names.
macro_rules! common {
    ($alarm:expr, $place:expr) => {{
        let arn = text($alarm.alarm_arn());
        AlarmRef {
            name: text($alarm.alarm_name()),
            account: account(&arn),
            arn,
            state: state($alarm.state_value()),
            reason: text($alarm.state_reason()),
            description: text($alarm.alarm_description()),
            region: $place.region.to_owned(),
            profile: $place.profile.to_owned(),
            since: since(
                $alarm.state_transitioned_timestamp(),
                $alarm.state_updated_timestamp(),
            ),
            ..AlarmRef::default()
        }
    }};
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

pub(super) fn metric(alarm: &MetricAlarm, place: &Place<'_>) -> AlarmRef {
    // An alarm on an expression has no metric of its own; the one it returns data for speaks.
    let inner = alarm
        .metrics()
        .iter()
        .find(|query| query.return_data() != Some(false) || alarm.metrics().len() == 1);
    let stat = inner.and_then(|query| query.metric_stat());
    let metric = stat.and_then(|stat| stat.metric());
    let dimensions = if alarm.dimensions().is_empty() {
        metric
            .map(aws_sdk_cloudwatch::types::Metric::dimensions)
            .unwrap_or_default()
    } else {
        alarm.dimensions()
    };
    AlarmRef {
        namespace: alarm
            .namespace()
            .or(metric.and_then(|m| m.namespace()))
            .map(str::to_owned),
        metric: alarm
            .metric_name()
            .or(metric.and_then(|m| m.metric_name()))
            .map(str::to_owned),
        dimensions: dimensions
            .iter()
            .map(|d| (text(d.name()), text(d.value())))
            .collect(),
        threshold: alarm.threshold(),
        comparison: alarm
            .comparison_operator()
            .map(|operator| operator.as_str().to_owned()),
        statistic: alarm
            .statistic()
            .map(aws_sdk_cloudwatch::types::Statistic::as_str)
            .or(alarm.extended_statistic())
            .or(stat.and_then(|stat| stat.stat()))
            .map(str::to_owned),
        period: alarm
            .period()
            .or(stat.and_then(aws_sdk_cloudwatch::types::MetricStat::period))
            .map(i64::from),
        ..common!(alarm, place)
    }
}

pub(super) fn composite(alarm: &CompositeAlarm, place: &Place<'_>) -> AlarmRef {
    common!(alarm, place)
}

pub(super) fn log(alarm: &LogAlarm, place: &Place<'_>) -> AlarmRef {
    AlarmRef {
        threshold: alarm.threshold(),
        comparison: alarm
            .comparison_operator()
            .map(|operator| operator.as_str().to_owned()),
        ..common!(alarm, place)
    }
}

fn state(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Alarm) => AlarmState::Alarm,
        Some(StateValue::Ok) => AlarmState::Ok,
        _ => AlarmState::InsufficientData,
    }
}

/// The age of a state is its last transition; older endpoints only know the last update.
fn since(transitioned: Option<&AwsTime>, updated: Option<&AwsTime>) -> Option<DateTime<Utc>> {
    let time = transitioned.or(updated)?;
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

/// The account in an ARN: `arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`.
fn account(arn: &str) -> String {
    arn.split(':').nth(4).unwrap_or_default().to_owned()
}
