//! The palette and lists of links: one line each, the selected one marked.
//!
//! ```text
//!  > cpu
//!  ▶ command   sort            o · sort by state, severity, age, service or account
//!    alarm     orders-cpu-high ALARM · eu-central-1
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::overlay::panel;
use super::{line, put};
use crate::tui::model::Found;
use crate::tui::text::{clean, column, fit};
use crate::tui::theme::{Role, Theme};

/// The width of the kinds' column.
const KIND: usize = 10;

pub(super) fn draw(
    (letters, at, found): (&Input, usize, &[Found]),
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let inner = panel(
        "find: commands, alarms, playbooks, steps, incidents",
        area,
        theme,
        frame,
    );
    let width = usize::from(inner.width);
    let room = width.saturating_sub(3);
    let scroll = letters.visual_scroll(room);
    let shown: String = clean(letters.value()).chars().skip(scroll).collect();
    let mut lines = vec![Line::from(vec![
        Span::styled("> ", theme.style(Role::Key)),
        Span::styled(fit(&shown, room), theme.style(Role::Text)),
    ])];
    if found.is_empty() {
        lines.push(line(
            "  nothing has these letters",
            width,
            theme.style(Role::Dim),
        ));
    }
    let height = usize::from(inner.height).saturating_sub(1);
    let first = (at + 1).saturating_sub(height);
    // The names' column is as wide as what is shown needs, and never takes more than half.
    let seen = found.iter().skip(first).take(height);
    let widest = seen.clone().map(|one| one.name.chars().count()).max();
    let names = (widest.unwrap_or(0) + 2).min(width / 2);
    for (index, one) in found.iter().enumerate().skip(first).take(height) {
        let mark = if index == at { "▶ " } else { "  " };
        let role = if index == at {
            Role::Selection
        } else {
            Role::Text
        };
        let about = width.saturating_sub(2 + KIND + names);
        lines.push(Line::from(vec![
            Span::styled(mark, theme.style(Role::Key)),
            Span::styled(column(one.kind, KIND), theme.style(Role::Dim)),
            Span::styled(column(&one.name, names), theme.style(role)),
            Span::styled(fit(&one.about, about), theme.style(Role::Dim)),
        ]));
    }
    put(lines, frame, inner);
    let cursor = letters.visual_cursor().saturating_sub(scroll).min(room);
    frame.set_cursor_position(Position {
        x: inner.x + 2 + u16::try_from(cursor).unwrap_or(0),
        y: inner.y,
    });
}

pub(super) fn draw_links(
    (links, at): (&[(String, String)], usize),
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let inner = panel(
        "links to the AWS console: Enter copies one",
        area,
        theme,
        frame,
    );
    let width = usize::from(inner.width);
    let height = usize::from(inner.height);
    let first = (at * 2 + 2).saturating_sub(height);
    let each = links.iter().enumerate().flat_map(|(index, (what, url))| {
        let (mark, role) = if index == at {
            ("▶", Role::Selection)
        } else {
            (" ", Role::Text)
        };
        [
            line(&format!("{mark} {what}"), width, theme.style(role)),
            line(&format!("    {url}"), width, theme.style(Role::Dim)),
        ]
    });
    put(each.skip(first), frame, inner);
}
