//! The values a step computes from its own output.

use serde_json::Value;

use super::Automated;
use std::borrow::Cow;

use crate::expression::{Scope, from_json, to_json};

impl Automated {
    /// The name under which expressions read the output.
    #[must_use]
    pub fn output_name(&self) -> &str {
        self.output.as_deref().unwrap_or("output")
    }

    /// Adds the step's `values` to an output, and sets it in the scope. A value that cannot be
    /// computed is left out: whoever reads it is told that it is unknown.
    #[must_use]
    pub fn complete(&self, mut output: Value, scope: &mut Scope) -> Value {
        let name = self.output_name();
        scope.set_json(name, &self.readable(&output));
        for (value, expression) in &self.values {
            if let (Ok(computed), Value::Object(fields)) = (expression.evaluate(scope), &mut output)
            {
                fields.insert(value.clone(), to_json(&computed));
                scope.set(name, from_json(&self.readable(&output)));
            } else {
                scope.unreadable(format!("{name}.{value}"));
            }
        }
        output
    }

    /// What conditions may read of an output: of a run that failed, that it failed and why. What it
    /// captured until then stays in the record, and is shown.
    #[must_use]
    pub fn readable<'a>(&self, output: &'a Value) -> Cow<'a, Value> {
        let levels = usize::from(self.for_each.is_some()) + usize::from(self.named_runs);
        if levels == 0 || !has_failed(output, levels) {
            return Cow::Borrowed(output);
        }
        let mut output = output.clone();
        self.withhold(&mut output, levels);
        Cow::Owned(output)
    }

    fn withhold(&self, output: &mut Value, levels: usize) {
        let Some(entries) = output.as_object_mut() else {
            return;
        };
        for (name, entry) in entries.iter_mut() {
            let own = levels == 1 && self.named_runs;
            let is_run = !own || self.runs.iter().any(|run| run.name == *name);
            if !is_run || entry["ok"] != Value::Bool(false) {
                continue;
            }
            if levels > 1 {
                self.withhold(entry, levels - 1);
            } else if let Some(fields) = entry
                .as_object_mut()
                .filter(|fields| !fields.contains_key("read"))
            {
                fields.retain(|name, _| matches!(name.as_str(), "ok" | "reason"));
            }
        }
    }
}

/// Whether any run of an output failed.
fn has_failed(output: &Value, levels: usize) -> bool {
    output.as_object().is_some_and(|entries| {
        entries.values().any(|entry| {
            entry["ok"] == Value::Bool(false) || levels > 1 && has_failed(entry, levels - 1)
        })
    })
}
