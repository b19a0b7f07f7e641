//! What lies over the screen and is not typed into: the choice of a playbook, and help.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

use super::{ask, lets_in};
use crate::commands::{CommandId, Place};
use crate::engine::Role;
use crate::incident::{Command, card};
use crate::tui::message::Request;
use crate::tui::model::{Model, Overlay, Screen, Text};

pub(super) fn choose(model: &mut Model) -> Vec<Request> {
    if model.screen == Screen::Incident {
        if model
            .incident
            .as_ref()
            .is_some_and(|snapshot| snapshot.state.walking().is_some())
        {
            let stop = model.key(CommandId::StopPlaybook, Place::Incident);
            let text = format!("a playbook is being walked; finish it, or stop it with {stop}");
            model.say(text, true);
        } else {
            model.overlay = Some(Overlay::Choose { alarm: None, at: 0 });
        }
        return Vec::new();
    }
    if model.has_open_incident() {
        let go = model.key(CommandId::Incident, Place::Everywhere);
        let add = model.key(CommandId::Attach, Place::BoardWithIncident);
        let text = format!("an incident is open: {go} goes to it, {add} adds this alarm to it");
        model.say(text, true);
        return Vec::new();
    }
    let alarm = model.selected_row().map(|row| Arc::clone(&row.alarm));
    if alarm.is_some() {
        model.overlay = Some(Overlay::Choose { alarm, at: 0 });
    }
    Vec::new()
}

/// Opens the choice of playbooks at one of them.
pub(super) fn choose_playbook(model: &mut Model, id: &str) -> Vec<Request> {
    let requests = choose(model);
    let alarm = match &model.overlay {
        Some(Overlay::Choose { alarm, .. }) => alarm.clone(),
        _ => return requests,
    };
    let choices = model.choices(alarm.as_deref());
    let place = choices
        .iter()
        .position(|(entry, _)| entry.playbook.id == id);
    model.overlay = Some(Overlay::Choose {
        alarm,
        at: place.unwrap_or(0),
    });
    requests
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
        KeyCode::Enter => {
            let Some((entry, _)) = choices.get(at) else {
                return Vec::new();
            };
            let playbook = entry.playbook.id.clone();
            let choice = Overlay::Choose {
                alarm: alarm.clone(),
                at,
            };
            if !lets_in(model, choice, &key) {
                return Vec::new();
            }
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
        _ => step(at, last, key),
    };
    model.overlay = Some(Overlay::Choose { alarm, at: next });
    Vec::new()
}

/// Where a key leads to in a list, from a row of it.
pub(super) fn step(at: usize, last: usize, key: KeyEvent) -> usize {
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        _ => at,
    }
}

pub(super) fn in_unfinished(model: &mut Model, at: usize, key: KeyEvent) -> Vec<Request> {
    let last = model.unfinished().count().saturating_sub(1);
    let next = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            let Some(id) = model.unfinished().nth(at).map(|one| one.id.clone()) else {
                return Vec::new();
            };
            if !lets_in(model, Overlay::Unfinished { at }, &key) {
                return Vec::new();
            }
            model.opening = true;
            return vec![Request::TakeUp(id)];
        }
        _ => step(at, last, key),
    };
    model.overlay = Some(Overlay::Unfinished { at: next });
    Vec::new()
}

pub(super) fn attach(model: &mut Model) -> Vec<Request> {
    match model.selected_row() {
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
    vec![Request::Copy {
        text,
        what: "the card".into(),
    }]
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
        KeyCode::Enter => {
            if !lets_in(model, Overlay::Card { card, scroll }, &key) {
                return Vec::new();
            }
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

/// Where a key that scrolls leads to, in lines from the top.
fn scrolled(scroll: u16, key: KeyEvent) -> Option<u16> {
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => Some(scroll.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => Some(scroll.saturating_add(1)),
        KeyCode::PageUp => Some(scroll.saturating_sub(10)),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(scroll.saturating_add(10)),
        _ => None,
    }
}

pub(super) fn in_help(model: &mut Model, scroll: u16, key: KeyEvent) {
    let Some(scroll) = scrolled(scroll, key) else {
        return;
    };
    model.overlay = Some(Overlay::Help {
        scroll: scroll.min(crate::tui::view::longest_help(model)),
    });
}

/// Reads on in a text. What is no key of its own closes it, and is taken as if it had not been
/// there; returns whether the key was used up.
pub(super) fn in_text(model: &mut Model, what: Text, scroll: u16, key: KeyEvent) -> bool {
    let most = crate::tui::view::longest_text(model, what);
    let Some(to) = scrolled(scroll, key) else {
        if what == Text::Introduction {
            model.introduced = true;
        }
        super::offer(model);
        return matches!(key.code, KeyCode::Esc | KeyCode::Enter);
    };
    model.overlay = Some(Overlay::Read {
        what,
        scroll: to.min(most),
    });
    true
}
