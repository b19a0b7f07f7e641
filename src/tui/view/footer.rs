//! The last line: the keys that are valid here, or the last message.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

use crate::tui::commands::{COMMANDS, CommandId, Entry};
use crate::tui::model::{Model, Notice, Overlay, Screen};
use crate::tui::text::fit;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    if let Some(Notice { text, error, .. }) = &model.message {
        let (role, mark) = if *error {
            (Role::Error, "✗")
        } else {
            (Role::Ok, "✓")
        };
        let line = Line::from(Span::styled(
            fit(&format!(" {mark} {text}"), width),
            theme.style(role),
        ));
        frame.render_widget(Paragraph::new(line), area);
        return;
    }
    let hints: Vec<(String, &str)> = match &model.overlay {
        Some(Overlay::Form(_)) => vec![
            ("Enter".into(), "next"),
            ("↑".into(), "field above"),
            ("Esc".into(), "leave"),
        ],
        Some(Overlay::Unfinished { .. }) => vec![
            ("↑↓".into(), "choose"),
            ("Enter".into(), "take up"),
            ("Esc".into(), "to the board"),
        ],
        Some(Overlay::Choose { .. }) => vec![
            ("↑↓".into(), "choose"),
            ("Enter".into(), "start"),
            ("Esc".into(), "leave"),
        ],
        Some(Overlay::Card { .. }) => vec![
            ("↑↓".into(), "scroll"),
            ("Enter".into(), "tell the channels"),
            ("Esc".into(), "leave"),
        ],
        Some(Overlay::Help { .. }) => vec![("↑↓".into(), "scroll"), ("Esc".into(), "leave")],
        None => hints(model),
    };
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (keys, label) in hints {
        let needed = keys.width() + label.width() + 3;
        if used + needed > width {
            continue;
        }
        used += needed;
        spans.push(Span::styled(keys, theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {label}  "), theme.style(Role::Dim)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// The valid commands, those that matter most first; a key that is taken by an inner place is
/// not offered again.
fn hints(model: &Model) -> Vec<(String, &'static str)> {
    let places = model.places();
    let mut taken: Vec<&str> = Vec::new();
    let mut valid: Vec<&Entry> = Vec::new();
    for entry in COMMANDS
        .iter()
        .filter(|entry| places.contains(&entry.place) && model.allows(entry.id))
        // One incident at a time: on the board, `i` leads back to it.
        .filter(|entry| entry.id != CommandId::Open || !on_board_with_incident(model))
    {
        if entry.keys.iter().any(|key| taken.contains(key)) {
            continue;
        }
        taken.extend(entry.keys);
        if entry.priority < 9
            && !(entry.id == CommandId::Back
                && model.reading.is_none()
                && model.filter.is_empty()
                && !model.tree
                && matches!(model.screen, Screen::Board | Screen::Incident))
            && !matches!(
                (entry.id, model.screen),
                (CommandId::Board, Screen::Board)
                    | (CommandId::Requests, Screen::Requests)
                    | (CommandId::Healings, Screen::Healings)
                    | (CommandId::Timeline, Screen::Timeline)
                    | (CommandId::Statistics, Screen::Statistics)
            )
        {
            valid.push(entry);
        }
    }
    valid.sort_by_key(|entry| entry.priority);
    valid
        .iter()
        .map(|entry| (keys(entry), label(model, entry)))
        .collect()
}

fn on_board_with_incident(model: &Model) -> bool {
    model.screen == Screen::Board && model.has_open_incident()
}

/// What a key does here: where no playbook answers, one is chosen first.
fn label(model: &Model, entry: &Entry) -> &'static str {
    let answered = || {
        let rows = model.rows();
        let row = rows.get(model.selected_index(&rows));
        row.is_none_or(|row| !model.answering(&row.alarm).is_empty())
    };
    match entry.id {
        CommandId::Open if !answered() => "choose a playbook",
        _ => entry.label,
    }
}

fn keys(entry: &Entry) -> String {
    match entry.id {
        CommandId::Branch => "1…9".into(),
        _ => entry.keys.first().copied().unwrap_or_default().into(),
    }
}
