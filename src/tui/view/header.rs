//! The first line: whose account this is, and how far the data can be trusted.
//!
//! ```text
//!  REHEARSAL cpu-spike ×1  111122223333 · eu-central-1 · responder/rehearsal        live 2s
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

use crate::alarms::Freshness;
use crate::tui::model::{Connection, Model};
use crate::tui::text::{age, fit};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (badge, badge_role) = match &model.header.rehearsal {
        Some(rehearsal) => (format!(" REHEARSAL {rehearsal} "), Role::Rehearsal),
        None => (" LIVE ".to_owned(), Role::Live),
    };
    let (right, right_role) = freshness(model);
    let place = match &model.connection {
        Connection::Connecting if model.header.account.is_empty() => {
            "connecting to AWS…".to_owned()
        }
        Connection::Missing(_) => "not connected to AWS".to_owned(),
        Connection::Connecting | Connection::Ready { .. } => {
            // What follows the last slash of the ARN is what tells people apart.
            let who = model
                .header
                .identity
                .rsplit_once(':')
                .map_or("", |(_, who)| who.trim_start_matches("assumed-role/"));
            [
                model.header.account.as_str(),
                model.header.region.as_str(),
                who,
            ]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" · ")
        }
    };
    let width = usize::from(area.width);
    let badge = fit(&badge, width.saturating_sub(right.width() + 2));
    let room = width.saturating_sub(badge.width() + right.width() + 3);
    let place = fit(&place, room);
    let gap = width.saturating_sub(badge.width() + place.width() + right.width() + 2);
    let line = Line::from(vec![
        Span::styled(badge, theme.style(badge_role)),
        Span::raw(" "),
        Span::styled(place, theme.style(Role::Heading)),
        Span::raw(" ".repeat(gap)),
        Span::styled(right, theme.style(right_role)),
        Span::raw(" "),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

fn freshness(model: &Model) -> (String, Role) {
    if let Some(late) = model.lateness() {
        let word = late.split(':').next().unwrap_or("late").to_owned();
        return (word, Role::Late);
    }
    match &model.board.freshness {
        Freshness::Live { at } => (format!("live {}", age(model.now - *at)), Role::Dim),
        _ => ("waiting for alarms".to_owned(), Role::Dim),
    }
}
