//! Small things that everybody who reads or shows text needs: told once.

use sha2::{Digest, Sha256};

/// SHA-256 of a text, in hex.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let room = String::with_capacity(bytes.len() * 2);
    bytes.iter().fold(room, |mut out, byte| {
        // Writing to memory does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Finds the word that was probably meant: the nearest by edits, where it is near enough.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::osa_distance(known, written), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .map(|(_, known)| known)
}

/// Tells whether a character reorders or hides the text around it: direction marks, isolates and
/// overrides, zero-width characters, line separators.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}
/// JSON for a terminal: what moves a cursor or turns the direction of writing round is escaped. In JSON
/// such signs stand in texts alone, where an escape says the same.
#[must_use]
pub fn harmless_json(text: String) -> String {
    use std::fmt::Write as _;
    let odd = |c: char| ('\u{7f}'..='\u{9f}').contains(&c) || is_deceptive(c);
    if !text.contains(odd) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if odd(c) {
            // All of them are in the first plane.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
