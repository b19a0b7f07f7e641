//! The palette: what is found, and what choosing it does.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::{look, panes, run};
use crate::tui::message::Request;
use crate::tui::model::{Act, Found, Model, Overlay, Screen};

pub(super) fn open(model: &mut Model) {
    find(model, Input::default());
}

/// Looks for what has some letters, and selects the best.
pub(in crate::tui) fn find(model: &mut Model, letters: Input) {
    let found = model.found(letters.value());
    model.overlay = Some(Overlay::Palette {
        letters,
        at: 0,
        found,
    });
}

pub(super) fn key(
    model: &mut Model,
    (mut letters, at, mut found): (Input, usize, Vec<Found>),
    key: KeyEvent,
) -> Vec<Request> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let below = |by: usize| (at + by).min(found.len().saturating_sub(1));
    let at = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            if at < found.len() {
                return choose(model, found.swap_remove(at), key);
            }
            at
        }
        KeyCode::Up => at.saturating_sub(1),
        KeyCode::Char('p') if control => at.saturating_sub(1),
        KeyCode::Down => below(1),
        KeyCode::Char('n') if control => below(1),
        KeyCode::PageUp => at.saturating_sub(10),
        KeyCode::PageDown => below(10),
        _ => {
            let before = letters.value().to_owned();
            let _ = letters.handle_event(&Event::Key(key));
            if letters.value() != before {
                find(model, letters);
                return Vec::new();
            }
            at
        }
    };
    model.overlay = Some(Overlay::Palette { letters, at, found });
    Vec::new()
}

/// Pastes into the letters, as one line.
pub(super) fn paste(letters: &mut Input, text: &str) {
    for c in text.chars().filter(|c| !c.is_control()).take(200) {
        let _ = letters.handle(tui_input::InputRequest::InsertChar(c));
    }
}

fn choose(model: &mut Model, found: Found, key: KeyEvent) -> Vec<Request> {
    match found.act {
        Act::Run(entry) => {
            if entry.place.answers() && !model.lets(&key) {
                return Vec::new();
            }
            return run(model, entry, key);
        }
        Act::Alarm(key) => {
            model.screen = Screen::Board;
            // It may be hidden by the filter.
            model.select_alarm(key.clone());
            if model.selected_row().is_none_or(|row| !row.is(&key)) {
                model.filter.clear();
                model.arrange();
                model.select_alarm(key);
            }
            return look(model);
        }
        Act::Playbook(id) => return super::choice::choose_playbook(model, &id),
        Act::Step(step) => {
            model.screen = Screen::Incident;
            model.reading = Some(step);
            model.tree = false;
            model.scroll = 0;
        }
        Act::Incident(id) => {
            model.opening = true;
            return vec![Request::TakeUp(id)];
        }
        Act::Theme(name) => return vec![Request::UseTheme(name)],
        Act::Sort(order) => {
            model.order = order;
            model.arrange();
            panes::sorted(model);
            return look(model);
        }
    }
    Vec::new()
}
