//! What is read line by line: the timeline and the statistics.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{line, put, rule};
use crate::tui::model::{Model, Screen};
use crate::tui::panes::Listing;
use crate::tui::text::{age, clean, wrap};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let mut lines = vec![head(model, width, theme)];
    let rest = body(model, width, theme);
    lines.extend(rest.into_iter().skip(model.scroll.into()));
    lines.truncate(area.height.into());
    put(lines, frame, area);
}

/// How far down there is anything to see.
pub(in crate::tui) fn longest(model: &Model) -> u16 {
    let lines = body(model, model.size.0.into(), &Theme::plain()).len();
    // Header, title and footer stand around it, and what has to be said above everything else.
    let room = usize::from(model.size.1.saturating_sub(3 + super::banner_height(model)));
    u16::try_from(lines.saturating_sub(room)).unwrap_or(u16::MAX)
}

fn listing(model: &Model) -> (&'static str, &Listing) {
    match model.screen {
        Screen::Statistics => ("statistics", &model.lists.statistics),
        _ => ("timeline", &model.lists.timeline),
    }
}

fn head(model: &Model, width: usize, theme: &Theme) -> Line<'static> {
    let (name, listing) = listing(model);
    let read = match listing.read_at {
        Some(at) => format!(" · read {} ago", age(model.now - at)),
        None => " · being read…".into(),
    };
    let wanted = model.list_filter();
    let filter = if wanted.is_empty() {
        String::new()
    } else {
        format!(" · what contains \"{}\"", clean(&wanted))
    };
    rule(&format!("{name}{read}{filter}"), width, theme)
}

fn body(model: &Model, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (_, listing) = listing(model);
    let wanted = model.list_filter().to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&wanted);
    let mut lines = Vec::new();
    let written = listing.lines.iter().map(|one| {
        let at = one.at.map(|at| model.zone.second(at) + " ");
        (at.unwrap_or_default() + &one.text, one.marked)
    });
    for (text, marked) in written.filter(|(text, _)| fits(text)) {
        let role = if marked { Role::Late } else { Role::Text };
        // What goes on is set in, so that an entry is told from the next.
        for (index, part) in wrap(&text, width.saturating_sub(5)).into_iter().enumerate() {
            let indent = if index == 0 { " " } else { "     " };
            lines.push(line(&format!("{indent}{part}"), width, theme.style(role)));
        }
    }
    for note in &listing.notes {
        for part in wrap(note, width.saturating_sub(2)) {
            lines.push(line(&format!(" {part}"), width, theme.style(Role::Dim)));
        }
    }
    lines
}
