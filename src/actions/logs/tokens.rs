//! Splits a masked line into tokens.
//!
//! Tokens depend on the masked text alone, so that a pattern splits like the messages it is of.

use super::variables::is_word;

/// A piece of a masked line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A single `*`.
    Star,
    /// Letters, with `*` in place of what varies in them.
    Word,
    /// Punctuation, a character at a time.
    Mark,
}

/// A token of a masked line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    pub kind: Kind,
    /// Whether white space comes before it.
    pub spaced: bool,
}

/// Splits a masked line into tokens.
pub(super) fn tokens(masked: &str) -> Vec<Token<'_>> {
    let bytes = masked.as_bytes();
    let mut all = Vec::with_capacity(24);
    let mut at = 0;
    let mut spaced = false;
    while at < bytes.len() {
        if bytes[at] == b' ' {
            spaced = true;
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_inside(bytes, at) {
            at += 1;
        }
        // A call with a single argument, such as `LOCAL(0)`, is a word.
        if at > start && bytes.get(at) == Some(&b'(') {
            let inner = at + 1;
            let mut end = inner;
            while end < bytes.len() && is_inside(bytes, end) {
                end += 1;
            }
            if end > inner
                && bytes.get(end) == Some(&b')')
                && matches!(bytes.get(end + 1), None | Some(b' ' | b','))
            {
                at = end + 1;
            }
        }
        let kind = if at == start {
            at += 1;
            Kind::Mark
        } else if &masked[start..at] == "*" {
            Kind::Star
        } else {
            Kind::Word
        };
        all.push(Token {
            text: &masked[start..at],
            kind,
            spaced,
        });
        spaced = false;
    }
    all
}

/// Whether the byte at a place is part of a word of a masked line.
fn is_inside(bytes: &[u8], at: usize) -> bool {
    let byte = bytes[at];
    is_word(byte)
        || byte == b'*'
        || (matches!(
            byte,
            b'.' | b'-' | b'/' | b'@' | b'#' | b'%' | b'+' | b'~' | b'\\'
        ) && bytes
            .get(at + 1)
            .is_some_and(|next| is_word(*next) || *next == b'*')
            && at > 0
            && (is_word(bytes[at - 1]) || bytes[at - 1] == b'*'))
}

#[cfg(test)]
mod tests;
