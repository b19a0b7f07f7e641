//! What lies over the screen and is not typed into: the choice of a playbook, and help.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

use super::ask;
use crate::engine::Role;
use crate::incident::{Command, card};
use crate::tui::message::Request;
use crate::tui::model::{Model, Overlay, Screen};

pub(super) fn choose(model: &mut Model) -> Vec<Request> {
    if model.screen == Screen::Incident {
        if model
            .incident
            .as_ref()
            .is_some_and(|snapshot| snapshot.state.walking().is_some())
        {
            model.say(
                "a playbook is being walked; finish it, or stop it with X",
                true,
            );
        } else {
            model.overlay = Some(Overlay::Choose { alarm: None, at: 0 });
        }
        return Vec::new();
    }
    if model.has_open_incident() {
        model.say(
            "an incident is open: i goes to it, t adds this alarm to it",
            true,
        );
        return Vec::new();
    }
    let rows = model.rows();
    let alarm = rows
        .get(model.selected_index(&rows))
        .map(|row| Arc::clone(&row.alarm));
    if alarm.is_some() {
        model.overlay = Some(Overlay::Choose { alarm, at: 0 });
    }
    Vec::new()
}

pub(super) fn in_choice(
    model: &mut Model,
    alarm: Option<Arc<crate::incident::AlarmRef>>,
    at: usize,
    key: KeyEvent,
) -> Vec<Request> {
    let choices = model.choices(alarm.as_deref());
    let last = choices.len().saturating_sub(1);
    let next = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Char('q') => return vec![Request::Quit],
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::Enter => {
            let Some((entry, _)) = choices.get(at) else {
                return Vec::new();
            };
            let playbook = entry.playbook.id.clone();
            return match alarm {
                Some(_) if model.opening => Vec::new(),
                Some(alarm) => {
                    model.opening = true;
                    let grade = model.graded(&alarm);
                    vec![Request::OpenIncident {
                        alarm,
                        playbook,
                        grade,
                    }]
                }
                None => vec![Request::StartPlaybook(playbook)],
            };
        }
        _ => at,
    };
    model.overlay = Some(Overlay::Choose { alarm, at: next });
    Vec::new()
}

pub(super) fn in_unfinished(model: &mut Model, at: usize, key: KeyEvent) -> Vec<Request> {
    let last = model.unfinished.len().saturating_sub(1);
    let next = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Char('q') => return vec![Request::Quit],
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::Enter => {
            let Some(summary) = model.unfinished.get(at) else {
                return Vec::new();
            };
            model.opening = true;
            return vec![Request::TakeUp(summary.id.clone())];
        }
        _ => at,
    };
    model.overlay = Some(Overlay::Unfinished { at: next });
    Vec::new()
}

pub(super) fn attach(model: &mut Model) -> Vec<Request> {
    let rows = model.rows();
    match rows.get(model.selected_index(&rows)) {
        Some(row) => ask(
            Command::AttachAlarm((*row.alarm).clone()),
            format!("{} was added to the incident", row.alarm.name),
        ),
        None => Vec::new(),
    }
}

/// Who has the incident open.
fn writer(model: &Model) -> Option<String> {
    match &model.incident.as_ref()?.role {
        Role::Follower { writer, .. } => writer.as_ref().map(ToString::to_string),
        Role::Writer { .. } => Some(model.header.user.clone()),
        Role::Imported => None,
    }
}

/// Makes the card, puts it on the clipboard, and shows what was put there.
pub(super) fn show_card(model: &mut Model) -> Vec<Request> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    let writer = writer(model);
    let card = card(&snapshot.state, model.now, writer.as_deref());
    let text = card.join("\n");
    model.overlay = Some(Overlay::Card { card, scroll: 0 });
    vec![Request::Copy(text)]
}

pub(super) fn in_card(
    model: &mut Model,
    (card, scroll): (Vec<String>, u16),
    key: KeyEvent,
) -> Vec<Request> {
    let scroll = match key.code {
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
        _ => scroll,
    };
    match key.code {
        KeyCode::Esc => Vec::new(),
        KeyCode::Char('q') => vec![Request::Quit],
        KeyCode::Enter => {
            let command = Command::GiveCard {
                writer: writer(model),
            };
            let told = if model.header.rehearsal.is_some() {
                "recorded; nobody outside is told in a rehearsal"
            } else {
                "recorded, for the channels that are told of it"
            };
            ask(command, told)
        }
        _ => {
            // It has twenty lines, and each wraps a few times at most.
            let scroll = scroll.min(100);
            model.overlay = Some(Overlay::Card { card, scroll });
            Vec::new()
        }
    }
}

pub(super) fn in_help(model: &mut Model, scroll: u16, key: KeyEvent) {
    let scroll = match key.code {
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
        KeyCode::PageUp => scroll.saturating_sub(10),
        KeyCode::PageDown | KeyCode::Char(' ') => scroll.saturating_add(10),
        _ => return,
    };
    model.overlay = Some(Overlay::Help {
        scroll: scroll.min(crate::tui::view::longest_help(model)),
    });
}
