//! Reads one table of a document, key by key, and reports what does not fit.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use super::{Kind, Node, Problem, Problems, nearest};

/// A value and its place in the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte range in the document's text.
    pub span: Range<usize>,
}

/// Takes the keys of one table; what is left when it is done is unknown, and said to be.
pub struct Reader<'a> {
    entries: &'a [(String, Range<usize>, Node)],
    /// Where the table stands.
    pub span: Range<usize>,
    /// What the table is, for messages: "the playbook", "step \"cpu-001\"".
    what: String,
    known: RefCell<HashSet<&'static str>>,
    problems: &'a Problems,
}

/// What a required key can look like.
fn example(key: &str) -> &'static str {
    match key {
        "format" => "1",
        "impact" => "3",
        "severities" => "[\"high\"]",
        "incident_types" => "[\"availability\"]",
        "answers" => "[{ namespace = \"AWS/EC2\" }]",
        "groups" => "[\"/app/web\"]",
        "window" | "every" | "timeout" => "\"15m\"",
        "alarm" => "\"{{ alarm.name }}\"",
        "type" => "\"string\"",
        "read_only" => "true",
        "command" => "[\"program\", \"argument\"]",
        "url" => "\"https://…\"",
        "port" => "443",
        _ => "…",
    }
}

impl<'a> Reader<'a> {
    /// Starts reading a table; a value of another type is reported, and read as an empty one.
    pub fn new(node: &'a Node, what: impl Into<String>, problems: &'a Problems) -> Self {
        let what = what.into();
        let entries = if let Kind::Table(entries) = &node.kind {
            entries.as_slice()
        } else {
            problems.push(
                Problem::error(format!("{what} is {}, not a table", node.type_name()))
                    .at(node.span.clone()),
            );
            &[]
        };
        Self {
            entries,
            span: node.span.clone(),
            what,
            known: RefCell::default(),
            problems,
        }
    }

    /// Where problems go.
    #[must_use]
    pub fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// Says what this table is, in messages from here on.
    pub fn rename(&mut self, what: impl Into<String>) {
        self.what = what.into();
    }

    /// Returns a key's value as it stands, and marks the key as known.
    pub fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().insert(key);
        self.entries
            .iter()
            .find(|(name, _, _)| name == key)
            .map(|(_, _, node)| node)
    }

    /// Returns a key's value, reporting its absence.
    pub fn required(&self, key: &'static str) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() {
            self.problems.missing(
                Problem::error(format!("{} has no `{key}`", self.what))
                    .at(self.span.clone())
                    .help(format!("add `{key} = {}`", example(key))),
            );
        }
        node
    }

    /// Returns all keys with their values, for tables whose keys are names.
    #[must_use]
    pub fn entries(&self) -> &'a [(String, Range<usize>, Node)] {
        self.entries
    }

    /// Reads a string.
    pub fn string(&self, key: &'static str) -> Option<Located<String>> {
        self.node(key).and_then(|node| self.as_string(key, node))
    }

    /// Reads a string that must be there and must say something.
    pub fn required_string(&self, key: &'static str) -> Option<Located<String>> {
        let text = self
            .required(key)
            .and_then(|node| self.as_string(key, node))?;
        if text.value.trim().is_empty() {
            self.problems.push(
                Problem::error(format!("`{key}` is empty"))
                    .at(text.span.clone())
                    .help("write it, half asleep readers depend on it"),
            );
        }
        Some(text)
    }

    /// Reads a list of strings.
    pub fn strings(&self, key: &'static str) -> Vec<Located<String>> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node {
                kind: Kind::Array(items),
                ..
            }) => items
                .iter()
                .filter_map(|item| self.as_string(key, item))
                .collect(),
            Some(node) => {
                self.wrong_type(key, node, "an array of strings");
                Vec::new()
            }
        }
    }

    /// Reads a boolean.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let Kind::Boolean(truth) = node.kind {
            return Some(truth);
        }
        self.wrong_type(key, node, "true or false");
        None
    }

    /// Reads a whole number within bounds.
    pub fn integer(&self, key: &'static str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let node = self.node(key)?;
        let Kind::Integer(number) = node.kind else {
            self.wrong_type(key, node, "an integer");
            return None;
        };
        if bounds.contains(&number) {
            return Some(number);
        }
        self.problems.push(
            Problem::error(format!("`{key}` is {number}"))
                .at(node.span.clone())
                .help(format!(
                    "write a number from {} to {}",
                    bounds.start(),
                    bounds.end()
                )),
        );
        None
    }

    /// Reads a number, whole or not.
    pub fn number(&self, key: &'static str) -> Option<f64> {
        let node = self.node(key)?;
        match node.kind {
            #[expect(clippy::cast_precision_loss, reason = "thresholds are far below 2^52")]
            Kind::Integer(number) => Some(number as f64),
            Kind::Float(number) if number.is_finite() => Some(number),
            _ => {
                self.wrong_type(key, node, "a finite number");
                None
            }
        }
    }

    /// Reads a duration such as `"90s"`, `"15m"` or `"1h 30m"`.
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        let node = self.node(key)?;
        let text = self.as_string(key, node)?;
        match humantime::parse_duration(&text.value) {
            Ok(duration) if duration <= Duration::from_hours(9600) => Some(duration),
            Ok(_) => {
                self.problems
                    .push(Problem::error(format!("`{key}` is longer than 400 days")).at(text.span));
                None
            }
            Err(error) => {
                self.problems.push(
                    Problem::error(format!("`{key}` is not a duration: {error}"))
                        .at(text.span)
                        .help("write it like \"30s\", \"15m\" or \"1h\""),
                );
                None
            }
        }
    }

    /// Reads one of a few words.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let text = self.as_string(key, node)?;
        self.choose(key, &text, choices)
    }

    /// Reads a list of some of a few words.
    pub fn choices<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Vec<T> {
        self.strings(key)
            .iter()
            .filter_map(|text| self.choose(key, text, choices))
            .collect()
    }

    fn choose<T: Copy>(
        &self,
        key: &str,
        text: &Located<String>,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.problems.push(
                Problem::error(format!("`{key}` cannot be {:?}", text.value))
                    .at(text.span.clone())
                    .help(format!("write one of: {}", names.join(", "))),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// Reads a table below this one.
    pub fn table(&self, key: &'static str) -> Option<Reader<'a>> {
        self.node(key)
            .map(|node| Reader::new(node, format!("`{key}`"), self.problems))
    }

    /// Reads an array of tables below this one.
    pub fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node {
                kind: Kind::Array(items),
                ..
            }) => items
                .iter()
                .map(|item| Reader::new(item, format!("an entry of `{key}`"), self.problems))
                .collect(),
            Some(node) => {
                self.wrong_type(key, node, "an array of tables");
                Vec::new()
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let known = self.known.into_inner();
        for (name, span, _) in self.entries {
            if known.contains(name.as_str()) {
                continue;
            }
            let meant = nearest(name, known.iter().copied());
            let help = if let Some(key) = meant {
                format!("did you mean `{key}`?")
            } else {
                let mut known: Vec<&str> = known.iter().copied().collect();
                known.sort_unstable();
                format!("known here: {}", known.join(", "))
            };
            self.problems.push(
                Problem::error(format!("{} has no key `{name}`", self.what))
                    .at(span.clone())
                    .help(help),
            );
        }
    }

    /// Takes a node that must be a string.
    pub fn as_string(&self, key: &str, node: &Node) -> Option<Located<String>> {
        if let Kind::String(text) = &node.kind {
            return Some(Located {
                value: text.clone(),
                span: node.span.clone(),
            });
        }
        self.wrong_type(key, node, "a string");
        None
    }

    /// Reports a value of the wrong type.
    pub fn wrong_type(&self, key: &str, node: &Node, wanted: &str) {
        self.problems.push(
            Problem::error(format!("`{key}` is {}", node.type_name()))
                .at(node.span.clone())
                .help(format!("write {wanted}")),
        );
    }
}
