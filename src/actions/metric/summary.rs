//! What a time series says, in numbers that expressions can read.
//!
//! Without datapoints there is no maximum: such a field is left out, and expressions that read it
//! are unknown rather than zero.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts of datapoints and seconds of a window are far below 2^52"
)]

use serde_json::{Map, Value, json};

use super::fetch::{Line, Meaning};
use super::{Request, messages};

/// Datapoints in time order.
type Points = [(i64, f64)];

/// Sums one metric, or one expression, up.
pub(super) fn one(request: &Request, lines: &[Line], period: i64, now: i64) -> Value {
    let statistics = statistics(lines);
    let mut output = fields(request, &statistics, period, now);
    let by_statistic: Map<String, Value> = statistics
        .iter()
        .filter(|(_, points)| !points.is_empty())
        .map(|(name, points)| (name.clone(), brief(points)))
        .collect();
    output.insert("statistics".into(), by_statistic.into());
    // A value that the playbook declares for a gap is no datapoint.
    let filled = lines.iter().map(|line| line.filled).min().unwrap_or(0);
    let datapoints = output["datapoints"].as_u64().unwrap_or(0);
    let read = datapoints.saturating_sub(filled as u64);
    output.insert("datapoints".into(), read.into());
    if request.band.is_some() {
        band(&mut output, lines, main(request, &statistics), period);
    }
    let said = messages(lines);
    if said != json!([]) {
        output.insert("messages".into(), said);
    }
    output.into()
}

/// Sums every metric up that a search found, by CloudWatch's label for it.
pub(super) fn each(request: &Request, lines: &[Line], period: i64, now: i64) -> Value {
    let mut labels: Vec<&str> = lines.iter().map(|line| line.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut all: Vec<(String, Map<String, Value>)> = Vec::new();
    for label in labels {
        let own: Vec<Line> = lines
            .iter()
            .filter(|line| line.label == label)
            .cloned()
            .collect();
        let mut fields = fields(request, &statistics(&own), period, now);
        fields.remove("threshold");
        all.push((label.to_owned(), fields));
    }
    let number = |fields: &Map<String, Value>, key: &str| fields.get(key).and_then(Value::as_f64);
    let best = |key: &str, better: fn(f64, f64) -> bool| {
        all.iter()
            .filter_map(|(label, fields)| Some((label, number(fields, key)?)))
            .reduce(|best, next| if better(next.1, best.1) { next } else { best })
    };
    let mut output = json!({
        "count": all.len(),
        "datapoints": all.iter().filter_map(|(_, f)| f["datapoints"].as_u64()).sum::<u64>(),
    });
    // Where their own statistics were not asked for, what was asked for says who is where.
    let highest = best("maximum", |new, old| new > old);
    if let Some((_, maximum)) = highest {
        output["maximum"] = maximum.into();
    }
    if let Some((label, _)) = highest.or_else(|| best("value", |new, old| new > old)) {
        output["highest"] = label.as_str().into();
    }
    let lowest = best("minimum", |new, old| new < old);
    if let Some((_, minimum)) = lowest {
        output["minimum"] = minimum.into();
    }
    if let Some((label, _)) = lowest.or_else(|| best("value", |new, old| new < old)) {
        output["lowest"] = label.as_str().into();
    }
    let means: Vec<f64> = all
        .iter()
        .filter_map(|(_, fields)| number(fields, "average"))
        .collect();
    if !means.is_empty() {
        output["average"] = mean(&means).into();
    }
    if let Some(age) = all.iter().filter_map(|(_, f)| f.get("age")?.as_i64()).min() {
        output["age"] = age.into();
    }
    if let Some(threshold) = request.threshold {
        output["threshold"] = threshold.into();
        // Where no series has a datapoint, nobody knows for how long.
        let longest = all
            .iter()
            .filter_map(|(_, fields)| number(fields, "minutes_over"))
            .reduce(f64::max);
        if let Some(longest) = longest {
            output["minutes_over"] = longest.into();
        }
    }
    let said = messages(lines);
    if said != json!([]) {
        output["messages"] = said;
    }
    output["each"] = all
        .into_iter()
        .map(|(label, fields)| (label, fields.into()))
        .collect::<Map<_, _>>()
        .into();
    output
}

/// Holds the window against the same time of earlier days.
pub(super) fn baseline(request: &Request, lines: &[Line], earlier: &[Vec<Line>]) -> Value {
    let average = |lines: &[Line]| {
        let statistics = statistics(lines);
        let values = values(main(request, &statistics));
        (!values.is_empty()).then(|| mean(&values))
    };
    let days: Vec<f64> = earlier.iter().filter_map(|day| average(day)).collect();
    let mut output = json!({"days": days.len(), "averages": days});
    if days.is_empty() {
        return output;
    }
    let usual = mean(&days);
    output["average"] = usual.into();
    output["minimum"] = days.iter().copied().fold(f64::MAX, f64::min).into();
    output["maximum"] = days.iter().copied().fold(f64::MIN, f64::max).into();
    if let Some(now) = average(lines) {
        output["difference"] = (now - usual).into();
        if usual.abs() > f64::EPSILON {
            output["ratio"] = (now / usual).into();
        }
        let variance =
            days.iter().map(|day| (day - usual).powi(2)).sum::<f64>() / days.len() as f64;
        if days.len() > 1 && variance > f64::EPSILON {
            output["deviations"] = ((now - usual) / variance.sqrt()).into();
        }
    }
    output
}

/// The lines that are statistics, by name, in the order asked for.
fn statistics(lines: &[Line]) -> Vec<(String, Vec<(i64, f64)>)> {
    lines
        .iter()
        .filter_map(|line| match &line.meaning {
            Meaning::Statistic(name) => Some((name.clone(), line.points.clone())),
            Meaning::Band => None,
        })
        .collect()
}

/// The line that speaks for the metric: its average, or else the first that was asked for.
fn main<'a>(request: &Request, statistics: &'a [(String, Vec<(i64, f64)>)]) -> &'a Points {
    let wanted = request.statistics.iter().find(|name| *name == "Average");
    let wanted = wanted.or(request.statistics.first());
    statistics
        .iter()
        .find(|(name, _)| Some(name) == wanted)
        .or(statistics.first())
        .map_or(&[], |(_, points)| points)
}

fn fields(
    request: &Request,
    statistics: &[(String, Vec<(i64, f64)>)],
    period: i64,
    now: i64,
) -> Map<String, Value> {
    let of = |name: &str| {
        statistics
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, points)| points.as_slice())
    };
    let points = main(request, statistics);
    let mut output = Map::new();
    output.insert("datapoints".into(), points.len().into());
    output.insert(
        "series".into(),
        points
            .iter()
            .map(|(at, value)| json!([at, value]))
            .collect(),
    );
    if let Some(threshold) = request.threshold {
        output.insert("threshold".into(), threshold.into());
    }
    let Some((last_at, last)) = points.last() else {
        return output;
    };
    if let Some(threshold) = request.threshold {
        let over = minutes(points, period, |_, value| value >= threshold);
        output.insert("minutes_over".into(), over.into());
    }
    output.insert("last".into(), (*last).into());
    // Of the statistic that the step shows. CloudWatch's own are in `statistics`.
    let shown = values(points);
    let (lowest, highest) = shown
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    output.insert("maximum".into(), highest.into());
    output.insert("minimum".into(), lowest.into());
    output.insert("average".into(), mean(&shown).into());
    if let Some(sums) = of("Sum") {
        output.insert("sum".into(), values(sums).into_iter().sum::<f64>().into());
    }
    if let Some((name, points)) = statistics.first() {
        output.insert("value".into(), whole(name, points).into());
    }
    output.insert("trend".into(), trend(&values(points)).into());
    output.insert("age".into(), (now - last_at).max(0).into());
    output
}

/// A statistic of the whole window: the sum of sums, the highest of maxima and percentiles, the
/// lowest of minima, the mean of everything else.
fn whole(statistic: &str, points: &Points) -> f64 {
    let values = values(points);
    match statistic {
        "Sum" | "SampleCount" => values.iter().sum(),
        "Minimum" => values.into_iter().fold(f64::MAX, f64::min),
        "Maximum" => values.into_iter().fold(f64::MIN, f64::max),
        percentile if percentile.starts_with('p') => values.into_iter().fold(f64::MIN, f64::max),
        _ => mean(&values),
    }
}

fn brief(points: &Points) -> Value {
    let all = values(points);
    json!({
        "last": all.last(), "average": mean(&all),
        "minimum": all.iter().copied().fold(f64::MAX, f64::min),
        "maximum": all.iter().copied().fold(f64::MIN, f64::max),
        "datapoints": all.len(),
    })
}

/// Adds the band and how long the metric has been outside of it.
fn band(output: &mut Map<String, Value>, lines: &[Line], points: &Points, period: i64) {
    let edges: Vec<&Line> = lines
        .iter()
        .filter(|line| line.meaning == Meaning::Band)
        .collect();
    let [one, other] = edges.as_slice() else {
        return;
    };
    let at = |line: &Line, time: i64| {
        let found = line.points.binary_search_by_key(&time, |(at, _)| *at);
        found.ok().map(|index| line.points[index].1)
    };
    let bounds = |time: i64| {
        let (a, b) = (at(one, time)?, at(other, time)?);
        Some((a.min(b), a.max(b)))
    };
    let outside = minutes(points, period, |time, value| {
        bounds(time).is_some_and(|(lower, upper)| value < lower || value > upper)
    });
    output.insert("minutes_outside".into(), outside.into());
    if let Some((last_at, value)) = points.last()
        && let Some((lower, upper)) = bounds(*last_at)
    {
        let outside = *value < lower || *value > upper;
        output.insert(
            "band".into(),
            json!({"lower": lower, "upper": upper, "outside": outside}),
        );
    }
}

fn values(points: &Points) -> Vec<f64> {
    points.iter().map(|(_, value)| *value).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The longest unbroken time in which something holds, in minutes. A datapoint stands for the time
/// to the next one, which is longer than the period where the metric reports less often.
fn minutes(points: &Points, period: i64, holds: impl Fn(i64, f64) -> bool) -> f64 {
    let spacing = points
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .min()
        .unwrap_or(0)
        .max(period);
    let (mut longest, mut run) = (0_i64, 0_i64);
    for (at, value) in points {
        run = if holds(*at, *value) { run + spacing } else { 0 };
        longest = longest.max(run);
    }
    longest as f64 / 60.0
}

/// Compares the last third with the first; a tenth of the larger one's size counts as a change.
fn trend(values: &[f64]) -> &'static str {
    let third = values.len() / 3;
    if third == 0 {
        return "unknown";
    }
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

    fn line(statistic: &str, label: &str, points: &[(i64, f64)]) -> Line {
        Line {
            meaning: Meaning::Statistic(statistic.into()),
            label: label.into(),
            points: points.to_vec(),
            filled: 0,
            messages: Vec::new(),
        }
    }

    #[test]
    fn the_maximum_is_the_largest_value_of_the_statistic_that_is_shown() {
        let lines = [
            line("Average", "m", &[(0, 91.0), (60, 89.0), (120, 95.0)]),
            line("Maximum", "m", &[(0, 99.0), (60, 97.0), (120, 98.5)]),
        ];
        let output = one(&request(&["Average", "Maximum"]), &lines, 60, 150);
        assert_eq!(output["maximum"], 95.0);
        assert_eq!(output["statistics"]["Maximum"]["maximum"], 99.0);
        let sums = one(
            &request(&["Sum"]),
            &[line("Sum", "m", &[(0, 4.0), (60, 7.0)])],
            60,
            150,
        );
        assert_eq!(
            (&sums["maximum"], &sums["sum"]),
            (&json!(7.0), &json!(11.0))
        );
        assert_eq!(output["minutes_over"], 1.0);
        assert_eq!(output["statistics"]["Maximum"]["last"], 98.5);
        assert_eq!(
            (&output["last"], &output["age"], &output["datapoints"]),
            (&json!(95.0), &json!(30), &json!(3))
        );
    }

    #[test]
    fn the_value_is_the_first_statistic_of_the_whole_window() {
        let points = [(0, 1.0), (60, 4.0), (120, 1.0)];
        for (statistic, value) in [
            ("Sum", 6.0),
            ("Minimum", 1.0),
            ("p99", 4.0),
            ("Average", 2.0),
        ] {
            let output = one(
                &request(&[statistic]),
                &[line(statistic, "m", &points)],
                60,
                150,
            );
            assert_eq!(output["value"], value, "{statistic}");
        }
    }

    #[test]
    fn minutes_are_unbroken_and_as_long_as_the_metric_reports() {
        let over = |points: &Points| minutes(points, 60, |_, value| value >= 90.0);
        let sparse = [(0, 95.0), (300, 96.0), (600, 97.0)];
        assert!((over(&sparse) - 15.0).abs() < 1e-9);
        let broken = [(0, 95.0), (60, 96.0), (120, 10.0), (180, 97.0)];
        assert!((over(&broken) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn without_datapoints_there_is_no_value() {
        let output = one(&request(&["Average"]), &[line("Average", "m", &[])], 60, 0);
        assert_eq!(output["datapoints"], 0);
        assert!(output.get("maximum").is_none() && output.get("value").is_none());
    }

    #[test]
    fn what_a_search_finds_is_summed_up_one_by_one() {
        let lines = [
            line("Average", "i-a", &[(0, 10.0), (60, 20.0)]),
            line("Average", "i-b", &[(0, 90.0), (60, 95.0)]),
        ];
        let output = each(&request(&["Average"]), &lines, 60, 60);
        assert_eq!(
            (&output["count"], &output["highest"]),
            (&json!(2), &json!("i-b"))
        );
        assert_eq!(
            (&output["lowest"], &output["maximum"]),
            (&json!("i-a"), &json!(95.0)),
        );
        assert_eq!(output["each"]["i-b"]["minutes_over"], 2.0);
        assert_eq!(output["minutes_over"], 2.0);
    }

    #[test]
    fn a_baseline_is_the_mean_of_the_days_that_have_data() {
        let day = |value: f64| vec![line("Average", "m", &[(0, value)])];
        let now = day(30.0);
        let average = request(&["Average"]);
        let output = baseline(
            &average,
            &now,
            &[day(10.0), vec![line("Average", "m", &[])], day(20.0)],
        );
        assert_eq!(
            (&output["days"], &output["average"]),
            (&json!(2), &json!(15.0))
        );
        assert_eq!(
            (&output["ratio"], &output["deviations"]),
            (&json!(2.0), &json!(3.0))
        );
        assert!(baseline(&average, &now, &[]).get("average").is_none());
    }

    #[test]
    fn a_band_says_how_long_the_metric_was_outside() {
        let edge = |points: &[(i64, f64)]| Line {
            meaning: Meaning::Band,
            ..line("", "band", points)
        };
        let lines = [
            line("Average", "m", &[(0, 5.0), (60, 50.0), (120, 60.0)]),
            edge(&[(0, 10.0), (60, 10.0), (120, 10.0)]),
            edge(&[(0, 0.0), (60, 0.0), (120, 0.0)]),
        ];
        let mut wanted = request(&["Average"]);
        wanted.band = Some(2.0);
        let output = one(&wanted, &lines, 60, 130);
        assert_eq!(output["minutes_outside"], 2.0);
        assert_eq!(
            output["band"],
            json!({"lower": 0.0, "upper": 10.0, "outside": true})
        );
    }

    #[test]
    fn a_trend_needs_a_tenth() {
        assert_eq!(trend(&[10.0, 10.0, 10.5]), "steady");
        assert_eq!(trend(&[10.0, 15.0, 20.0]), "rising");
        assert_eq!(trend(&[20.0, 15.0, 10.0]), "falling");
        assert_eq!(trend(&[20.0]), "unknown");
    }
}
