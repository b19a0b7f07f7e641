//! The tree of a document: every value with its place.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Problem;

/// A value and the bytes of the document that spell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Byte range in the document's text.
    pub span: Range<usize>,
    /// The value.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time or both, as written.
    Datetime(String),
    /// A list.
    Array(Vec<Node>),
    /// Keys with values, in the order written; each key with its own place.
    Table(Vec<(String, Range<usize>, Node)>),
}

impl Node {
    /// Names the value's type, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::String(_) => "a string",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a float",
            Kind::Boolean(_) => "a boolean",
            Kind::Datetime(_) => "a date",
            Kind::Array(_) => "an array",
            Kind::Table(_) => "a table",
        }
    }

    /// Turns the value into JSON, losing its place.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::String(text) | Kind::Datetime(text) => text.as_str().into(),
            Kind::Integer(number) => (*number).into(),
            Kind::Float(number) => (*number).into(),
            Kind::Boolean(truth) => (*truth).into(),
            Kind::Array(items) => items.iter().map(Self::to_json).collect(),
            Kind::Table(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(key, _, value)| (key.clone(), value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// A text is long from as many bytes on.
const LONG: usize = 64 * 1024;

/// Parses TOML, going on after an error, so that all of them are reported.
#[must_use]
pub fn parse(text: &str) -> (Node, Vec<Problem>) {
    // A reader that goes on after every mistake keeps all of them. Of a long text with mistakes, its
    // beginning is enough: no playbook of ours is half as long.
    let looked_at = if text.len() > LONG && DeTable::parse(text).is_err() {
        let end = text.floor_char_boundary(LONG);
        text[..end]
            .rfind('\n')
            .map_or(&text[..end], |line| &text[..line])
    } else {
        text
    };
    let (table, errors) = DeTable::parse_recoverable(looked_at);
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| {
            Problem::error(format!("this is not TOML: {}", error.message().trim()))
                .at(error.span().unwrap_or(0..0))
                .help("see https://toml.io/en/v1.0.0 for the syntax")
        })
        .collect();
    if looked_at.len() < text.len() {
        // The beginning may have no mistake in it.
        problems.push(Problem::error(format!(
            "this is not TOML to its end; the first {} KiB were looked at",
            LONG / 1024
        )));
    }
    let root = Node {
        span: table.span(),
        kind: table_of(table.get_ref(), &mut problems),
    };
    (root, problems)
}

fn table_of(table: &DeTable<'_>, problems: &mut Vec<Problem>) -> Kind {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let node = Node {
                span: value.span(),
                kind: kind_of(value.get_ref(), value.span(), problems),
            };
            (key.get_ref().to_string(), key.span(), node)
        })
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    Kind::Table(entries)
}

fn kind_of(value: &DeValue<'_>, span: Range<usize>, problems: &mut Vec<Problem>) -> Kind {
    match value {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(error) => {
                problems
                    .push(Problem::error(format!("this number cannot be used: {error}")).at(span));
                Kind::Integer(0)
            }
        },
        DeValue::Float(number) => number.as_str().parse().map_or_else(
            |error| {
                problems
                    .push(Problem::error(format!("this number cannot be used: {error}")).at(span));
                Kind::Float(0.0)
            },
            Kind::Float,
        ),
        DeValue::Boolean(truth) => Kind::Boolean(*truth),
        DeValue::Datetime(datetime) => Kind::Datetime(datetime.to_string()),
        DeValue::Array(items) => Kind::Array(
            items
                .iter()
                .map(|item| Node {
                    span: item.span(),
                    kind: kind_of(item.get_ref(), item.span(), problems),
                })
                .collect(),
        ),
        DeValue::Table(table) => table_of(table, problems),
    }
}
