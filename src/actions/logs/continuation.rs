//! Joins the lines of a stack trace that a program logged as separate events.
//!
//! A message stays open until a line comes that does not go on with it. What goes on is told by
//! indentation and by what the open message is: a Python traceback goes on until the line that
//! names its exception, a Go panic until its last goroutine, and so on.

use std::sync::LazyLock;

use regex::Regex;

use super::exception::{begins_with_class, cut, ends_traceback, first_line};
use super::masking::mask;

/// What is kept of a message with the lines that go on with it, in bytes.
pub(super) const JOINED: usize = 32 * 1024;
const TRACEBACK: &str = "Traceback (most recent call last)";

/// A message that the next lines of its stream may go on with.
#[derive(Debug)]
pub(super) struct Open {
    /// The time of its first line, in epoch milliseconds.
    pub at: i64,
    pub text: String,
    /// When it was used last, for eviction.
    pub used: u64,
    trace: Trace,
    /// What the logger wrote before the first line of the trace.
    prefix: String,
    partial: bool,
}

/// How far a stack trace was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trace {
    None,
    PythonFrames,
    PythonNamed,
    PythonChained,
    GoPanic,
    GoFrames,
    RustHeader,
    RustMessage,
    NodeSource,
    Node,
    Ruby,
}

impl Open {
    /// Begins with the first line of a message, or with a whole one.
    pub fn new(at: i64, text: &str, partial: bool, used: u64) -> Self {
        let mut open = Self {
            at,
            text: String::new(),
            used,
            trace: Trace::None,
            prefix: String::new(),
            partial,
        };
        open.push(text);
        open.begin(text);
        open
    }

    fn begin(&mut self, text: &str) {
        let first = first_line(text);
        let (trace, prefix) = begun(first);
        self.trace = trace;
        first[..prefix].clone_into(&mut self.prefix);
        for line in text[first.len()..].split(['\n', '\r']).skip(1) {
            if !self.advance(line, false) {
                let (trace, _) = begun(line);
                if trace != Trace::None {
                    self.trace = trace;
                }
            }
        }
    }

    /// Adds a line if it goes on with the message. Returns whether it did.
    pub fn take(&mut self, line: &str, partial: bool) -> bool {
        if self.partial {
            self.partial = partial;
            self.append(line, "");
            let text = std::mem::take(&mut self.text);
            self.begin(&text);
            self.text = text;
            return true;
        }
        let Some(skipped) = self.goes_on(line) else {
            return false;
        };
        self.partial = partial;
        self.append(&line[skipped..], "\n");
        // A line that was itself several lines moves the trace on, too.
        if let Some((_, rest)) = line.split_once('\n') {
            for line in rest.split('\n') {
                if !self.advance(line, false) && line.contains(TRACEBACK) {
                    self.trace = Trace::PythonFrames;
                }
            }
        }
        true
    }

    /// Whether a line goes on with the message, and how much of a logger's prefix to skip.
    fn goes_on(&mut self, line: &str) -> Option<usize> {
        let first = first_line(line);
        if self.advance(first, false) {
            return Some(0);
        }
        let prefix = self.prefix.len();
        if prefix > 0
            && first.is_char_boundary(prefix)
            && first.len() >= prefix
            && mask(&first[..prefix]) == mask(&self.prefix)
            && self.advance(&first[prefix..], true)
        {
            return Some(prefix);
        }
        // A frame behind the same time stamp and logger as the message's own.
        let at = frame(cut(first)).filter(|at| *at > 0)?;
        let own = self.text.get(..at)?;
        (mask(own) == mask(&first[..at])).then_some(at)
    }

    fn append(&mut self, line: &str, between: &str) {
        if self.text.len() + line.len() < JOINED {
            self.text.push_str(between);
            self.text.push_str(line);
        }
    }

    fn push(&mut self, text: &str) {
        let mut kept = text.len().min(JOINED);
        while !text.is_char_boundary(kept) {
            kept -= 1;
        }
        self.text.push_str(&text[..kept]);
    }

    /// Moves the trace on by a line. Returns whether the line belongs to it.
    fn advance(&mut self, line: &str, strict: bool) -> bool {
        let blank = line.trim().is_empty();
        let indented = is_indented(line) || (self.trace != Trace::None && line.starts_with(' '));
        match self.trace {
            Trace::PythonFrames if !blank && !indented && ends_traceback(line, strict) => {
                self.trace = Trace::PythonNamed;
                return true;
            }
            Trace::PythonNamed
                if line.starts_with("During handling of the above exception")
                    || line.starts_with("The above exception was the direct cause") =>
            {
                self.trace = Trace::PythonChained;
                return true;
            }
            Trace::PythonChained if line.starts_with(TRACEBACK) => {
                self.trace = Trace::PythonFrames;
                return true;
            }
            Trace::GoPanic | Trace::GoFrames if line.starts_with("goroutine ") => {
                self.trace = Trace::GoFrames;
                return true;
            }
            Trace::GoPanic if line.starts_with("[signal ") => return true,
            Trace::GoFrames if is_go_frame(line) => return true,
            Trace::RustHeader if !blank => {
                self.trace = Trace::RustMessage;
                return true;
            }
            Trace::RustMessage
                if line.starts_with("note: ") || line.starts_with("stack backtrace:") =>
            {
                return true;
            }
            Trace::NodeSource if begins_with_class(line) || line.starts_with('[') => {
                self.trace = Trace::Node;
                return true;
            }
            Trace::NodeSource if line.starts_with("throw ") => return true,
            Trace::Node if line.starts_with("Node.js v") => return true,
            Trace::Ruby if is_ruby_frame(line) => return true,
            _ => {}
        }
        blank || indented || is_marked(line)
    }
}

/// Whether a line is indented. One space before a word is only a careless format string.
fn is_indented(line: &str) -> bool {
    match line.as_bytes() {
        [b'\t', ..] | [b' ', b' ' | b'\t', ..] => true,
        [b' ', next, ..] => next.is_ascii_punctuation(),
        // AWS Lambda indents Python's frames with no-break spaces.
        _ => line.starts_with('\u{a0}'),
    }
}

/// Finds which kind of trace a line begins, and how long the logger's prefix before it is.
fn begun(line: &str) -> (Trace, usize) {
    let line = cut(line);
    if let Some(at) = line.find(TRACEBACK) {
        return (Trace::PythonFrames, at);
    }
    if line.contains("http: panic serving ") {
        return (Trace::GoPanic, 0);
    }
    for start in ["panic: ", "fatal error: "] {
        if let Some(at) = line.find(start)
            && (at == 0 || line[..at].ends_with([' ', '\t']))
        {
            return (Trace::GoPanic, at);
        }
    }
    if line.contains(" panicked at ")
        && let Some(at) = line.find("thread '")
    {
        let state = if line.ends_with(':') {
            Trace::RustHeader
        } else {
            Trace::RustMessage
        };
        return (state, at);
    }
    if is_source_location(line) {
        return (Trace::NodeSource, 0);
    }
    if begins_with_class(line) {
        return (Trace::Node, 0);
    }
    if line.ends_with("):") || is_ruby_frame(line) {
        return (Trace::Ruby, 0);
    }
    (Trace::None, 0)
}

/// Whether a line goes on with any message: frames and causes that lost their indentation.
fn is_marked(line: &str) -> bool {
    line.starts_with("Caused by:")
        || line.starts_with("Suppressed:")
        || line.starts_with("---> ")
        || line.starts_with("--- End of ")
        || line.starts_with("Stack trace:")
        || (line.starts_with("at ") && line.ends_with(')') && line.contains('('))
        || (line.starts_with("... ") && line.ends_with(" more"))
        || line
            .strip_prefix('#')
            .and_then(|rest| rest.split_once(' '))
            .is_some_and(|(number, _)| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
        || (!line.is_empty()
            && line
                .bytes()
                .all(|byte| matches!(byte, b'}' | b']' | b')' | b',' | b';')))
}

/// The place of a frame or a cause behind a logger's prefix.
fn frame(line: &str) -> Option<usize> {
    static FRAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\tat |   +at |  +File "|Caused by: |\t\.\.\. \d"#)
            .unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
    });
    FRAME.find(line).map(|found| found.start())
}

/// Whether a line is a function in a goroutine's stack, such as `main.(*Server).run(0x1)`.
fn is_go_frame(line: &str) -> bool {
    if line.starts_with("created by ")
        || line.starts_with("exit status ")
        || line.starts_with("...")
    {
        return true;
    }
    line.ends_with(')')
        && line
            .split_once('(')
            .is_some_and(|(name, _)| !name.is_empty() && !name.contains([' ', '\t']))
}

/// Whether a line is `app.rb:5:in 'work'`.
fn is_ruby_frame(line: &str) -> bool {
    line.ends_with('\'') && (line.contains(":in `") || line.contains(":in '"))
}

/// Whether a line is the place in the source that Node.js writes above an uncaught error.
fn is_source_location(line: &str) -> bool {
    (line.starts_with('/') || line.starts_with("file://") || line.starts_with("node:"))
        && !line.contains(' ')
        && line.rsplit_once(':').is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests;
