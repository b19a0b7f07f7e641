//! Takes typed values out of text.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

/// Compiles the patterns of a `capture` table: each has one group, whose text is the value.
pub(super) fn compile(patterns: &BTreeMap<String, String>) -> Result<Vec<(String, Regex)>, String> {
    patterns
        .iter()
        .map(|(name, pattern)| {
            let regex = Regex::new(pattern).map_err(|error| {
                format!(
                    "`{name}` is not a regular expression: {}",
                    error.to_string().lines().last().unwrap_or_default()
                )
            })?;
            if regex.captures_len() < 2 {
                return Err(format!(
                    "`{name}` captures nothing; put ( ) around the value in {pattern:?}"
                ));
            }
            Ok((name.clone(), regex))
        })
        .collect()
}

/// Checks a `capture` table when the playbook loads.
pub(super) fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let patterns: BTreeMap<String, String> =
        serde_json::from_value(parameters["capture"].clone()).unwrap_or_default();
    compile(&patterns)
        .map(drop)
        .map_err(|reason| ("capture", reason))
}

/// Finds each pattern's first match; what looks like a number becomes one.
pub(super) fn values(patterns: &[(String, Regex)], text: &str) -> Map<String, Value> {
    patterns
        .iter()
        .filter_map(|(name, regex)| {
            let found = regex.captures(text)?.get(1)?.as_str();
            Some((name.clone(), typed(found)))
        })
        .collect()
}

fn typed(text: &str) -> Value {
    let number = text.parse::<i64>().map(Value::from).or_else(|_| {
        text.parse::<f64>()
            .map(|number| serde_json::Number::from_f64(number).map_or(text.into(), Value::Number))
    });
    number.unwrap_or_else(|_| text.into())
}
