//! The selected alarm, in detail.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::board::DETAIL_WIDTH;
use super::{padded, put, rule};
use crate::alarms::{Row, children};
use crate::incident::AlarmState;
use crate::tui::model::{Model, state_words};
use crate::tui::text::{age, column, counted, exact, number, wrap};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw_detail(
    model: &Model,
    (row, title): (&Row, &str),
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let area = if area.width >= DETAIL_WIDTH * 2 {
        area
    } else {
        padded(area)
    };
    let width = usize::from(area.width);
    let mut lines = vec![rule(title, width, theme)];
    for (label, text) in said(model, row) {
        let indent = 11;
        for (index, part) in wrap(&text, width.saturating_sub(indent))
            .into_iter()
            .take(4)
            .enumerate()
        {
            let label = if index == 0 {
                column(label, indent)
            } else {
                " ".repeat(indent)
            };
            lines.push(Line::from(vec![
                Span::styled(label, theme.style(Role::Dim)),
                Span::styled(part, theme.style(Role::Text)),
            ]));
        }
    }
    lines.truncate(area.height.into());
    put(lines, frame, area);
}

/// What there is to say of an alarm, the most useful first.
pub(in crate::tui) fn said(model: &Model, row: &Row) -> Vec<(&'static str, String)> {
    let alarm = &row.alarm;
    let mut all: Vec<(&'static str, String)> = Vec::new();
    let answering = model.answering(alarm);
    let names: Vec<&str> = answering
        .iter()
        .map(|entry| entry.playbook.name.as_str())
        .collect();
    all.push((
        " playbook",
        match answering.first() {
            None => "none answers this alarm; Enter chooses one".into(),
            Some(best) => format!(
                "{} · business impact {}",
                names.join(", "),
                best.playbook.impact
            ),
        },
    ));
    if let Some(one) = model.board.acknowledgement(alarm, model.now) {
        let until = model.zone.minute(one.until);
        all.push((
            " looked at",
            format!("by {} until {until}: {}", one.by, one.note),
        ));
    }
    all.push((" about", alarm.description.clone()));
    all.push((" reason", alarm.reason.clone()));
    let dimensions: Vec<String> = alarm
        .dimensions
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if let (Some(namespace), Some(metric)) = (&alarm.namespace, &alarm.metric) {
        let value = row.values.last().zip(row.values.until);
        let value = value.map_or_else(String::new, |(last, until)| {
            let old = row.values.age(model.now).unwrap_or_default();
            let when = if row.values.is_old(model.now) {
                format!(", {} old", age(old))
            } else if old.is_zero() {
                " now".to_owned()
            } else {
                format!(" at {}", model.zone.minute(until))
            };
            format!(" · {}{when}", number(last))
        });
        let metric = format!("{namespace} {metric} {}{value}", dimensions.join(" "));
        all.push((" metric", metric));
    }
    all.push((" compares", compares(row)));
    if let Some(why) = &row.values.failed {
        all.push((" no value", why.to_string()));
    }
    all.extend(composite(model, row));
    all.extend(oddities(model, row));
    if let Some(tags) = &row.details.tags {
        let who = row.details.owner().unwrap_or("nobody named in its tags");
        let tags = tags.iter().map(|(name, value)| format!("{name}={value}"));
        let tags = tags.collect::<Vec<_>>().join(" ");
        let gap = if tags.is_empty() { "" } else { " · " };
        all.push((" owner", format!("{who}{gap}{tags}")));
    }
    let since = alarm
        .since
        .map_or_else(|| "unknown".into(), |since| model.zone.date(since));
    let account = if alarm.account.is_empty() {
        "account unknown"
    } else {
        &alarm.account
    };
    let production = model.board.source_of(alarm).filter(|one| one.production);
    let production = production.map_or("", |_| " · PRODUCTION");
    let place = format!("{} · {account}{production}", alarm.region);
    all.push((" since", format!("{since} · {place}")));
    all.retain(|(_, text)| !text.is_empty());
    all
}

/// What the alarm compares, with which statistic, period and unit, and for how many datapoints.
fn compares(row: &Row) -> String {
    let alarm = &row.alarm;
    let computed = row
        .facts
        .watched
        .as_ref()
        .is_some_and(|watched| watched.is_expression());
    let mut parts: Vec<String> = Vec::new();
    if computed {
        parts.push("an expression".to_owned());
    } else {
        parts.extend(alarm.statistic.clone());
    }
    parts.extend(alarm.period.map(|period| format!("of {period} s")));
    parts.extend(row.facts.unit.as_ref().map(|unit| format!("in {unit}")));
    if let (Some(comparison), Some(threshold)) = (&alarm.comparison, alarm.threshold) {
        parts.push(format!("{comparison} {}", exact(threshold)));
    } else {
        parts.extend(alarm.comparison.clone());
    }
    parts.extend(
        alarm
            .datapoints
            .map(|points| format!("for {} of {} datapoints", points.to_alarm, points.evaluated)),
    );
    if alarm.comparison.is_none() && alarm.metric.is_none() {
        return String::new();
    }
    parts.join(" ")
}

/// The alarms below a composite one, with their states, and what suppresses it.
fn composite(model: &Model, row: &Row) -> Vec<(&'static str, String)> {
    let Some(rule) = &row.facts.rule else {
        return Vec::new();
    };
    let states: Vec<String> = children(rule)
        .into_iter()
        .map(|name| {
            let child = model.board.rows.iter().find(|other| {
                other.alarm.name == name
                    && other.alarm.region == row.alarm.region
                    && other.alarm.profile == row.alarm.profile
            });
            let state = child.map_or("unknown", |child| state_words(child.alarm.state).1);
            format!("{name} {state}")
        })
        .collect();
    let mut all = vec![(" children", states.join(", ")), (" rule", rule.clone())];
    if let Some(suppressor) = &row.facts.suppressor {
        let now = row.facts.suppressed_by.as_ref().map_or_else(
            || "does not suppress now".to_owned(),
            |by| format!("suppresses its actions now ({by})"),
        );
        all.push((" suppressor", format!("{suppressor} {now}")));
    }
    all
}

/// What makes the state less than it seems.
fn oddities(model: &Model, row: &Row) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    match row.facts.evaluation.as_deref() {
        Some("PARTIAL_DATA") => all.push((
            " partial",
            "CloudWatch evaluates a part of the data only: a quota was reached".to_owned(),
        )),
        Some("EVALUATION_ERROR") => all.push((
            " not eval.",
            "the alarm itself is wrong: see the reason".to_owned(),
        )),
        Some(other) => all.push((
            " not eval.",
            format!("CloudWatch fails to evaluate it: {other}"),
        )),
        None => {}
    }
    if !row.details.contributors.is_empty() {
        let series: Vec<String> = row
            .details
            .contributors
            .iter()
            .map(|one| {
                one.values()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        all.push((
            " in ALARM",
            format!("{} series: {}", series.len(), series.join(", ")),
        ));
    }
    let rules = model.board.muting(&row.alarm);
    if !rules.is_empty() {
        all.push((" muted", format!("by the rule {}", rules.join(", "))));
    }
    if !row.facts.actions_enabled {
        all.push((
            " actions",
            "disabled: nobody is told by CloudWatch".to_owned(),
        ));
    }
    if row.details.history.is_some() {
        let changes = row.details.changes(model.now);
        let for_ = row
            .alarm
            .since
            .map_or_else(String::new, |since| age(model.now - since));
        let word = if row.alarm.state == AlarmState::Alarm {
            "in ALARM"
        } else {
            "in this state"
        };
        all.push((
            " history",
            format!(
                "{word} for {for_}; {} in the last hour",
                counted(changes, "change")
            ),
        ));
    }
    all
}
