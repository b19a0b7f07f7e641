//! A metric as a chart: its threshold, the alarm's moments, and the changes on it.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::evidence::{Done, changes};
use crate::tui::model::{Model, Piece};
use crate::tui::text::number;
use crate::tui::theme::{Role, Theme};

/// The metric's datapoints: seconds since 1970, and values, the oldest first.
pub(super) fn points(piece: &Piece<'_>) -> Vec<(f64, f64)> {
    let series = piece.value["series"].as_array().into_iter().flatten();
    series
        .filter_map(|point| Some((point[0].as_f64()?, point[1].as_f64()?)))
        .filter(|(_, value)| value.is_finite())
        .collect()
}

fn threshold(piece: &Piece<'_>) -> Option<f64> {
    piece.value["threshold"].as_f64()
}

/// What happened while the metric was read: the alarms' changes, and what somebody did.
fn moments(model: &Model, from: f64, to: f64) -> Vec<Done> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    let mut all = snapshot.state.execution().map(changes).unwrap_or_default();
    let alarms = snapshot
        .state
        .incident
        .iter()
        .flat_map(|incident| &incident.alarms);
    all.extend(alarms.filter_map(|alarm| {
        let since = alarm.since?;
        Some(Done {
            at: since.timestamp(),
            text: format!(
                "{} {} {}",
                model.zone.minute(since),
                alarm.name,
                alarm.state.name()
            ),
        })
    }));
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    all.retain(|one| (from..=to).contains(&(one.at as f64)));
    all.sort_by_key(|one| one.at);
    all
}

fn time(seconds: f64) -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let seconds = seconds as i64;
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

fn cursor(model: &Model, points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let last = points.len().checked_sub(1)?;
    points
        .get(model.evidence.cursor.unwrap_or(last).min(last))
        .copied()
}

/// What the chart says in words: the value at the cursor, what is marked, and all values.
pub(super) fn said(model: &Model, piece: &Piece<'_>) -> Vec<String> {
    let points = points(piece);
    let (Some((at, value)), Some((from, _)), Some((to, _))) =
        (cursor(model, &points), points.first(), points.last())
    else {
        return Vec::new();
    };
    let over = threshold(piece).map(|threshold| format!(" · threshold {}", number(threshold)));
    let mut lines = vec![format!(
        "{} at {}{} · lowest {} · highest {}",
        number(value),
        model.zone.minute(time(at)),
        over.unwrap_or_default(),
        number(
            points
                .iter()
                .map(|(_, value)| *value)
                .fold(f64::MAX, f64::min)
        ),
        number(
            points
                .iter()
                .map(|(_, value)| *value)
                .fold(f64::MIN, f64::max)
        ),
    )];
    let marks = moments(model, *from, *to);
    lines.extend(marks.iter().map(|one| format!("◆ {}", one.text)));
    lines.push(format!("{} values, the latest first:", points.len()));
    let step = points.windows(2).map(|two| two[1].0 - two[0].0);
    let step = step.fold(f64::MAX, f64::min);
    let shown = |at: DateTime<Utc>| {
        if time(*from).date_naive() != time(*to).date_naive() {
            model.zone.date(at)
        } else if step < 60.0 {
            model.zone.second(at)
        } else {
            model.zone.minute(at)
        }
    };
    let read = points.iter().rev();
    lines.extend(read.map(|(at, value)| format!("{}  {}", shown(time(*at)), number(*value))));
    lines
}

pub(super) fn draw(
    model: &Model,
    piece: &Piece<'_>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let points = points(piece);
    let (Some((from, _)), Some((to, _)), Some((at, _))) =
        (points.first(), points.last(), cursor(model, &points))
    else {
        return;
    };
    let values = points
        .iter()
        .map(|(_, value)| *value)
        .chain(threshold(piece));
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let pad = ((high - low) * 0.05).max(f64::EPSILON.max(high.abs() * 0.01));
    let (low, high) = (low - pad, high + pad);
    let upright = |at: f64| [(at, low), (at, high)];
    let limit: Vec<(f64, f64)> = threshold(piece)
        .map(|value| vec![(*from, value), (*to, value)])
        .unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let marks: Vec<[(f64, f64); 2]> = moments(model, *from, *to)
        .iter()
        .map(|one| upright(one.at as f64))
        .collect();
    let here = upright(at);
    let tops: Vec<(f64, f64)> = marks.iter().map(|[_, top]| *top).collect();
    let drawn = |data, role| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(theme.style(role))
            .data(data)
    };
    let mut datasets = vec![drawn(&limit[..], Role::Threshold)];
    datasets.extend(marks.iter().map(|mark| drawn(&mark[..], Role::Late)));
    if model.evidence.cursor.is_some() {
        datasets.push(drawn(&here[..], Role::Key));
    }
    datasets.push(drawn(&points[..], Role::Chart));
    // The sign by which the text below names them: without colours a line is a line.
    let signs = drawn(&tops[..], Role::Late).marker(Marker::Custom('◆'));
    datasets.push(signs.graph_type(GraphType::Scatter));
    let label = |text: String| Span::styled(text, theme.style(Role::Dim));
    let middle = time(*from)
        + (time(*to) - time(*from))
            .checked_div(2)
            .unwrap_or(TimeDelta::zero());
    let times = [time(*from), middle, time(*to)].map(|at| Line::from(label(model.zone.minute(at))));
    let levels =
        [low, f64::midpoint(low, high), high].map(|value| Line::from(label(number(value))));
    let chart = Chart::new(datasets)
        .style(theme.style(Role::Text))
        .x_axis(
            Axis::default()
                .style(theme.style(Role::Border))
                .bounds([*from, *to])
                .labels(times),
        )
        .y_axis(
            Axis::default()
                .style(theme.style(Role::Border))
                .bounds([low, high])
                .labels(levels),
        );
    frame.render_widget(chart, area);
}
