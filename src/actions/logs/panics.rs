//! Reads the panics of Go and Rust, and the errors of Ruby and PHP.

use std::sync::LazyLock;

use regex::Regex;

use super::exception::{Exception, exception, lines};

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new($text).unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
        });
    };
}

// `app.rb:5:in 'work': no such order (OrderError)`.
pattern!(
    RUBY,
    r"^\S+:\d+:in [`'][^']*': (.*) \(([A-Z]\w*(?:::\w+)*)\)$"
);
// `OrderError (no such order):`, as Rails logs it.
pattern!(
    RAILS,
    r"^([A-Z]\w*(?:::\w+)*(?:Error|Exception|NotFound|Invalid|Timeout)) \((.*)\):?$"
);
pattern!(PHP, r"(?:^|: +)Uncaught ([\w\\]+): (.*?) in /\S+$");
pattern!(
    RUST,
    r"^.*?thread '([^']*)'(?: \(\d+\))? panicked at (?:'(.*)', \S+|\S+:)$"
);

/// A panic of Go is named by its text.
pub(super) fn go(message: &str) -> Option<Exception> {
    let first = lines(message).next()?;
    let stack = message.contains("\ngoroutine ");
    for line in lines(message).take(50) {
        for class in ["panic", "fatal error"] {
            let Some(at) = line.find(class) else {
                continue;
            };
            let Some(said) = line[at + class.len()..].strip_prefix(": ") else {
                continue;
            };
            // In the middle of a line it needs the stack below to be a panic.
            if at == 0 || (stack && line.as_ptr() == first.as_ptr()) {
                let said = said.trim_end_matches(" [recovered]");
                let mut found = exception(class, Some(said));
                found.is_fatal = true;
                return Some(found);
            }
        }
        if !stack {
            break;
        }
    }
    None
}

/// A panic of Rust is named by its text.
pub(super) fn rust(message: &str) -> Option<Exception> {
    if !message.contains("' panicked at ") && !message.contains(") panicked at ") {
        return None;
    }
    let mut all = lines(message).skip_while(|line| !line.contains(" panicked at "));
    let header = RUST.captures(all.next()?)?;
    let said = header
        .get(2)
        .map(|said| said.as_str())
        .or_else(|| all.next());
    let mut found = exception("panicked", said);
    found.is_fatal = &header[1] == "main";
    Some(found)
}

/// An error of Ruby or PHP is named by its class and text.
pub(super) fn ruby(message: &str) -> Option<Exception> {
    let first = lines(message).next()?;
    if let Some(found) = RUBY.captures(first) {
        return Some(exception(&found[2], Some(&found[1])));
    }
    if let Some(found) = RAILS.captures(first) {
        return Some(exception(&found[1], Some(&found[2])));
    }
    if first.contains("Uncaught")
        && let Some(found) = PHP.captures(first)
    {
        return Some(exception(&found[1], Some(&found[2])));
    }
    None
}
