//! Finds what a message of named fields says: JSON and logfmt.

use serde_json::{Map, Value};

use super::access::access;
use super::exception::{self, Exception};
use super::levels::{Level, level_of_number, level_of_word};
use super::masking::mask;
use super::shapes::{Shape, head, of_exception, text};

/// Fields that hold the message, in the order in which they are looked for.
const SAYS: [&str; 14] = [
    "message",
    "msg",
    "@message",
    "Message",
    "@mt",
    "@m",
    "error",
    "err",
    "event",
    "log",
    "text",
    "errorMessage",
    "body",
    "short_message",
];
/// Fields that hold the level.
const LEVEL: [&str; 11] = [
    "level",
    "severity",
    "lvl",
    "loglevel",
    "log.level",
    "levelname",
    "Level",
    "LogLevel",
    "@l",
    "@level",
    "severity_text",
];
/// Fields that hold a stack trace.
const TRACES: [&str; 14] = [
    "exc_info",
    "exception",
    "stack_trace",
    "stack",
    "stacktrace",
    "stackTrace",
    "error.stack",
    "error.stack_trace",
    "err.stack",
    "exception.stacktrace",
    "traceback",
    "Exception",
    "@x",
    "exc_text",
];

/// Finds a field by its name, with dots in it or as a path.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        fields.get(first)?.get(rest)
    })
}

fn string<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .find_map(|name| field(fields, name)?.as_str())
        .filter(|text| !text.is_empty())
}

/// Finds the shape of an object by its message, its exception, or its request.
pub(super) fn json(fields: &Map<String, Value>) -> Shape {
    let named = LEVEL.iter().find_map(|name| match field(fields, name)? {
        Value::String(word) => Some((level_of_word(word), word.as_str())),
        Value::Number(number) => {
            let (level, word) = level_of_number(number.as_f64()?);
            Some((Some(level), word))
        }
        _ => None,
    });
    let (level, word) = named.map_or((None, None), |(level, word)| (level, Some(word)));
    if let Some(found) = trace(fields) {
        let mut shape = of_exception(&found, "");
        shape.level = shape.level.min(level.unwrap_or(Level::Error));
        if found.by_class {
            shape.pattern = shape.pattern.trim_start().to_owned();
        }
        return shape;
    }
    let Some(said) = string(fields, &SAYS) else {
        return request(fields).unwrap_or_else(|| {
            let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
            Shape::exact(
                level.unwrap_or(Level::Other),
                format!("{{{}}}", keys.join(", ")),
            )
            .led_by(word)
        });
    };
    let mut shape = text(said.trim());
    if let Some(level) = level {
        let thrown = shape.level < level && exception::find(said).is_some();
        shape.level = if thrown { shape.level } else { level };
    }
    if let Some(detail) = detail(fields).filter(|detail| !said.contains(*detail))
        && shape.name.is_none()
    {
        shape.pattern = format!("{}: {}", shape.pattern, mask(head(detail)));
    }
    shape.led_by(word)
}

/// What an error says, next to the message.
fn detail(fields: &Map<String, Value>) -> Option<&str> {
    string(
        fields,
        &["error", "err", "error.message", "err.message", "reason"],
    )
}

/// The exception in a field of its own.
fn trace(fields: &Map<String, Value>) -> Option<Exception> {
    for name in TRACES {
        match field(fields, name) {
            Some(Value::String(text)) => {
                let found = exception::find(text.trim());
                if found.is_some() {
                    return found;
                }
            }
            Some(Value::Array(lines)) => {
                let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
                let found = exception::find(lines.join("\n").trim());
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    for holder in ["exception", "error", "err"] {
        if let Some(Value::Object(inner)) = fields.get(holder)
            && let Some(class) = string(
                inner,
                &["type", "class", "class_name", "exception_class", "name"],
            )
        {
            return Some(Exception {
                class: class.to_owned(),
                said: string(inner, &["message", "msg", "value", "exception_message"])
                    .map(str::to_owned),
                cause: None,
                by_class: false,
                is_fatal: false,
            });
        }
    }
    let class = string(
        fields,
        &[
            "errorType",
            "error.type",
            "exception.type",
            "exception_class",
        ],
    )?;
    Some(Exception {
        class: class.to_owned(),
        said: string(
            fields,
            &["errorMessage", "error.message", "exception.message"],
        )
        .map(str::to_owned),
        cause: None,
        by_class: false,
        is_fatal: false,
    })
}

/// An access log in JSON: a method, a path and a status.
fn request(fields: &Map<String, Value>) -> Option<Shape> {
    let status = ["status", "status_code", "statusCode", "response_code"]
        .iter()
        .find_map(|name| match fields.get(*name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .filter(|status| status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()))?;
    let line = if let Some(request) = string(fields, &["request"]) {
        format!("\"{request}\" {status}")
    } else {
        let method = string(fields, &["method", "request_method", "httpMethod", "verb"])?;
        let path = string(fields, &["path", "uri", "url", "request_uri", "route"])?;
        format!("\"{method} {path}\" {status}")
    };
    let access = access(&line)?;
    let level = if access.is_error() {
        Level::Error
    } else {
        Level::Other
    };
    Some(Shape::exact(level, access.pattern()))
}

/// The fields of a line such as `level=error msg="no answer" err="timed out"`.
pub(super) fn logfmt(line: &str) -> Option<Map<String, Value>> {
    if !(line.contains("msg=") && (line.contains("level=") || line.contains("lvl="))) {
        return None;
    }
    let mut fields = Map::new();
    let mut rest = line.trim_start();
    while let Some(equals) = rest.find('=') {
        let key = rest[..equals].rsplit(' ').next().unwrap_or_default();
        let value = &rest[equals + 1..];
        let (value, next) = if let Some(quoted) = value.strip_prefix('"') {
            let mut escaped = false;
            let end = quoted
                .find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })
                .unwrap_or(quoted.len());
            (&quoted[..end], quoted.get(end + 1..).unwrap_or_default())
        } else {
            value.split_at(value.find(' ').unwrap_or(value.len()))
        };
        fields.insert(key.to_owned(), Value::String(value.replace("\\\"", "\"")));
        rest = next;
    }
    (fields.contains_key("msg") && (fields.contains_key("level") || fields.contains_key("lvl")))
        .then_some(fields)
}
