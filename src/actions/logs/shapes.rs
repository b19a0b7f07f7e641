//! Finds what a message says, apart from what varies in it.
//!
//! Access logs, JSON and exceptions say what happened in a place of their own; of everything else
//! the first line counts, with what varies masked.

use serde_json::Value;

use super::access::access;
use super::envelope::unwrap;
use super::exception::{self, Exception, mentioned};
use super::levels::{Level, explicit, level_of, level_of_word};
use super::masking::mask;
use super::structured::{json, logfmt};
use super::template::is_like;

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;
/// A line is looked at up to here, in bytes: the rest of a megabyte line says no more.
const LONGEST: usize = 1024;

/// What a message says, the same for all messages that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub level: Level,
    /// What keeps messages apart however alike their words are.
    pub scope: String,
    /// The message with `*` for what varies.
    pub pattern: String,
    /// A name that is not made from the pattern.
    pub name: Option<String>,
    /// Whether no other pattern may be merged with this one.
    pub exact: bool,
}

impl Shape {
    pub fn exact(level: Level, pattern: String) -> Self {
        Self {
            level,
            scope: String::new(),
            pattern,
            name: None,
            exact: true,
        }
    }

    pub fn words(level: Level, scope: &str, pattern: String) -> Self {
        Self {
            level,
            scope: scope.to_owned(),
            pattern,
            name: None,
            exact: false,
        }
    }

    /// Puts the level in front, as JSON messages are shown.
    pub fn led_by(mut self, level: Option<&str>) -> Self {
        if let Some(level) = level.filter(|level| !level.is_empty()) {
            self.pattern = format!("{level}: {}", self.pattern);
            self.scope = format!("{level}: {}", self.scope);
        }
        self
    }
}

/// Finds a message's shape. The message is unwrapped and joined.
pub(super) fn shape(message: &str) -> Shape {
    let message = message.trim();
    if message.starts_with('{')
        && let Ok(Value::Object(fields)) = serde_json::from_str(message)
    {
        return json(&fields);
    }
    let first = head(message);
    if let Some(access) = access(first) {
        let level = if access.is_error() {
            Level::Error
        } else {
            explicit(first).unwrap_or(Level::Other)
        };
        return Shape::exact(level, access.pattern());
    }
    if let Some((level, said)) = nginx_error(first) {
        let found = level_of_word(level).unwrap_or(Level::Other);
        return Shape::words(found, level, mask(said)).led_by(Some(level));
    }
    if let Some(fields) = logfmt(first) {
        return json(&fields);
    }
    // AWS Lambda writes an exception of Node.js as JSON behind its own prefix.
    if let Some(at) = first.find("{\"errorType\":")
        && let Some(Ok(Value::Object(fields))) = message.get(at..).map(serde_json::from_str)
    {
        return json(&fields);
    }
    text(message)
}

/// Finds the shape of a message that is neither JSON nor an access log.
pub(super) fn text(message: &str) -> Shape {
    let first = head(message);
    if let Some(found) = exception::find(message) {
        return of_exception(&found, first);
    }
    let level = level_of(first);
    Shape::words(level, mentioned(first).unwrap_or_default(), words(first))
}

/// Masks a line, but not all of its words.
fn words(line: &str) -> String {
    let masked = mask(line);
    if masked
        .bytes()
        .any(|byte| byte.is_ascii_alphabetic() || byte >= 0x80)
    {
        return masked;
    }
    let prose = line
        .split_ascii_whitespace()
        .filter(|word| word.bytes().filter(u8::is_ascii_alphabetic).count() >= 3)
        .count();
    if prose < 2 {
        return masked;
    }
    // All of it is quoted: the quotes are no variable then.
    mask(&line.replace(['"', '\'', '`'], " "))
}

/// Java's exceptions are named by their classes, others by class and text.
pub(super) fn of_exception(found: &Exception, first: &str) -> Shape {
    let explicit = explicit(first);
    let level = if found.is_fatal || explicit == Some(Level::Fatal) {
        Level::Fatal
    } else {
        Level::Error
    };
    let caused = |by: &str| format!(" caused by {by}");
    let scope = format!(
        "{}|{}",
        found.class,
        found.cause.as_deref().unwrap_or_default()
    );
    if found.by_class {
        let mut pattern = mask(first);
        if !pattern.contains(found.class.as_str()) {
            pattern = format!("{pattern} {}", found.class);
        }
        let simple = |class: &str| class.rsplit('.').next().unwrap_or(class).to_owned();
        let mut name = simple(&found.class);
        if let Some(root) = &found.cause {
            name.push_str(&caused(&simple(root)));
            pattern.push_str(&caused(root));
        }
        return Shape {
            level,
            scope,
            pattern,
            name: Some(name),
            exact: false,
        };
    }
    let mut pattern = found.class.clone();
    if let Some(said) = &found.said {
        pattern = format!("{pattern}: {}", mask(head(said)));
    }
    if let Some(cause) = &found.cause {
        pattern.push_str(&caused(cause));
    }
    Shape::words(level, &scope, pattern)
}

/// The level and text of nginx's error log: what follows the client differs with each request.
fn nginx_error(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    if bytes.get(4) != Some(&b'/')
        || bytes.get(10) != Some(&b' ')
        || bytes.get(19..21) != Some(b" [")
    {
        return None;
    }
    let (level, rest) = line.get(21..)?.split_once("] ")?;
    let (process, said) = rest.split_once(": ")?;
    if !process.contains('#') || !level.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let said = match said.strip_prefix('*').and_then(|said| said.split_once(' ')) {
        Some((number, said)) if number.bytes().all(|byte| byte.is_ascii_digit()) => said,
        _ => said,
    };
    Some((
        level,
        said.find(", client: ").map_or(said, |at| &said[..at]),
    ))
}

/// Returns the first line, at most 1,024 bytes of it: the lines below a message are its stack.
pub(super) fn head(message: &str) -> &str {
    let line = exception::first_line(message);
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &line[..end];
    // Half a word would look like another one.
    match kept.rfind(' ') {
        Some(space) if end < line.len() && space > end / 2 => &kept[..space],
        _ => kept,
    }
}

/// Makes a name from a pattern: without the variables and punctuation at its start.
pub(super) fn name_of(pattern: &str) -> String {
    let said = pattern.trim_start_matches([
        '*', ' ', ':', ',', '-', '|', '[', ']', '.', '(', ')', '<', '>', '/', '#', '+',
    ]);
    let said = if said.is_empty() { pattern } else { said };
    let mut name = String::new();
    for word in said.split(' ') {
        if word == "*" && name.ends_with('*') {
            continue;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    short(&name)
}

/// Cuts a name to 100 characters.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

/// Returns whether a message has a pattern.
#[must_use]
pub fn is_of_pattern(pattern: &str, message: &str) -> bool {
    let shape = shape(&unwrap(message).text);
    shape.pattern == pattern || (!shape.exact && is_like(pattern, &shape.pattern))
}

#[cfg(test)]
mod tests;
