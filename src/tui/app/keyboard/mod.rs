//! Turns the bytes that a terminal sends into what a person did: keys, pastes, the wheel.
//!
//! A terminal also sends bytes that no person typed: replies to questions that somebody asked it,
//! perhaps a program that ran before the console. They are recognized here and dropped, whole or
//! torn, because a reply must never answer a question. Nothing here reads a device or a clock.

mod decoder;
mod keys;
mod replies;

use crossterm::event::KeyEvent;

pub(in crate::tui) use decoder::Decoder;

/// What a person did at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Input {
    /// A key was pressed.
    Key {
        /// The key.
        key: KeyEvent,
        /// Whether it arrived on its own. Several keys that arrive in one piece are a fast typist on
        /// a slow line, a paste without brackets, or a reply that nobody recognized: they may be
        /// typed into a form, but they do not answer a question.
        alone: bool,
    },
    /// Text was pasted.
    Paste(String),
    /// The window got or lost the focus.
    Focused(bool),
    /// A reply to something that the console asked, where it listens for replies: what stands between
    /// `ESC [` and the last letter, and that letter.
    Reply {
        /// The parameters, with what stands before and behind them.
        text: String,
        /// The letter that tells its kind.
        kind: char,
    },
    /// The wheel was turned: up, or down.
    Wheel {
        /// Whether it was turned up.
        up: bool,
    },
}

/// The text that a person typed into one line of a cooked terminal, without the replies in it.
#[must_use]
pub fn typed(line: &str) -> String {
    use crossterm::event::{KeyCode, KeyModifiers};

    let mut decoder = Decoder::new(false);
    let mut inputs = decoder.feed(line.as_bytes(), std::time::Duration::ZERO);
    inputs.extend(decoder.finish());
    inputs
        .into_iter()
        .filter_map(|input| match input {
            Input::Key { key, .. } => match key.code {
                KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                    Some(c.to_string())
                }
                KeyCode::Tab => Some("\t".to_owned()),
                _ => None,
            },
            Input::Paste(text) => Some(text),
            Input::Focused(_) | Input::Wheel { .. } | Input::Reply { .. } => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_reply_within_a_typed_line_is_left_out() {
        assert_eq!(
            typed("\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{1b}\\note it"),
            "note it"
        );
        assert_eq!(typed("i-0abc\u{1b}[>0;10;1c"), "i-0abc");
        assert_eq!(typed("Zürich [prod] 5"), "Zürich [prod] 5");
    }
}
