//! Compares the words of templates, and decides how many different ones make a variable.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::tokens::{Kind, Token, tokens};
use super::variables::is_unit;

/// Positions in which messages of one template may differ at once.
pub(super) const VARYING: usize = 6;

/// A word of a template, a variable, or a punctuation mark.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// A hash of the text, or 0 for a variable.
    pub id: u64,
    pub text: Box<str>,
    pub kind: Kind,
    pub spaced: bool,
    /// Whether the word says how something ended, and so never is a variable.
    pub stays: bool,
}

impl Word {
    pub fn variable(spaced: bool) -> Self {
        Self {
            id: 0,
            text: "*".into(),
            kind: Kind::Star,
            spaced,
            stays: false,
        }
    }

    /// A message that is compared as a whole.
    pub fn whole(text: &str) -> Self {
        Self {
            id: hash(text),
            text: text.into(),
            kind: Kind::Mark,
            spaced: false,
            stays: true,
        }
    }

    pub fn new(token: &Token<'_>) -> Self {
        Self {
            id: if token.kind == Kind::Star {
                0
            } else {
                hash(token.text)
            },
            text: token.text.into(),
            kind: token.kind,
            spaced: token.spaced,
            stays: token.kind == Kind::Word && stays(token.text),
        }
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish().max(1)
}

/// Returns a hash of words.
pub(super) fn hash_of(words: &[Word]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in words {
        word.id.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether a template has a variable wherever other words differ from its own.
pub(super) fn covers(template: &[Word], words: &[Word]) -> bool {
    template
        .iter()
        .zip(words)
        .all(|(own, other)| own.id == other.id || own.kind == Kind::Star)
}

/// The positions in which two templates differ, if they are few.
pub(super) fn differences(one: &[Word], other: &[Word], most: usize) -> Option<Vec<usize>> {
    let mut found = [0; VARYING];
    let mut count = 0;
    for (at, (own, other)) in one.iter().zip(other).enumerate() {
        if own.id != other.id {
            if count == most.min(VARYING) || own.stays || other.stays {
                return None;
            }
            found[count] = at;
            count += 1;
        }
    }
    Some(found[..count].to_vec())
}

/// Whether a word says how something ended, or how serious it is.
fn stays(word: &str) -> bool {
    const STAYING: &[&str] = &[
        "error",
        "errors",
        "warning",
        "warn",
        "info",
        "debug",
        "trace",
        "fatal",
        "critical",
        "notice",
        "failed",
        "failure",
        "fails",
        "succeeded",
        "success",
        "successful",
        "successfully",
        "ok",
        "done",
        "completed",
        "aborted",
        "refused",
        "reset",
        "timed",
        "timeout",
        "denied",
        "rejected",
        "accepted",
        "closed",
        "opened",
        "open",
        "close",
        "started",
        "starting",
        "stopped",
        "stopping",
        "begin",
        "end",
        "up",
        "down",
        "enabled",
        "disabled",
        "connected",
        "disconnected",
        "added",
        "removed",
        "created",
        "deleted",
        "not",
        "no",
        "true",
        "false",
        "get",
        "post",
        "put",
        "delete",
        "patch",
    ];
    word.len() <= 12 && STAYING.iter().any(|one| one.eq_ignore_ascii_case(word))
}

/// How many different words a position needs to be a variable.
pub(super) fn needed_words(own: &[Word], at: usize, seen: &[&Word], constant: usize) -> usize {
    // What stands first says what happened.
    let first = own[..at].iter().all(|word| word.kind == Kind::Mark);
    let named = |word: &&Word| is_identifier(&word.text);
    let need = if seen.iter().all(|word| is_unit(&word.text)) {
        return 2;
    } else if constant == 0 {
        usize::MAX
    } else if seen.iter().any(|word| word.kind == Kind::Star) {
        2
    } else if seen.iter().all(named) {
        3
    } else if constant == 1 {
        8
    } else {
        4
    };
    if first { need.saturating_mul(2) } else { need }
}

/// Whether a word looks like the name of a thing, not like a word of a language.
fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .any(|byte| matches!(byte, b'_' | b'/' | b'@' | b'$' | b'\\' | b'('))
        || bytes
            .windows(3)
            .any(|three| three[1] == b'.' && is_letter(three[0]) && is_letter(three[2]))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Writes words as text.
pub(super) fn render(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if word.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// Returns whether a masked message has the pattern of a template.
pub(super) fn is_like(pattern: &str, masked: &str) -> bool {
    let (pattern, own) = (tokens(pattern), tokens(masked));
    pattern.len() == own.len()
        && pattern.iter().zip(&own).all(|(pattern, own)| {
            pattern.text == own.text || (pattern.kind == Kind::Star && own.kind != Kind::Mark)
        })
}
