//! What to do when AWS cannot be asked at all.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{padded, put};
use crate::tui::text::wrap;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(reason: &str, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = padded(area);
    let width = usize::from(area.width);
    let mut lines = vec![
        Line::raw(""),
        Line::from(Span::styled(
            "AWS cannot be asked",
            theme.style(Role::Error),
        )),
        Line::raw(""),
    ];
    lines.extend(
        wrap(reason, width)
            .into_iter()
            .map(|text| Line::from(Span::styled(text, theme.style(Role::Text)))),
    );
    lines.push(Line::raw(""));
    lines.push(Line::from(Span::styled(
        "To practise without AWS, quit and run:",
        theme.style(Role::Text),
    )));
    lines.push(Line::raw(""));
    lines.push(Line::from(Span::styled(
        "    standdown rehearse",
        theme.style(Role::Prompt),
    )));
    put(lines, frame, area);
}
