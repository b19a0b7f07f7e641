//! `metric`: one metric's statistics over a window, through GetMetricData.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Context, Span, began};
use crate::aws::describe;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "metric",
    about: "one metric's statistics over a window (cloudwatch:GetMetricData)",
    keys: &[
        Key::required(
            "namespace",
            KeyKind::Text,
            "the metric's namespace, such as AWS/EC2",
        ),
        Key::required(
            "name",
            KeyKind::Text,
            "the metric's name, such as CPUUtilization",
        ),
        Key::optional("dimensions", KeyKind::TextMap, "the metric's dimensions"),
        Key::required("window", KeyKind::Duration, "how far to look back"),
        Key::optional(
            "period",
            KeyKind::Duration,
            "the length of one datapoint, whole minutes; 1m unless given",
        ),
        Key::optional(
            "statistics",
            KeyKind::TextList,
            "Average, Minimum, Maximum, Sum, SampleCount or a percentile; Average and Maximum unless given",
        ),
        Key::optional(
            "threshold",
            KeyKind::Number,
            "the value for minutes_over, in the metric's unit",
        ),
    ],
    output: &[
        "last",
        "minimum",
        "maximum",
        "average",
        "sum",
        "trend",
        "minutes_over",
        "datapoints",
        "age",
        "series",
        "threshold",
    ],
    prefetched: true,
    mutating: ActionKind::never,
    check,
};

/// The statistics that GetMetricData knows by name; percentiles and the like have their own form.
const NAMED: [&str; 6] = ["Average", "Minimum", "Maximum", "Sum", "SampleCount", "IQM"];

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    for statistic in parameters["statistics"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let percentile = statistic
            .trim_start_matches(|c: char| c.is_ascii_lowercase())
            .parse::<f64>()
            .is_ok_and(|percent| (0.0..=100.0).contains(&percent));
        let form = statistic.starts_with(['p', 't', 'w']) && percentile;
        if !form && !NAMED.contains(&statistic) && !statistic.contains("{{") {
            return Err((
                "statistics",
                format!(
                    "{statistic:?} is not a statistic; write one of {} or a percentile such as p99",
                    NAMED.join(", ")
                ),
            ));
        }
    }
    if let Some(period) = parameters["period"]
        .as_str()
        .and_then(|text| humantime::parse_duration(text).ok())
        && (period.as_secs() == 0 || period.as_secs() % 60 != 0)
    {
        return Err((
            "period",
            "a period is a whole number of minutes; write \"1m\" or more".into(),
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    namespace: String,
    name: String,
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    window: Span,
    period: Option<Span>,
    #[serde(default = "default_statistics")]
    statistics: Vec<String>,
    threshold: Option<f64>,
}

fn default_statistics() -> Vec<String> {
    vec!["Average".into(), "Maximum".into()]
}

/// Datapoints in time order.
type Series = Vec<(i64, f64)>;

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = context.aws()?;
    let period = request.period.map_or(60, |period| {
        i32::try_from(period.0.as_secs()).unwrap_or(60).max(60)
    });
    let now = aws.now();
    let queries: Vec<MetricDataQuery> = request
        .statistics
        .iter()
        .enumerate()
        .map(|(index, statistic)| query(&request, index, statistic, period))
        .collect();
    let mut series: Vec<Series> = vec![Series::new(); queries.len()];
    let mut token = None;
    loop {
        let page = aws
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(AwsTime::from_secs(began(now, request.window).timestamp()))
            .end_time(AwsTime::from_secs(now.timestamp()))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudwatch:GetMetricData", &error))?;
        for result in page.metric_data_results() {
            let index: Option<usize> = result
                .id()
                .and_then(|id| id.strip_prefix('m')?.parse().ok());
            let Some(points) = index.and_then(|index| series.get_mut(index)) else {
                continue;
            };
            points.extend(
                result
                    .timestamps()
                    .iter()
                    .map(AwsTime::secs)
                    .zip(result.values().iter().copied()),
            );
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    for points in &mut series {
        points.sort_by_key(|(at, _)| *at);
    }
    Ok(summarise(&request, &series, period, now.timestamp()))
}

fn query(request: &Request, index: usize, statistic: &str, period: i32) -> MetricDataQuery {
    let dimensions = request
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    let metric = Metric::builder()
        .namespace(&request.namespace)
        .metric_name(&request.name)
        .set_dimensions(Some(dimensions))
        .build();
    MetricDataQuery::builder()
        .id(format!("m{index}"))
        .metric_stat(
            MetricStat::builder()
                .metric(metric)
                .period(period)
                .stat(statistic)
                .build(),
        )
        .build()
}

/// Without datapoints there is no maximum: the field is left out, and expressions that read it
/// are unknown rather than zero.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of datapoints are far below 2^52"
)]
fn summarise(request: &Request, series: &[Series], period: i32, now: i64) -> Value {
    let of = |name: &str| {
        request
            .statistics
            .iter()
            .position(|statistic| statistic == name)
            .and_then(|index| series.get(index))
    };
    let empty = Series::new();
    let main = of("Average").or(series.first()).unwrap_or(&empty);
    let values = |points: &Series| points.iter().map(|(_, value)| *value).collect::<Vec<f64>>();
    let mut output = serde_json::Map::new();
    output.insert("datapoints".into(), main.len().into());
    output.insert(
        "series".into(),
        main.iter().map(|(at, value)| json!([at, value])).collect(),
    );
    if let Some(threshold) = request.threshold {
        output.insert("threshold".into(), threshold.into());
        output.insert(
            "minutes_over".into(),
            minutes_over(main, threshold, period).into(),
        );
    }
    let Some((last_at, last)) = main.last() else {
        return output.into();
    };
    let averages = values(main);
    let average = averages.iter().sum::<f64>() / averages.len() as f64;
    let highest = values(of("Maximum").unwrap_or(main))
        .into_iter()
        .fold(f64::MIN, f64::max);
    let lowest = values(of("Minimum").unwrap_or(main))
        .into_iter()
        .fold(f64::MAX, f64::min);
    output.insert("last".into(), (*last).into());
    output.insert("maximum".into(), highest.into());
    output.insert("minimum".into(), lowest.into());
    output.insert("average".into(), average.into());
    if let Some(sums) = of("Sum") {
        output.insert("sum".into(), values(sums).into_iter().sum::<f64>().into());
    }
    output.insert("trend".into(), trend(&averages).into());
    output.insert("age".into(), (now - last_at).max(0).into());
    output.into()
}

/// The longest unbroken time at or above a threshold, in minutes. A datapoint stands for the time
/// to the next one, which is longer than the period where the metric reports less often.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of a window are far below 2^52"
)]
fn minutes_over(points: &Series, threshold: f64, period: i32) -> f64 {
    let spacing = points
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .min()
        .unwrap_or(0)
        .max(period.into());
    let (mut longest, mut run) = (0_i64, 0_i64);
    for (_, value) in points {
        run = if *value >= threshold {
            run + spacing
        } else {
            0
        };
        longest = longest.max(run);
    }
    longest as f64 / 60.0
}

/// Compares the last third with the first; a tenth of the spread's size counts as a change.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of datapoints are far below 2^52"
)]
fn trend(values: &[f64]) -> &'static str {
    let third = values.len() / 3;
    if third == 0 {
        return "unknown";
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (before, after) = (
        mean(&values[..third]),
        mean(&values[values.len() - third..]),
    );
    let margin = before.abs().max(after.abs()) * 0.1;
    if after > before + margin {
        "rising"
    } else if after < before - margin {
        "falling"
    } else {
        "steady"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(statistics: &[&str]) -> Request {
        serde_json::from_value(json!({"namespace": "n", "name": "m", "window": "15m", "threshold": 90, "statistics": statistics})).unwrap()
    }

    #[test]
    fn maximum_comes_from_its_own_statistic() {
        let series = vec![
            vec![(0, 91.0), (60, 89.0), (120, 95.0)],
            vec![(0, 99.0), (60, 97.0), (120, 98.5)],
        ];
        let output = summarise(&request(&["Average", "Maximum"]), &series, 60, 150);
        assert_eq!(output["maximum"], 99.0);
        assert_eq!(output["minutes_over"], 1.0);
        assert_eq!(
            (&output["last"], &output["age"], &output["datapoints"]),
            (&json!(95.0), &json!(30), &json!(3))
        );
    }

    #[test]
    fn minutes_over_a_threshold_are_unbroken_and_as_long_as_the_metric_reports() {
        let sparse = vec![(0, 95.0), (300, 96.0), (600, 97.0)];
        assert!((minutes_over(&sparse, 90.0, 60) - 15.0).abs() < 1e-9);
        let broken = vec![(0, 95.0), (60, 96.0), (120, 10.0), (180, 97.0)];
        assert!((minutes_over(&broken, 90.0, 60) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn without_datapoints_there_is_no_value() {
        let output = summarise(&request(&["Average"]), &[vec![]], 60, 0);
        assert_eq!(output["datapoints"], 0);
        assert!(output.get("maximum").is_none() && output.get("last").is_none());
    }

    #[test]
    fn statistics_and_periods_are_checked_when_the_playbook_loads() {
        for good in ["p99", "p99.9", "tm90", "Average"] {
            assert!(check(&json!({"statistics": [good]})).is_ok(), "{good}");
        }
        for bad in ["Mean", "p", "p101", "average"] {
            assert!(check(&json!({"statistics": [bad]})).is_err(), "{bad}");
        }
        assert!(check(&json!({"period": "90s"})).is_err());
    }

    #[test]
    fn a_trend_needs_a_tenth() {
        assert_eq!(trend(&[10.0, 10.0, 10.5]), "steady");
        assert_eq!(trend(&[10.0, 15.0, 20.0]), "rising");
        assert_eq!(trend(&[20.0, 15.0, 10.0]), "falling");
        assert_eq!(trend(&[20.0]), "unknown");
    }
}
