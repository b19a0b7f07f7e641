//! Finds how serious a message is.
//!
//! An explicit level wins: a level word where programs usually write it, a `level=` field, a
//! syslog priority, or the letter of Android's and Kubernetes' loggers. The word "error" in the
//! middle of a sentence is no level. A message without a level is an error only if it begins
//! with words such as "Error:" or "Failed to", or contains one of a few phrases that no healthy
//! program writes, such as "connection refused" or "out of memory".

use std::sync::LazyLock;

use regex::Regex;

/// How serious a message is, the most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The program, or the system, goes down.
    Fatal,
    /// Something failed.
    Error,
    /// Something may fail soon.
    Warning,
    /// Anything else: information, debugging, and messages without a level.
    Other,
}

impl Level {
    /// The level's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Other => "other",
        }
    }
}

/// Words at the start of a line in which a level is looked for.
const PREFIX_WORDS: usize = 10;
/// Plain words before a level, such as the names of the host, the program and the thread.
const PLAIN_WORDS: usize = 3;

/// Returns the level that a word names.
pub(super) fn level_of_word(word: &str) -> Option<Level> {
    const WORDS: [(&str, Level); 24] = [
        ("error", Level::Error),
        ("info", Level::Other),
        ("warn", Level::Warning),
        ("warning", Level::Warning),
        ("debug", Level::Other),
        ("trace", Level::Other),
        ("fatal", Level::Fatal),
        ("err", Level::Error),
        ("critical", Level::Fatal),
        ("crit", Level::Fatal),
        ("alert", Level::Fatal),
        ("emerg", Level::Fatal),
        ("emergency", Level::Fatal),
        ("panic", Level::Fatal),
        ("dpanic", Level::Fatal),
        ("severe", Level::Error),
        ("eror", Level::Error),
        ("notice", Level::Other),
        ("information", Level::Other),
        ("informational", Level::Other),
        ("verbose", Level::Other),
        ("fine", Level::Other),
        ("log", Level::Other),
        ("wrn", Level::Warning),
    ];
    if !(3..=13).contains(&word.len()) {
        return None;
    }
    WORDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, level)| *level)
}

/// Returns the level of a number in a `level` field, as pino and bunyan write it.
pub(super) fn level_of_number(number: f64) -> (Level, &'static str) {
    match number {
        _ if number >= 60.0 => (Level::Fatal, "fatal"),
        _ if number >= 50.0 => (Level::Error, "error"),
        _ if number >= 40.0 => (Level::Warning, "warn"),
        _ if number >= 30.0 => (Level::Other, "info"),
        _ if number >= 20.0 => (Level::Other, "debug"),
        _ if number >= 10.0 => (Level::Other, "trace"),
        // The severities of syslog, RFC 5424.
        _ if number <= 2.0 => (Level::Fatal, "crit"),
        _ if number <= 3.0 => (Level::Error, "err"),
        _ if number <= 4.0 => (Level::Warning, "warning"),
        _ => (Level::Other, "info"),
    }
}

/// Returns the level of a line, from its explicit level or else from what it says.
pub(super) fn level_of(line: &str) -> Level {
    explicit(line).unwrap_or_else(|| implied(line))
}

/// Returns the level that a line names in one of the usual places.
pub(super) fn explicit(line: &str) -> Option<Level> {
    let bytes = line.as_bytes();
    if let Some(level) = letter(bytes).or_else(|| priority(line)) {
        return Some(level);
    }
    let mut plain = 0;
    let mut stamped = true;
    for (index, token) in line.split_ascii_whitespace().take(PREFIX_WORDS).enumerate() {
        let mut rest = token;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let marked =
                start > 0 && matches!(rest.as_bytes()[start - 1], b'[' | b'<' | b'(' | b'|');
            let bounded = start == 0 || !rest.as_bytes()[start - 1].is_ascii_alphanumeric();
            let word = &rest[start..];
            let end = word
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            let next = after.bytes().next();
            if bounded
                && matches!(
                    next,
                    None | Some(
                        b']' | b':' | b'/' | b'|' | b'>' | b')' | b',' | b'-' | b'!' | b'\x1b'
                    )
                )
                && let Some(level) = level_of_word(word)
            {
                let upper = word.bytes().all(|byte| byte.is_ascii_uppercase());
                let closed =
                    marked && matches!(next, Some(b']' | b'>' | b')' | b'|' | b':' | b'/'));
                let leads = next == Some(b':') && plain == 0 && after.len() == 1;
                let follows_stamp = index > 0 && stamped && next.is_none();
                if (upper && (next.is_none() || next != Some(b'-') || marked))
                    || closed
                    || leads
                    || follows_stamp
                {
                    return Some(level);
                }
            }
            rest = after;
        }
        let digits = token.bytes().any(|byte| byte.is_ascii_digit());
        let named = token.ends_with([':', ']', '|', ')'])
            || token.starts_with(['[', '(', '<'])
            || token.len() == 1;
        stamped &= digits || matches!(token, "-" | "|" | "T" | "UTC");
        if token.ends_with(':') && index < 6 {
            plain = 0;
        } else if !digits && !named && !token.contains(['.', '/', '_']) {
            plain += 1;
            if plain > PLAIN_WORDS {
                break;
            }
        }
    }
    field(line)
}

/// Returns the level that a single letter names: `E1120 03:14:15`, `E/Tag`, or logcat's column.
fn letter(bytes: &[u8]) -> Option<Level> {
    let named = |letter: u8| match letter {
        b'F' => Some(Level::Fatal),
        b'E' => Some(Level::Error),
        b'W' => Some(Level::Warning),
        b'I' | b'D' | b'V' => Some(Level::Other),
        _ => None,
    };
    match bytes {
        [letter, b'/', tag, ..] if tag.is_ascii_alphabetic() && !bytes.starts_with(b"I/O") => {
            named(*letter)
        }
        [letter, digits @ ..]
            if digits.len() > 7
                && digits[..4].iter().all(u8::is_ascii_digit)
                && digits[4] == b' '
                && digits[5].is_ascii_digit()
                && digits[7] == b':' =>
        {
            named(*letter)
        }
        [first, ..] if first.is_ascii_digit() => {
            let mut columns = bytes
                .split(|byte| *byte == b' ')
                .filter(|column| !column.is_empty());
            let numbers = columns.by_ref().take(4);
            let mut count = 0;
            for column in numbers {
                if !column
                    .iter()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.'))
                {
                    return None;
                }
                count += 1;
            }
            match columns.next() {
                Some([letter]) if count == 4 => named(*letter),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Returns the level of a syslog priority at the start of a line, such as `<11>`.
fn priority(line: &str) -> Option<Level> {
    let (number, _) = line.strip_prefix('<')?.split_once('>')?;
    if number.is_empty() || number.len() > 3 {
        return None;
    }
    let number: u8 = number.parse().ok().filter(|number| *number < 192)?;
    Some(level_of_number(f64::from(number % 8)).0)
}

/// Returns the level of a field such as `level=error`.
fn field(line: &str) -> Option<Level> {
    for key in ["level", "lvl", "severity"] {
        for (at, _) in line.match_indices(key) {
            let Some(value) = line[at + key.len()..].strip_prefix(['=', ':']) else {
                continue;
            };
            let value = value.trim_start_matches([' ', '"', '\'']);
            let end = value
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(value.len());
            if let Some(level) = level_of_word(&value[..end]) {
                return Some(level);
            }
        }
    }
    None
}

/// Returns the level that the words of a line imply.
fn implied(line: &str) -> Level {
    static PHRASES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i-u)connection refused|out of memory|\boomkilled\b|oom-kill|no space left on device",
            r"|too many open files|segmentation fault|\bsegfault\b|core dumped|panic serving|task timed out|^error\b[: ]",
            r"|[:\])] error: |(?:^|[:\]] )(?:failed|unable|cannot|could not|couldn't) (?:to |[a-z])",
            r"|^(?:fatal|uncaught|unhandled) |(?-i:\bOOM\b)",
        ))
        .unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
    });
    if line.starts_with("panic: ")
        || line.starts_with("fatal error: ")
        || line.contains("Kernel panic")
    {
        return Level::Fatal;
    }
    if PHRASES.is_match(line) {
        return Level::Error;
    }
    Level::Other
}

#[cfg(test)]
mod tests;
