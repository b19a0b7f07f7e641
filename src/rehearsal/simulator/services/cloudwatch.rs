//! CloudWatch: alarms, their history and tags, and metrics.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::expression::{self, Asked, Series};
use super::page;
use crate::incident::AlarmState;
use crate::rehearsal::scenario::{Alarm, AlarmRule, Metric};

/// A query may not ask for so many datapoints that listing them takes seconds.
const MOST_POINTS: i64 = 100_800;

/// Statistics with a name; the others are percentiles and trimmed forms.
const NAMED: [&str; 6] = ["Average", "Minimum", "Maximum", "Sum", "SampleCount", "IQM"];

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "DescribeAlarms" => describe_alarms(world, input),
        "DescribeAlarmHistory" => describe_alarm_history(world, input),
        "GetMetricData" => get_metric_data(world, input),
        "GetMetricStatistics" => get_metric_statistics(world, input),
        "ListMetrics" => list_metrics(world, input),
        "ListTagsForResource" => list_tags(world, input),
        "DescribeAlarmContributors" => contributors(world, input),
        "ListAlarmMuteRules" => list_mute_rules(world, input),
        "GetAlarmMuteRule" => get_mute_rule(world, input),
        _ => return None,
    })
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new("InvalidParameterValue", message)
}

fn arn(world: &World, alarm: &Alarm) -> String {
    format!(
        "arn:aws:cloudwatch:{}:{}:alarm:{}",
        world.scenario.region, world.scenario.account, alarm.name
    )
}

fn describe_alarms(world: &World, input: &Value) -> Result<Value, Failure> {
    let types = input.texts("AlarmTypes");
    // Without the types, metric alarms alone are returned.
    let wanted = |alarm: &Alarm| {
        let own = kind(alarm);
        if types.is_empty() {
            own == "MetricAlarm"
        } else {
            types.contains(&own)
        }
    };
    let names = input.texts("AlarmNames");
    let prefix = input.text("AlarmNamePrefix").unwrap_or_default();
    if !names.is_empty() && !prefix.is_empty() {
        return Err(invalid("AlarmNames and AlarmNamePrefix exclude each other"));
    }
    if let Some(state) = input
        .text("StateValue")
        .filter(|state| !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(state))
    {
        return Err(invalid(format!("StateValue cannot be {state}")));
    }
    if let Some(known) = ["ActionPrefix", "ChildrenOfAlarmName", "ParentsOfAlarmName"]
        .into_iter()
        .find(|key| input.text(key).is_some())
    {
        return Err(invalid(format!("the simulator does not filter by {known}")));
    }
    let size = match input.integer("MaxRecords") {
        None => 50,
        Some(size @ 1..=100) => usize::try_from(size).unwrap_or(50),
        Some(_) => return Err(invalid("MaxRecords must be from 1 to 100")),
    };
    let now = world.now();
    let all: Vec<&Alarm> = world
        .scenario
        .alarms
        .iter()
        .filter(|alarm| wanted(alarm))
        .filter(|alarm| names.is_empty() || names.contains(&alarm.name.as_str()))
        .filter(|alarm| alarm.name.starts_with(prefix))
        .filter(|alarm| {
            input
                .text("StateValue")
                .is_none_or(|state| state == world.state(alarm, now).name())
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), size)?;
    let list = |wanted: &str| {
        shown
            .iter()
            .filter(|alarm| kind(alarm) == wanted)
            .map(|alarm| describe(world, alarm, now))
            .collect::<Vec<_>>()
    };
    Ok(map! {
        "CompositeAlarms": list("CompositeAlarm"), "MetricAlarms": list("MetricAlarm"),
        "LogAlarms": list("LogAlarm"), "NextToken": next,
    })
}

/// The type of an alarm, as DescribeAlarms names it.
fn kind(alarm: &Alarm) -> &'static str {
    match alarm.rule {
        AlarmRule::Any(_) => "CompositeAlarm",
        _ if alarm.log => "LogAlarm",
        _ => "MetricAlarm",
    }
}

fn describe(world: &World, alarm: &Alarm, now: f64) -> Value {
    let since = world.real(world.since(alarm, now));
    let mut described = map! {
        "AlarmName": alarm.name.as_str(),
        "AlarmArn": arn(world, alarm),
        "AlarmDescription": alarm.description.as_str(),
        "ActionsEnabled": alarm.actions,
        "OKActions": Vec::<Value>::new(),
        "AlarmActions": Vec::<Value>::new(),
        "InsufficientDataActions": Vec::<Value>::new(),
        "StateValue": world.state(alarm, now).name(),
        "StateReason": world.reason(alarm, now),
        "StateUpdatedTimestamp": since,
        "StateTransitionedTimestamp": since,
        "AlarmConfigurationUpdatedTimestamp": world.real(-86_400.0 * 30.0),
    };
    let own = match &alarm.rule {
        AlarmRule::Metric {
            metric,
            statistic,
            threshold,
            above,
            period,
            periods,
        } => {
            let metric = &world.scenario.metrics[*metric];
            let own = (seconds(*period), *periods);
            on_metric(metric, statistic, (*threshold, *above), own, alarm)
        }
        AlarmRule::Any(names) => {
            let rule: Vec<String> = names
                .iter()
                .map(|name| format!("ALARM(\"{name}\")"))
                .collect();
            let suppressing = alarm.suppressor.as_ref().is_some_and(|name| {
                let other = world.scenario.alarms.iter().find(|one| one.name == *name);
                other.is_some_and(|other| world.state(other, now) == AlarmState::Alarm)
            });
            map! {
                "AlarmRule": rule.join(" OR "),
                "ActionsSuppressor": alarm.suppressor.clone(),
                "ActionsSuppressedBy": suppressing.then_some("Alarm"),
            }
        }
        AlarmRule::Synthetic {
            metric, threshold, ..
        } => {
            let metric = &world.scenario.metrics[*metric];
            on_metric(metric, "Average", (*threshold, true), (60, 3), alarm)
        }
        AlarmRule::Fixed { .. } if alarm.log => map! {
            "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing", "QueryResultsToEvaluate": 3, "QueryResultsToAlarm": 2,
            "EvaluationState": alarm.evaluation.clone(),
        },
        AlarmRule::Fixed { .. } => map! {
            "Namespace": "Rehearsal/Background", "MetricName": "Health", "Dimensions": Vec::<Value>::new(),
            "Statistic": "Average", "Threshold": 1.0, "Period": 60, "EvaluationPeriods": 1,
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationState": alarm.evaluation.clone(),
        },
    };
    if let (Value::Map(described), Value::Map(own)) = (&mut described, own) {
        described.extend(own);
    }
    described
}

/// What is said of an alarm on one metric.
fn on_metric(
    metric: &Metric,
    statistic: &str,
    (threshold, above): (f64, bool),
    (period, periods): (i64, i64),
    alarm: &Alarm,
) -> Value {
    map! {
        "Namespace": metric.namespace.as_str(),
        "MetricName": metric.name.as_str(),
        "Dimensions": dimensions(metric),
        "Statistic": statistic,
        "Threshold": threshold,
        "ComparisonOperator": if above { "GreaterThanOrEqualToThreshold" } else { "LessThanThreshold" },
        "Period": period,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": periods,
        "TreatMissingData": "missing",
        "EvaluationState": alarm.evaluation.clone(),
    }
}

fn seconds(period: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "periods are at most a day")]
    let seconds = period as i64;
    seconds
}

fn dimensions(metric: &Metric) -> Vec<Value> {
    metric
        .dimensions
        .iter()
        .map(|(name, value)| map! { "Name": name.as_str(), "Value": value.as_str() })
        .collect()
}

fn describe_alarm_history(world: &World, input: &Value) -> Result<Value, Failure> {
    let now = world.now();
    let mut items: Vec<(f64, Value)> = Vec::new();
    let named = |alarm: &&Alarm| {
        input
            .text("AlarmName")
            .is_none_or(|name| name == alarm.name)
    };
    let asked = |key| {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let millis = input.number(key).map(|at| (at * 1000.0) as i64);
        millis
            .and_then(DateTime::from_timestamp_millis)
            .map(|at| world.seconds(at))
    };
    let to = asked("EndDate").map_or(now, |end| end.min(now));
    // Nothing is known of the time before.
    let from = asked("StartDate").map_or(-3600.0, |start| start.max(-3600.0));
    for alarm in world.scenario.alarms.iter().filter(named) {
        let changes = world.changes(alarm, from, to);
        items.extend(changes.map(|(at, from, to)| (at, history(world, alarm, at, from, to))));
    }
    items.sort_by(|a, b| b.0.total_cmp(&a.0));
    let size = input
        .integer("MaxRecords")
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(100)
        .clamp(1, 100);
    let (shown, next) = page(items, input.text("NextToken"), size)?;
    let shown: Vec<Value> = shown.into_iter().map(|(_, item)| item).collect();
    Ok(map! { "AlarmHistoryItems": shown, "NextToken": next })
}

fn history(world: &World, alarm: &Alarm, at: f64, from: AlarmState, to: AlarmState) -> Value {
    map! {
        "AlarmName": alarm.name.as_str(),
        "AlarmType": if matches!(alarm.rule, AlarmRule::Any(_)) { "CompositeAlarm" } else { "MetricAlarm" },
        "Timestamp": world.real(at),
        "HistoryItemType": "StateUpdate",
        "HistorySummary": format!("Alarm updated from {} to {}", from.name(), to.name()),
        "HistoryData": format!("{{\"version\":\"1.0\",\"oldState\":{{\"stateValue\":\"{}\"}},\"newState\":{{\"stateValue\":\"{}\"}}}}", from.name(), to.name()),
    }
}

fn find<'a>(world: &'a World, asked: &Value) -> Option<&'a Metric> {
    let wanted: BTreeMap<&str, &str> = asked
        .list("Dimensions")
        .iter()
        .filter_map(|dimension| Some((dimension.text("Name")?, dimension.text("Value")?)))
        .collect();
    let named = world.metrics_named(asked.text("Namespace")?, asked.text("MetricName")?, &wanted);
    named.map(|place| &world.scenario.metrics[place])
}

/// Datapoints at whole periods, oldest first: real time and value.
fn datapoints(
    world: &World,
    metric: &Metric,
    statistic: &str,
    from: f64,
    to: f64,
    period: i64,
) -> Result<Vec<(DateTime<Utc>, f64)>, Failure> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let (from, to) = (from as i64, to as i64);
    if from >= to {
        return Err(invalid("StartTime must be before EndTime"));
    }
    if !NAMED.contains(&statistic) && !statistic.starts_with(['p', 't', 'w', 'P', 'T', 'W']) {
        return Err(invalid(format!("{statistic} is not a statistic")));
    }
    if ![1, 5, 10, 20, 30].contains(&period) && (period < 60 || period % 60 != 0) {
        return Err(invalid(
            "Period must be 1, 5, 10, 20, 30 or a multiple of 60",
        ));
    }
    if (to - from) / period > MOST_POINTS {
        return Err(invalid("too many datapoints were asked for"));
    }
    let first = from.div_euclid(period) * period;
    let now = Utc::now();
    Ok((0..=MOST_POINTS)
        .map(|index| first + index * period)
        .filter(|at| *at < to)
        .filter_map(|at| DateTime::from_timestamp(at, 0))
        .filter(|at| *at <= now)
        .map(|at| {
            // The period that is still running is read at this moment.
            let end = (at + chrono::Duration::seconds(period)).min(now);
            (
                at,
                statistic_of(
                    world,
                    metric,
                    statistic,
                    world.seconds(at),
                    world.seconds(end),
                    period,
                ),
            )
        })
        .collect())
}

/// The statistic of a period from a few readings in it.
fn statistic_of(
    world: &World,
    metric: &Metric,
    statistic: &str,
    from: f64,
    to: f64,
    period: i64,
) -> f64 {
    const READINGS: u32 = 5;
    let readings: Vec<f64> = (1..=READINGS)
        .map(|n| {
            world.value(
                metric,
                from + (to - from) * f64::from(n) / f64::from(READINGS),
            )
        })
        .collect();
    let average = readings.iter().sum::<f64>() / f64::from(READINGS);
    let value = match statistic {
        "Minimum" => readings.iter().copied().fold(f64::MAX, f64::min),
        "Maximum" => readings.iter().copied().fold(f64::MIN, f64::max),
        #[expect(clippy::cast_precision_loss, reason = "periods are at most a day")]
        "Sum" => average * (period as f64 / 60.0).max(1.0),
        "SampleCount" => f64::from(READINGS),
        // A percentile lies between the average and the maximum of so few readings.
        percentile if percentile.starts_with('p') => {
            readings.iter().copied().fold(f64::MIN, f64::max)
        }
        _ => average,
    };
    (value * 100.0).round() / 100.0
}

fn get_metric_data(world: &World, input: &Value) -> Result<Value, Failure> {
    let (Some(from), Some(to)) = (input.number("StartTime"), input.number("EndTime")) else {
        return Err(Failure::new(
            "MissingParameter",
            "StartTime and EndTime are required",
        ));
    };
    let queries = input.list("MetricDataQueries");
    if queries.is_empty() || queries.len() > 500 {
        return Err(invalid("MetricDataQueries must hold from 1 to 500 queries"));
    }
    let ascending = input.text("ScanBy") == Some("TimestampAscending");
    let most = input
        .integer("MaxDatapoints")
        .and_then(|most| usize::try_from(most).ok());
    let mut known: BTreeMap<String, Series> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    let mut results = Vec::new();
    let mut result = |id: &str, label: String, series: &Series| {
        let mut points: Vec<(i64, f64)> = series.iter().map(|(at, value)| (*at, *value)).collect();
        if !ascending {
            points.reverse();
        }
        points.truncate(most.unwrap_or(usize::MAX));
        let time = |at: i64| DateTime::from_timestamp(at, 0);
        let (times, values): (Vec<DateTime<Utc>>, Vec<f64>) = points
            .into_iter()
            .filter_map(|(at, value)| Some((time(at)?, value)))
            .unzip();
        results.push(map! {
            "Id": id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": "Complete",
        });
    };
    for query in queries {
        let id = query
            .text("Id")
            .ok_or_else(|| Failure::new("MissingParameter", "every query needs an Id"))?;
        if !id.starts_with(|c: char| c.is_ascii_lowercase())
            || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(invalid(format!(
                "{id:?} is not an Id: letters, digits and _, beginning with a lower-case letter"
            )));
        }
        if !ids.insert(id) {
            return Err(invalid(format!("two queries have the Id {id}")));
        }
        if query.text("Expression").is_some() {
            continue;
        }
        let stat = query.get("MetricStat");
        let metric = stat.get("Metric");
        let mut series = Series::new();
        let statistic = stat.text("Stat").unwrap_or("Average");
        let period = stat.integer("Period").unwrap_or(60);
        if let Some(found) = find(world, metric) {
            series = datapoints(world, found, statistic, from, to, period)?
                .into_iter()
                .map(|(at, value)| (at.timestamp(), value))
                .collect();
        }
        let name = metric.text("MetricName").unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "times in seconds")]
        let (first, end) = ((from as i64).div_euclid(period) * period, to as i64);
        // What is older than the last three periods does not change any more.
        let settled = Utc::now().timestamp().div_euclid(period) * period - 2 * period;
        let times = (0..1440)
            .map(|n| first + n * period)
            .take_while(|at| *at < end.min(settled));
        world.asked(
            &format!("{name} {statistic} {period} {:?}", dimensions_of(metric)),
            times,
        );
        if query.truth("ReturnData") != Some(false) {
            let label = query
                .text("Label")
                .or(metric.text("MetricName"))
                .unwrap_or(id);
            result(id, label.to_owned(), &series);
        }
        known.insert(id.to_owned(), series);
    }
    for query in queries {
        let (Some(id), Some(text)) = (query.text("Id"), query.text("Expression")) else {
            continue;
        };
        let label = || query.text("Label").unwrap_or(id).to_owned();
        match expression::read(text)? {
            Asked::Band { of, width } => {
                let series = known
                    .get(of)
                    .ok_or_else(|| invalid(format!("{of} is no Id")))?;
                let (lower, upper) = expression::band(series, width);
                result(id, format!("{} high", label()), &upper);
                result(id, format!("{} low", label()), &lower);
            }
            Asked::Search {
                query,
                statistic,
                period,
            } => {
                for metric in search(world, query)? {
                    let points = datapoints(world, metric, statistic, from, to, period)?;
                    let series = points
                        .into_iter()
                        .map(|(at, value)| (at.timestamp(), value))
                        .collect();
                    let values: Vec<&str> =
                        metric.dimensions.values().map(String::as_str).collect();
                    result(id, values.join(" "), &series);
                }
            }
            Asked::Math(text) => {
                let series = expression::compute(text, &known)?;
                result(id, label(), &series);
                known.insert(id.to_owned(), series);
            }
        }
    }
    Ok(map! { "MetricDataResults": results, "Messages": Vec::<Value>::new() })
}

fn dimensions_of(metric: &Value) -> Vec<(&str, &str)> {
    metric
        .list("Dimensions")
        .iter()
        .filter_map(|one| Some((one.text("Name")?, one.text("Value")?)))
        .collect()
}

/// `{Namespace,Dimension,…} MetricName="…" Name="Value" word`: the schema must fit exactly; the
/// other terms must all be found.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>
fn search<'a>(world: &'a World, query: &str) -> Result<Vec<&'a Metric>, Failure> {
    let wrong = || invalid(format!("the search {query:?} has no schema {{…}}"));
    let (schema, terms) = query
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .ok_or_else(wrong)?;
    let mut schema = schema.split(',').map(|part| part.trim().trim_matches('"'));
    let namespace = schema.next().unwrap_or_default();
    let names: std::collections::BTreeSet<&str> = schema.collect();
    let fits = |metric: &&Metric| {
        let own: std::collections::BTreeSet<&str> =
            metric.dimensions.keys().map(String::as_str).collect();
        metric.namespace == namespace
            && own == names
            && terms
                .split_whitespace()
                .all(|term| match term.split_once('=') {
                    Some(("MetricName", name)) => metric.name == name.trim_matches('"'),
                    Some((key, value)) => metric
                        .dimensions
                        .get(key)
                        .is_some_and(|own| own == value.trim_matches('"')),
                    None => {
                        let plain = term.trim_matches('"');
                        metric.name.contains(plain)
                            || metric
                                .dimensions
                                .values()
                                .any(|value| value.contains(plain))
                    }
                })
    };
    Ok(world.scenario.metrics.iter().filter(fits).collect())
}

fn get_metric_statistics(world: &World, input: &Value) -> Result<Value, Failure> {
    let (Some(from), Some(to)) = (input.number("StartTime"), input.number("EndTime")) else {
        return Err(Failure::new(
            "MissingParameter",
            "StartTime and EndTime are required",
        ));
    };
    let period = input.integer("Period").unwrap_or(60);
    let mut rows: Vec<Value> = Vec::new();
    if let Some(metric) = find(world, input) {
        let wanted = input.texts("Statistics");
        for (index, statistic) in wanted.iter().enumerate() {
            for (row, (at, value)) in datapoints(world, metric, statistic, from, to, period)?
                .into_iter()
                .enumerate()
            {
                if index == 0 {
                    rows.push(map! { "Timestamp": at, "Unit": "None" });
                }
                if let Some(Value::Map(entries)) = rows.get_mut(row) {
                    entries.push(((*statistic).to_owned(), Value::Float(value)));
                }
            }
        }
    }
    Ok(map! { "Label": input.text("MetricName").unwrap_or_default(), "Datapoints": rows })
}

fn list_metrics(world: &World, input: &Value) -> Result<Value, Failure> {
    let fits = |key: &str, value: &str| input.text(key).is_none_or(|wanted| wanted == value);
    let all: Vec<Value> = world
        .scenario
        .metrics
        .iter()
        .filter(|metric| fits("Namespace", &metric.namespace) && fits("MetricName", &metric.name))
        .map(|metric| {
            map! { "Namespace": metric.namespace.as_str(), "MetricName": metric.name.as_str(), "Dimensions": dimensions(metric) }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 500)?;
    Ok(map! { "Metrics": shown, "NextToken": next })
}

fn list_tags(world: &World, input: &Value) -> Result<Value, Failure> {
    let wanted = input.text("ResourceARN").unwrap_or_default();
    let alarm = world
        .scenario
        .alarms
        .iter()
        .find(|alarm| arn(world, alarm) == wanted);
    let alarm = alarm.ok_or_else(|| {
        Failure::new("ResourceNotFoundException", format!("there is no {wanted}"))
    })?;
    let tags: Vec<Value> = alarm
        .tags
        .iter()
        .map(|(key, value)| map! { "Key": key.as_str(), "Value": value.as_str() })
        .collect();
    Ok(map! { "Tags": tags })
}

fn contributors(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("AlarmName").unwrap_or_default();
    let alarm = world
        .scenario
        .alarms
        .iter()
        .find(|alarm| alarm.name == name);
    let alarm = alarm.ok_or_else(|| {
        Failure::new(
            "ResourceNotFoundException",
            format!("there is no alarm {name}"),
        )
    })?;
    let since = world.real(world.since(alarm, world.now()));
    let all: Vec<Value> = alarm
        .contributors
        .iter()
        .enumerate()
        .map(|(index, attributes)| {
            let attributes = attributes
                .iter()
                .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
                .collect();
            map! {
                "ContributorId": format!("contributor-{index}"),
                "ContributorAttributes": Value::Map(attributes),
                "StateReason": "Threshold Crossed", "StateTransitionedTimestamp": since,
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 100)?;
    Ok(map! { "AlarmContributors": shown, "NextToken": next })
}

fn list_mute_rules(world: &World, input: &Value) -> Result<Value, Failure> {
    let statuses = input.texts("Statuses");
    let all: Vec<Value> = world
        .scenario
        .mutes
        .iter()
        .filter(|mute| statuses.is_empty() || statuses.contains(&mute.status.as_str()))
        .filter(|mute| {
            input
                .text("AlarmName")
                .is_none_or(|name| mute.alarms.iter().any(|alarm| alarm == name))
        })
        .map(|mute| {
            map! {
                "AlarmMuteRuleArn": mute_arn(world, &mute.name), "Status": mute.status.as_str(), "MuteType": "ONE_TIME",
                "ExpireDate": world.real(3600.0), "LastUpdatedTimestamp": world.real(-3600.0),
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "AlarmMuteRuleSummaries": shown, "NextToken": next })
}

fn mute_arn(world: &World, name: &str) -> String {
    format!(
        "arn:aws:cloudwatch:{}:{}:alarm-mute-rule:{name}",
        world.scenario.region, world.scenario.account
    )
}

fn get_mute_rule(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("AlarmMuteRuleName").unwrap_or_default();
    let mute = world.scenario.mutes.iter().find(|mute| mute.name == name);
    let mute = mute.ok_or_else(|| {
        Failure::new(
            "ResourceNotFoundException",
            format!("there is no mute rule {name}"),
        )
    })?;
    Ok(map! {
        "Name": name, "AlarmMuteRuleArn": mute_arn(world, name), "Status": mute.status.as_str(),
        "Rule": map! { "Schedule": map! { "Expression": "at(2026-11-20T22:00)", "Duration": "PT8H" } },
        "MuteTargets": map! { "AlarmNames": mute.alarms.clone() }, "MuteType": "ONE_TIME",
        "LastUpdatedTimestamp": world.real(-3600.0),
    })
}
