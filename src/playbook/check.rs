//! Checks that need the whole playbook: names that lead nowhere, values nobody makes.

use std::collections::HashSet;

use super::graph;
use super::model::Playbook;
use super::parse::{Draft, Use};
use crate::document::{Problem, nearest};

/// Variables that are always there, with their fields.
const FIXED: [(&str, &[&str]); 4] = [
    (
        "alarm",
        &[
            "name",
            "state",
            "reason",
            "namespace",
            "metric",
            "dimensions",
            "threshold",
            "comparison",
            "statistic",
            "period",
            "region",
            "account",
            "profile",
            "since",
            "description",
        ],
    ),
    ("incident", &["id", "title", "severity", "status"]),
    ("execution", &["failed_steps", "elapsed", "escalated"]),
    ("env", &[]),
];

/// Functions of the CEL standard library, the macros and the conversions.
const FUNCTIONS: [&str; 36] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "duration",
    "timestamp",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
    "dyn",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "base64.encode",
    "base64.decode",
    "optional.of",
    "optional.none",
    "orValue",
];

pub(super) fn playbook(playbook: &Playbook, draft: &Draft<'_>) {
    duplicates(draft);
    targets(playbook, draft);
    for used in draft.uses.borrow().iter() {
        variables(playbook, draft, used);
    }
    graph::check(playbook, draft);
}

fn duplicates(draft: &Draft<'_>) {
    let mut seen = HashSet::new();
    for (id, span) in draft.ids.borrow().iter() {
        if !seen.insert(id.clone()) {
            draft.problems.push(
                Problem::error(format!("two steps have the id \"{id}\""))
                    .at(span.clone())
                    .help("give this one an id of its own"),
            );
        }
    }
    let mut seen = HashSet::new();
    for output in draft.outputs.borrow().iter() {
        if !seen.insert(output.name.clone()) {
            draft.problems.push(
                Problem::error(format!("two steps write the output `{}`", output.name))
                    .at(output.span.clone())
                    .help("give this one a name of its own"),
            );
        }
    }
}

fn targets(playbook: &Playbook, draft: &Draft<'_>) {
    for target in draft.targets.borrow().iter() {
        if playbook.step(&target.to.0).is_some() {
            continue;
        }
        let nearest = nearest(&target.to.0, playbook.steps.iter().map(|step| &*step.id.0));
        draft.problems.push(
            Problem::error(format!("there is no step \"{}\"", target.to))
                .at(target.span.clone())
                .help(nearest.map_or_else(
                    || "name the id of a step of this playbook; for `on_failure` also escalate, continue or stop".to_owned(),
                    |id| format!("did you mean \"{id}\"?"),
                )),
        );
    }
}

fn variables(playbook: &Playbook, draft: &Draft<'_>, used: &Use) {
    let report = |message: String, help: String| {
        draft
            .problems
            .push(Problem::error(message).at(used.span.clone()).help(help));
    };
    for (root, member) in used.expression.members() {
        if used.local.contains(&root.as_str()) {
            continue;
        }
        if root == "inputs" {
            if let Some(name) = member.filter(|name| playbook.input(name).is_none()) {
                let declared: Vec<&str> = playbook
                    .inputs
                    .iter()
                    .map(|input| input.name.as_str())
                    .collect();
                report(
                    format!("there is no input `{name}`"),
                    nearest(&name, declared.iter().copied()).map_or_else(
                        || format!("declare it as `[inputs.{name}]`"),
                        |known| format!("did you mean `inputs.{known}`?"),
                    ),
                );
            }
            continue;
        }
        if root == "secrets" {
            report(
                "a secret cannot be read here".into(),
                "it reaches the environment of a local program only: exec = { command = […], environment = { PGPASSWORD = \"{{ secrets.db }}\" } }".into(),
            );
            continue;
        }
        if root == "env" {
            let values: Vec<&str> = playbook
                .frames
                .iter()
                .flat_map(|frame| &frame.environments)
                .flat_map(|environment| environment.values.keys())
                .map(String::as_str)
                .collect();
            if let Some(name) = member.filter(|name| !values.contains(&name.as_str())) {
                report(
                    format!("no environment gives a value `{name}`"),
                    nearest(&name, values.iter().copied()).map_or_else(
                        || format!("declare it: [environments.prod] values = {{ {name} = … }}"),
                        |known| format!("did you mean `env.{known}`?"),
                    ),
                );
            }
            continue;
        }
        if let Some((_, fields)) = FIXED.iter().find(|(name, _)| *name == root) {
            if let Some(field) = member.filter(|field| !fields.contains(&field.as_str())) {
                report(
                    format!("`{root}` has no field `{field}`"),
                    format!("it has: {}", fields.join(", ")),
                );
            }
            continue;
        }
        let outputs = draft.outputs.borrow();
        if let Some(output) = outputs.iter().find(|output| output.name == root) {
            if let (Some(field), Some(fields)) = (member, &output.fields)
                && !fields.contains(&field)
            {
                let help = nearest(&field, fields.iter().map(String::as_str)).map_or_else(
                    || format!("it has: {}", fields.join(", ")),
                    |known| format!("did you mean `{root}.{known}`?"),
                );
                report(format!("`{root}` has no field `{field}`"), help);
            }
            continue;
        }
        let names = outputs
            .iter()
            .map(|output| output.name.as_str())
            .chain(FIXED.iter().map(|(name, _)| *name))
            .chain(["inputs"]);
        let help = nearest(&root, names.clone()).map_or_else(
            || format!("known: {}", names.collect::<Vec<_>>().join(", ")),
            |known| format!("did you mean `{known}`?"),
        );
        report(format!("nothing makes a value `{root}`"), help);
    }
    for function in used.expression.functions() {
        let operator = function.starts_with(['_', '@', '!', '-', '?']) || function.contains("_[");
        if !operator && !FUNCTIONS.contains(&function.as_str()) {
            report(
                format!("there is no function `{function}`"),
                nearest(&function, FUNCTIONS.into_iter()).map_or_else(
                    || "see https://github.com/google/cel-spec".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                ),
            );
        }
    }
}
