//! The board: all alarms, and the selected one in detail.
//!
//! ```text
//!  STATE    SEV   NAME                    AGE  VALUE         TREND     PLAYBOOK
//!  ● ALARM  high  orders-cpu-high          4m  97.2 ≥ 90     ▁▂▅▇████  cpu-high-utilization
//! ── orders-cpu-high ────────────────────────────────────────────────────────────────
//!  Average CPU of an orders instance …
//! ```

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::alarm::draw_detail;
use super::{line, put};
use crate::alarms::{Freshness, Row, ServiceEvent, Source};
use crate::commands::{CommandId, Place};
use crate::incident::AlarmState;
use crate::tui::model::{Cells, Model, Order, Rows, no_column, state_words};
use crate::tui::text::{against, age, begins_at_zero, column, counted, fit, sparkline};
use crate::tui::theme::{Role, Theme};

/// From this width on the details stand beside the list.
const WIDE: u16 = 160;
pub(super) const DETAIL_WIDTH: u16 = 42;
const DETAIL_HEIGHT: u16 = 8;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let rows = model.rows();
    let told = all_news(model);
    let (list, detail) = if area.width >= WIDE {
        let [list, detail] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(DETAIL_WIDTH)]).areas(area);
        (list, detail)
    } else {
        // What a short list leaves free is the details'.
        let list = 2 + told.len().min(MOST_NEWS + 1) + rows.len();
        let free = area
            .height
            .saturating_sub(u16::try_from(list).unwrap_or(u16::MAX));
        let height = free
            .clamp(DETAIL_HEIGHT, DETAIL_HEIGHT * 2)
            .min(area.height / 2);
        let [list, detail] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(area);
        (list, detail)
    };
    draw_list(model, rows, told, theme, frame, list);
    if let Some(row) = model.selected_row() {
        // The list says its name; said twice, it would cost a slow line twice its bytes.
        let columns = Columns::new(list.width.into(), model.board.sources.len() > 1);
        let title = if name(model, row).width() > columns.name {
            &row.alarm.name
        } else {
            "the selected alarm"
        };
        draw_detail(model, (row, title), theme, frame, detail);
    }
}

/// Lines about sources that are not live, and about what is known to be wrong at AWS.
const MOST_NEWS: usize = 3;

fn draw_list(
    model: &Model,
    rows: Rows<'_>,
    told: Vec<(String, Role)>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let width = usize::from(area.width);
    let mut lines: Vec<Line<'_>> = vec![summary(model, rows.len(), width, theme)];
    lines.extend(news(told, width, theme));
    let columns = Columns::new(width, model.board.sources.len() > 1);
    lines.push(line(&columns.head(), width, theme.style(Role::Dim)));
    let height = usize::from(area.height).saturating_sub(lines.len());
    let selected = model.selected_index();
    // The selection stays in sight; the list moves under it only when it must.
    let first = selected.saturating_sub(height.saturating_sub(1));
    let mut group = None;
    let mut shown: Vec<(bool, Arc<Cells>)> = Vec::new();
    let seen = (first..rows.len()).take(height);
    for (index, (place, row)) in seen.filter_map(|at| Some((at, rows.get(at)?))) {
        let own = model.group(row);
        if own.is_some() && own != group {
            let title = fit(own.as_deref().unwrap_or_default(), width.saturating_sub(1));
            shown.push((false, Arc::new(vec![(title, Role::Heading)])));
        }
        group = own;
        let cells = model.cells(place, width, || columns.row(model, row));
        shown.push((index == selected, cells));
    }
    // Headings take room: what stands above the selection gives way.
    let below = shown
        .iter()
        .position(|(selected, _)| *selected)
        .map_or(0, |at| (at + 1).saturating_sub(height));
    lines.extend(
        shown
            .iter()
            .skip(below)
            .take(height)
            .map(|(selected, cells)| row(cells, *selected, theme)),
    );
    if rows.is_empty() {
        let connecting = model
            .board
            .sources
            .iter()
            .all(|source| source.freshness == Freshness::Connecting);
        let filtered = !model.board.rows.is_empty();
        // What could not be read is not known to be empty.
        let read = model.board.sources.iter().all(|source| source.complete);
        let unknown = no_column(&model.filter).map(|name| {
            format!(" No alarm fits, and there is no column {name}; Esc clears the filter.")
        });
        let text = match (connecting, filtered, read) {
            (true, _, _) => " Connecting to AWS…",
            (_, true, _) => unknown
                .as_deref()
                .unwrap_or(" No alarm fits the filter. Esc clears it."),
            (_, _, false) => " Waiting for the first alarms…",
            (_, _, true) => " There are no alarms here.",
        };
        lines.push(line(text, width, theme.style(Role::Dim)));
    }
    put(lines, frame, area);
}

/// What is not live, what AWS or the operators know of, and what is missing, with the most that
/// fits.
fn news(all: Vec<(String, Role)>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let more = all.len().saturating_sub(MOST_NEWS);
    let mut lines: Vec<Line<'static>> = all
        .into_iter()
        .take(MOST_NEWS)
        .map(|(text, role)| line(&format!(" {text}"), width, theme.style(role)))
        .collect();
    if more > 0 {
        let text = format!(" and {more} more: ? says all of it");
        lines.push(line(&text, width, theme.style(Role::Dim)));
    }
    lines
}

/// What is to be told of the sources, the gravest first.
pub(super) fn all_news(model: &Model) -> Vec<(String, Role)> {
    let several = model.board.sources.len() > 1;
    let named = |source: &Source, text: &str| {
        if several {
            format!("{}: {text}", source.name())
        } else {
            text.to_owned()
        }
    };
    let late = model
        .troubles()
        .into_iter()
        .map(|(source, text)| (named(source, &text), Role::Late));
    let told = |health: bool| {
        let events = model.board.events.iter();
        let events = events.filter(move |event| (event.kind == "health") == health);
        events.map(|event| (event_line(event, model), Role::Medium))
    };
    // Of a source that is late, that is said; what else it lacks is no news then.
    let live = model.board.sources.iter();
    let missing = live.filter(|one| model.is_live(one)).flat_map(|source| {
        let texts = source.missing.iter();
        texts.map(|text| (named(source, text), Role::Late))
    });
    told(true)
        .chain(late)
        .chain(missing)
        .chain(told(false))
        .collect()
}

fn event_line(event: &ServiceEvent, model: &Model) -> String {
    let now = model.now;
    let word = if event.kind == "health" {
        "AWS Health"
    } else {
        "planned"
    };
    let when = match (event.at, event.until) {
        (Some(at), _) if at > now => format!(" · in {}", age(at - now)),
        (Some(at), _) => format!(" · for {}", age(now - at)),
        (None, Some(until)) => format!(" · until {}", model.zone.show(until, "%m-%d %H:%M")),
        (None, None) => String::new(),
    };
    format!("{word}: {} · {}{when}", event.title, event.region)
}

fn summary(model: &Model, shown: usize, width: usize, theme: &Theme) -> Line<'static> {
    let count = |state| model.count(state);
    // What nobody has read is not known to be none.
    if model.board.rows.is_empty() && !model.board.sources.iter().any(|one| one.complete) {
        let text = format!(" no alarms read yet{}", way_back(model));
        return line(&text, width, theme.style(Role::Late));
    }
    let mut text = format!(
        " {} in ALARM · {} without data · {} OK",
        count(AlarmState::Alarm),
        count(AlarmState::InsufficientData),
        count(AlarmState::Ok)
    );
    let unread = model
        .board
        .sources
        .iter()
        .filter(|one| !one.complete)
        .count();
    if unread > 0 && !model.board.rows.is_empty() {
        let of = if model.board.sources.len() > 1 {
            format!(" of {}", counted(unread, "source"))
        } else {
            String::new()
        };
        text = format!("{text} · the rest{of} is not read yet");
    }
    if model.order != Order::State {
        text = format!("{text} · by {}", model.order.name());
    }
    if !model.filter.is_empty() {
        text = format!("{text} · {shown} fit \"{}\"", model.filter);
    }
    text.push_str(&way_back(model));
    let role = if count(AlarmState::Alarm) > 0 {
        Role::Alarm
    } else {
        Role::Ok
    };
    line(&text, width, theme.style(role))
}

/// How to go back to the incident that is open.
fn way_back(model: &Model) -> String {
    if !model.has_open_incident() {
        return String::new();
    }
    let key = model.key(CommandId::Incident, Place::Everywhere);
    format!(" · incident open: {key}")
}

/// The widths of the columns at a width of the list.
struct Columns {
    name: usize,
    value: usize,
    trend: usize,
    place: usize,
    playbook: usize,
    several: bool,
}

const VALUE: usize = 13;
const TREND: usize = 8;
/// Below this width there are states and names alone.
const NARROW: usize = 60;

impl Columns {
    /// `several` places: where a row is from matters more then than how it came there.
    fn new(width: usize, several: bool) -> Self {
        // Where there is no room for both, the name says more than the value and the playbook.
        let value = if width < NARROW { 0 } else { VALUE };
        // A margin, then state, severity, age and value, each with a gap behind it.
        let fixed = 1 + 9 + 5 + 5 + value + 1;
        let room = width.saturating_sub(fixed);
        let (place, trend) = match room {
            _ if width < NARROW => (0, 0),
            71.. => (20, TREND + 1),
            _ if several => (13, 0),
            _ => (0, TREND + 1),
        };
        let room = room.saturating_sub(place + trend);
        let playbook = if width < NARROW {
            0
        } else {
            (room * 2 / 5).min(28)
        };
        Self {
            value,
            name: room.saturating_sub(playbook + 1),
            trend,
            place,
            playbook,
            several,
        }
    }

    fn head(&self) -> String {
        format!(
            " {}{}{} {}{} {}{}{}",
            column("STATE", 9),
            column("SEV", 5),
            column("NAME", self.name),
            column("AGE", 5),
            column("VALUE", self.value),
            column("TREND", self.trend),
            column(if self.several { "WHERE" } else { "REGION" }, self.place),
            column("PLAYBOOK", self.playbook),
        )
    }

    fn row(&self, model: &Model, row: &Row) -> Cells {
        let alarm = &row.alarm;
        let (mark, word) = state_words(alarm.state);
        let answer = model.answer(alarm);
        let severity = model.severity_by(row, answer);
        let playbook = answer.map_or("none", |entry| entry.playbook.id.as_str());
        let since = alarm
            .since
            .map_or_else(String::new, |since| age(model.now - since));
        // A row of a source that is not live is not said to be so by a line alone.
        let source = model.board.source_of(alarm);
        let live = source.is_none_or(|source| model.is_live(source));
        let since = if live { since } else { format!("~{since}") };
        let place = source.filter(|_| self.several).map_or_else(
            || alarm.region.clone(),
            |source| {
                let name = source.name();
                // Where the name does not fit, its first part tells the most.
                if name.width() < self.place {
                    name
                } else {
                    model.board.short_name(source)
                }
            },
        );
        let name = fit(&name(model, row), self.name);
        let rest = " ".repeat(self.name.saturating_sub(name.width()));
        vec![
            (
                column(&format!("{mark} {word}"), 9),
                Role::of_state(alarm.state),
            ),
            (column(short(severity), 4), Role::of_severity(severity)),
            (" ".into(), Role::Text),
            (name, if live { Role::Text } else { Role::Late }),
            (rest, Role::Text),
            (" ".into(), Role::Text),
            (column(&since, 5), if live { Role::Dim } else { Role::Late }),
            (
                column(&against(row, model.now), self.value),
                if live && !row.values.is_old(model.now) {
                    Role::Text
                } else {
                    Role::Late
                },
            ),
            (" ".into(), Role::Text),
            (
                column(
                    &sparkline(
                        &row.values.values,
                        TREND,
                        begins_at_zero(
                            alarm.statistic.as_deref(),
                            alarm.metric.as_deref(),
                            row.facts.unit.as_deref(),
                        ),
                    ),
                    self.trend,
                ),
                Role::Chart,
            ),
            (
                column(&place, self.place),
                // The word is in the details; here the colour warns.
                if source.is_some_and(|source| source.production) {
                    Role::Critical
                } else {
                    Role::Dim
                },
            ),
            (
                column(playbook, self.playbook),
                if answer.is_some() {
                    Role::Text
                } else {
                    Role::Dim
                },
            ),
        ]
    }
}

/// The column of a row that holds the name.
const NAME: usize = 3;

/// A row behind its mark. What is selected stands out by its name and the mark: each cell more would
/// cost a slow line twice its bytes with every key.
fn row<'a>(cells: &'a Cells, selected: bool, theme: &Theme) -> Line<'a> {
    let role = |role| if selected { Role::Selection } else { role };
    let pointer = if selected { "▶" } else { " " };
    let first = Span::styled(pointer, theme.style(role(Role::Text)));
    let rest = cells.iter().enumerate().map(|(at, (text, own))| {
        let role = if at == NAME { role(*own) } else { *own };
        Span::styled(text.as_str(), theme.style(role))
    });
    std::iter::once(first).chain(rest).collect()
}

/// An alarm's name, and words about it.
fn name(model: &Model, row: &Row) -> String {
    let marks = marks(model, row);
    if marks.is_empty() {
        return row.alarm.name.clone();
    }
    format!("{} [{}]", row.alarm.name, marks.join(", "))
}

/// Words about an alarm that its state does not say.
fn marks(model: &Model, row: &Row) -> Vec<String> {
    let mut marks = Vec::new();
    if let Some(one) = model.board.acknowledgement(&row.alarm, model.now) {
        marks.push(format!("{} has it", one.by));
    }
    if row.details.is_flapping(model.now) {
        marks.push(format!("flapping ×{}", row.details.changes(model.now)));
    }
    if !model.board.muting(&row.alarm).is_empty() {
        marks.push("muted".into());
    }
    if row.facts.suppressed_by.is_some() {
        marks.push("suppressed".into());
    }
    match row.facts.evaluation.as_deref() {
        Some("PARTIAL_DATA") => marks.push("partial".into()),
        Some(_) => marks.push("not evaluated".into()),
        None => {}
    }
    if !row.facts.actions_enabled {
        marks.push("actions off".into());
    }
    marks
}

fn short(severity: crate::playbook::Severity) -> &'static str {
    match severity {
        crate::playbook::Severity::Critical => "crit",
        crate::playbook::Severity::High => "high",
        crate::playbook::Severity::Medium => "med",
        crate::playbook::Severity::Low => "low",
    }
}
