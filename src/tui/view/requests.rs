//! What others ask this user to agree to, and one of it as they saw it.
//!
//! ```text
//!  1 request waits for an answer
//!  until 18:04Z  in 28m  games      restart-service-of-shop on orders: it errs since noon
//! ── 3829dd871c212710 ──────────────────────────────────────────────────────────────
//!   runs       restart-service-of-shop, version 1, as an Automation
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::prompt::Prompt;
use super::{line, put, rule};
use crate::approvals::name;
use crate::commands::{CommandId, Place};
use crate::incident::{Weight, sheet};
use crate::tui::model::Model;
use crate::tui::panes::Asked;
use crate::tui::text::{age, column, counted, wrap};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (list, sheet) = areas(model, area);
    let width = usize::from(list.width);
    let mut lines = summary(model, width, theme);
    let chosen = model.request().map(|asked| asked.sent.digest.as_str());
    let shown = usize::from(list.height).saturating_sub(lines.len());
    let at = model.request_index();
    for asked in rows(model, at, shown) {
        let selected = chosen == Some(asked.sent.digest.as_str());
        let role = match (selected, asked.is_open(model.now) && !asked.own) {
            (true, _) => Role::Selection,
            (false, true) => Role::Text,
            (false, false) => Role::Dim,
        };
        lines.push(line(&row(model, asked), width, theme.style(role)));
    }
    lines.extend(model.requests.broken.iter().map(|(file, why)| {
        let text = format!(" ✗ {file} does not count: {why}");
        line(&text, width, theme.style(Role::Late))
    }));
    lines.truncate(usize::from(list.height));
    put(lines, frame, list);
    let Some(asked) = model.request() else {
        return;
    };
    let title = rule(name(&asked.sent.digest), sheet.width.into(), theme);
    let mut lines = description(model, asked, sheet.width.into(), theme);
    let from = usize::from(model.scroll).min(longest(lines.len(), sheet.height));
    lines.drain(..from);
    lines.insert(0, title);
    put(lines, frame, sheet);
}

/// How far down the description goes.
pub(in crate::tui) fn longest_sheet(model: &Model) -> u16 {
    let area = Rect {
        x: 0,
        y: 1,
        width: model.size.0,
        height: model.size.1.saturating_sub(2 + super::banner_height(model)),
    };
    let (_, sheet) = areas(model, area);
    let lines = model.request().map_or(0, |asked| {
        description(model, asked, sheet.width.into(), &Theme::plain()).len()
    });
    u16::try_from(longest(lines, sheet.height)).unwrap_or(u16::MAX)
}

fn longest(lines: usize, height: u16) -> usize {
    lines.saturating_sub(usize::from(height.saturating_sub(1)))
}

/// A quarter of the room is for the list at most: what is agreed to is what counts.
fn areas(model: &Model, area: Rect) -> (Rect, Rect) {
    let said = summary(model, area.width.into(), &Theme::plain()).len();
    let rows = model.requests.asked.len() + model.requests.broken.len() + said;
    let most = if model.request().is_some() {
        (area.height / 4).max(3)
    } else {
        area.height
    };
    let height = u16::try_from(rows).unwrap_or(u16::MAX).min(most);
    let [list, sheet] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(area);
    (list, sheet)
}

fn rows(model: &Model, at: usize, shown: usize) -> impl Iterator<Item = &Asked> {
    let first = at.saturating_sub(shown.saturating_sub(1));
    model.requests.asked.iter().skip(first).take(shown)
}

fn summary(model: &Model, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, role) = match (&model.requests.error, model.answerable()) {
        (Some(error), _) => (format!("✗ {error}"), Role::Late),
        (None, 0) => ("Nobody waits for your approval.".into(), Role::Dim),
        (None, 1) => ("1 request waits for your answer".into(), Role::Dim),
        (None, count) => {
            let text = format!("{} wait for your answer", counted(count, "request"));
            (text, Role::Dim)
        }
    };
    wrap(&text, width.saturating_sub(2))
        .iter()
        .map(|part| line(&format!(" {part}"), width, theme.style(role)))
        .collect()
}

fn row(model: &Model, asked: &Asked) -> String {
    let request = &asked.sent.request;
    let until = if asked.is_open(model.now) {
        format!("for {} more", age(request.until - model.now))
    } else {
        "ended".into()
    };
    let what = if request.rehearsal { "REHEARSAL " } else { "" };
    let who = if asked.own { "you" } else { &asked.from };
    format!(
        " {} {} {what}{} on {}: {}",
        column(&until, 13),
        column(who, 12),
        request.intent.document(),
        request.intent.confirmation(),
        request.reason
    )
}

fn description(model: &Model, asked: &Asked, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut out = Prompt::new(&model.keys, width, theme);
    let (sent, request) = (&asked.sent, &asked.sent.request);
    out.ask(&format!("{} asks for your approval.", asked.from));
    out.fact("because", &request.reason, Role::Text);
    if asked.own {
        out.text(
            "It is your own: somebody else has to answer it.",
            Role::Late,
        );
    } else if !asked.is_open(model.now) {
        out.text("It has ended; it has to be asked for again.", Role::Late);
    } else {
        let typed = request.intent.confirmation();
        let text = format!("agree: you type {typed}");
        out.choice(CommandId::Agree, Place::Requests, &text, Role::Text);
        out.choice(
            CommandId::Disagree,
            Place::Requests,
            "deny it, with a reason",
            Role::Text,
        );
    }
    let incident = format!("{} · {}", request.intent.incident, request.incident_title);
    out.fact("incident", &incident, Role::Text);
    for fact in sheet(&request.intent) {
        let role = match fact.weight {
            Weight::Warning => Role::Late,
            Weight::Heading => Role::Heading,
            Weight::Plain => Role::Text,
        };
        out.fact(fact.label, &fact.text, role);
    }
    let until = model.zone.date(request.until);
    out.fact("until", &until, Role::Text);
    out.fact("digest", &sent.digest, Role::Dim);
    out.done()
}
