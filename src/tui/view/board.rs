//! The board: all alarms, and the selected one in detail.
//!
//! ```text
//!  STATE    SEV   NAME                    AGE  VALUE         TREND     PLAYBOOK
//!  ● ALARM  high  orders-cpu-high          4m  97.2 ≥ 90     ▁▂▅▇████  cpu-high-utilization
//! ── orders-cpu-high ────────────────────────────────────────────────────────────────
//!  Average CPU of an orders instance …
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{line, padded, rule, severity_role};
use crate::alarms::Row;
use crate::incident::AlarmState;
use crate::tui::model::{Model, state_words};
use crate::tui::text::{against, age, column, sparkline, wrap};
use crate::tui::theme::{Role, Theme};

/// From this width on the details stand beside the list.
const WIDE: u16 = 160;
const DETAIL_WIDTH: u16 = 42;
const DETAIL_HEIGHT: u16 = 8;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let rows = model.rows();
    let (list, detail) = if area.width >= WIDE {
        let [list, detail] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(DETAIL_WIDTH)]).areas(area);
        (list, detail)
    } else {
        let height = DETAIL_HEIGHT.min(area.height / 2);
        let [list, detail] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(area);
        (list, detail)
    };
    draw_list(model, &rows, theme, frame, list);
    if let Some(row) = rows.get(model.selected_index(&rows)) {
        draw_detail(model, row, theme, frame, detail);
    }
}

fn draw_list(model: &Model, rows: &[&Row], theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let mut lines = vec![summary(model, rows.len(), width, theme)];
    if let Some(late) = model.lateness() {
        lines.push(line(&format!(" {late}"), width, theme.style(Role::Late)));
    }
    if let Some(reason) = &model.board.values_missing {
        let text = format!(" values could not be read: {reason}");
        lines.push(line(&text, width, theme.style(Role::Late)));
    }
    let columns = Columns::new(width);
    lines.push(line(&columns.head(), width, theme.style(Role::Dim)));
    let height = usize::from(area.height).saturating_sub(lines.len());
    let selected = model.selected_index(rows);
    // The selection stays in sight; the list moves under it only when it must.
    let first = selected.saturating_sub(height.saturating_sub(1));
    for (index, row) in rows.iter().enumerate().skip(first).take(height) {
        lines.push(columns.row(model, row, index == selected, theme));
    }
    if rows.is_empty() {
        let text = match (
            &model.connection,
            model.filter.is_empty(),
            model.board.complete,
        ) {
            (crate::tui::model::Connection::Connecting, _, _) => " Connecting to AWS…",
            (_, _, false) => " Waiting for the first alarms…",
            (_, false, true) => " No alarm contains that. Esc clears the filter.",
            (_, true, true) => " There are no alarms here.",
        };
        lines.push(line(text, width, theme.style(Role::Dim)));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn summary(model: &Model, shown: usize, width: usize, theme: &Theme) -> Line<'static> {
    let count = |state| model.board.count(state);
    let mut text = format!(
        " {} in ALARM · {} without data · {} OK",
        count(AlarmState::Alarm),
        count(AlarmState::InsufficientData),
        count(AlarmState::Ok)
    );
    if !model.board.complete && !model.board.rows.is_empty() {
        text.push_str(" · the rest is still being read");
    }
    if !model.filter.is_empty() {
        text = format!("{text} · {shown} contain \"{}\"", model.filter);
    }
    if model.has_open_incident() {
        text.push_str(" · incident open: i");
    }
    let role = if count(AlarmState::Alarm) > 0 {
        Role::Alarm
    } else {
        Role::Ok
    };
    line(&text, width, theme.style(role))
}

/// The widths of the columns at a width of the list.
struct Columns {
    name: usize,
    region: usize,
    playbook: usize,
}

const VALUE: usize = 13;
const TREND: usize = 8;

impl Columns {
    fn new(width: usize) -> Self {
        // A margin, then state, severity, age, value and trend, each with a gap behind it.
        let fixed = 1 + 9 + 5 + 5 + VALUE + 1 + TREND + 1;
        let room = width.saturating_sub(fixed);
        let region = if room >= 62 { 15 } else { 0 };
        let room = room - region;
        let playbook = (room * 2 / 5).min(28);
        Self {
            name: room.saturating_sub(playbook + 1),
            region,
            playbook,
        }
    }

    fn head(&self) -> String {
        format!(
            " {}{}{} {}{} {} {}{}",
            column("STATE", 9),
            column("SEV", 5),
            column("NAME", self.name),
            column("AGE", 5),
            column("VALUE", VALUE),
            column("TREND", TREND),
            column("REGION", self.region),
            column("PLAYBOOK", self.playbook),
        )
    }

    fn row(&self, model: &Model, row: &Row, selected: bool, theme: &Theme) -> Line<'static> {
        let alarm = &row.alarm;
        let (mark, word) = state_words(alarm.state);
        let severity = model.severity(alarm);
        let answering = model.answering(alarm);
        let playbook = answering
            .first()
            .map_or("none", |entry| entry.playbook.id.as_str());
        let since = alarm
            .since
            .map_or_else(String::new, |since| age(model.now - since));
        let spans = [
            (
                column(&format!(" {mark} {word}"), 10),
                state_role(alarm.state),
            ),
            (column(short(severity), 4), severity_role(severity)),
            (" ".into(), Role::Text),
            (column(&alarm.name, self.name), Role::Text),
            (" ".into(), Role::Text),
            (column(&since, 5), Role::Dim),
            (column(&against(alarm, &row.values), VALUE), Role::Text),
            (" ".into(), Role::Text),
            (column(&sparkline(&row.values, TREND), TREND), Role::Chart),
            (" ".into(), Role::Text),
            (column(&alarm.region, self.region), Role::Dim),
            (
                column(playbook, self.playbook),
                if answering.is_empty() {
                    Role::Dim
                } else {
                    Role::Text
                },
            ),
        ];
        let spans = spans.into_iter().map(|(text, role)| {
            let style = if selected {
                theme.style(Role::Selection)
            } else {
                theme.style(role)
            };
            Span::styled(text, style)
        });
        spans.collect()
    }
}

fn short(severity: crate::playbook::Severity) -> &'static str {
    match severity {
        crate::playbook::Severity::Critical => "crit",
        crate::playbook::Severity::High => "high",
        crate::playbook::Severity::Medium => "med",
        crate::playbook::Severity::Low => "low",
    }
}

pub(super) fn state_role(state: AlarmState) -> Role {
    match state {
        AlarmState::Alarm => Role::Alarm,
        AlarmState::InsufficientData => Role::NoData,
        AlarmState::Ok => Role::Ok,
    }
}

fn draw_detail(model: &Model, row: &Row, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = if area.width >= DETAIL_WIDTH * 2 {
        area
    } else {
        padded(area)
    };
    let width = usize::from(area.width);
    let alarm = &row.alarm;
    let mut lines = vec![rule(&alarm.name, width, theme)];
    let mut add = |label: &str, text: String| {
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
    };
    let answering: Vec<&str> = model
        .answering(alarm)
        .iter()
        .map(|entry| entry.playbook.name.as_str())
        .collect();
    add(
        " playbook",
        if answering.is_empty() {
            "none answers this alarm; Enter chooses one".into()
        } else {
            answering.join(", ")
        },
    );
    add(" about", alarm.description.clone());
    add(" reason", alarm.reason.clone());
    let dimensions: Vec<String> = alarm
        .dimensions
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if let (Some(namespace), Some(metric)) = (&alarm.namespace, &alarm.metric) {
        add(
            " metric",
            format!("{namespace} {metric} {}", dimensions.join(" ")),
        );
    }
    let since = alarm.since.map_or_else(
        || "unknown".into(),
        |since| since.format("%Y-%m-%d %H:%M:%SZ").to_string(),
    );
    add(
        " since",
        format!(
            "{since} · {} · {}",
            alarm.region,
            if alarm.account.is_empty() {
                "account unknown"
            } else {
                &alarm.account
            }
        ),
    );
    lines.truncate(area.height.into());
    frame.render_widget(Paragraph::new(lines), area);
}
