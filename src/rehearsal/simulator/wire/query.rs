//! AWS Query: forms with dotted names in, XML out.

use std::io::Write as _;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::{Failure, Value};

/// Deeper names than this are nobody's request.
const DEEPEST: usize = 32;
/// Longer lists than this are nobody's request.
const LONGEST: usize = 1000;

/// Takes a form apart: the action, the version, and the rest as a value.
pub(super) fn decode(body: &[u8]) -> (String, String, Value) {
    let mut root = Value::Map(Vec::new());
    let (mut action, mut version) = (String::new(), String::new());
    for (name, text) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "Action" => action = text.into_owned(),
            "Version" => version = text.into_owned(),
            name => {
                let path: Vec<&str> = name.split('.').take(DEEPEST).collect();
                place(&mut root, &path, &text);
            }
        }
    }
    (action, version, root)
}

fn place(at: &mut Value, path: &[&str], text: &str) {
    match path {
        [] => *at = Value::Text(text.to_owned()),
        ["member", index, rest @ ..] => {
            if !matches!(at, Value::List(_)) {
                *at = Value::List(Vec::new());
            }
            let index = index.parse::<usize>().unwrap_or(1).clamp(1, LONGEST);
            if let Value::List(items) = at {
                if items.len() < index {
                    items.resize(index, Value::Map(Vec::new()));
                }
                place(&mut items[index - 1], rest, text);
            }
        }
        [name, rest @ ..] => {
            if !matches!(at, Value::Map(_)) {
                *at = Value::Map(Vec::new());
            }
            if let Value::Map(entries) = at {
                let found = entries.iter().position(|(key, _)| key == name);
                let index = found.unwrap_or_else(|| {
                    entries.push(((*name).to_owned(), Value::Map(Vec::new())));
                    entries.len() - 1
                });
                place(&mut entries[index].1, rest, text);
            }
        }
    }
}

pub(super) fn encode(operation: &str, value: &Value) -> Vec<u8> {
    document(|writer| {
        within(writer, &format!("{operation}Response"), |writer| {
            within(writer, &format!("{operation}Result"), |writer| {
                content(writer, value)
            })?;
            within(writer, "ResponseMetadata", |writer| {
                within(writer, "RequestId", |writer| {
                    text(writer, &uuid::Uuid::new_v4().to_string())
                })
            })
        })
    })
}

pub(super) fn encode_error(failure: &Failure) -> Vec<u8> {
    let fault = if failure.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    document(|writer| {
        within(writer, "ErrorResponse", |writer| {
            within(writer, "Error", |writer| {
                within(writer, "Type", |writer| text(writer, fault))?;
                within(writer, "Code", |writer| text(writer, failure.code))?;
                within(writer, "Message", |writer| text(writer, &failure.message))
            })
        })
    })
}

type Xml = Writer<Vec<u8>>;

fn document(body: impl FnOnce(&mut Xml) -> std::io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    // Writing to memory does not fail.
    let _ = body(&mut writer);
    let mut bytes = writer.into_inner();
    let _ = bytes.flush();
    bytes
}

fn within(
    writer: &mut Xml,
    name: &str,
    body: impl FnOnce(&mut Xml) -> std::io::Result<()>,
) -> std::io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    body(writer)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn text(writer: &mut Xml, text: &str) -> std::io::Result<()> {
    writer.write_event(Event::Text(BytesText::new(text)))
}

fn content(writer: &mut Xml, value: &Value) -> std::io::Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::Bool(truth) => text(writer, &truth.to_string()),
        Value::Int(number) => text(writer, &number.to_string()),
        Value::Float(number) => text(writer, &number.to_string()),
        Value::Time(seconds) => {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let time = chrono::DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
                .unwrap_or_default();
            text(
                writer,
                &time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            )
        }
        Value::Text(written) => text(writer, written),
        Value::List(items) => items
            .iter()
            .try_for_each(|item| within(writer, "member", |writer| content(writer, item))),
        Value::Map(entries) => entries
            .iter()
            .try_for_each(|(key, value)| within(writer, key, |writer| content(writer, value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_names_become_lists_and_maps() {
        let (action, version, value) = decode(
            b"Action=X&Version=2010-08-01&Queries.member.1.Id=a&Queries.member.2.Id=b&MaxRecords=5",
        );
        assert_eq!((action.as_str(), version.as_str()), ("X", "2010-08-01"));
        assert_eq!(value.list("Queries")[1].text("Id"), Some("b"));
        assert_eq!(value.integer("MaxRecords"), Some(5));
    }

    #[test]
    fn a_hostile_index_does_not_take_the_memory() {
        let (_, _, value) = decode(b"A.member.999999999999=x");
        assert_eq!(value.list("A").len(), LONGEST);
    }

    #[test]
    fn answers_escape_what_they_hold() {
        let xml = encode(
            "X",
            &Value::Map(vec![("A".into(), Value::Text("<&>".into()))]),
        );
        assert!(String::from_utf8(xml).unwrap().contains("&lt;&amp;&gt;"));
    }
}
