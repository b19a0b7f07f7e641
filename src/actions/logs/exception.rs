//! Finds the exception or panic that a message reports, with its class, text and cause.
//!
//! Reads Java, Python, Node.js, .NET, Ruby, PHP, Go and Rust. The message holds the whole stack
//! trace: [`super::continuation`] has joined it from separate events before.

use std::sync::LazyLock;

use regex::Regex;

use super::panics::{go, ruby, rust};

/// Lines of a message that are looked at.
const LINES: usize = 2000;
/// A line is looked at up to here, in bytes.
const LONGEST_LINE: usize = 1024;

/// An exception in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    /// The class as the program writes it, with its package.
    pub class: String,
    /// What the exception says.
    pub said: Option<String>,
    /// The class of the exception that caused it.
    pub cause: Option<String>,
    /// Whether the name is the class alone, as is usual for Java.
    pub by_class: bool,
    /// Whether the program ended.
    pub is_fatal: bool,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new($text).unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
        });
    };
}

// The class of a Java exception, with its package.
pattern!(
    JAVA,
    r"\b((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure))\b"
);
// A line that begins with the class of an exception.
pattern!(
    NAMED,
    concat!(
        r#"^(?:Uncaught (?:\(in promise\) )?|Unhandled [Ee]xception[.:] |Exception in thread "[^"]*" |\[ERROR\] |---> |\[?cause\]?: )?"#,
        r"((?:[A-Za-z_][\w$]*(?:\.|::|\\))*[A-Za-z_][\w$]*?",
        r"(?:Error|Exception|Failure|Throwable|Interrupt|SystemExit|StopIteration|NotFound|ExceptionGroup))",
        r"(?: \[[A-Z_]+\])?(?::\s(.*)|:?)$",
    )
);
// The class of an exception after the words of the line that logs it.
pattern!(
    LOGGED,
    r"(?:^|[\s:\]])((?:[A-Za-z_][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception)|Error)(?: \[[A-Z_]+\])?: (.*)$"
);
// The last line of a Python traceback.
pattern!(PYTHON, r"^([A-Za-z_][\w.]*)(?::(?: (.*))?)?$");

/// Finds the exception that a message reports.
pub(super) fn find(message: &str) -> Option<Exception> {
    let first = cut(first_line(message));
    let multiline = message.contains('\n') || message.contains('\r');
    if !(multiline || may_name_one(first)) {
        return None;
    }
    python(message)
        .or_else(|| go(message))
        .or_else(|| rust(message))
        .or_else(|| ruby(message))
        .or_else(|| stack(message))
        .or_else(|| single(first))
        .or_else(|| java_above_stack(message))
}

/// Returns the class that a line mentions, of a Java exception.
pub(super) fn mentioned(line: &str) -> Option<&str> {
    if !may_name_one(line) {
        return None;
    }
    Some(JAVA.captures(line)?.get(1)?.as_str())
}

/// Whether a line is the one that ends a Python traceback; without a doubt if `strict`.
pub(super) fn ends_traceback(line: &str, strict: bool) -> bool {
    if strict {
        return NAMED.is_match(cut(line));
    }
    PYTHON
        .captures(cut(line))
        .is_some_and(|all| super::levels::level_of_word(&all[1]).is_none())
}

/// Whether a line begins with the class of an exception.
pub(super) fn begins_with_class(line: &str) -> bool {
    may_name_one(line) && NAMED.is_match(cut(line))
}

/// A cheap check before the patterns are tried.
fn may_name_one(line: &str) -> bool {
    [
        "rror",
        "xception",
        "panic",
        "Throwable",
        "Failure",
        "Interrupt",
        "NotFound",
        "fatal error",
    ]
    .iter()
    .any(|word| line.contains(word))
        || line.contains("Uncaught")
        || line.contains(":in ")
}

pub(super) fn lines(message: &str) -> impl Iterator<Item = &str> {
    message
        .split(['\n', '\r'])
        .filter(|line| !line.is_empty())
        .take(LINES)
        .map(cut)
}

/// Returns the first line of a text, in a way that is fast for long lines.
pub(super) fn first_line(text: &str) -> &str {
    let line = text.find('\n').map_or(text, |end| &text[..end]);
    line.find('\r').map_or(line, |end| &line[..end])
}

/// Cuts a line to what is looked at.
pub(super) fn cut(line: &str) -> &str {
    let mut end = line.len().min(LONGEST_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

pub(super) fn exception(class: &str, said: Option<&str>) -> Exception {
    Exception {
        class: class.to_owned(),
        said: said
            .map(str::trim)
            .filter(|said| !said.is_empty())
            .map(str::to_owned),
        cause: None,
        by_class: false,
        is_fatal: false,
    }
}

/// A traceback is named by its last line, and by the first exception if that is the direct cause.
fn python(message: &str) -> Option<Exception> {
    const BEGINS: &str = "Traceback (most recent call last)";
    if !message.contains(BEGINS) {
        return None;
    }
    let mut all: Vec<Exception> = Vec::new();
    let mut direct = false;
    let mut open = false;
    let mut above = None;
    for line in lines(message) {
        if line.contains(BEGINS) {
            open = true;
            continue;
        }
        direct |= line.contains("was the direct cause of the following");
        if !open {
            above = above.or_else(|| NAMED.captures(line));
        } else if !line.starts_with([' ', '\t'])
            && let Some(found) = PYTHON.captures(line)
        {
            all.push(exception(&found[1], found.get(2).map(|said| said.as_str())));
            open = false;
        }
    }
    let first = all.first().map(|one| one.class.clone());
    let several = all.len() > 1;
    let Some(mut last) = all.pop() else {
        // AWS Lambda writes the exception above its traceback.
        let above = above?;
        return Some(exception(&above[1], above.get(2).map(|said| said.as_str())));
    };
    last.cause = first.filter(|_| direct && several);
    Some(last)
}

/// Whether a line is a frame of a stack: `at a.b.C(D.java:1)`.
fn is_frame(line: &str) -> bool {
    let trimmed = line.trim_start();
    trimmed.len() < line.len() && (trimmed.starts_with("at ") || trimmed.starts_with("... "))
}

/// Reads what stands above the first frame: the exceptions of Java, Node.js and .NET.
fn stack(message: &str) -> Option<Exception> {
    let frame = lines(message).position(is_frame)?;
    let above: Vec<&str> = lines(message).take(frame).collect();
    // Java's classes have a package in small letters.
    let java = above.iter().take(2).find_map(|line| mentioned(line));
    if let Some(class) = java {
        return Some(java_exception(class, message));
    }
    let found = above
        .iter()
        .find_map(|line| NAMED.captures(line))
        .or_else(|| above.iter().find_map(|line| LOGGED.captures(line)))?;
    let said = found.get(2).map(|said| said.as_str());
    let mut inner: Vec<&str> = Vec::new();
    for line in lines(message) {
        for marker in ["---> ", "[cause]: ", "Caused by: "] {
            if let Some(at) = line.find(marker) {
                let class = line[at + marker.len()..].split([':', ' ']).next();
                inner.extend(class.filter(|class| !class.is_empty()));
            }
        }
    }
    let said = said.map(|said| said.split(" ---> ").next().unwrap_or(said));
    let mut own = exception(&found[1], said);
    own.cause = inner
        .last()
        .map(|class| (*class).to_owned())
        .filter(|class| *class != own.class);
    Some(own)
}

fn java_exception(class: &str, message: &str) -> Exception {
    let mut own = exception(class, None);
    own.by_class = true;
    own.cause = lines(message)
        .filter_map(|line| line.trim_start().strip_prefix("Caused by:"))
        .filter_map(mentioned)
        .last()
        .filter(|root| *root != class)
        .map(str::to_owned);
    own
}

/// A line that begins with a class, with or without a stack.
fn single(first: &str) -> Option<Exception> {
    let found = NAMED.captures(first)?;
    let class = &found[1];
    let package = class.split('.').next().unwrap_or_default();
    let java = class.contains('.')
        && matches!(
            package,
            "java"
                | "javax"
                | "jakarta"
                | "jdk"
                | "com"
                | "org"
                | "net"
                | "io"
                | "kotlin"
                | "scala"
                | "akka"
                | "sun"
        );
    let mut own = exception(class, found.get(2).map(|said| said.as_str()));
    own.by_class = java;
    Some(own)
}

/// The line that logs a Java exception may name no class; then the next one does.
fn java_above_stack(message: &str) -> Option<Exception> {
    let mut all = lines(message).take(2);
    let (first, second) = (all.next()?, all.next()?);
    let class = mentioned(second).or_else(|| mentioned(first))?;
    let caused = message.contains("Caused by:");
    (caused || second.trim_start().starts_with(class) || second.contains("Exception in thread"))
        .then(|| java_exception(mentioned(first).unwrap_or(class), message))
}

#[cfg(test)]
mod tests;
