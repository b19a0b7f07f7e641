//! Masks secrets in JSON: by what a text looks like, and by what its field is called.

use serde_json::{Map, Value};

use super::names::{is_secret, is_weak};
use super::{MASK, Redactor};

impl Redactor {
    /// Masks the secrets in a value, in place.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let std::borrow::Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => {
                flags(items);
                for item in items.iter_mut() {
                    self.json(item);
                }
            }
            Value::Object(fields) => self.fields(fields),
            // A secret can be made of digits only.
            Value::Number(number) if self.is_own(&number.to_string()) => {
                *value = Value::from(MASK);
            }
            _ => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>) {
        let named = named_secret(fields);
        let keys: Vec<String> = fields.keys().cloned().collect();
        for key in keys {
            let masked_key = self.text(&key).into_owned();
            if let Some(value) = fields.get_mut(&key) {
                let holds = is_secret(&key) && !(is_weak(&key) && value.is_number())
                    || (named && ["value", "Value", "ParameterValue"].contains(&key.as_str()));
                if holds { hide(value) } else { self.json(value) }
            }
            if masked_key != key
                && let Some(value) = fields.shift_remove(&key)
            {
                // Two keys that look the same once masked are both kept.
                let mut name = masked_key.clone();
                while fields.contains_key(&name) {
                    name.push('\'');
                }
                fields.insert(name, value);
            }
        }
    }
}

/// An argument vector: the word after `--password` is one.
fn flags(items: &mut [Value]) {
    for at in 1..items.len() {
        let flag = items[at - 1]
            .as_str()
            .and_then(|word| word.strip_prefix('-'))
            .is_some_and(is_secret);
        let value = items[at]
            .as_str()
            .is_some_and(|word| !word.starts_with('-'));
        if flag && value {
            items[at] = MASK.into();
        }
    }
}

/// Masks everything in a value that could hold a secret.
fn hide(value: &mut Value) {
    match value {
        Value::String(text) if !text.is_empty() => *value = MASK.into(),
        Value::Number(_) => *value = MASK.into(),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(fields) => {
            // A structure about a secret, such as its ARN and its status, is read field by field.
            for (key, value) in fields.iter_mut() {
                if is_secret(key) || !value.is_string() || key.eq_ignore_ascii_case("value") {
                    hide(value);
                }
            }
        }
        _ => {}
    }
}

/// `{"name": "DB_PASSWORD", "value": …}`, as environments and parameters are listed.
fn named_secret(fields: &Map<String, Value>) -> bool {
    [
        "name",
        "Name",
        "key",
        "Key",
        "ParameterKey",
        "ParameterName",
    ]
    .iter()
    .filter_map(|key| fields.get(*key)?.as_str())
    .any(is_secret)
}
