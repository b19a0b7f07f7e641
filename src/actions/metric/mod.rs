//! `metric`: a metric, an expression over several, or all that a search finds, over a window,
//! through GetMetricData.

mod fetch;
mod summary;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Context, Span};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use fetch::{Line, Meaning, Window};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "metric",
    about: "a metric's statistics over a window: one metric, an expression over several, or all that a search finds (cloudwatch:GetMetricData)",
    keys: &[
        Key::optional(
            "namespace",
            KeyKind::Text,
            "the metric's namespace, such as AWS/EC2",
        ),
        Key::optional(
            "name",
            KeyKind::Text,
            "the metric's name, such as CPUUtilization",
        ),
        Key::optional("dimensions", KeyKind::TextMap, "the metric's dimensions"),
        Key::optional(
            "metrics",
            KeyKind::Json,
            "the metrics of an expression by id, { errors = { namespace = \"…\", name = \"…\", dimensions = {…}, statistic = \"Sum\" } }",
        ),
        Key::optional(
            "expression",
            KeyKind::Text,
            "metric math over the ids in `metrics`, such as \"100 * errors / requests\"",
        ),
        Key::optional(
            "search",
            KeyKind::Text,
            "a search expression, such as '{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"'; what it finds stands in `each`",
        ),
        Key::required("window", KeyKind::Duration, "how far to look back"),
        Key::optional(
            "period",
            KeyKind::Duration,
            "the length of one datapoint: 1s, 5s, 10s, 20s, 30s or whole minutes; 1m unless given",
        ),
        Key::optional(
            "statistics",
            KeyKind::TextList,
            "Average, Minimum, Maximum, Sum, SampleCount, a percentile such as p99 or another statistic of CloudWatch; Average and Maximum unless given",
        ),
        Key::optional(
            "threshold",
            KeyKind::Number,
            "the value for minutes_over, in the metric's unit",
        ),
        Key::optional(
            "missing",
            KeyKind::Number,
            "the value of a period without a datapoint, for a metric that AWS publishes only when there is something to count; without it, such a period has no value",
        ),
        Key::optional(
            "band",
            KeyKind::Number,
            "how many standard deviations wide the anomaly detection band is that the metric is held against",
        ),
        Key::optional(
            "baseline",
            KeyKind::Duration,
            "compare with the same time of day on the days before, so far back; whole days, at most 14",
        ),
    ],
    output: &[
        "value",
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
        "statistics",
        "each",
        "count",
        "highest",
        "lowest",
        "band",
        "minutes_outside",
        "baseline",
        "messages",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: |_| vec!["cloudwatch:GetMetricData".into()],
    check,
    instead: ActionKind::itself,
};

/// The statistics that CloudWatch knows by name; the others have a form.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
const NAMED: [&str; 6] = ["Average", "Minimum", "Maximum", "Sum", "SampleCount", "IQM"];

fn is_statistic(text: &str) -> bool {
    let share = |text: &str| {
        text.parse::<f64>()
            .is_ok_and(|percent| (0.0..=100.0).contains(&percent))
    };
    let short = ["tm", "wm", "tc", "ts", "p"]
        .iter()
        .any(|form| text.strip_prefix(form).is_some_and(share));
    let long = ["TM(", "WM(", "PR(", "TC(", "TS("]
        .iter()
        .filter_map(|form| text.strip_prefix(form)?.strip_suffix(')')?.split_once(':'))
        .any(|(from, to)| {
            let bound =
                |text: &str| text.is_empty() || text.trim_end_matches('%').parse::<f64>().is_ok();
            bound(from) && bound(to) && !(from.is_empty() && to.is_empty())
        });
    short || long || NAMED.contains(&text)
}

fn is_period(seconds: u64) -> bool {
    [1, 5, 10, 20, 30].contains(&seconds) || (seconds > 0 && seconds.is_multiple_of(60))
}

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    for statistic in parameters["statistics"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !is_statistic(statistic) && !statistic.contains("{{") {
            return Err((
                "statistics",
                format!(
                    "{statistic:?} is not a statistic; write one of {}, a percentile such as p99, or a form such as TM(10%:90%)",
                    NAMED.join(", ")
                ),
            ));
        }
    }
    let seconds = |key: &str| {
        let text = parameters[key].as_str()?;
        Some(humantime::parse_duration(text).ok()?.as_secs())
    };
    if seconds("period").is_some_and(|seconds| !is_period(seconds)) {
        return Err((
            "period",
            "a period is 1, 5, 10, 20 or 30 seconds, or whole minutes; write \"1m\" or more".into(),
        ));
    }
    if seconds("baseline").is_some_and(|seconds| {
        !seconds.is_multiple_of(86_400) || !(1..=14).contains(&(seconds / 86_400))
    }) {
        return Err((
            "baseline",
            "a baseline is a number of whole days, from \"1d\" to \"14d\"".into(),
        ));
    }
    let given = |key: &str| parameters.get(key).is_some();
    // CloudWatch keeps seconds for three hours, minutes for fifteen days, and five minutes for 63.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
    let back = seconds("window").unwrap_or(0) + seconds("baseline").unwrap_or(0);
    let kept = match seconds("period").unwrap_or(60) {
        ..60 => 3 * 3600,
        60..300 => 15 * 86_400,
        300..3600 => 63 * 86_400,
        _ => 455 * 86_400,
    };
    if back > kept {
        return Err((
            "period",
            "CloudWatch does not keep datapoints of this period for so long; write a longer one: \"1m\" up to 15 days, \"5m\" up to 63 days, \"1h\" beyond".into(),
        ));
    }
    if given("expression") && given("statistics") {
        return Err((
            "statistics",
            "an expression reads statistics of its `metrics`: write `statistic` there".into(),
        ));
    }
    let plain = given("namespace") || given("name") || given("dimensions");
    let wanted =
        usize::from(plain) + usize::from(given("expression")) + usize::from(given("search"));
    if wanted != 1 {
        return Err((
            "name",
            "say what to read: `namespace` and `name`, or `expression` with `metrics`, or `search`"
                .into(),
        ));
    }
    if plain && !(given("namespace") && given("name")) {
        return Err(("name", "a metric has a `namespace` and a `name`".into()));
    }
    if given("expression") != given("metrics") {
        return Err((
            "metrics",
            "`expression` reads the ids in `metrics`: give both".into(),
        ));
    }
    if given("search") && (given("band") || given("baseline")) {
        return Err((
            "search",
            "`band` and `baseline` hold one metric against what is usual; a search finds many"
                .into(),
        ));
    }
    let ids = parameters["metrics"].as_object();
    for (id, metric) in ids.into_iter().flatten() {
        let fits = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits {
            return Err((
                "metrics",
                format!("{id:?} is no id: letters, digits and _, a lower-case letter first"),
            ));
        }
        if let Err(error) = serde_json::from_value::<Part>(metric.clone()) {
            return Err(("metrics", format!("`{id}`: {error}")));
        }
    }
    Ok(())
}

/// One of the metrics of an expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    namespace: String,
    name: String,
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    #[serde(default = "average")]
    statistic: String,
}

fn average() -> String {
    "Average".into()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    namespace: Option<String>,
    name: Option<String>,
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    #[serde(default)]
    metrics: BTreeMap<String, Part>,
    expression: Option<String>,
    search: Option<String>,
    window: Span,
    period: Option<Span>,
    #[serde(default = "usual_statistics")]
    statistics: Vec<String>,
    threshold: Option<f64>,
    missing: Option<f64>,
    band: Option<f64>,
    baseline: Option<Span>,
}

fn usual_statistics() -> Vec<String> {
    vec![average(), "Maximum".into()]
}

impl Request {
    /// The statistics that are asked for.
    fn asked(&self) -> Vec<&str> {
        self.statistics.iter().map(String::as_str).collect()
    }

    /// Whether a statistic counts: then a period that is not over yet has counted a part only.
    fn counts(&self, statistic: &str) -> bool {
        let counts = |name: &str| matches!(name, "Sum" | "SampleCount");
        if self.expression.is_some() {
            self.metrics.values().any(|part| counts(&part.statistic))
        } else {
            counts(statistic)
        }
    }

    fn period(&self) -> i64 {
        let seconds = self.period.map_or(60, |period| period.0.as_secs());
        i64::try_from(seconds).unwrap_or(60).max(1)
    }
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = &context.aws().await?;
    let period = request.period();
    if !is_period(request.period.map_or(60, |period| period.0.as_secs())) {
        return Err(ActionError::failed(
            "a period is 1, 5, 10, 20 or 30 seconds, or whole minutes",
        ));
    }
    let now = aws.now().timestamp();
    let length = i64::try_from(request.window.0.as_secs()).unwrap_or(i64::MAX / 4);
    let window = Window {
        from: now.saturating_sub(length),
        to: now,
    };
    let window = match context.since {
        // A datapoint tells of the whole period that it begins.
        Some(since) => Window {
            from: whole(since, period).max(window.from).min(now),
            ..window
        },
        None => window,
    };
    let mut lines = if window.from < window.to {
        fetch::lines(aws, &request, window).await?
    } else {
        Vec::new()
    };
    if let Some(value) = request.missing {
        for line in &mut lines {
            fill(line, value, window, period);
        }
    }
    let series = lines.iter().filter(|line| line.meaning != Meaning::Band);
    if request.expression.is_some() && series.count() > 1 {
        return Err(ActionError::failed(
            "the expression gives several series; write one that gives one, such as MAX(…), or use `search`",
        ));
    }
    if request.search.is_some() {
        return Ok(summary::each(&request, &lines, period, now));
    }
    let mut output = summary::one(&request, &lines, period, now);
    if let Some(days) = request.baseline.map(|span| span.0.as_secs() / 86_400) {
        let earlier = (1..=i64::try_from(days).unwrap_or(1)).map(|day| {
            let back = day * 86_400;
            let window = Window {
                from: window.from - back,
                to: window.to - back,
            };
            let request = Request {
                band: None,
                ..request.clone()
            };
            async move { fetch::lines(aws, &request, window).await }
        });
        let earlier: Vec<Vec<Line>> = try_join_all(earlier).await?;
        output["baseline"] = summary::baseline(&request, &lines, &earlier);
    }
    Ok(output)
}

/// How long a datapoint may take until it is published, in seconds: a period that has just ended is
/// not missing yet.
const PUBLISHED: i64 = 120;

/// Gives the periods of a window without a datapoint a value.
fn fill(line: &mut Line, value: f64, window: Window, period: i64) {
    if line.meaning == Meaning::Band {
        return;
    }
    let known: std::collections::BTreeSet<i64> = line.points.iter().map(|(at, _)| *at).collect();
    let first = window.from + (period - window.from.rem_euclid(period)) % period;
    let newest = known.last().copied().unwrap_or(i64::MIN);
    let mut at = first;
    while at + period <= window.to {
        let missing = at < newest || at + period + PUBLISHED <= window.to;
        if missing && !known.contains(&at) {
            line.points.push((at, value));
            line.filled += 1;
        }
        at += period;
    }
    line.points.sort_by_key(|(at, _)| *at);
}

/// The first whole period that begins at a time or after it.
fn whole(since: chrono::DateTime<chrono::Utc>, period: i64) -> i64 {
    let part = i64::from(since.timestamp_subsec_nanos() > 0);
    let at = since.timestamp() + part;
    let over = at.rem_euclid(period);
    if over == 0 { at } else { at - over + period }
}

/// Why AWS says that some of it is missing.
fn messages(lines: &[Line]) -> Value {
    let mut all: Vec<&str> = lines
        .iter()
        .flat_map(|line| &line.messages)
        .map(String::as_str)
        .collect();
    all.sort_unstable();
    all.dedup();
    json!(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_and_periods_are_checked_when_the_playbook_loads() {
        let with = |key: &str, value: Value| {
            let mut parameters = json!({"namespace": "n", "name": "m", "window": "15m"});
            parameters[key] = value;
            check(&parameters)
        };
        for good in [
            "p99",
            "p99.9",
            "tm90",
            "Average",
            "TM(10%:90%)",
            "PR(:300)",
            "IQM",
        ] {
            assert!(with("statistics", json!([good])).is_ok(), "{good}");
        }
        for bad in ["Mean", "p", "p101", "average", "TM()", "PR(:)", "t90"] {
            assert!(with("statistics", json!([bad])).is_err(), "{bad}");
        }
        assert!(with("period", json!("90s")).is_err());
        assert!(with("period", json!("10s")).is_ok());
        assert!(with("baseline", json!("7d")).is_ok());
        for bad in ["36h", "15d", "10m"] {
            assert!(with("baseline", json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_gap_has_the_value_that_the_playbook_declares_once_it_is_old_enough() {
        let mut line = Line {
            meaning: Meaning::Statistic("Sum".into()),
            label: "m".into(),
            points: vec![(120, 3.0)],
            filled: 0,
            messages: Vec::new(),
        };
        let window = Window { from: 30, to: 540 };
        fill(&mut line, 0.0, window, 60);
        let at: Vec<i64> = line.points.iter().map(|(at, _)| *at).collect();
        // What ended less than two minutes ago may still be published.
        assert_eq!(at, [60, 120, 180, 240, 300, 360]);
        assert_eq!((line.filled, line.points[1].1), (5, 3.0));
    }

    #[test]
    fn a_period_that_began_before_does_not_count() {
        let since = |millis| chrono::DateTime::from_timestamp_millis(millis).unwrap();
        assert_eq!(whole(since(120_000), 60), 120);
        assert_eq!(whole(since(120_001), 60), 180);
        assert_eq!(whole(since(16_900), 1), 17);
    }

    #[test]
    fn exactly_one_thing_is_read() {
        let window = |mut parameters: Value| {
            parameters["window"] = "5m".into();
            check(&parameters)
        };
        let part = json!({"namespace": "n", "name": "m"});
        assert!(window(json!({"expression": "a/b", "metrics": {"a": part, "b": part}})).is_ok());
        assert!(
            window(json!({"search": "{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\""})).is_ok()
        );
        for bad in [
            json!({}),
            json!({"namespace": "n"}),
            json!({"expression": "a"}),
            json!({"expression": "a", "metrics": {"A": part}}),
            json!({"expression": "a", "metrics": {"a": {"name": "m"}}}),
            json!({"search": "{x}", "namespace": "n", "name": "m"}),
            json!({"search": "{x}", "band": 2}),
        ] {
            assert!(window(bad.clone()).is_err(), "{bad}");
        }
    }
}
