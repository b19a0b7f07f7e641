//! What happened last, in a few lines.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{line, padded, rule};
use crate::engine::Snapshot;
use crate::incident::{Recorded, sentence};
use crate::tui::model::Model;
use crate::tui::theme::{Role, Theme};

pub(super) fn lines(
    model: &Model,
    snapshot: &Snapshot,
    area: Rect,
    checks: &str,
    theme: &Theme,
) -> Vec<Line<'static>> {
    if area.height == 0 {
        return Vec::new();
    }
    let width = usize::from(padded(area).width) + 2;
    let room = usize::from(area.height - 1);
    let told: Vec<(&Recorded, String)> = snapshot
        .events
        .iter()
        .rev()
        .filter_map(|recorded| {
            Some((
                recorded.as_ref(),
                sentence(&recorded.event, &snapshot.state)?,
            ))
        })
        .take(room)
        .collect();
    let mut lines = vec![rule(&format!("events{checks}"), width, theme)];
    lines.extend(told.into_iter().rev().map(|(recorded, text)| {
        line(
            &format!(" {} {text}", model.zone.second(recorded.at)),
            width,
            theme.style(Role::Dim),
        )
    }));
    lines
}
