//! What the `{{ }}` in a runbook refer to.

use serde_json::Value;

/// What one `{{ }}` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An output of a step.
    Step {
        /// The step.
        step: String,
        /// The output.
        output: String,
    },
    /// A parameter of the document.
    Parameter(String),
    /// Something that Systems Manager knows: `global:DATE`, `automation:EXECUTION_ID`, `ssm:NAME`.
    Known(String),
}

impl Reference {
    fn read(inside: &str) -> Self {
        let inside = inside.trim();
        if inside.contains(':') {
            return Self::Known(inside.to_owned());
        }
        match inside.split_once('.') {
            Some((step, output)) => Self::Step {
                step: step.to_owned(),
                output: output.to_owned(),
            },
            None => Self::Parameter(inside.to_owned()),
        }
    }
}

/// Lists everything that a value refers to.
#[must_use]
pub fn references(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Reference>) {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once("{{") {
                let Some((inside, after)) = after.split_once("}}") else {
                    return;
                };
                found.push(Reference::read(inside));
                rest = after;
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(entries) => entries.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_told_apart() {
        let found =
            references(&json!({"a": ["{{ One }} and {{two.Out}}"], "b": "{{global:DATE}}"}));
        assert_eq!(
            found,
            [
                Reference::Parameter("One".into()),
                Reference::Step {
                    step: "two".into(),
                    output: "Out".into()
                },
                Reference::Known("global:DATE".into()),
            ]
        );
        assert_eq!(references(&json!("{{ open")), []);
    }
}
