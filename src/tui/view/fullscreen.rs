//! Evidence on the whole screen: a chart, messages by pattern, what programs wrote.
//!
//! ```text
//! ── Verify CPU Metrics · cpu · metric · 1 of 6 ─────────────────────────────────────
//!  97.3 at 14:08Z · threshold 90 · ◆ 14:02Z UpdateService by deployer
//!  100┤                       ⢀⡠⠤⠒⠉
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::evidence::{more_patterns, unread};
use super::{chart, line, put, rule, sides};
use crate::tui::model::{Model, Piece};
use crate::tui::text::{clean, wrap};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(piece) = model.piece() else {
        let text = " Nothing was found yet.";
        let shown = line(text, area.width.into(), theme.style(Role::Dim));
        put([shown], frame, area);
        return;
    };
    let chart_height = chart_height(&piece, area.height);
    let [head, above, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(chart_height),
        Constraint::Min(0),
    ])
    .areas(area);
    let title = rule(&title(model, &piece), head.width.into(), theme);
    put([title], frame, head);
    if chart_height > 0 {
        chart::draw(model, &piece, theme, frame, above);
    }
    let room = usize::from(body.height);
    let wanted = model.evidence.search.to_lowercase();
    let all = lines(model, model.evidence_width());
    let selecting = piece.run.kind == "logs" && !model.evidence.samples;
    let from = if selecting {
        // The selected pattern stays in sight.
        selected_line(model, &all).saturating_sub(room.saturating_sub(3))
    } else {
        model.evidence.scroll
    };
    let from = from.min(all.len().saturating_sub(room));
    let chosen = selecting.then(|| selected_line(model, &all));
    let shown: Vec<Line<'_>> = all
        .iter()
        .enumerate()
        .skip(from)
        .take(room)
        .map(|(at, text)| {
            let role = if chosen == Some(at) {
                Role::Selection
            } else {
                Role::Text
            };
            marked(text, &wanted, (body.width.into(), role), theme)
        })
        .collect();
    put(shown, frame, body);
}

/// A line in which what is searched stands out.
fn marked(text: &str, wanted: &str, (width, role): (usize, Role), theme: &Theme) -> Line<'static> {
    let text = crate::tui::text::fit(text, width);
    let style = theme.style(role);
    let lower = text.to_lowercase();
    // Where lower case has another length, the places do not fit.
    if wanted.is_empty() || lower.len() != text.len() {
        return Line::from(Span::styled(text, style));
    }
    let mut spans = Vec::new();
    let mut from = 0;
    for (at, found) in lower.match_indices(wanted) {
        if !text.is_char_boundary(at) || !text.is_char_boundary(at + found.len()) {
            continue;
        }
        spans.push(Span::styled(text[from..at].to_owned(), style));
        let end = at + found.len();
        spans.push(Span::styled(
            text[at..end].to_owned(),
            theme.style(Role::Match),
        ));
        from = end;
    }
    spans.push(Span::styled(text[from..].to_owned(), style));
    Line::from(spans)
}

fn title(model: &Model, piece: &Piece<'_>) -> String {
    let count = model.pieces().len();
    let at = model.evidence.at.min(count.saturating_sub(1)) + 1;
    let parts = [
        piece.step.title.as_str(),
        piece.item,
        &piece.run.name,
        piece.run.kind,
    ];
    let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let search = match model.evidence.search.as_str() {
        "" => String::new(),
        text => format!(" · \"{text}\""),
    };
    format!("{} · {at} of {count}{search}", named.join(" · "))
}

/// A chart takes what is left above a few lines of text.
fn chart_height(piece: &Piece<'_>, height: u16) -> u16 {
    if piece.run.kind == "metric" && chart::points(piece).len() > 1 {
        height.saturating_sub(1).saturating_sub(4).min(24)
    } else {
        0
    }
}

/// The evidence as lines of a width.
pub(in crate::tui) fn lines(model: &Model, width: usize) -> Vec<String> {
    let Some(piece) = model.piece() else {
        return Vec::new();
    };
    let written: Vec<String> = match piece.run.kind {
        "metric" if chart::points(&piece).len() > 1 => chart::said(model, &piece),
        "logs" if model.evidence.samples => samples(model, &piece),
        "logs" => patterns(model, &piece),
        "ssm_command" => sides::instances(&piece, width),
        "exec" => program(&piece),
        _ => json(piece.value),
    };
    if width == usize::MAX {
        return written
            .iter()
            .map(|text| clean(text).into_owned())
            .collect();
    }
    written
        .iter()
        .flat_map(|text| broken(text, width))
        .collect()
}

/// A line, broken where it is too long; what goes on is set in as far as it was.
fn broken(text: &str, width: usize) -> Vec<String> {
    let rest = text.trim_start_matches(' ');
    let indent = (text.len() - rest.len()).min(width / 2);
    let parts = wrap(rest, width.saturating_sub(indent + 2));
    let first = parts.is_empty().then(String::new);
    first
        .into_iter()
        .chain(parts)
        .map(|part| format!(" {}{part}", " ".repeat(indent)))
        .collect()
}

/// How far down there is anything to see.
pub(in crate::tui) fn longest(model: &Model) -> usize {
    let height = model.size.1.saturating_sub(2 + super::banner_height(model));
    let chart = model
        .piece()
        .map_or(0, |piece| chart_height(&piece, height));
    let room = usize::from(height.saturating_sub(1 + chart));
    lines(model, model.evidence_width())
        .len()
        .saturating_sub(room)
}

/// How many patterns there are to select.
pub(in crate::tui) fn pattern_count(model: &Model) -> usize {
    let piece = model.piece();
    piece.map_or(0, |piece| list(&piece.value["patterns"]).count())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The mark before the selected pattern, by which its line is found again.
const SELECTED: &str = "▶";

fn patterns(model: &Model, piece: &Piece<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "{} messages, by pattern, errors first:",
        piece.value["events"]
    )];
    lines.extend(unread(piece.value));
    lines.push(String::new());
    for (index, pattern) in list(&piece.value["patterns"]).enumerate() {
        let mark = if index == model.evidence.pattern {
            SELECTED
        } else {
            " "
        };
        let name = pattern["name"].as_str().or(pattern["pattern"].as_str());
        let count = pattern["count"].as_u64().unwrap_or(0);
        lines.push(format!("{mark} {count:>6} ×  {}", name.unwrap_or_default()));
    }
    lines.extend(more_patterns(piece.value, usize::MAX).map(|text| format!("  {text}")));
    lines.push(String::new());
    if let Some(chosen) = list(&piece.value["patterns"]).nth(model.evidence.pattern) {
        lines.push(format!(
            "first {}   last {}",
            words(&chosen["first"]),
            words(&chosen["last"])
        ));
        lines.push(words(&chosen["sample"]).to_owned());
    }
    lines
}

fn selected_line(model: &Model, lines: &[String]) -> usize {
    let marked = lines
        .iter()
        .position(|text| text.trim_start().starts_with(SELECTED));
    marked.unwrap_or(model.evidence.pattern)
}

/// Messages of the selected pattern, or all while the group is followed.
fn samples(model: &Model, piece: &Piece<'_>) -> Vec<String> {
    let tail = &model.evidence.tail;
    let chosen = list(&piece.value["patterns"]).nth(model.evidence.pattern);
    let pattern = chosen.map_or("", |chosen| words(&chosen["pattern"]));
    let mut lines = Vec::new();
    if tail.of.as_ref() != Some(&piece.key()) {
        lines.push("reading the messages…".to_owned());
        lines.extend(chosen.map(|chosen| words(&chosen["sample"]).to_owned()));
        return lines;
    }
    let own: Vec<&(i64, String)> = tail
        .lines
        .iter()
        .filter(|(_, text)| tail.following || crate::actions::is_of_pattern(pattern, text))
        .collect();
    let following = if tail.following { "following, " } else { "" };
    lines.push(format!(
        "{following}{} messages · {}",
        own.len(),
        tail.status
    ));
    lines.extend(own.into_iter().rev().map(|(at, text)| {
        let at = chrono::DateTime::from_timestamp_millis(*at);
        let at = at.map(|at| model.zone.second(at)).unwrap_or_default();
        format!("{at} {text}")
    }));
    lines
}

fn program(piece: &Piece<'_>) -> Vec<String> {
    let mut lines = vec![format!("exit code {}", piece.value["exit_code"])];
    for (name, key) in [("output", "output"), ("error output", "error")] {
        let text = words(&piece.value[key]);
        if !text.is_empty() {
            lines.push(String::new());
            lines.push(format!("{name}:"));
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

fn json(value: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
