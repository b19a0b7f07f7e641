//! The state machine between the bytes of a terminal and what a person did.
//!
//! Its shape is that of ECMA-48 and of Williams' parser of DEC terminals: ground, escape, control
//! sequence, control string; in addition a paste, and what is torn. Silence ends every state, so no
//! broken sequence can swallow the keys that follow it.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::replies::{Torn, torn};
use super::{Input, keys};

/// How long a lone `ESC` may be the beginning of a sequence before it is the Esc key. A slow line
/// tears sequences apart by tens of milliseconds; a hand that pressed Esc hardly notices a quarter
/// of a second.
const ESCAPE: Duration = Duration::from_millis(250);
/// Two bytes of one key (Alt and a letter) arrive together; hands are slower.
const TOGETHER: Duration = Duration::from_millis(30);
/// How long a sequence, a string or a paste may be silent before it is over.
const SILENT: Duration = Duration::from_secs(1);
/// For how long after a sequence went silent its end may still come: a line that stalls tears apart by
/// seconds. Not longer, so that an end that is lost costs no more than a key.
const STALLED: Duration = Duration::from_secs(10);
/// How long what may be a torn reply is held back.
const HELD: Duration = Duration::from_millis(250);
/// Longer control sequences are none of a key; they are read to their end and dropped.
const LONGEST_SEQUENCE: usize = 64;
/// What is kept of a paste, in bytes; the longest answer that a form takes is far shorter.
const LONGEST_PASTE: usize = 1024 * 1024;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CTRL_C: u8 = 0x03;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;
/// What ends a paste.
const PASTED: &[u8] = b"\x1b[201~";

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Ground,
    /// `ESC` has come.
    Escape,
    /// `ESC` and bytes from space to slash, which are the beginning of a three-byte sequence.
    Intermediate(u8),
    /// `ESC` and a letter that introduces something, or is a key that was pressed after Esc.
    Opened {
        letter: u8,
        apart: bool,
    },
    /// `ESC O`, and the parameters of an old terminal's modifiers.
    Single,
    /// A control sequence, without `ESC [`.
    Sequence(Vec<u8>),
    /// A control string: its last byte, and how many bytes of a character are still to come.
    Text {
        last: u8,
        rest: u8,
    },
    /// The first bytes of a character of several.
    Character(Vec<u8>),
    /// The three bytes behind `ESC [ M` that tell where an old mouse is.
    Mouse(u8),
    /// A letter of the Linux console's function keys, behind `ESC [ [`.
    Console,
    /// The text of a paste.
    Paste(Vec<u8>),
    /// What may become a reply that lost its introducer.
    Held {
        text: Vec<u8>,
        /// Whether it came in one piece with a reply: then any text may be the beginning of another,
        /// which the end of the reader's buffer cut in two.
        behind: bool,
    },
}

/// A control string that begins.
const STRING: State = State::Text { last: 0, rest: 0 };

/// Decodes what a terminal sends.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Decoder {
    state: State,
    /// When the last byte came, on the clock of whoever feeds.
    last: Duration,
    /// When the `ESC` came to which the present sequence belongs.
    escaped: Duration,
    /// Whether the wheel of a mouse is listened to.
    mouse: bool,
    /// Whether replies are told. They are never keys.
    replies: bool,
    found: Vec<Input>,
    /// How many bytes the present piece has.
    piece: usize,
    /// Whether something in the present piece was a reply.
    replied: bool,
    /// What went silent before its end, and until when its end may come.
    silent: Option<State>,
    until: Duration,
}

impl Decoder {
    /// Nothing has come yet.
    pub fn new(mouse: bool) -> Self {
        Self {
            state: State::Ground,
            last: Duration::ZERO,
            escaped: Duration::ZERO,
            mouse,
            replies: false,
            found: Vec::new(),
            piece: 0,
            replied: false,
            silent: None,
            until: Duration::ZERO,
        }
    }

    /// Tells of replies as well, for whoever asked the terminal something.
    pub fn with_replies(self) -> Self {
        Self {
            replies: true,
            ..self
        }
    }

    /// How long to wait for more at most before [`Decoder::wait`] is called; `None` where nothing
    /// is pending.
    pub fn patience(&self) -> Option<Duration> {
        Some(match &self.state {
            State::Ground => return None,
            State::Escape | State::Intermediate(_) | State::Opened { .. } | State::Single => ESCAPE,
            State::Sequence(text) if text.is_empty() => ESCAPE,
            State::Character(_) => TOGETHER,
            State::Held { .. } => HELD,
            State::Sequence(_)
            | State::Text { .. }
            | State::Mouse(_)
            | State::Console
            | State::Paste(_) => SILENT,
        })
    }

    /// Takes note of the time, on the same clock as [`Decoder::feed`]. What has been silent for too
    /// long is over.
    pub fn wait(&mut self, now: Duration) -> Vec<Input> {
        if let Some(patience) = self.patience()
            && now.saturating_sub(self.last) >= patience
        {
            let open = matches!(
                self.state,
                State::Escape | State::Sequence(_) | State::Text { .. }
            );
            if open {
                if now > self.until {
                    self.until = self.last + STALLED;
                }
                self.silent = Some(self.state.clone());
            }
            return self.finish();
        }
        Vec::new()
    }

    /// Goes on with what went silent, if this is its end; returns what is left of the piece.
    fn resume<'a>(&mut self, bytes: &'a [u8], now: Duration) -> &'a [u8] {
        if !matches!(self.state, State::Ground) {
            return bytes;
        }
        let (Some(state), Some(first)) = (self.silent.take(), bytes.first()) else {
            return bytes;
        };
        if now > self.until {
            return bytes;
        }
        match (&state, first) {
            // Behind Esc these are no keys; the others are, where a hand pressed them alone.
            (State::Escape, b'[' | b']' | b'^' | b'_') => {}
            (State::Escape, b'P' | b'X') if bytes.len() > 1 => {}
            (State::Sequence(_), 0x20..=0x7e) => {}
            // Nobody types two letters in one piece; a terminator ends a string however it comes.
            (State::Text { .. }, _) if bytes.len() > 1 => {}
            (State::Text { .. }, &ESC | &BEL | 0x9c) => {}
            (State::Text { last: ESC, .. }, b'\\') => {}
            _ => return bytes,
        }
        if state == State::Escape {
            self.introduce(*first, now);
            return &bytes[1..];
        }
        self.state = state;
        bytes
    }

    /// Ends what is pending: nothing more will come.
    pub fn finish(&mut self) -> Vec<Input> {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Escape => self.key(KeyCode::Esc.into(), true),
            State::Intermediate(byte) => self.alt(byte),
            State::Opened {
                letter,
                apart: true,
            } => {
                self.key(KeyCode::Esc.into(), true);
                self.text(&[letter], true);
            }
            State::Opened { letter, .. } => self.alt(letter),
            State::Paste(text) => self.paste(&text),
            State::Held { mut text, .. } => {
                let escaped = text.pop_if(|last| *last == ESC).is_some();
                self.text(&text, false);
                if escaped {
                    self.key(KeyCode::Esc.into(), true);
                }
            }
            State::Ground
            | State::Sequence(_)
            | State::Text { .. }
            | State::Character(_)
            | State::Single
            | State::Mouse(_)
            | State::Console => {}
        }
        std::mem::take(&mut self.found)
    }

    /// Decodes a piece that arrived at once; `now` is a clock that never goes back.
    ///
    /// What is open goes on, however long ago the last piece was read: a reader that was held up reads
    /// late what came in time. Only [`Decoder::wait`] ends what is silent, when nothing is there to be
    /// read.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) -> Vec<Input> {
        let gap = now.saturating_sub(self.last);
        self.last = now;
        self.piece = bytes.len();
        self.replied = false;
        if bytes == [CTRL_C] && gap >= TOGETHER && !matches!(self.state, State::Ground) {
            // Whatever was not finished: leaving always works.
            self.state = State::Ground;
        }
        let mut rest = self.resume(bytes, now);
        while let Some((&byte, more)) = rest.split_first() {
            rest = if matches!(self.state, State::Ground) {
                self.ground(rest, now)
            } else {
                self.within(byte, more, now)
            };
        }
        std::mem::take(&mut self.found)
    }

    /// Takes the next bytes where no sequence is open; returns what is left.
    fn ground<'a>(&mut self, bytes: &'a [u8], now: Duration) -> &'a [u8] {
        self.until = Duration::ZERO;
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, 0x00..=0x1f | 0x7f))
            .unwrap_or(bytes.len());
        let (run, rest) = bytes.split_at(end);
        if run.is_empty() {
            return self.controlled(bytes, now);
        }
        let (run, rest) = match c1(run) {
            Some((0, length, 0x9c)) => {
                self.replied = true;
                return &bytes[length..];
            }
            Some((0, length, control)) => {
                self.escaped = now;
                self.introduce(control - 0x40, now);
                return &bytes[length..];
            }
            // Text that the 8-bit terminator follows is the rest of a string.
            Some((at, length, 0x9c)) => {
                self.replied = true;
                return &bytes[at + length..];
            }
            Some((at, ..)) => bytes.split_at(at),
            None => (run, rest),
        };
        // Text that a string's terminator follows is the rest of a string.
        let terminated =
            rest.starts_with(&[ESC, b'\\']) || run.len() > 1 && rest.first() == Some(&BEL);
        if terminated {
            self.replied = true;
            return &rest[if rest[0] == ESC { 2 } else { 1 }..];
        }
        let behind = self.replied;
        match torn(run) {
            Torn::Reply(length) => {
                self.replied = true;
                &bytes[length..]
            }
            Torn::Body => {
                self.state = STRING;
                rest
            }
            // An `ESC` behind it begins its terminator, or another sequence.
            found if rest.is_empty() && (behind && run.is_ascii() || found == Torn::Unfinished) => {
                let text = run.to_vec();
                self.state = State::Held { text, behind };
                rest
            }
            _ if behind && run.is_ascii() && rest == [ESC] => {
                self.escaped = now;
                let text = bytes.to_vec();
                self.state = State::Held { text, behind };
                &rest[1..]
            }
            Torn::Unfinished | Torn::Text => {
                let whole = complete(run);
                self.text(&run[..whole], whole == self.piece && one(run));
                if whole < run.len() {
                    self.state = State::Character(run[whole..].to_vec());
                }
                rest
            }
        }
    }

    fn controlled<'a>(&mut self, bytes: &'a [u8], now: Duration) -> &'a [u8] {
        let (byte, rest) = (bytes[0], &bytes[1..]);
        if byte == ESC {
            self.escaped = now;
            self.state = State::Escape;
        } else if let Some(key) = keys::control(byte) {
            let alone = self.piece == 1;
            self.key(key, alone);
        }
        rest
    }

    /// Takes a byte of what is open; returns what is left.
    fn within<'a>(&mut self, byte: u8, more: &'a [u8], now: Duration) -> &'a [u8] {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => {}
            State::Escape => self.escape(byte, now),
            State::Intermediate(first) => {
                if !matches!(byte, 0x30..=0x7e) {
                    self.alt(first);
                    return self.again(byte, more, now);
                }
            }
            State::Opened { letter, .. } => {
                self.introduce(letter, now);
                return self.within(byte, more, now);
            }
            State::Single => match byte {
                b'0'..=b'9' | b';' => self.state = State::Single,
                0x21..=0x7e => {
                    if let Some(key) = keys::function(byte) {
                        self.key(key, true);
                    }
                }
                _ => return self.again(byte, more, now),
            },
            State::Sequence(text) => return self.sequence(text, byte, more, now),
            State::Text { last, rest } => self.string((last, rest), byte, now),
            State::Character(mut text) => {
                if !matches!(byte, 0x80..=0xbf) {
                    return self.again(byte, more, now);
                }
                text.push(byte);
                // An 8-bit control character in UTF-8.
                if let [0xc2, control @ 0x80..=0x9f] = text.as_slice() {
                    self.introduce(control - 0x40, now);
                } else if complete(&text) == text.len() {
                    self.text(&text, true);
                } else if text.len() < 4 {
                    self.state = State::Character(text);
                }
            }
            State::Mouse(left) if left > 1 => self.state = State::Mouse(left - 1),
            State::Mouse(_) => {}
            State::Console => {
                if let b'A'..=b'E' = byte {
                    self.key(KeyCode::F(byte - b'A' + 1).into(), true);
                }
            }
            State::Paste(text) => self.pasted(text, byte),
            State::Held { text, behind } => return self.held((text, behind), byte, more, now),
        }
        more
    }

    /// Takes a byte again that does not belong to what was open.
    fn again<'a>(&mut self, byte: u8, more: &'a [u8], now: Duration) -> &'a [u8] {
        let _ = self.ground(&[byte], now);
        more
    }

    fn escape(&mut self, byte: u8, now: Duration) {
        let apart = now.saturating_sub(self.escaped) >= TOGETHER;
        match byte {
            ESC => {
                self.key(KeyCode::Esc.into(), true);
                self.escaped = now;
                self.state = State::Escape;
            }
            // A terminator whose string is over already.
            b'\\' if !apart => {}
            b'[' | b']' => self.introduce(byte, now),
            b'P' | b'X' | b'^' | b'_' | b'O' => {
                self.state = State::Opened {
                    letter: byte,
                    apart,
                };
            }
            b' '..=b'/' if !apart => self.state = State::Intermediate(byte),
            _ if apart => {
                self.key(KeyCode::Esc.into(), true);
                let _ = self.ground(&[byte], now);
            }
            0x21..=0x7e => self.alt(byte),
            byte => {
                if let Some(mut key) = keys::control(byte) {
                    key.modifiers |= KeyModifiers::ALT;
                    self.key(key, true);
                } else {
                    self.key(KeyCode::Esc.into(), true);
                    let _ = self.ground(&[byte], now);
                }
            }
        }
    }

    /// Opens what `ESC` and a letter introduce.
    fn introduce(&mut self, letter: u8, now: Duration) {
        self.last = now;
        self.state = match letter {
            b'[' => State::Sequence(Vec::new()),
            b']' | b'P' | b'X' | b'^' | b'_' => STRING,
            b'O' => State::Single,
            _ => State::Ground,
        };
    }

    fn sequence<'a>(
        &mut self,
        mut text: Vec<u8>,
        byte: u8,
        more: &'a [u8],
        now: Duration,
    ) -> &'a [u8] {
        match byte {
            ESC => {
                self.escaped = now;
                self.state = State::Escape;
            }
            CANCEL | SUBSTITUTE => {}
            // Others are executed in the middle of a sequence, which means nothing here.
            0x00..=0x1f | 0x7f => self.state = State::Sequence(text),
            b'[' if text.is_empty() => self.state = State::Console,
            0x20..=0x3f => {
                if text.len() < LONGEST_SEQUENCE {
                    text.push(byte);
                }
                self.state = State::Sequence(text);
            }
            0x40..=0x7e => self.finished(&text, byte),
            _ => return self.again(byte, more, now),
        }
        more
    }

    /// A control sequence is there to its last letter.
    fn finished(&mut self, text: &[u8], letter: u8) {
        let keys = self.found.len();
        match (text, letter) {
            (b"200", b'~') => self.state = State::Paste(Vec::new()),
            (b"", b'I') => self.found.push(Input::Focused(true)),
            (b"", b'O') => self.found.push(Input::Focused(false)),
            (b"", b'M') => self.state = State::Mouse(3),
            ([b'<', button @ ..], b'M') if self.mouse => {
                let button = button.split(|byte| *byte == b';').next();
                match button {
                    Some(b"64") => self.found.push(Input::Wheel { up: true }),
                    Some(b"65") => self.found.push(Input::Wheel { up: false }),
                    _ => {}
                }
            }
            _ if text.len() >= LONGEST_SEQUENCE => {}
            // A private prefix or an intermediate: a reply.
            _ if text
                .iter()
                .any(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':')) => {}
            _ => {
                if let Some(key) = keys::sequence(text, letter) {
                    self.key(key, true);
                }
            }
        }
        if matches!(self.state, State::Ground) && self.found.len() == keys {
            self.replied = true;
            if self.replies {
                let text = String::from_utf8_lossy(text).into_owned();
                let kind = char::from(letter);
                self.found.push(Input::Reply { text, kind });
            }
        }
    }

    fn string(&mut self, (last, rest): (u8, u8), byte: u8, now: Duration) {
        let open = |rest| State::Text { last: byte, rest };
        self.replied = true;
        self.state = match byte {
            b'\\' if last == ESC => State::Ground,
            // An `ESC` that no backslash follows ends the string, and begins something else.
            _ if last == ESC => {
                self.escaped = now;
                self.state = State::Ground;
                self.escape(byte, now);
                return;
            }
            ESC => open(0),
            BEL | CANCEL | SUBSTITUTE => State::Ground,
            // The 8-bit terminator, which UTF-8 writes with a byte before it.
            0x9c if rest == 0 || last == 0xc2 => State::Ground,
            0x80..=0xbf => open(rest.saturating_sub(1)),
            0xc0..=0xdf => open(1),
            0xe0..=0xef => open(2),
            0xf0..=0xf7 => open(3),
            _ => open(0),
        };
    }

    fn pasted(&mut self, mut text: Vec<u8>, byte: u8) {
        text.push(byte);
        if text.ends_with(PASTED) {
            text.truncate(text.len() - PASTED.len());
            self.paste(&text);
            return;
        }
        // The middle is given up, never the end, in which the end of the paste is looked for.
        if text.len() > LONGEST_PASTE + PASTED.len() {
            text.drain(LONGEST_PASTE..=LONGEST_PASTE);
        }
        self.state = State::Paste(text);
    }

    fn held<'a>(
        &mut self,
        (mut text, behind): (Vec<u8>, bool),
        byte: u8,
        more: &'a [u8],
        now: Duration,
    ) -> &'a [u8] {
        if text.last() == Some(&ESC) {
            if byte == b'\\' {
                // A terminator: it was a string after all.
                self.replied = true;
                return more;
            }
            text.pop();
            self.text(&text, false);
            self.escape(byte, now);
            return more;
        }
        let printable = matches!(byte, 0x20..=0x7e);
        if printable || byte == ESC {
            text.push(byte);
        }
        match byte {
            ESC => {
                self.escaped = now;
                self.state = State::Held { text, behind };
            }
            BEL => self.replied = true,
            _ if !printable => {
                // The 8-bit terminator, which UTF-8 writes with a byte before it.
                if behind && matches!((byte, more.first()), (0x9c, _) | (0xc2, Some(0x9c))) {
                    self.replied = true;
                    return if byte == 0xc2 { &more[1..] } else { more };
                }
                self.text(&text, false);
                return self.again(byte, more, now);
            }
            _ => match torn(&text) {
                Torn::Reply(_) => self.replied = true,
                Torn::Body => self.state = STRING,
                found if text.len() < LONGEST_SEQUENCE && (behind || found == Torn::Unfinished) => {
                    self.state = State::Held { text, behind };
                }
                Torn::Unfinished | Torn::Text => self.text(&text, false),
            },
        }
        more
    }

    fn key(&mut self, key: KeyEvent, alone: bool) {
        self.found.push(Input::Key { key, alone });
    }

    fn alt(&mut self, byte: u8) {
        let key = KeyEvent::new(KeyCode::Char(char::from(byte)), KeyModifiers::ALT);
        self.key(key, true);
    }

    fn text(&mut self, bytes: &[u8], alone: bool) {
        for c in String::from_utf8_lossy(bytes).chars() {
            if c.is_control() || c == char::REPLACEMENT_CHARACTER {
                continue;
            }
            let modifiers = if c.is_uppercase() {
                KeyModifiers::SHIFT
            } else {
                KeyModifiers::NONE
            };
            self.key(KeyEvent::new(KeyCode::Char(c), modifiers), alone);
        }
    }

    fn paste(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text)
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        self.found.push(Input::Paste(text));
    }
}

/// The first 8-bit control character that introduces or ends something, alone or in UTF-8: where it
/// stands, how long it is, and which it is.
fn c1(run: &[u8]) -> Option<(usize, usize, u8)> {
    let known = |byte: u8| matches!(byte, 0x8f | 0x90 | 0x98 | 0x9b..=0x9f);
    let mut rest = 0_u8;
    for (at, &byte) in run.iter().enumerate() {
        match byte {
            0x80..=0xbf if rest > 0 => rest -= 1,
            _ if known(byte) => return Some((at, 1, byte)),
            0xc2 if run.get(at + 1).is_some_and(|next| known(*next)) => {
                return Some((at, 2, run[at + 1]));
            }
            0xc2..=0xdf => rest = 1,
            0xe0..=0xef => rest = 2,
            0xf0..=0xf4 => rest = 3,
            _ => rest = 0,
        }
    }
    None
}

/// How many bytes are whole characters, or none of a character at all.
fn complete(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// Whether bytes are one character.
fn one(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
}

#[cfg(test)]
mod tests;
