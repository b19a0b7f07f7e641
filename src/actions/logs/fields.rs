//! Counts the values of fields in JSON messages.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Different values kept of a field; what comes after is counted as "other".
const MOST: usize = 500;
/// Values shown of a field.
const SHOWN: usize = 20;

/// Counts in the making.
#[derive(Debug)]
pub(super) struct Fields {
    fields: Vec<Field>,
    json: u64,
}

/// A field's path, how often each of its values came, and how many came after those kept.
type Field = (String, HashMap<String, (Value, u64)>, u64);

impl Fields {
    pub fn new(names: &[String]) -> Self {
        Self {
            fields: names
                .iter()
                .map(|name| (name.clone(), HashMap::new(), 0))
                .collect(),
            json: 0,
        }
    }

    pub fn add(&mut self, text: &str) {
        if self.fields.is_empty() {
            return;
        }
        let Ok(message @ Value::Object(_)) = serde_json::from_str::<Value>(text.trim()) else {
            return;
        };
        self.json += 1;
        for (name, counts, other) in &mut self.fields {
            let Some(value) = find(&message, name) else {
                continue;
            };
            let key = value.to_string();
            let full = counts.len() >= MOST;
            match counts.get_mut(&key) {
                Some((_, count)) => *count += 1,
                None if full => *other += 1,
                None => drop(counts.insert(key, (value.clone(), 1))),
            }
        }
    }

    /// Adds what was counted to an output.
    pub fn describe(self, output: &mut Value) {
        if self.fields.is_empty() {
            return;
        }
        output["json"] = self.json.into();
        output["fields"] = self
            .fields
            .into_iter()
            .map(|(name, counts, other)| {
                let mut all: Vec<(Value, u64)> = counts.into_values().collect();
                all.sort_by(|a, b| {
                    b.1.cmp(&a.1)
                        .then_with(|| a.0.to_string().cmp(&b.0.to_string()))
                });
                let hidden: u64 = all.iter().skip(SHOWN).map(|(_, count)| count).sum();
                let values: Vec<Value> = all
                    .into_iter()
                    .take(SHOWN)
                    .map(|(value, count)| json!({"value": value, "count": count}))
                    .collect();
                (name, json!({"values": values, "other": other + hidden}))
            })
            .collect::<Map<_, _>>()
            .into();
    }
}

/// A field by its path; a name with dots in it wins over a path.
fn find<'a>(message: &'a Value, path: &str) -> Option<&'a Value> {
    message
        .get(path)
        .or_else(|| {
            path.split('.')
                .try_fold(message, |value, key| value.get(key))
        })
        .filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_path() {
        let mut fields = Fields::new(&["level".into(), "http.status".into()]);
        for text in [
            r#"{"level":"error","http":{"status":500}}"#,
            r#"{"level":"error","http.status":500}"#,
            r#"{"level":"info","http":{"status":200}}"#,
            "no json",
            "[1]",
        ] {
            fields.add(text);
        }
        let mut output = json!({});
        fields.describe(&mut output);
        assert_eq!(output["json"], 3);
        assert_eq!(
            output["fields"]["level"]["values"][0],
            json!({"value": "error", "count": 2})
        );
        assert_eq!(
            output["fields"]["http.status"]["values"],
            json!([{"value": 500, "count": 2}, {"value": 200, "count": 1}])
        );
    }
}
