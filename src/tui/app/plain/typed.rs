//! What a line means: a number from the list above it, a key, a command's name, or an answer.

use std::io;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::page::Pages;
use super::{LONGEST, Out, TOO_LONG, is_list};
use crate::commands::{Entry, event_of};
use crate::tui::message::{Message, Request};
use crate::tui::model::{Model, Overlay, Screen};
use crate::tui::update::update;

fn enter() -> Message {
    Message::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))
}

fn escape() -> Message {
    Message::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE))
}

/// The row of the table that a line names, where it is valid.
fn named(model: &Model, line: &str) -> Option<&'static Entry> {
    let mut valid = model.valid(|_| true);
    let found = valid.find(|one| one.entry.name == line || one.free.contains(&line));
    found.map(|one| one.entry)
}

/// Whether a line would answer the question.
pub(super) fn answers(model: &Model, line: &str) -> bool {
    let line = line.trim();
    if model.overlay.is_some() {
        return true;
    }
    line.parse::<usize>().is_ok() && model.screen == Screen::Incident
        || named(model, line).is_some_and(|entry| entry.place.answers())
}

/// Does what a line says.
pub(super) fn take(
    model: &mut Model,
    line: &str,
    out: &Out,
    pages: &mut Pages,
) -> io::Result<Vec<Request>> {
    if line == TOO_LONG {
        out.line(&format!("a line of more than {LONGEST} bytes was left out"))?;
        return Ok(Vec::new());
    }
    if let Some(Overlay::Form(_)) = &model.overlay {
        return Ok(field(model, line));
    }
    let line = line.trim();
    if line.is_empty() {
        // Nothing is confirmed by an empty line; it asks what there is.
        pages.again();
        return Ok(Vec::new());
    }
    if matches!(line, "." | "Esc" | "back") {
        return Ok(update(model, escape()));
    }
    if let Ok(number) = line.parse::<usize>() {
        return number_of(model, number, out, pages);
    }
    if let Some(letters) = line.strip_prefix(':') {
        find(model, letters);
        return Ok(Vec::new());
    }
    if is_list(model.overlay.as_ref()) {
        out.line("type a number of the list, or . to leave it")?;
        return Ok(Vec::new());
    }
    if let Some(Overlay::Card { .. }) = &model.overlay {
        return Ok(match line {
            "Enter" | "tell" => update(model, enter()),
            _ => update(model, escape()),
        });
    }
    model.overlay = None;
    let Some(entry) = named(model, line) else {
        out.line(&format!(
            "nothing here is called {line:?}; ? lists what can be done, : and letters find anything"
        ))?;
        return Ok(Vec::new());
    };
    pages.again();
    Ok(update(model, Message::Named(entry)))
}

/// Types a line into the present field of a form.
fn field(model: &mut Model, line: &str) -> Vec<Request> {
    if line.trim() == "." {
        return update(model, escape());
    }
    if let Some(Overlay::Form(form)) = &mut model.overlay {
        let over = form.fill(line);
        crate::tui::update::cut(model, over);
    }
    update(model, enter())
}

/// Finds something by its letters.
fn find(model: &mut Model, letters: &str) {
    crate::tui::update::find(model, letters.trim().to_owned().into());
}

/// Takes what stands behind a number.
fn number_of(
    model: &mut Model,
    number: usize,
    out: &Out,
    pages: &mut Pages,
) -> io::Result<Vec<Request>> {
    let Some(at) = number.checked_sub(1) else {
        out.line("the lists begin with 1")?;
        return Ok(Vec::new());
    };
    let rows = model.rows().len();
    if model.overlay.is_none() && model.screen == Screen::Board && at >= rows {
        out.line(&format!("the board has {rows} rows"))?;
        return Ok(Vec::new());
    }
    if is_list(model.overlay.as_ref()) {
        if let Some(
            Overlay::Choose { at: chosen, .. }
            | Overlay::Unfinished { at: chosen }
            | Overlay::Links { at: chosen, .. }
            | Overlay::Palette { at: chosen, .. },
        ) = &mut model.overlay
        {
            *chosen = at;
        }
        return Ok(update(model, enter()));
    }
    if model.screen == Screen::Incident && !model.tree && model.reading.is_none() {
        let offers = crate::tui::view::offers(model);
        let Some(key) = offers.get(at).and_then(|(key, _)| event_of(key)) else {
            out.line(&format!("there are {} answers", offers.len()))?;
            return Ok(Vec::new());
        };
        return Ok(update(model, Message::Key(key)));
    }
    pages.again();
    Ok(update(model, Message::Selected(at)))
}
