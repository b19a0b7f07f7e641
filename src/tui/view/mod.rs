//! Draws the model. Pure: it reads the model and the theme, and changes nothing.

mod alarm;
mod banner;
mod board;
mod change;
mod chart;
mod evidence;
mod findings;
mod footer;
mod fullscreen;
mod header;
mod healings;
mod history;
mod incident;
mod lists;
mod overlay;
mod palette;
mod prompt;
mod requests;
mod setup;
mod sides;
mod texts;
mod tree;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::model::{Model, Screen};
use super::text::{fit, is_narrow};
use super::theme::{Role, Theme};
use crate::alarms::Freshness;

pub(super) use alarm::said as details;
pub(super) use fullscreen::{lines as evidence_lines, longest as longest_evidence, pattern_count};
pub(super) use incident::longest_scroll;
pub(super) use incident::question_text;
pub(super) use lists::longest as longest_list;
pub(super) use overlay::longest_help;
pub(super) use prompt::{commands_here, offers};
pub(super) use requests::longest_sheet;
pub(super) use texts::longest_text;
pub(super) use tree::{tree_order, tree_text};

/// The smallest size at which the console works.
pub const SMALLEST: (u16, u16) = (40, 12);

/// Draws everything into a buffer, where there is no terminal.
pub(super) fn draw_on(model: &Model, theme: &Theme, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut model = model.clone();
    model.size = (area.width, area.height);
    let backend = ratatui::backend::TestBackend::new(area.width, area.height);
    let Ok(mut terminal) = ratatui::Terminal::new(backend);
    let Ok(_) = terminal.draw(|frame| view(&model, theme, frame));
    *buffer = terminal.backend().buffer().clone();
}

/// What stands above everything else, as text.
pub(super) fn banner_text(model: &Model) -> Vec<String> {
    text(banner::lines(model, model.size.0.into(), &Theme::plain()))
}

/// Lines without their looks.
fn text(lines: Vec<Line<'static>>) -> Vec<String> {
    let lines = lines.into_iter();
    lines
        .map(|line| line.to_string().trim_end().to_owned())
        .collect()
}

/// Draws everything.
pub fn view(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!(
            "{}×{} is too small: standdown needs {}×{}. {} quits.",
            area.width,
            area.height,
            SMALLEST.0,
            SMALLEST.1,
            model.key_here(crate::commands::CommandId::Quit)
        );
        let lines: Vec<Line<'_>> = super::text::wrap(&text, area.width.into())
            .into_iter()
            .map(Line::from)
            .collect();
        frame.render_widget(Paragraph::new(lines).style(theme.style(Role::Error)), area);
        theme.finish(frame.buffer_mut());
        return;
    }
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
    let banner = banner::lines(model, area.width.into(), theme);
    let [top, said, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::try_from(banner.len()).unwrap_or(0)),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(model, theme, frame, top);
    put(banner, frame, said);
    match model.screen {
        Screen::Board => match lost(model) {
            Some(reason) => setup::draw(reason, theme, frame, middle),
            None => board::draw(model, theme, frame, middle),
        },
        Screen::Incident => incident::draw(model, theme, frame, middle),
        Screen::Requests => requests::draw(model, theme, frame, middle),
        Screen::Healings => healings::draw(model, theme, frame, middle),
        Screen::Timeline | Screen::Statistics => lists::draw(model, theme, frame, middle),
        Screen::Evidence => fullscreen::draw(model, theme, frame, middle),
    }
    footer::draw(model, theme, frame, bottom);
    overlay::draw(model, theme, frame, middle);
    theme.finish(frame.buffer_mut());
}

/// Why there is nothing to show at all: the one source that there is cannot be had.
fn lost(model: &Model) -> Option<&str> {
    match model.board.sources.as_slice() {
        [only] if model.board.rows.is_empty() => match &only.freshness {
            Freshness::Lost { reason, .. } => Some(reason),
            _ => None,
        },
        _ => None,
    }
}

/// How many lines stand below the header for what has to be said above everything else.
fn banner_height(model: &Model) -> u16 {
    let lines = banner::lines(model, model.size.0.into(), &Theme::plain()).len();
    u16::try_from(lines).unwrap_or(0)
}

/// Writes lines from the top of an area on, as far as they fit.
fn put<'a>(lines: impl IntoIterator<Item = Line<'a>>, frame: &mut Frame<'_>, area: Rect) {
    let buffer = frame.buffer_mut();
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        let mut x = area.x;
        for span in &line.spans {
            let style = line.style.patch(span.style);
            let room = area.right() - x;
            x = if span.content.chars().all(is_narrow) {
                // A column for each: no need to ask what a letter is, and how wide.
                let cells = span.content.chars().zip(x..area.right());
                cells.fold(x, |_, (sign, x)| {
                    buffer[(x, y)].set_char(sign).set_style(style);
                    x + 1
                })
            } else {
                buffer
                    .set_stringn(x, y, &span.content, room.into(), style)
                    .0
            };
        }
    }
}

/// A line of text in a role, cut to a width.
fn line(text: &str, width: usize, style: Style) -> Line<'static> {
    Line::from(Span::styled(fit(text, width), style))
}

/// A title in a horizontal rule.
fn rule(title: &str, width: usize, theme: &Theme) -> Line<'static> {
    let title = fit(title, width.saturating_sub(6));
    let used = unicode_width::UnicodeWidthStr::width(title.as_str());
    Line::from(vec![
        Span::styled("── ", theme.style(Role::Border)),
        Span::styled(title, theme.style(Role::Heading)),
        Span::styled(
            format!(" {}", "─".repeat(width.saturating_sub(used + 4))),
            theme.style(Role::Border),
        ),
    ])
}

/// Leaves a column free at both sides.
fn padded(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    }
}

/// What is left, to the second.
pub(super) fn countdown(left: chrono::TimeDelta) -> String {
    let seconds = left.num_seconds().max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
