//! The values an expression can read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cel::Value;

/// Names with values. Values are shared, so a scope is cheap to build and to clone.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    values: BTreeMap<String, Value>,
    /// Members that should have been computed, and could not be.
    unreadable: Arc<BTreeSet<String>>,
}

impl Scope {
    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<String>, value: Value) {
        self.values.insert(name.into(), value);
    }

    /// Sets a variable from JSON.
    pub fn set_json(&mut self, name: impl Into<String>, value: &serde_json::Value) {
        self.set(name, from_json(value));
    }

    /// Marks a member, such as `cpu.share`, that should have been computed from what could not be
    /// read: whether it is there is unknown.
    pub fn unreadable(&mut self, member: impl Into<String>) {
        Arc::make_mut(&mut self.unreadable).insert(member.into());
    }

    /// The names of the fields of a variable that is a map.
    #[must_use]
    pub fn fields_of(&self, name: &str) -> BTreeSet<String> {
        let Some(Value::Map(map)) = self.values.get(name) else {
            return BTreeSet::new();
        };
        map.map.keys().map(ToString::to_string).collect()
    }

    /// What an expression with these variables reads.
    pub(super) fn read(&self, variables: &BTreeSet<String>) -> Read {
        let value = |name: &String| self.values.get(name).cloned();
        Read {
            values: variables.iter().map(value).collect(),
            unreadable: Arc::clone(&self.unreadable),
        }
    }

    pub(super) fn context(&self) -> cel::Context<'static, 'static> {
        let mut context = cel::Context::default();
        super::strict::register(&mut context, &self.unreadable);
        for (name, value) in &self.values {
            context.add_variable_from_value(name.clone(), value.clone());
        }
        context
    }
}

/// The values of some variables. What was shared and is still the same is not compared item by item.
#[derive(Debug, Clone)]
pub(super) struct Read {
    values: Vec<Option<Value>>,
    unreadable: Arc<BTreeSet<String>>,
}

impl PartialEq for Read {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Option<Value>, &Option<Value>)| match (a, b) {
            (Some(Value::List(a)), Some(Value::List(b))) => Arc::ptr_eq(a, b) || a == b,
            (Some(Value::Map(a)), Some(Value::Map(b))) => Arc::ptr_eq(&a.map, &b.map) || a == b,
            (a, b) => a == b,
        };
        (Arc::ptr_eq(&self.unreadable, &other.unreadable) || self.unreadable == other.unreadable)
            && self.values.iter().zip(&other.values).all(same)
    }
}

/// Turns JSON into a CEL value: whole numbers become `int`, others `double`.
#[must_use]
pub fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(
            || number.as_f64().map_or(Value::Null, Value::Float),
            Value::Int,
        ),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => {
            Value::List(Arc::new(items.iter().map(from_json).collect()))
        }
        serde_json::Value::Object(entries) => Value::from(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), from_json(value)))
                .collect::<std::collections::HashMap<String, Value>>(),
        ),
    }
}

/// Turns a CEL value into JSON; durations become seconds, timestamps RFC 3339 text.
#[must_use]
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of an incident fit in 2^52"
        )]
        Value::Duration(duration) => (duration.num_milliseconds() as f64 / 1000.0).into(),
        Value::Timestamp(time) => time.to_rfc3339().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        other => other
            .json()
            .unwrap_or_else(|_| serde_json::Value::String(format!("{other:?}"))),
    }
}

/// Writes a value the way a sentence wants it: text bare, numbers with at most two decimals.
#[must_use]
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Float(number) => show_number(*number),
        Value::Duration(duration) => humantime::format_duration(std::time::Duration::from_secs(
            u64::try_from(duration.num_seconds()).unwrap_or(0),
        ))
        .to_string(),
        other => to_json(other).to_string(),
    }
}

fn show_number(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}
