//! Turns the SDK's alarms into ours, and does nothing else.

use std::sync::Arc;

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{CompositeAlarm, LogAlarm, MetricAlarm, StateValue};
use chrono::{DateTime, Utc};

use super::board::Seen;
use super::facts::{Facts, Kind};
use super::watched::Watched;
use crate::aws::Aws;
use crate::incident::{AlarmRef, AlarmState, DatapointsToAlarm};

/// Every alarm of an answer, of whatever type.
pub(super) fn all<'a>(
    answer: &'a DescribeAlarmsOutput,
    place: &'a Aws,
) -> impl Iterator<Item = Seen> + 'a {
    let metric = answer.metric_alarms().iter();
    let composite = answer.composite_alarms().iter();
    let log = answer.log_alarms().iter();
    metric
        .map(|alarm| self::metric(alarm, place))
        .chain(composite.map(|alarm| self::composite(alarm, place)))
        .chain(log.map(|alarm| self::log(alarm, place)))
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
            region: $place.region.clone(),
            profile: $place.profile.clone(),
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

fn metric(alarm: &MetricAlarm, place: &Aws) -> Seen {
    // An alarm on an expression has no metric of its own; the one it returns data for speaks.
    let inner = alarm.metrics().iter().find(|query| {
        let compared =
            query.return_data() != Some(false) && query.id() != alarm.threshold_metric_id();
        compared || alarm.metrics().len() == 1
    });
    let stat = inner.and_then(|query| query.metric_stat());
    let metric = stat.and_then(|stat| stat.metric());
    let dimensions = if alarm.dimensions().is_empty() {
        metric
            .map(aws_sdk_cloudwatch::types::Metric::dimensions)
            .unwrap_or_default()
    } else {
        alarm.dimensions()
    };
    let facts = Facts {
        actions_enabled: alarm.actions_enabled().unwrap_or(true),
        evaluation: alarm
            .evaluation_state()
            .map(|state| state.as_str().to_owned()),
        several: alarm.evaluation_criteria().is_some()
            || inner.is_some_and(|query| query.expression().is_some_and(is_query)),
        watched: Watched::of(alarm).map(Arc::new),
        unit: alarm.unit().map(|unit| unit.as_str().to_owned()),
        ..Facts::default()
    };
    let alarm = AlarmRef {
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
        metric_account: inner
            .and_then(|query| query.account_id())
            .map(str::to_owned),
        datapoints: alarm.evaluation_periods().map(|evaluated| {
            let to_alarm = alarm.datapoints_to_alarm().unwrap_or(evaluated);
            DatapointsToAlarm {
                to_alarm,
                evaluated,
            }
        }),
        period: alarm
            .period()
            .or(stat.and_then(aws_sdk_cloudwatch::types::MetricStat::period))
            .map(i64::from),
        ..common!(alarm, place)
    };
    Seen { alarm, facts }
}

/// A query of Metrics Insights, whose groups are alarms of their own.
fn is_query(expression: &str) -> bool {
    expression
        .trim_start()
        .get(..7)
        .is_some_and(|word| word.eq_ignore_ascii_case("select "))
}

fn composite(alarm: &CompositeAlarm, place: &Aws) -> Seen {
    Seen {
        alarm: common!(alarm, place),
        facts: Facts {
            kind: Kind::Composite,
            actions_enabled: alarm.actions_enabled().unwrap_or(true),
            rule: alarm.alarm_rule().map(str::to_owned),
            suppressor: alarm.actions_suppressor().map(str::to_owned),
            suppressed_by: alarm
                .actions_suppressed_by()
                .map(|by| by.as_str().to_owned()),
            ..Facts::default()
        },
    }
}

fn log(alarm: &LogAlarm, place: &Aws) -> Seen {
    Seen {
        alarm: AlarmRef {
            threshold: alarm.threshold(),
            comparison: alarm
                .comparison_operator()
                .map(|operator| operator.as_str().to_owned()),
            ..common!(alarm, place)
        },
        facts: Facts {
            kind: Kind::Log,
            actions_enabled: alarm.actions_enabled().unwrap_or(true),
            evaluation: alarm
                .evaluation_state()
                .map(|state| state.as_str().to_owned()),
            ..Facts::default()
        },
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
