//! Sequences that a slow line brought in two parts: `Esc` alone, and then the rest as letters.
//!
//! A letter of an arrow must not close an incident, nor a paste become keys. What follows an `Esc`
//! within a moment is therefore put together again; `Esc` itself is told that much later.

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// How long the rest of a sequence may take: hands are slower, lines hardly are.
const APART: Duration = Duration::from_millis(30);
/// How long a paste may be silent before it is over.
const SILENT: Duration = Duration::from_secs(1);

/// Events as the terminal meant them. `next` waits so long for an event at most.
pub(super) fn whole(
    first: Event,
    next: &mut impl FnMut(Duration) -> Option<Event>,
) -> VecDeque<Event> {
    let mut meant = VecDeque::new();
    if first != key(KeyCode::Esc) {
        meant.push_back(first);
        return meant;
    }
    match next(APART) {
        Some(event) => match letter(&event) {
            Some('[') => meant.extend(sequence(next)),
            Some('O') => meant.extend(next(APART).and_then(|event| function(letter(&event)?))),
            _ => {
                meant.push_back(first);
                meant.extend(whole(event, next));
            }
        },
        None => meant.push_back(first),
    }
    meant
}

fn key(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn letter(event: &Event) -> Option<char> {
    match event {
        Event::Key(KeyEvent {
            code: KeyCode::Char(c),
            modifiers,
            ..
        }) if !modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(*c),
        _ => None,
    }
}

/// What follows `Esc [`, up to the letter that ends it.
fn sequence(next: &mut impl FnMut(Duration) -> Option<Event>) -> Option<Event> {
    let mut text = String::new();
    while let Some(c) = next(APART).as_ref().and_then(letter) {
        text.push(c);
        if ('\x40'..='\x7e').contains(&c) {
            break;
        }
    }
    Some(match text.as_str() {
        "200~" => Event::Paste(pasted(next)),
        "I" => Event::FocusGained,
        "O" => Event::FocusLost,
        "Z" => Event::Key(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
        "1~" => key(KeyCode::Home),
        "4~" => key(KeyCode::End),
        "3~" => key(KeyCode::Delete),
        "5~" => key(KeyCode::PageUp),
        "6~" => key(KeyCode::PageDown),
        other => return function(other.chars().next().filter(|_| other.len() == 1)?),
    })
}

/// The key that a letter stands for after `Esc [` or `Esc O`. Others are nothing here.
fn function(c: char) -> Option<Event> {
    Some(key(match c {
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'H' => KeyCode::Home,
        'F' => KeyCode::End,
        'P'..='S' => KeyCode::F(u8::try_from(u32::from(c) - u32::from('P')).ok()? + 1),
        _ => return None,
    }))
}

/// What is pasted, up to its end.
fn pasted(next: &mut impl FnMut(Duration) -> Option<Event>) -> String {
    const END: &str = "\u{1b}[201~";
    let mut text = String::new();
    while let Some(event) = next(SILENT) {
        match event {
            Event::Key(KeyEvent { code, .. }) => match code {
                KeyCode::Char(c) => text.push(c),
                KeyCode::Enter => text.push('\n'),
                KeyCode::Tab => text.push('\t'),
                KeyCode::Esc => text.push('\u{1b}'),
                _ => {}
            },
            Event::Paste(more) => text.push_str(&more),
            _ => {}
        }
        if text.ends_with(END) {
            text.truncate(text.len() - END.len());
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of keys that come one by one.
    fn meant(keys: &str) -> Vec<Event> {
        let mut keys: VecDeque<Event> = keys
            .chars()
            .map(|c| {
                key(match c {
                    '\u{1b}' => KeyCode::Esc,
                    '\n' => KeyCode::Enter,
                    c => KeyCode::Char(c),
                })
            })
            .collect();
        let mut all = Vec::new();
        while let Some(first) = keys.pop_front() {
            all.extend(whole(first, &mut |_| keys.pop_front()));
        }
        all
    }

    #[test]
    fn what_was_torn_apart_is_put_together() {
        assert_eq!(meant("\u{1b}[A"), [key(KeyCode::Up)]);
        assert_eq!(
            meant("\u{1b}[5~x"),
            [key(KeyCode::PageUp), key(KeyCode::Char('x'))]
        );
        assert_eq!(meant("\u{1b}OQ"), [key(KeyCode::F(2))]);
        assert_eq!(meant("\u{1b}[O"), [Event::FocusLost]);
    }

    #[test]
    fn a_paste_stays_one() {
        assert_eq!(
            meant("\u{1b}[200~q\na\u{1b}[201~j"),
            [Event::Paste("q\na".into()), key(KeyCode::Char('j'))]
        );
        // Its end never comes.
        assert_eq!(meant("\u{1b}[200~qq"), [Event::Paste("qq".into())]);
    }

    #[test]
    fn what_nobody_knows_is_no_letter_and_escape_stays_one() {
        assert_eq!(meant("\u{1b}[1;5C"), []);
        assert_eq!(meant("\u{1b}"), [key(KeyCode::Esc)]);
        assert_eq!(
            meant("\u{1b}\u{1b}j"),
            [
                key(KeyCode::Esc),
                key(KeyCode::Esc),
                key(KeyCode::Char('j'))
            ]
        );
    }
}
