//! Systems Manager Automation documents (runbooks), schema 0.3: what is in one, and what is wrong
//! with one. It never calls AWS.

mod check;
mod reference;
mod work;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use check::{advice, check, unapproved};
pub use reference::{Reference, references};
pub use work::{Description, Text, Texts, Wanted, Work, describe};

/// A runbook, as far as anybody here reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// What it is for.
    pub description: String,
    /// The role it assumes, as written.
    pub assume_role: Option<String>,
    /// Its parameters by name.
    pub parameters: BTreeMap<String, Declared>,
    /// Its steps, in the order written.
    pub steps: Vec<RunbookStep>,
    /// What it gives back, as references.
    pub outputs: Vec<String>,
    /// The whole text, as data.
    pub whole: Value,
}

/// A parameter as a runbook declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// `String`, `StringList`, `AWS::EC2::Instance::Id`, `List<…>` and so on.
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// Its value where none is given.
    pub default: Option<Value>,
    /// A regular expression that a value has to match.
    pub pattern: Option<String>,
    /// The only values there are.
    pub allowed: Vec<String>,
}

/// What this engine knows of an `allowedPattern`.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// It can be tried here.
    Known(regex::Regex),
    /// Only Systems Manager can try it; why this engine cannot, such as "it is too large".
    Elsewhere(&'static str),
    /// It is no regular expression; why.
    Wrong(String),
}

impl Pattern {
    /// Reads a pattern. A value has to match the whole of it.
    #[must_use]
    pub fn of(pattern: &str) -> Self {
        match regex::Regex::new(&format!("^(?:{pattern})$")) {
            Ok(known) => Self::Known(known),
            // Systems Manager's engine has no such bound.
            Err(regex::Error::CompiledTooBig(_)) => Self::Elsewhere("it is too large"),
            Err(error) => {
                // What no engine takes. The rest is another engine's: look-around, back references,
                // atomic groups, its own escapes and classes.
                let wrong = [
                    "unclosed",
                    "unopened",
                    "repetition operator missing",
                    "invalid character class range",
                    "invalid repetition count range",
                ];
                let said = error.to_string();
                if wrong.iter().any(|mistake| said.contains(mistake)) {
                    Self::Wrong(said)
                } else {
                    Self::Elsewhere("it has a form that another engine knows")
                }
            }
        }
    }
}

impl Declared {
    /// Whether it takes several values.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.kind == "StringList" || self.kind.starts_with("List<") || self.kind == "MapList"
    }
}

/// A step of a runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct RunbookStep {
    /// Its name.
    pub name: String,
    /// Its action, such as `aws:executeAwsApi`.
    pub action: String,
    /// Everything it says.
    pub whole: Map<String, Value>,
}

/// Why a text is no runbook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunbookError {
    /// It cannot be read.
    #[error("it is neither YAML nor JSON: {0}")]
    Syntax(String),
    /// It is something else.
    #[error("{0}")]
    Shape(String),
}

/// The largest text that is read, in bytes: Systems Manager keeps documents of 64 KB.
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
const LARGEST: usize = 64 * 1024;

impl Runbook {
    /// Reads a runbook in YAML or JSON.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, RunbookError> {
        if text.len() > LARGEST {
            return Err(RunbookError::Shape(format!(
                "it has {} bytes, and a document of Systems Manager at most {LARGEST}",
                text.len()
            )));
        }
        // JSON is YAML; its own reader says better what is wrong with it.
        let whole: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| RunbookError::Syntax(error.to_string()))?
        } else {
            serde_saphyr::from_str(text).map_err(|error| RunbookError::Syntax(error.to_string()))?
        };
        let version = whole["schemaVersion"].as_str().unwrap_or_default();
        if version != "0.3" {
            return Err(RunbookError::Shape(format!(
                "its schemaVersion is {version:?}; an Automation runbook has \"0.3\", in quotes"
            )));
        }
        let steps = whole["mainSteps"]
            .as_array()
            .filter(|steps| !steps.is_empty())
            .ok_or_else(|| RunbookError::Shape("it has no mainSteps".into()))?;
        let steps = steps.iter().map(step).collect::<Result<_, _>>()?;
        let text = |key: &str| whole[key].as_str().map(str::to_owned);
        Ok(Self {
            description: text("description").unwrap_or_default(),
            assume_role: text("assumeRole"),
            parameters: whole["parameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, declared)| (name.clone(), parameter(declared)))
                .collect(),
            steps,
            outputs: whole["outputs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|output| output.as_str().map(str::to_owned))
                .collect(),
            whole,
        })
    }

    /// Finds a step.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&RunbookStep> {
        self.steps.iter().find(|step| step.name == name)
    }
}

fn step(value: &Value) -> Result<RunbookStep, RunbookError> {
    let whole = value
        .as_object()
        .ok_or_else(|| RunbookError::Shape("a step is no map".into()))?;
    let text = |key: &str| {
        whole
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| RunbookError::Shape(format!("a step has no {key}: {value}")))
    };
    Ok(RunbookStep {
        name: text("name")?,
        action: text("action")?,
        whole: whole.clone(),
    })
}

fn parameter(declared: &Value) -> Declared {
    let text = |key: &str| declared[key].as_str().map(str::to_owned);
    Declared {
        kind: text("type").unwrap_or_default(),
        description: text("description").unwrap_or_default(),
        default: declared.get("default").cloned(),
        pattern: text("allowedPattern"),
        allowed: declared["allowedValues"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_of_another_engine_is_left_to_it_and_a_broken_one_is_wrong() {
        for pattern in [
            "(?!root).*",
            "(a)\\1",
            "(?>a+)b",
            "\\Qa.b\\E",
            "\\p{Alnum}+",
            "[a-z]{0,9999}{0,9999}",
        ] {
            assert!(
                matches!(Pattern::of(pattern), Pattern::Elsewhere(_)),
                "{pattern}"
            );
        }
        for pattern in ["[a-z", "(a", "a)", "*a", "[z-a]"] {
            assert!(
                matches!(Pattern::of(pattern), Pattern::Wrong(_)),
                "{pattern}"
            );
        }
    }
}
