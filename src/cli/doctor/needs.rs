//! What playbooks read at AWS, as far as that is known before an alarm fires.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::expression::Scope;
use crate::playbook::{Parameter, Playbook, Run, StepKind};

/// Something that has to exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// A metric: namespace, name, and its dimensions as JSON.
    Metric(String, String, String),
    /// A log group.
    LogGroup(String),
    /// A document of Systems Manager.
    Document(String),
    /// A managed instance.
    Instance(String),
    /// A parameter of Parameter Store.
    Parameter(String),
}

/// What a playbook needs, and how many of its runs depend on the alarm.
///
/// Steps that are `at` another profile or region are left to the look at that one.
pub(super) fn needs(playbook: &Playbook, here: &Here<'_>) -> (BTreeSet<Need>, usize) {
    let mut all = BTreeSet::new();
    let mut open = 0;
    for step in &playbook.steps {
        let StepKind::Automated(automated) = &step.kind else {
            continue;
        };
        let scope = scope(playbook, step.frame, here);
        for run in &automated.runs {
            if run.profile.is_some() || run.region.is_some() {
                continue;
            }
            match run.parameters.render(&scope) {
                Ok(parameters) => all.extend(of(run.kind, &parameters)),
                Err(_) => open += 1,
            }
        }
    }
    for frame in &playbook.frames {
        all.extend(frame.secrets.iter().filter_map(|(_, source)| match source {
            crate::playbook::SecretSource::Ssm(name) => Some(Need::Parameter(name.clone())),
            _ => None,
        }));
    }
    (all, open)
}

/// Where it is looked.
pub(super) struct Here<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub profile: &'a str,
}

/// The inputs that have a default, and the values of the environment of this place.
fn scope(playbook: &Playbook, frame: usize, here: &Here<'_>) -> Scope {
    let mut scope = Scope::default();
    let Some(frame) = playbook.frames.get(frame) else {
        return scope;
    };
    let inputs = frame
        .inputs
        .iter()
        .filter_map(|input| Some((input.name.clone(), input.default.clone()?)))
        .collect::<serde_json::Map<_, _>>();
    scope.set_json("inputs", &inputs.into());
    // An environment that is told by the alarm's name is not known before one fires.
    let environment = frame.environment(here.account, here.region, here.profile, "");
    if let Some(environment) = environment {
        scope.set_json("env", &environment.values.clone().into());
    }
    scope
}

fn of(kind: &str, parameters: &Value) -> Vec<Need> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |key: &str| -> Vec<String> {
        parameters[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect()
    };
    let metric = |part: &Value| {
        Some(Need::Metric(
            text(&part["namespace"])?,
            text(&part["name"])?,
            part.get("dimensions")
                .cloned()
                .unwrap_or_else(|| json!({}))
                .to_string(),
        ))
    };
    match kind {
        "metric" => {
            let parts = parameters["metrics"].as_object();
            let parts = parts.into_iter().flat_map(|parts| parts.values());
            parts.chain([parameters]).filter_map(metric).collect()
        }
        "logs" | "logs_insights" => list("groups").into_iter().map(Need::LogGroup).collect(),
        "ssm_command" => {
            let document = text(&parameters["document"]).map(Need::Document);
            let group = text(&parameters["log_group"]).map(Need::LogGroup);
            let instances = list("instances").into_iter().map(Need::Instance);
            instances.chain(document).chain(group).collect()
        }
        "ssm_automation" => text(&parameters["document"])
            .map(Need::Document)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// The program that a run starts; it cannot come from a value.
pub(super) fn program(run: &Run) -> Option<String> {
    let Parameter::Map(entries) = &run.parameters else {
        return None;
    };
    let command = entries.iter().find(|(name, _)| name == "command")?;
    let Parameter::List(words) = &command.1 else {
        return None;
    };
    match words.first()? {
        Parameter::Plain(Value::String(program)) => Some(program.clone()),
        _ => None,
    }
}
