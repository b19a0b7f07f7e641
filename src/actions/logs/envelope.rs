//! Takes a container's log line out of what the container runtime and the log agent put around it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A line as the program wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unwrapped<'a> {
    pub text: Cow<'a, str>,
    /// The pod, container and output that wrote the line; empty where that is not known.
    pub source: String,
    /// Whether the runtime cut the line here: the next one goes on with it.
    pub partial: bool,
}

/// Keys that container runtimes and log agents put next to `log`.
const BESIDE: [&str; 8] = [
    "stream",
    "kubernetes",
    "time",
    "docker",
    "container_id",
    "container_name",
    "source",
    "_p",
];

/// Returns the line that a program wrote, without the envelope and without colours.
pub(super) fn unwrap(text: &str) -> Unwrapped<'_> {
    let mut line = Unwrapped {
        text: Cow::Borrowed(text),
        source: String::new(),
        partial: false,
    };
    // A log agent may wrap what the runtime wrapped.
    for _ in 0..2 {
        if let Some(inner) = json(&line.text) {
            line = inner;
        } else if let Some((source, partial, skipped)) = runtime(&line.text) {
            line.source.push_str(source);
            line.partial = partial;
            line.text = match line.text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[skipped..]),
                Cow::Owned(text) => Cow::Owned(text[skipped..].to_owned()),
            };
        } else {
            break;
        }
    }
    if line.text.contains('\u{1b}') {
        line.text = Cow::Owned(without_colours(&line.text));
    }
    line
}

/// Finds the prefix of the Container Runtime Interface: `2026-11-20T03:14:15.1Z stderr F `.
fn runtime(text: &str) -> Option<(&'static str, bool, usize)> {
    let bytes = text.as_bytes();
    if !(bytes.first()?.is_ascii_digit() && bytes.get(10) == Some(&b'T')) {
        return None;
    }
    let space = text.find(' ')?;
    let rest = &text[space + 1..];
    let (source, rest) = if let Some(rest) = rest.strip_prefix("stderr ") {
        ("stderr", rest)
    } else {
        ("stdout", rest.strip_prefix("stdout ")?)
    };
    let tag = rest.get(..1).filter(|tag| matches!(*tag, "F" | "P"))?;
    let rest = rest[1..]
        .strip_prefix(' ')
        .or_else(|| (rest.len() == 1).then_some(""))?;
    Some((source, tag == "P", text.len() - rest.len()))
}

/// Finds the line in an object that has `log` next to keys of a container's.
fn json(text: &str) -> Option<Unwrapped<'static>> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') || !trimmed.contains("\"log\"") {
        return None;
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(trimmed) else {
        return None;
    };
    if !BESIDE.iter().any(|key| fields.contains_key(*key)) {
        return None;
    }
    let Some(Value::String(log)) = fields.remove("log") else {
        return None;
    };
    let end = log.trim_end_matches(['\n', '\r']).len();
    let mut log = log;
    log.truncate(end);
    let tagged = |key: &str| fields.get(key).and_then(Value::as_str) == Some("P");
    Some(Unwrapped {
        text: Cow::Owned(log),
        source: source(&fields),
        partial: tagged("logtag") || tagged("_p"),
    })
}

/// Returns what tells the lines of one container and output from those of others.
fn source(fields: &Map<String, Value>) -> String {
    let mut source = String::new();
    let kubernetes = fields.get("kubernetes");
    for value in [
        kubernetes.and_then(|pod| pod.get("pod_name")),
        kubernetes.and_then(|pod| pod.get("container_name")),
        fields.get("container_id"),
        fields.get("stream"),
        fields.get("source"),
    ] {
        if let Some(Value::String(value)) = value {
            source.push_str(value);
            source.push(' ');
        }
    }
    source
}

/// Removes the escape sequences with which terminals show colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(sequence) = rest.strip_prefix('[') {
            let end = sequence
                .find(|c: char| c.is_ascii_alphabetic())
                .map_or(sequence.len(), |end| end + 1);
            rest = &sequence[end..];
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        unwrap(line).text.into_owned()
    }

    #[test]
    fn the_line_in_a_docker_object_keeps_its_indentation() {
        let line =
            r#"{"log":"\tat a.b.C(D.java:1)\n","stream":"stderr","time":"2026-11-20T03:14:15Z"}"#;
        assert_eq!(text(line), "\tat a.b.C(D.java:1)");
        assert_eq!(unwrap(line).source, "stderr ");
    }

    #[test]
    fn the_prefix_of_the_container_runtime_is_dropped() {
        let line = "2026-11-20T03:14:15.123Z stderr F \tat a.b.C(D.java:1)";
        assert_eq!(text(line), "\tat a.b.C(D.java:1)");
        assert!(unwrap("2026-11-20T03:14:15.123Z stdout P half").partial);
        assert_eq!(text("2026-11-20T03:14:15.123Z stdout F"), "");
        let other = "2026-11-20T03:14:15.123Z stderr of the program";
        assert_eq!(text(other), other);
    }

    #[test]
    fn an_agent_can_wrap_what_the_runtime_wrapped() {
        let line = r#"{"log":"2026-11-20T03:14:15.123Z stderr F boom","kubernetes":{"pod_name":"orders-1","container_name":"app"}}"#;
        let found = unwrap(line);
        assert_eq!(
            (found.text.as_ref(), found.source.as_str()),
            ("boom", "orders-1 app stderr")
        );
    }

    #[test]
    fn an_object_of_the_program_itself_is_no_envelope() {
        let line = r#"{"log":"boom","level":"error"}"#;
        assert_eq!(text(line), line);
        let nested = r#"{"log":{"level":"error"},"time":1}"#;
        assert_eq!(text(nested), nested);
    }

    #[test]
    fn colours_are_removed() {
        assert_eq!(text("\u{1b}[1;31mERROR\u{1b}[0m gone"), "ERROR gone");
        assert_eq!(text("cut \u{1b}["), "cut ");
    }
}
