//! Masks what varies in a single word: numbers, identifiers, host names, user names and dates.

use super::masking::Masker;
use super::variables::{
    Piece, is_hex_groups, is_host, is_month, is_random_suffix, is_uuid, is_weekday, is_word, piece,
};

/// Words after which a name follows.
const NAMERS: &[&str] = &["user", "User", "customer", "tenant"];
/// Words that follow those and are no names.
const NO_NAMES: &[&str] = &[
    "unknown", "request", "name", "error", "input", "account", "session", "is", "was", "has",
    "not", "does", "did", "can", "cannot", "could", "must", "may", "and", "or", "with", "from",
    "for", "in", "to", "who", "that", "which", "data", "agent", "level", "logged", "already",
];
/// Words that follow a name.
const AFTER_NAMES: &[&str] = &[
    "from",
    "by",
    "at",
    "on",
    "in",
    "logged",
    "has",
    "was",
    "is",
    "with",
    "[preauth]",
    "via",
    "not",
    "does",
    "failed",
    "exceeded",
    "cannot",
    "could",
    "already",
];

impl Masker<'_> {
    /// Masks what varies in a chunk without the punctuation around it.
    pub(super) fn word(&mut self, start: usize, end: usize) {
        let text = &self.bytes[start..end];
        let (mut digits, mut colons, mut slashes, mut dots, mut ats, mut others) =
            (0, 0, 0, 0, 0, 0);
        let mut letters = 0;
        for byte in text {
            match byte {
                b'0'..=b'9' => digits += 1,
                b':' => colons += 1,
                b'/' => slashes += 1,
                b'.' => dots += 1,
                b'@' => ats += 1,
                b'-' | b'_' | b'#' | b'+' | b'~' | b'\\' | b'%' => others += 1,
                _ => letters += 1,
            }
        }
        if digits + colons + slashes + dots + ats + others == 0 {
            return self.plain(start, end);
        }
        if letters == 0 && digits > 0 {
            return self.star();
        }
        if is_uuid(text) || (colons >= 2 && is_hex_groups(text)) || (dots > 0 && is_host(text)) {
            return self.star();
        }
        if ats > 0 && self.address(start, end) {
            return;
        }
        if slashes >= 2 || (slashes == 1 && dots > 0 && colons == 0) {
            return self.star();
        }
        if colons > 0 && !is_path_with_line(text) {
            return self.parts(start, end, b':');
        }
        if slashes > 0 {
            return self.parts(start, end, b'/');
        }
        self.pieces(start, end);
    }

    /// Masks a word of letters only.
    fn plain(&mut self, start: usize, end: usize) {
        let text = &self.bytes[start..end];
        let dated = || {
            let rest = &self.bytes[end..];
            match rest {
                [b' ' | b',', b' ', next, ..] | [b' ', next, ..] => {
                    next.is_ascii_digit() || (is_weekday(text) && next.is_ascii_uppercase())
                }
                _ => false,
            }
        };
        if text.len() >= 3
            && text.len() <= 9
            && text[0].is_ascii_uppercase()
            && (is_month(text) || is_weekday(text))
            && dated()
        {
            if self.bytes.get(end) == Some(&b',') {
                self.at += 1;
            }
            return self.star();
        }
        if text.len() >= 8 && piece(text) != Piece::Constant {
            return self.star();
        }
        if self.is_user_name(start, end) {
            return self.star();
        }
        let line = self.line;
        self.write(&line[start..end]);
    }

    /// Whether a word names a user: it follows "user" and ends the phrase.
    fn is_user_name(&self, start: usize, end: usize) -> bool {
        if !self.space || !NAMERS.iter().any(|word| ends_with_word(&self.out, word)) {
            return false;
        }
        if NO_NAMES.contains(&&self.line[start..end]) {
            return false;
        }
        let rest = &self.line[end..];
        let Some(next) = rest.strip_prefix(' ') else {
            return rest.is_empty();
        };
        let next = next.split([' ', ',', ':', ';']).next().unwrap_or_default();
        AFTER_NAMES.contains(&next)
    }

    /// Masks `name@host`, and what follows the `@` of an object or a version.
    fn address(&mut self, start: usize, end: usize) -> bool {
        let text = &self.bytes[start..end];
        let Some(at) = text.iter().position(|byte| *byte == b'@') else {
            return false;
        };
        let (name, host) = (&text[..at], &text[at + 1..]);
        if host.first().is_some_and(u8::is_ascii_digit)
            || (host.len() >= 5 && host.iter().all(u8::is_ascii_hexdigit))
        {
            if !name.is_empty() {
                self.word(start, start + at);
            }
            self.write("@");
            self.star();
            return true;
        }
        if name.is_empty() || host.is_empty() || name.contains(&b'/') {
            return false;
        }
        self.star();
        true
    }

    /// Masks the parts of a chunk between colons or slashes.
    fn parts(&mut self, start: usize, end: usize, between: u8) {
        let text = &self.bytes[start..end];
        // A port makes the name before it that of a host.
        if let Some(at) = text.iter().rposition(|byte| *byte == b':')
            && between == b':'
            && text[at + 1..].iter().all(u8::is_ascii_digit)
            && (2..=5).contains(&(text.len() - at - 1))
            && !text[..at].contains(&b':')
            && !is_source_file(&text[..at])
            && (text[..at] == *b"localhost"
                || text[..at].contains(&b'.')
                || text[..at].contains(&b'-'))
        {
            return self.star();
        }
        let mut from = start;
        while from <= end {
            let length = self.bytes[from..end]
                .iter()
                .position(|byte| *byte == between)
                .unwrap_or(end - from);
            if length > 0 {
                self.word(from, from + length);
            }
            from += length;
            if from >= end {
                break;
            }
            self.write(if between == b':' { ":" } else { "/" });
            from += 1;
        }
    }

    /// Masks the pieces of a word between hyphens, dots, underscores and similar characters.
    fn pieces(&mut self, start: usize, end: usize) {
        let line = self.line;
        let mut from = start;
        let mut varied = false;
        while from < end {
            let length = self.bytes[from..end]
                .iter()
                .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'$' || *byte >= 0x80))
                .unwrap_or(end - from);
            if length == 0 {
                if !(from == start && self.signs_number(from)) {
                    self.write(&line[from..=from]);
                }
                from += 1;
                continue;
            }
            let text = &self.bytes[from..from + length];
            let last = from + length == end;
            match piece(text) {
                _ if !text.is_ascii() => {
                    self.runs_of_digits(from, from + length);
                    varied = false;
                }
                Piece::Constant if !(varied && last && is_random_suffix(text)) => {
                    self.write(&line[from..from + length]);
                    varied = false;
                }
                Piece::VariesFrom(offset) if offset > 0 => {
                    self.write(&line[from..from + offset]);
                    self.star();
                    varied = true;
                }
                _ => {
                    self.star();
                    varied = true;
                }
            }
            from += length;
        }
    }

    /// Whether there is a minus sign before a number at this place, not a hyphen in a word.
    fn signs_number(&self, at: usize) -> bool {
        matches!(self.bytes[at], b'-' | b'+')
            && self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
            && (at == 0 || !is_word(self.bytes[at - 1]))
    }

    /// Masks only the digits of a word in another script, which may be a whole sentence.
    fn runs_of_digits(&mut self, start: usize, end: usize) {
        let line = self.line;
        let mut from = start;
        while from < end {
            let digit = self.bytes[from].is_ascii_digit();
            let length = self.bytes[from..end]
                .iter()
                .position(|byte| byte.is_ascii_digit() != digit)
                .unwrap_or(end - from);
            if digit {
                self.star();
            } else {
                self.write(&line[from..from + length]);
            }
            from += length;
        }
    }
}

/// Whether text ends with a word that is not the end of a longer one.
fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word)
        .is_some_and(|before| before.is_empty() || before.ends_with(' '))
}

/// Whether a name is that of a source file.
fn is_source_file(name: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 15] = [
        b".go", b".rs", b".py", b".js", b".ts", b".java", b".c", b".cc", b".cpp", b".h", b".rb",
        b".php", b".kt", b".scala", b".cs",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a chunk is a file with its line, such as `src/main.rs:12:5`.
fn is_path_with_line(text: &[u8]) -> bool {
    text.contains(&b'/')
        && text
            .iter()
            .skip_while(|byte| **byte != b':')
            .all(|byte| *byte == b':' || byte.is_ascii_digit())
}
