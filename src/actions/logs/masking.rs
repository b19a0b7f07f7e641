//! Masks what varies in a line: finds quoted text, paths and words.
//!
//! Masking is a single pass over the bytes and looks at one line only. It must not remember
//! anything from one message to the next: the parse tree in [`super::tree`] does that. What
//! varies in a single word is decided in [`super::words`].

use super::variables::{is_unit, is_url, is_word};

/// The longest quoted text that is masked as a whole, in bytes.
const LONGEST_QUOTE: usize = 400;
/// The keys whose quoted value is prose that says what happened.
const PROSE_KEYS: &[&str] = &[
    "msg=",
    "message=",
    "error=",
    "err=",
    "reason=",
    "cause=",
    "event=",
    "level=",
    "status=",
    "state=",
    "exception=",
    "exc=",
];
/// The methods of HTTP requests, with the space that follows them.
const METHODS: &[&str] = &[
    "GET ", "POST ", "PUT ", "DELETE ", "PATCH ", "HEAD ", "OPTIONS ",
];

/// Returns the line with `*` in place of what varies, and single spaces between words.
pub(super) fn mask(line: &str) -> String {
    let mut masker = Masker {
        line,
        bytes: line.as_bytes(),
        at: 0,
        space: false,
        out: String::with_capacity(line.len() + 8),
    };
    masker.run();
    masker.out
}

/// A line while it is masked.
pub(super) struct Masker<'a> {
    pub(super) line: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Whether white space comes before what is written next.
    pub(super) space: bool,
    pub(super) out: String,
}

impl Masker<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0..=8 | 11 | 12 | 14..=31 | 127 => {
                    self.space = !self.out.is_empty();
                    self.at += 1;
                }
                b'"' | b'\'' | b'`' => self.quote(byte),
                b'*' => {
                    while self.bytes.get(self.at) == Some(&b'*') {
                        self.at += 1;
                    }
                    self.star();
                }
                b'<' if self.short_time() => {}
                b'(' if self.other_unit() => {}
                b'(' if self.space && self.bytes.get(self.at + 1) == Some(&b')') => {
                    self.write("(*)");
                    self.at += 2;
                }
                b'-' | b'+' if self.is_sign() => {
                    self.at += 1;
                    self.chunk();
                }
                b'.' | b'-' | b':' | b'#' | b'%' | b'+' | b'@' | b'~' | b'\\' | b'/'
                    if !self.begins_chunk() =>
                {
                    self.repeated(byte);
                }
                _ if is_chunk(byte) => self.chunk(),
                _ => self.repeated(byte),
            }
        }
    }

    pub(super) fn write(&mut self, text: &str) {
        if self.space {
            self.out.push(' ');
            self.space = false;
        }
        self.out.push_str(text);
    }

    /// Writes `*`, or nothing where it would only lengthen a list of variables.
    pub(super) fn star(&mut self) {
        let out = self.out.as_bytes();
        let last = out.len().checked_sub(1).map(|at| out[at]);
        let before = out.len().checked_sub(2).map(|at| out[at]);
        let joins = |byte: u8| {
            matches!(
                byte,
                b':' | b'.' | b'-' | b'/' | b'#' | b',' | b'_' | b'+' | b'x' | b'@' | b'~' | b'|'
            )
        };
        match (last, before) {
            (Some(b'*'), _) => {
                self.space = false;
                return;
            }
            (Some(byte), Some(b'*')) if joins(byte) && (!self.space || byte == b',') => {
                self.out.pop();
                self.space = false;
                return;
            }
            // The sign of a number that follows an underscore.
            (Some(b'-'), Some(b'_')) if !self.space => {
                self.out.pop();
            }
            _ => {}
        }
        self.write("*");
    }

    /// Writes punctuation; a run of the same character is cut after three.
    fn repeated(&mut self, byte: u8) {
        let start = self.at;
        while self.bytes.get(self.at) == Some(&byte) && self.at < start + 3 {
            self.at += 1;
        }
        let kept = self.at;
        while self.bytes.get(self.at) == Some(&byte) {
            self.at += 1;
        }
        let line = self.line;
        self.write(&line[start..kept]);
    }

    pub(super) fn after_word(&self) -> bool {
        self.at > 0 && is_word(self.bytes[self.at - 1])
    }

    fn is_sign(&self) -> bool {
        !self.after_word() && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit)
    }

    /// Whether a chunk can begin with the punctuation at this place: a path, or `::1`.
    fn begins_chunk(&self) -> bool {
        let rest = &self.bytes[self.at..];
        match rest {
            [b'/', next, ..] => is_word(*next) || *next == b'.' || *next == b'/',
            [b'~' | b'.', b'/', ..] | [b'.', b'.', b'/', ..] | [b'\\', b'\\', ..] => true,
            [b':', b':', next, ..] => next.is_ascii_hexdigit() && !self.after_word(),
            [b'.' | b'#', next, ..] => next.is_ascii_digit(),
            _ => false,
        }
    }

    /// Masks durations such as `<1 sec`.
    fn short_time(&mut self) -> bool {
        let rest = &self.bytes[self.at + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        let spaces = usize::from(rest.get(digits) == Some(&b' '));
        let unit = rest[digits + spaces..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let start = self.at + 1 + digits + spaces;
        if !is_unit(&self.line[start..start + unit]) {
            return false;
        }
        self.at = start + unit;
        self.star();
        true
    }

    /// Skips a size that is said again in another unit: `1297 bytes (1.26 KB)`.
    fn other_unit(&mut self) -> bool {
        let rest = &self.bytes[self.at + 1..];
        let number = rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
            .count();
        let spaces = usize::from(rest.get(number) == Some(&b' '));
        let unit = rest[(number + spaces).min(rest.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let start = self.at + 1 + number + spaces;
        if number == 0
            || rest.get(number + spaces + unit) != Some(&b')')
            || !is_unit(&self.line[start..start + unit])
        {
            return false;
        }
        let before = self.out.trim_end().rsplit(' ').next().unwrap_or_default();
        if !is_unit(before) {
            return false;
        }
        self.at = start + unit + 1;
        true
    }

    /// Masks quoted text, unless it is prose or the quote is an apostrophe.
    fn quote(&mut self, quote: u8) {
        let rest = &self.bytes[self.at + 1..];
        let prose = quote == b'"' && PROSE_KEYS.iter().any(|key| self.out.ends_with(key));
        if prose || self.after_word() {
            return self.repeated(quote);
        }
        if quote == b'`' && rest.iter().find(|byte| matches!(byte, b'`' | b'\'')) == Some(&b'`') {
            return self.repeated(quote);
        }
        let mut end = None;
        let mut at = 0;
        while at < rest.len().min(LONGEST_QUOTE) {
            match rest[at] {
                b'\\' => at += 1,
                byte if byte == quote || (quote == b'`' && byte == b'\'') => {
                    let next = rest.get(at + 1).copied().unwrap_or(b' ');
                    if quote != b'\'' || !is_word(next) {
                        end = Some(at);
                        break;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        let Some(end) = end else {
            return self.repeated(quote);
        };
        let quoted = &rest[..end];
        self.at += end + 2;
        if let Some(method) = METHODS
            .iter()
            .find(|method| quoted.starts_with(method.as_bytes()))
        {
            self.write(method.trim_end());
            self.space = true;
        }
        self.star();
    }

    /// Masks a run of letters, digits and the punctuation inside of words.
    fn chunk(&mut self) {
        let start = self.at;
        let mut end = start;
        while end < self.bytes.len() && is_chunk(self.bytes[end]) {
            end += 1;
        }
        let rest = &self.bytes[start..];
        let chunk = &self.bytes[start..end];
        if is_url(chunk) || chunk.starts_with(b"arn:aws") || is_absolute(chunk) {
            end = start + reach(rest);
            self.at = end;
            return self.star();
        }
        // Punctuation at the end belongs to the sentence.
        while end > start + 1
            && matches!(
                self.bytes[end - 1],
                b'.' | b':' | b'-' | b'/' | b'+' | b'~' | b'@' | b'\\'
            )
        {
            end -= 1;
        }
        if end > start && self.bytes[end - 1] == b'%' && !self.bytes[start].is_ascii_digit() {
            end -= 1;
        }
        self.at = end.max(start + 1);
        let begun = self.out.len();
        self.word(start, self.at);
        self.shorten_list(begun);
    }

    /// Drops a masked word that repeats the one before it: `node-* node-*` is a list.
    fn shorten_list(&mut self, begun: usize) {
        let Some(word) = self
            .out
            .get(begun..)
            .and_then(|word| word.strip_prefix(' '))
        else {
            return;
        };
        let before = self.out[..begun]
            .strip_suffix(',')
            .unwrap_or(&self.out[..begun]);
        if word.len() > 1
            && word.ends_with('*')
            && before.ends_with(word)
            && before[..before.len() - word.len()].ends_with([' ', '[', '(', '='])
        {
            self.out.truncate(before.len());
        }
    }
}

/// Whether a byte can stand inside of a word.
fn is_chunk(byte: u8) -> bool {
    is_word(byte)
        || matches!(
            byte,
            b'.' | b'-' | b':' | b'/' | b'@' | b'#' | b'%' | b'+' | b'~' | b'\\'
        )
}

/// Whether a chunk is an absolute path, of Unix or Windows.
fn is_absolute(chunk: &[u8]) -> bool {
    match chunk {
        [b'/', _, ..]
        | [b'~' | b'.', b'/', ..]
        | [b'.', b'.', b'/', ..]
        | [b'\\', b'\\', _, ..] => true,
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// The length of a URL or path, without the punctuation of the sentence around it.
fn reach(rest: &[u8]) -> usize {
    let mut end = rest
        .iter()
        .position(|byte| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    b'"' | b'\''
                        | b'`'
                        | b'<'
                        | b'>'
                        | b')'
                        | b']'
                        | b'}'
                        | b','
                        | b';'
                        | b'('
                        | b'|'
                )
        })
        .unwrap_or(rest.len());
    while end > 1 && matches!(rest[end - 1], b'.' | b':' | b'!' | b'?') {
        end -= 1;
    }
    // What follows a colon after a path is a sentence again, unless it is a port or a line.
    if let Some(colon) = rest[..end].iter().rposition(|byte| *byte == b':')
        && !rest[colon + 1..end].first().is_some_and(u8::is_ascii_digit)
        && !rest[colon + 1..end].starts_with(b"/")
        && !rest.starts_with(b"arn:")
        && colon > 1
    {
        return colon;
    }
    end
}
