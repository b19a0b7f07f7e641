//! AWS JSON 1.0 and 1.1.

use super::Value;

/// Deeper nesting than this is nobody's request.
const DEEPEST: usize = 64;

pub(super) fn decode(body: &[u8]) -> Result<Value, serde_json::Error> {
    if body.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    serde_json::from_slice(body).map(|json| from(json, DEEPEST))
}

fn from(json: serde_json::Value, depth: usize) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(
            || Value::Float(number.as_f64().unwrap_or_default()),
            Value::Int,
        ),
        serde_json::Value::String(text) => Value::Text(text),
        _ if depth == 0 => Value::Null,
        serde_json::Value::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| from(item, depth - 1))
                .collect(),
        ),
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, from(value, depth - 1)))
                .collect(),
        ),
    }
}

pub(super) fn encode(value: &Value) -> Vec<u8> {
    to(value).to_string().into_bytes()
}

fn to(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) | Value::Time(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to).collect(),
        Value::Map(entries) => serde_json::Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), to(value)))
                .collect(),
        ),
    }
}
