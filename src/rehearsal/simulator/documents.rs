//! The simulated account's Automation documents: those that the scenario names, those that are
//! published into it, and their versions.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::world::{World, lock};
use crate::embedded;
use crate::rehearsal::scenario::Automation;

/// A document with all its versions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// The texts, the first version first.
    pub versions: Vec<String>,
    /// Which one is used where none is named, counted from 1.
    pub default: usize,
    pub tags: BTreeMap<String, String>,
    /// Whether it is one of AWS's own.
    pub owned_by_amazon: bool,
}

impl Document {
    pub fn of(text: String) -> Self {
        Self {
            versions: vec![text],
            default: 1,
            tags: BTreeMap::new(),
            owned_by_amazon: false,
        }
    }

    /// The number that a version's name stands for.
    pub fn number(&self, version: Option<&str>) -> Option<usize> {
        let number = match version {
            None | Some("$DEFAULT" | "") => self.default,
            Some("$LATEST") => self.versions.len(),
            Some(number) => number.parse().ok()?,
        };
        (1..=self.versions.len())
            .contains(&number)
            .then_some(number)
    }

    pub fn text(&self, number: usize) -> &str {
        self.versions
            .get(number.saturating_sub(1))
            .map_or("", String::as_str)
    }
}

/// A text as data, whether it is YAML or JSON.
pub(super) fn parsed(text: &str) -> Option<Json> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).ok()
    } else {
        serde_saphyr::from_str(text).ok()
    }
}

/// The documents that a scenario begins with: those that it describes by their steps, and those of
/// which this program has the text.
pub(super) fn initial(automations: &[Automation]) -> BTreeMap<String, Document> {
    let mut all: BTreeMap<String, Document> = embedded::AUTOMATIONS
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Document::of((*text).to_owned())))
        .collect();
    for automation in automations {
        let described = !automation.steps.iter().any(|step| step.action.is_empty());
        if described && !automation.steps.is_empty() {
            let document = Document {
                owned_by_amazon: automation.document.starts_with("AWS-"),
                ..Document::of(text(automation))
            };
            all.insert(automation.document.clone(), document);
        }
    }
    all
}

/// The text of a document that a scenario describes by its steps.
fn text(automation: &Automation) -> String {
    let parameters: serde_json::Map<String, Json> = automation
        .parameters
        .iter()
        .map(|name| {
            let known = name.trim_end_matches('!');
            // The names of AWS's own documents say what they take.
            let kind = if known.ends_with("Ids") || known == "InstanceId" {
                "StringList"
            } else {
                "String"
            };
            let mut declared = json!({ "type": kind });
            if !name.ends_with('!') {
                declared["default"] = if kind == "String" {
                    json!("")
                } else {
                    json!([])
                };
            }
            (known.to_owned(), declared)
        })
        .collect();
    let steps: Vec<Json> = automation
        .steps
        .iter()
        .map(|step| json!({"name": step.name, "action": step.action, "inputs": {}}))
        .collect();
    let role = parameters.contains_key("AutomationAssumeRole");
    let mut document = json!({
        "schemaVersion": "0.3",
        "description": format!("{} of the scenario", automation.document),
        "parameters": parameters,
        "mainSteps": steps,
    });
    if role {
        document["assumeRole"] = "{{ AutomationAssumeRole }}".into();
    }
    document.to_string()
}

impl World {
    pub(super) fn document(&self, name: &str) -> Option<Document> {
        // A document of another account is named by its ARN.
        let name = name.rsplit_once("document/").map_or(name, |(_, name)| name);
        lock(&self.documents).get(name).cloned()
    }
}
