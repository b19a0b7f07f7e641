//! Masks secrets in JSON: by what a text looks like, and by what its field is called.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::names::{is_secret, is_weak};
use super::{MASK, Redactor};

impl Redactor {
    /// Masks the secrets in a value, in place; returns whether there were any.
    pub fn json(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(text) {
                Cow::Owned(masked) if masked != *text => {
                    *text = masked;
                    true
                }
                _ => false,
            },
            Value::Array(items) => {
                let flags = flags(items);
                items
                    .iter_mut()
                    .fold(flags, |any, item| self.json(item) | any)
            }
            Value::Object(fields) => self.fields(fields),
            // A secret can be made of digits only.
            Value::Number(number) if self.is_own(&number.to_string()) => {
                *value = Value::from(MASK);
                true
            }
            _ => false,
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>) -> bool {
        let named = named_secret(fields);
        let keys: Vec<String> = fields.keys().cloned().collect();
        let mut any = false;
        for key in keys {
            let masked_key = self.text(&key).into_owned();
            if let Some(value) = fields.get_mut(&key) {
                let holds = is_secret(&key) && !(is_weak(&key) && value.is_number())
                    || (named && ["value", "Value", "ParameterValue"].contains(&key.as_str()));
                any |= if holds { hide(value) } else { self.json(value) };
            }
            if masked_key != key
                && let Some(value) = fields.shift_remove(&key)
            {
                any = true;
                // Two keys that look the same once masked are both kept.
                let mut name = masked_key.clone();
                while fields.contains_key(&name) {
                    name.push('\'');
                }
                fields.insert(name, value);
            }
        }
        any
    }
}

/// An argument vector: the word after `--password` is one. Returns whether there were any.
fn flags(items: &mut [Value]) -> bool {
    let mut any = false;
    for at in 1..items.len() {
        let flag = items[at - 1]
            .as_str()
            .and_then(|word| word.strip_prefix('-'))
            .is_some_and(is_secret);
        let value = items[at]
            .as_str()
            .is_some_and(|word| !word.starts_with('-') && word != MASK);
        if flag && value {
            items[at] = MASK.into();
            any = true;
        }
    }
    any
}

/// Masks everything in a value that could hold a secret; returns whether there was anything.
fn hide(value: &mut Value) -> bool {
    match value {
        Value::String(text) if !text.is_empty() && text != MASK => {
            *value = MASK.into();
            true
        }
        Value::Number(_) => {
            *value = MASK.into();
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| hide(item) | any),
        Value::Object(fields) => {
            // A structure about a secret, such as its ARN and its status, is read field by field.
            let secret = |key: &str, value: &Value| {
                is_secret(key) || !value.is_string() || key.eq_ignore_ascii_case("value")
            };
            let fields = fields.iter_mut().filter(|(key, value)| secret(key, value));
            fields.fold(false, |any, (_, value)| hide(value) | any)
        }
        _ => false,
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
