//! Events as they are stored: their version, their JSON, and the large part that stands apart.
//!
//! Version 2 names the event's type by the one key of an object. Version 1 had it as a field
//! `type`; such events are read as if they had been written today, and never rewritten.

use serde_json::Value;

use crate::document::sha256;
use crate::incident::{AttemptResult, Event};

/// The version written.
pub(super) const VERSION: i64 = 2;
/// Outputs larger than this, in bytes of JSON, stand apart, once each, under their hash.
const INLINE_LIMIT: usize = 8 * 1024;

/// An event ready to be stored.
pub(super) struct Encoded {
    pub payload: String,
    /// The large part: its hash, and its text.
    pub blob: Option<(String, String)>,
}

pub(super) fn encode(event: &Event) -> Result<Encoded, serde_json::Error> {
    let apart = match event {
        // A playbook is always kept apart: walks of the same one share it.
        Event::ExecutionStarted {
            execution,
            playbook,
            hash,
            name,
            text,
            others,
            unattended,
            trusted,
            healing,
        } => {
            let slim = Event::ExecutionStarted {
                execution: *execution,
                playbook: playbook.clone(),
                hash: hash.clone(),
                name: name.clone(),
                text: String::new(),
                others: others.clone(),
                unattended: *unattended,
                trusted: *trusted,
                healing: healing.clone(),
            };
            Some((slim, text.clone()))
        }
        Event::AttemptEnded { attempt, result } => {
            let attempt = *attempt;
            slim(result, |result| Event::AttemptEnded { attempt, result })?
        }
        Event::LateResult { attempt, result } => {
            let attempt = *attempt;
            slim(result, |result| Event::LateResult { attempt, result })?
        }
        _ => None,
    };
    let (slim, large) = apart.unzip();
    Ok(Encoded {
        payload: serde_json::to_string(slim.as_ref().unwrap_or(event))?,
        blob: large.map(|text| (sha256(&text), text)),
    })
}

/// Takes a large output out of a result: the event without it, and its text.
fn slim(
    result: &AttemptResult,
    event: impl FnOnce(AttemptResult) -> Event,
) -> Result<Option<(Event, String)>, serde_json::Error> {
    let Some(output) = &result.output else {
        return Ok(None);
    };
    let text = serde_json::to_string(output)?;
    if text.len() <= INLINE_LIMIT {
        return Ok(None);
    }
    let without = AttemptResult {
        output: None,
        error: result.error.clone(),
        ..*result
    };
    Ok(Some((event(without), text)))
}

/// Reads an event back. What cannot be read says so in its place: the others are not lost.
pub(super) fn decode(version: i64, payload: &str, blob: Option<&str>) -> Event {
    try_decode(version, payload, blob).unwrap_or_else(|reason| Event::Unreadable { reason })
}

fn try_decode(version: i64, payload: &str, blob: Option<&str>) -> Result<Event, String> {
    let mut event = match version {
        VERSION => serde_json::from_str(payload).map_err(|error| error.to_string())?,
        // Version 1 kept a large event apart as a whole.
        1 => return upcast(blob.unwrap_or(payload)),
        newer => {
            return Err(format!(
                "it has version {newer}, this program knows {VERSION}; install a newer standdown"
            ));
        }
    };
    if let Some(text) = blob {
        match &mut event {
            Event::ExecutionStarted { text: slot, .. } => text.clone_into(slot),
            Event::AttemptEnded { result, .. } | Event::LateResult { result, .. } => {
                result.output =
                    Some(serde_json::from_str(text).map_err(|error| error.to_string())?);
            }
            _ => return Err("it has a part that does not belong to it".into()),
        }
    }
    Ok(event)
}

/// Version 1 to version 2: the type was a field among the others.
fn upcast(payload: &str) -> Result<Event, String> {
    let mut value: Value = serde_json::from_str(payload).map_err(|error| error.to_string())?;
    let kind = value
        .as_object_mut()
        .and_then(|fields| fields.shift_remove("type"))
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .ok_or("it has no type")?;
    let wrapped = Value::Object([(kind, value)].into_iter().collect());
    serde_json::from_value(wrapped).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::AttemptId;
    use serde_json::json;

    #[test]
    fn a_large_output_stands_apart_and_the_same_one_has_the_same_hash() {
        let ended = |id: u128| Event::AttemptEnded {
            attempt: AttemptId(uuid::Uuid::from_u128(id)),
            result: AttemptResult::succeeded(json!({"text": "x".repeat(20_000)})),
        };
        let (one, other) = (encode(&ended(1)).unwrap(), encode(&ended(2)).unwrap());
        let (hash, text) = one.blob.unwrap();
        assert_eq!(other.blob.unwrap().0, hash);
        assert!(one.payload.len() < 200);
        assert_eq!(decode(VERSION, &one.payload, Some(&text)), ended(1));
    }

    #[test]
    fn version_1_is_read_as_if_it_was_written_today() {
        let old = r#"{"type":"note_added","text":"hello"}"#;
        assert_eq!(
            decode(1, old, None),
            Event::NoteAdded {
                text: "hello".into(),
                step: None
            }
        );
        assert_eq!(decode(1, "", Some(old)), decode(1, old, None));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (version, payload) in [
            (VERSION, "{"),
            (VERSION, r#"{"moon_landed":{}}"#),
            (99, "{}"),
            (1, "[]"),
        ] {
            assert!(
                matches!(decode(version, payload, None), Event::Unreadable { .. }),
                "{payload}"
            );
        }
    }
}
