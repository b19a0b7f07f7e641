//! What kind of message a text is, and what in it varies.
//!
//! Access logs, JSON and exceptions say what happened in a place of their own; of everything else
//! the first line speaks, with identifiers, times, addresses, numbers and quoted text masked.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// A name is cut here, in characters.
const LONGEST_NAME: usize = 100;
/// A message is looked at up to here, in bytes: the rest of a megabyte line says no more.
const LONGEST: usize = 1024;

/// What a message says, the same for all that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// A name for people.
    pub name: String,
    /// The message with `*` for what varies.
    pub pattern: String,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new($text).unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
        });
    };
}

// What varies from message to message.
pattern!(
    VARIABLE,
    concat!(
        r#"(?x)"(?:[^"\\]|\\.)*" | '[^']*'"#,
        r"| \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
        r"| \b\d{4}[-/]\d{2}[-/]\d{2}(?:[T\ ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?",
        r"| \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b",
        r"| \b(?:i|vol|eni|sg|subnet|vpc|ami)-[0-9a-f]{8,17}\b",
        r"| \b0x[0-9a-fA-F]+\b | \b[0-9a-fA-F]*[0-9][0-9a-fA-F]*[a-fA-F][0-9a-fA-F]*\b | \b[0-9a-fA-F]{8,}\b",
        r"| @[0-9a-f]{5,}\b",
        r"| \d+(?:\.\d+)?",
    )
);
// Apache's and nginx's access logs, common and combined.
pattern!(
    ACCESS,
    r#"^\S+ \S+ \S+ \[[^\]]+\] "([A-Z]+) (\S+)[^"]*" (\d{3}) "#
);
// nginx's error log: what follows the client differs with each request.
pattern!(
    NGINX_ERROR,
    r"^\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2} \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*?)(?:, client: .*)?$"
);
// The class of an exception, with its package.
pattern!(
    EXCEPTION,
    r"\b((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure))\b"
);
// Segments of a path that name one thing among many.
pattern!(
    ID,
    r"^(?:\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,}|[A-Za-z0-9_-]*\d[A-Za-z0-9_-]{10,})$"
);

/// Finds a message's shape.
pub(super) fn shape(message: &str) -> Shape {
    let message = message.trim();
    if message.starts_with('{')
        && let Ok(Value::Object(fields)) = serde_json::from_str(message)
    {
        return json(&fields);
    }
    let first = head(message);
    if let Some(access) = ACCESS.captures(first) {
        let pattern = format!("{} {} {}", &access[1], route(&access[2]), &access[3]);
        return Shape {
            name: pattern.clone(),
            pattern,
        };
    }
    if let Some(error) = NGINX_ERROR.captures(first) {
        let pattern = format!("{}: {}", &error[1], mask(&error[2]));
        return Shape {
            name: short(&pattern),
            pattern,
        };
    }
    exception(message, first).unwrap_or_else(|| {
        let pattern = mask(first);
        let said = pattern.trim_start_matches(['*', ' ', ':', ',', '-', '|', '[', ']']);
        Shape {
            name: short(if said.is_empty() { &pattern } else { said }),
            pattern,
        }
    })
}

/// An exception is named by its class, and by what caused it in the end.
fn exception(message: &str, first: &str) -> Option<Shape> {
    let class = |line: &str| Some(EXCEPTION.captures(head(line))?[1].to_owned());
    let mut lines = message.lines().skip(1);
    // The line that logs it may name no class; then the next one does.
    let own = class(first).or_else(|| lines.next().and_then(class))?;
    let root = message
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("Caused by:"))
        .filter_map(class)
        .next_back()
        .filter(|root| *root != own);
    let simple = |class: &str| class.rsplit('.').next().unwrap_or(class).to_owned();
    let caused = |by: &str| format!(" caused by {by}");
    let mut pattern = mask(first);
    if !pattern.contains(own.as_str()) {
        pattern = format!("{pattern} {own}");
    }
    let mut name = simple(&own);
    if let Some(root) = root {
        name.push_str(&caused(&simple(&root)));
        pattern.push_str(&caused(&root));
    }
    Some(Shape { name, pattern })
}

/// The fields that hold the message, in the order in which they are looked for.
const SAYS: [&str; 8] = [
    "message", "msg", "@message", "error", "err", "event", "log", "text",
];
/// The fields that hold the level.
const LEVEL: [&str; 5] = ["level", "severity", "lvl", "loglevel", "log.level"];

fn json(fields: &serde_json::Map<String, Value>) -> Shape {
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| fields.get(*name)?.as_str())
            .map(str::to_owned)
    };
    let level = text(&LEVEL);
    let said = text(&SAYS).map(|said| {
        let inner = shape_of_text(&said);
        (inner.name, inner.pattern)
    });
    let (name, pattern) = said.unwrap_or_else(|| {
        let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
        let keys = format!("{{{}}}", keys.join(", "));
        (keys.clone(), keys)
    });
    let leveled = |text: &str| match &level {
        Some(level) => format!("{level}: {text}"),
        None => text.to_owned(),
    };
    Shape {
        name: short(&leveled(&name)),
        pattern: leveled(&pattern),
    }
}

/// A message inside of JSON is no JSON again.
fn shape_of_text(text: &str) -> Shape {
    let first = head(text);
    exception(text, first).unwrap_or_else(|| {
        let pattern = mask(first);
        Shape {
            name: pattern.clone(),
            pattern,
        }
    })
}

/// A path without its query, with identifiers masked.
fn route(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            // What follows an identifier says what kind of thing it is.
            let (stem, rest) = segment.split_at(segment.find('.').unwrap_or(segment.len()));
            if ID.is_match(stem) {
                format!("*{rest}")
            } else {
                segment.to_owned()
            }
        })
        .collect();
    segments.join("/")
}

fn mask(message: &str) -> String {
    VARIABLE.replace_all(message, "*").into_owned()
}

/// The first line, at most [`LONGEST`] bytes of it: the lines below a message are its stack.
pub(super) fn head(message: &str) -> &str {
    let line = message.lines().next().unwrap_or("");
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

/// Whether a line goes on with what the line before it said: a stack, or what is indented.
pub(super) fn goes_on(line: &str) -> bool {
    line.starts_with([' ', '\t'])
        || line.starts_with("Caused by:")
        || line.starts_with("Suppressed:")
}

/// Whether a message has a pattern.
#[must_use]
pub fn is_of_pattern(pattern: &str, message: &str) -> bool {
    shape(message).pattern == pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(message: &str) -> String {
        shape(message).pattern
    }

    #[test]
    fn access_logs_are_told_apart_by_method_route_and_status() {
        let line = |path: &str, status: &str| {
            format!(
                r#"10.0.0.7 - alice [20/Nov/2026:03:14:15 +0000] "GET {path} HTTP/1.1" {status} 512 "-" "curl/8.5""#
            )
        };
        assert_eq!(
            pattern(&line("/orders/4711?x=1", "500")),
            "GET /orders/* 500"
        );
        assert_eq!(
            pattern(&line("/orders/4711", "500")),
            pattern(&line("/orders/9", "500"))
        );
        assert_ne!(
            pattern(&line("/orders/1", "500")),
            pattern(&line("/orders/1", "200"))
        );
        assert_eq!(
            pattern(&line("/api/v2/users", "200")),
            "GET /api/v2/users 200"
        );
    }

    #[test]
    fn exceptions_are_named_by_class_and_root_cause() {
        let trace = "2026-11-20 03:14:15,123 ERROR [exec-7] c.e.Orders - failed for order 4711\n\
            java.lang.RuntimeException: cannot load\n\tat c.e.Orders.load(Orders.java:42)\n\
            Caused by: java.sql.SQLTimeoutException: no answer\n\t... 31 more";
        assert_eq!(
            shape(trace).name,
            "RuntimeException caused by SQLTimeoutException"
        );
        let other = trace.replace("4711", "12").replace(":42)", ":43)");
        assert_eq!(pattern(trace), pattern(&other));
        assert_ne!(
            pattern(trace),
            pattern(&trace.replace("SQLTimeout", "SQLSyntaxError"))
        );
    }

    #[test]
    fn json_is_grouped_by_its_message_and_level() {
        let one =
            r#"{"ts":"2026-11-20T03:14:15Z","level":"error","msg":"order 4711 failed","id":"a"}"#;
        let two = r#"{"level":"error","msg":"order 12 failed","id":"b","extra":1}"#;
        assert_eq!(pattern(one), "error: order * failed");
        assert_eq!(pattern(one), pattern(two));
        assert_ne!(pattern(one), pattern(&two.replace("error", "warn")));
        assert_eq!(pattern(r#"{"a":1,"b":2}"#), "{a, b}");
    }

    #[test]
    fn an_nginx_error_does_not_depend_on_its_client() {
        let line = |client: &str| {
            format!(
                "2026/11/20 03:14:15 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: {client}, server: _, request: \"GET / HTTP/1.1\""
            )
        };
        assert_eq!(pattern(&line("10.0.0.1")), pattern(&line("10.0.0.2")));
        assert!(
            shape(&line("10.0.0.1"))
                .name
                .starts_with("error: connect() failed")
        );
    }

    #[test]
    fn words_that_could_be_hexadecimal_stay_words() {
        assert_eq!(pattern("cafe added a face"), "cafe added a face");
        assert_eq!(pattern("trace 4d7ab0 done"), "trace * done");
    }
}
