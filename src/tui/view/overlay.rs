//! What lies over the screen: help, forms, the choice of a playbook.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
use unicode_width::UnicodeWidthStr as _;

use super::board::all_news;
use super::{line, padded, palette, put, texts};
use crate::alarms::{Cost, Watched};
use crate::incident::AlarmState;
use crate::tui::form::{Form, Purpose};
use crate::tui::model::{Model, Overlay, Valid};
use crate::tui::text::{age, clean, column, fit, wrap};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    match &model.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => {
            let inner = panel("keys that are valid here", area, theme, frame);
            let lines = help(model, inner.width.into(), theme);
            put(lines.into_iter().skip((*scroll).into()), frame, inner);
        }
        Some(Overlay::Card { card, scroll }) => {
            let title = "hand-over card: on your clipboard; Enter tells the channels";
            let inner = panel(title, area, theme, frame);
            let width = usize::from(inner.width);
            let lines: Vec<Line<'_>> = card
                .iter()
                .flat_map(|text| wrap(text, width))
                .map(|text| line(&text, width, theme.style(Role::Text)))
                .collect();
            let most = lines.len().saturating_sub(inner.height.into());
            let from = usize::from(*scroll).min(most);
            put(lines.into_iter().skip(from), frame, inner);
        }
        Some(Overlay::Form(form)) => draw_form(form, theme, frame, area),
        Some(Overlay::Palette { letters, at, found }) => {
            palette::draw((letters, *at, found), theme, frame, area);
        }
        Some(Overlay::Links { links, at }) => {
            palette::draw_links((links, *at), theme, frame, area);
        }
        Some(Overlay::Read { what, scroll }) => {
            texts::draw(model, (*what, *scroll), theme, frame, area);
        }
        Some(Overlay::Unfinished { at }) => {
            let inner = panel(
                "unfinished incidents: Enter takes one up where it stands",
                area,
                theme,
                frame,
            );
            let lines = unfinished(model, *at, inner.width.into(), theme);
            let room = usize::from(inner.height);
            let first = (at * 2 + 2).saturating_sub(room);
            put(lines.into_iter().skip(first), frame, inner);
        }
        Some(Overlay::Choose { alarm, at }) => {
            let title = alarm.as_ref().map_or_else(
                || "start a playbook".to_owned(),
                |alarm| format!("open an incident for {}", alarm.name),
            );
            let inner = panel(&title, area, theme, frame);
            let lines = choices(model, alarm.as_deref(), *at, inner.width.into(), theme);
            let first = lines
                .iter()
                .position(|(_, selected)| *selected)
                .unwrap_or(0)
                .saturating_sub(usize::from(inner.height).saturating_sub(4));
            let lines: Vec<Line<'_>> = lines
                .into_iter()
                .map(|(line, _)| line)
                .skip(first)
                .collect();
            put(lines, frame, inner);
        }
    }
}

/// Two lines each: what it is, and who wrote it when.
fn unfinished(model: &Model, at: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    model
        .unfinished()
        .enumerate()
        .flat_map(|(index, summary)| {
            let role = if index == at {
                Role::Selection
            } else {
                Role::Text
            };
            let writer = summary
                .writer
                .as_ref()
                .map(|writer| format!(", {writer}"))
                .unwrap_or_default();
            let title = format!(
                " {}  {} · {}",
                summary.id,
                summary.severity.name(),
                summary.title
            );
            let last = format!(
                "   {}, {} events, the last {} ago{writer}",
                summary.status.name(),
                summary.events,
                age(model.now - summary.last_at)
            );
            [
                line(&title, width, theme.style(role)),
                line(&last, width, theme.style(Role::Dim)),
            ]
        })
        .collect()
}

pub(super) fn panel(title: &str, area: Rect, theme: &Theme, frame: &mut Frame<'_>) -> Rect {
    let block = Block::bordered()
        .border_style(theme.style(Role::Border))
        .title(Span::styled(
            format!(
                " {} ",
                fit(title, usize::from(area.width).saturating_sub(6))
            ),
            theme.style(Role::Heading),
        ))
        .style(theme.style(Role::Text));
    let inner = padded(block.inner(area));
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

fn help(model: &Model, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let lines = help_text(model, width).into_iter().map(|(keys, text)| {
        let key = column(&keys, KEYS.min(keys.len() * KEYS));
        let role = if keys.is_empty() {
            Role::Dim
        } else {
            Role::Text
        };
        Line::from(vec![
            Span::styled(key, theme.style(Role::Key)),
            Span::styled(text, theme.style(role)),
        ])
    });
    lines.collect()
}

/// The width of the keys' column.
const KEYS: usize = 12;

/// Keys and what they do, then what watching costs, which has no keys.
fn help_text(model: &Model, width: usize) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for Valid { entry, free, .. } in model.valid(|_| true) {
        let mut keys = match free.len() {
            0 => format!(":{}", entry.name),
            4.. => format!("{}…{}", free[0], free[free.len() - 1]),
            _ => free.join(" "),
        };
        for part in wrap(entry.about, width.saturating_sub(KEYS)) {
            lines.push((std::mem::replace(&mut keys, " ".into()), part));
        }
    }
    let quiet = model.board.sources.iter().flat_map(|source| {
        let unread = source.unread.iter();
        unread.map(|text| format!("{}: {text}", source.name()))
    });
    let news = all_news(model).into_iter().map(|(text, _)| text);
    let below: Vec<String> = news.chain(quiet).chain([cost(model)]).collect();
    for text in below {
        lines.push((String::new(), String::new()));
        let parts = wrap(&text, width).into_iter();
        lines.extend(parts.map(|part| (String::new(), part)));
    }
    lines
}

/// What it costs to look at this.
fn cost(model: &Model) -> String {
    let alarms = model.board.rows.len();
    let cost = Cost::of(Watched {
        alarms,
        burning: model.count(AlarmState::Alarm),
        visible: alarms.min(usize::from(model.size.1) * 2),
        sources: model.board.sources.len(),
        interval: model.refresh,
    });
    format!(
        "An hour of watching {alarms} alarms: about {:.0} calls, ${:.2}. `standdown cost` says of what.",
        cost.calls, cost.dollars
    )
}

/// How far down the help can be scrolled.
pub(in crate::tui) fn longest_help(model: &Model) -> u16 {
    let inner = model.size.0.saturating_sub(4);
    let lines = help_text(model, inner.into()).len();
    u16::try_from(lines)
        .unwrap_or(u16::MAX)
        .saturating_sub(model.size.1.saturating_sub(4))
}

fn draw_form(form: &Form, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let wanted = u16::try_from(form.fields.len() * 2 + 2).unwrap_or(u16::MAX);
    let height = wanted.min(area.height);
    // At the bottom, so that what is being answered stays in sight.
    let place = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    let inner = panel(&form.title, place, theme, frame);
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    for (index, field) in form.fields.iter().enumerate() {
        let here = index == form.at;
        let role = if here { Role::Prompt } else { Role::Dim };
        let optional = if field.optional
            && !field.label.contains("(empty: ")
            && !matches!(
                form.purpose,
                Purpose::Filter | Purpose::FilterList | Purpose::Search
            ) {
            " (may stay empty)"
        } else {
            ""
        };
        lines.push(line(
            &format!("{}{optional}", field.label),
            width,
            theme.style(role),
        ));
        let room = width.saturating_sub(3);
        let scroll = if here {
            field.input.visual_scroll(room)
        } else {
            0
        };
        let shown: String = clean(field.input.value()).chars().skip(scroll).collect();
        lines.push(Line::from(vec![
            Span::styled("> ", theme.style(Role::Key)),
            Span::styled(fit(&shown, room), theme.style(Role::Text)),
        ]));
        if here {
            let before: String = field
                .input
                .value()
                .chars()
                .skip(scroll)
                .take(field.input.cursor().saturating_sub(scroll))
                .collect();
            let column = u16::try_from(before.width().min(room)).unwrap_or(0);
            let row = u16::try_from(index * 2 + 1).unwrap_or(0);
            if inner.y + row < inner.bottom() {
                frame.set_cursor_position(Position {
                    x: inner.x + 2 + column,
                    y: inner.y + row,
                });
            }
        }
    }
    put(lines, frame, inner);
}

/// The playbooks that can be started, and those that are broken, with the reason.
fn choices(
    model: &Model,
    alarm: Option<&crate::incident::AlarmRef>,
    at: usize,
    width: usize,
    theme: &Theme,
) -> Vec<(Line<'static>, bool)> {
    let mut lines: Vec<(Line<'static>, bool)> = Vec::new();
    let choices = model.choices(alarm);
    if alarm.is_some() && !choices.iter().any(|(_, answers)| *answers) {
        lines.push((
            line(
                "No playbook answers this alarm. Any of these can be started all the same.",
                width,
                theme.style(Role::Late),
            ),
            false,
        ));
        lines.push((Line::raw(""), false));
    }
    for (index, (entry, answers)) in choices.iter().enumerate() {
        let selected = index == at;
        let mark = if selected { "▶" } else { " " };
        let answer = if *answers {
            "   answers this alarm"
        } else {
            ""
        };
        let role = if selected {
            Role::Selection
        } else {
            Role::Text
        };
        lines.push((
            line(
                &format!("{mark} {}{answer}", entry.playbook.name),
                width,
                theme.style(role),
            ),
            selected,
        ));
        for text in wrap(&entry.playbook.summary, width.saturating_sub(4)) {
            lines.push((
                line(&format!("    {text}"), width, theme.style(Role::Dim)),
                false,
            ));
        }
        if selected {
            let needs = match entry.playbook.prerequisites.join(", ") {
                none if none.is_empty() => String::new(),
                needs => format!("needs: {needs} · "),
            };
            lines.push((
                line(
                    &format!("    {needs}owner: {}", entry.playbook.owner),
                    width,
                    theme.style(Role::Dim),
                ),
                false,
            ));
        }
    }
    for broken in &model.catalog.broken {
        let name = broken
            .id
            .clone()
            .unwrap_or_else(|| broken.origin.to_string());
        let count = broken.problems.len();
        let first = broken
            .problems
            .first()
            .map_or("", |problem| problem.message.as_str());
        lines.push((
            line(
                &format!("✗ {name} is broken: {first} ({count} in all; run `standdown check`)"),
                width,
                theme.style(Role::Failed),
            ),
            false,
        ));
    }
    lines
}
