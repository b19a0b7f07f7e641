//! The last line: the last message, and the keys that are valid here.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::put;
use crate::commands::{CommandId, Entry};
use crate::tui::model::{Model, Notice, Overlay, Screen, Valid};
use crate::tui::text::fit;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let said = model.message.as_ref().map(|notice| said(notice, width));
    let hints: Vec<(String, &str)> = match &model.overlay {
        Some(Overlay::Form(_)) => vec![
            ("Enter".into(), "next"),
            ("Tab".into(), "field"),
            ("↑↓".into(), "typed before"),
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
        Some(Overlay::Help { .. } | Overlay::Read { .. }) => {
            vec![("↑↓".into(), "scroll"), ("Esc".into(), "leave")]
        }
        Some(Overlay::Palette { .. }) => vec![
            ("↑↓".into(), "choose"),
            ("Enter".into(), "do it"),
            ("Esc".into(), "leave"),
        ],
        Some(Overlay::Links { .. }) => vec![
            ("↑↓".into(), "choose"),
            ("Enter".into(), "copy"),
            ("Esc".into(), "leave"),
        ],
        None => hints(model),
    };
    let (text, role) = said.unwrap_or((" ".into(), Role::Text));
    let mut used = text.width();
    let mut spans = vec![Span::styled(text, theme.style(role))];
    for (keys, label) in hints {
        let needed = keys.width() + label.width() + 3;
        if used + needed > width {
            continue;
        }
        used += needed;
        spans.push(Span::styled(keys, theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {label}  "), theme.style(Role::Dim)));
    }
    put([Line::from(spans)], frame, area);
}

/// What was said last: the keys take the room that it leaves.
fn said(Notice { text, error, .. }: &Notice, width: usize) -> (String, Role) {
    let (role, mark) = if *error {
        (Role::Error, "✗")
    } else {
        (Role::Ok, "✓")
    };
    let mut text = fit(&format!(" {mark} {text}"), width);
    text.push_str("   ");
    (text, role)
}

/// The valid commands, those that matter most first; a key that is taken by an inner place is
/// not offered again.
fn hints(model: &Model) -> Vec<(String, &'static str)> {
    let mut valid: Vec<(&Entry, String)> = Vec::new();
    // One incident at a time: on the board, another key leads back to it.
    let wanted = |entry: &Entry| entry.id != CommandId::Open || !on_board_with_incident(model);
    for Valid { entry, keys, free } in model.valid(wanted) {
        let Some(key) = free
            .first()
            .filter(|_| entry.priority < 9 && leads_on(model, entry.id))
        else {
            continue;
        };
        let key = match (entry.id, keys) {
            (CommandId::Branch, [first, .., last]) => format!("{first}…{last}"),
            _ => (*key).to_owned(),
        };
        valid.push((entry, key));
    }
    // Where something lies over the usual view, the way back matters most.
    let inside = model.screen == Screen::Evidence || model.tree || model.reading.is_some();
    valid.sort_by_key(|(entry, _)| match entry.id {
        CommandId::Back if inside => 0,
        _ => entry.priority,
    });
    valid
        .into_iter()
        .map(|(entry, key)| (key, label(model, entry)))
        .collect()
}

/// Whether a command leads anywhere else than where the responder is.
fn leads_on(model: &Model, id: CommandId) -> bool {
    match id {
        CommandId::Back => {
            model.reading.is_some()
                || !model.filter.is_empty()
                || model.tree
                || !matches!(model.screen, Screen::Board | Screen::Incident)
        }
        CommandId::Board => model.screen != Screen::Board,
        CommandId::Incident => model.screen != Screen::Incident,
        CommandId::Requests => model.screen != Screen::Requests,
        CommandId::Healings => model.screen != Screen::Healings,
        CommandId::Timeline => model.screen != Screen::Timeline,
        CommandId::Statistics => model.screen != Screen::Statistics,
        _ => true,
    }
}

fn on_board_with_incident(model: &Model) -> bool {
    model.screen == Screen::Board && model.has_open_incident()
}

/// What a key does here: where no playbook answers, one is chosen first.
fn label(model: &Model, entry: &Entry) -> &'static str {
    let answered = || {
        let row = model.selected_row();
        row.is_none_or(|row| model.answer(&row.alarm).is_some())
    };
    match entry.id {
        CommandId::Open if !answered() => "choose a playbook",
        _ => entry.label,
    }
}
