//! The values a step computes from its own output.

use serde_json::Value;

use super::Automated;
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
        scope.set_json(name, &output);
        for (value, expression) in &self.values {
            if let (Ok(computed), Value::Object(fields)) = (expression.evaluate(scope), &mut output)
            {
                fields.insert(value.clone(), to_json(&computed));
                scope.set(name, from_json(&output));
            }
        }
        output
    }
}
