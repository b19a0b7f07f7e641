//! Texts that are read over the screen: what the console has said, and what it is for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::overlay::panel;
use super::put;
use crate::commands::{CommandId, Place};
use crate::tui::model::{Model, Text};
use crate::tui::text::wrap;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(
    model: &Model,
    (what, scroll): (Text, u16),
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let title = match what {
        Text::Messages => "messages, the latest first",
        Text::Introduction => "what this is: Enter begins, any other key does what it does",
    };
    let inner = panel(title, area, theme, frame);
    let all = lines(model, what, inner.width.into());
    let lines = all
        .into_iter()
        .map(|(text, role)| Line::from(Span::styled(text, theme.style(role))));
    put(lines.skip(scroll.into()), frame, inner);
}

/// How far down there is anything to read.
pub(in crate::tui) fn longest_text(model: &Model, what: Text) -> u16 {
    let width = usize::from(model.size.0.saturating_sub(4));
    let lines = lines(model, what, width).len();
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    lines.saturating_sub(model.size.1.saturating_sub(4 + super::banner_height(model)))
}

fn lines(model: &Model, what: Text, width: usize) -> Vec<(String, Role)> {
    let (texts, hanging) = match what {
        Text::Messages => (messages(model), 12),
        Text::Introduction => (introduction(model), 0),
    };
    let mut lines = Vec::new();
    for (text, role) in texts {
        if text.is_empty() {
            lines.push((String::new(), role));
        }
        for (index, part) in wrap(&text, width.saturating_sub(hanging))
            .into_iter()
            .enumerate()
        {
            let indent = if index == 0 { 0 } else { hanging };
            lines.push((format!("{}{part}", " ".repeat(indent)), role));
        }
    }
    lines
}

fn messages(model: &Model) -> Vec<(String, Role)> {
    let said = model.log.latest().map(|one| {
        let (mark, role) = if one.error {
            ("✗", Role::Error)
        } else {
            ("✓", Role::Text)
        };
        let times = match one.times {
            1 => String::new(),
            times => format!(" (×{times})"),
        };
        (
            format!("{} {mark} {}{times}", model.zone.second(one.at), one.text),
            role,
        )
    });
    let mut said: Vec<(String, Role)> = said.collect();
    if said.is_empty() {
        said.push(("The console has said nothing yet.".into(), Role::Dim));
    }
    said
}

/// One screen of 80×24.
fn introduction(model: &Model) -> Vec<(String, Role)> {
    let key = |id, place| model.key(id, place);
    let everywhere = |id| key(id, Place::Everywhere);
    let text = |text: String| (text, Role::Text);
    vec![
        ("standdown leads through an incident, one question at a time.".into(), Role::Heading),
        text(String::new()),
        text(format!(
            "The board shows the alarms of CloudWatch, what burns first. {} on an alarm opens an incident with the playbook that answers it. Its checks run by themselves, ahead of you; what they found stands below the question.",
            key(CommandId::Open, Place::Board)
        )),
        text(String::new()),
        text("Nothing is changed at AWS without your approval, for which you type what is changed. Everything is recorded as it happens: quit, lose the connection, or hand over at any time, and go on where it stood.".into()),
        text(String::new()),
        text(format!(
            "{}  the keys that are valid here      {}  find anything by its name",
            everywhere(CommandId::Help),
            everywhere(CommandId::Palette)
        )),
        text(format!(
            "{}  the board    {}  the incident    {}  what the console has said    {}  quit",
            everywhere(CommandId::Board),
            everywhere(CommandId::Incident),
            everywhere(CommandId::Messages),
            everywhere(CommandId::Quit)
        )),
        text(String::new()),
        text("To practise without AWS: standdown rehearse".into()),
        (
            format!("{} shows this again.", everywhere(CommandId::Introduction)),
            Role::Dim,
        ),
    ]
}
