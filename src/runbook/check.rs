//! What is wrong with a runbook, before anybody needs it.
//!
//! The rules are those of Systems Manager's own documentation of schema 0.3. What is no rule there
//! is advice: [`advice`].
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-document-actions-all.html>

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::work::inner_steps;
use super::{Pattern, Reference, Runbook, RunbookStep, references};

/// The actions there are.
const ACTIONS: [&str; 24] = [
    "aws:approve",
    "aws:assertAwsResourceProperty",
    "aws:branch",
    "aws:changeInstanceState",
    "aws:copyImage",
    "aws:createImage",
    "aws:createStack",
    "aws:createTags",
    "aws:deleteImage",
    "aws:deleteStack",
    "aws:executeAutomation",
    "aws:executeAwsApi",
    "aws:executeScript",
    "aws:executeStateMachine",
    "aws:invokeLambdaFunction",
    "aws:invokeWebhook",
    "aws:loop",
    "aws:pause",
    "aws:runCommand",
    "aws:runInstances",
    "aws:sleep",
    "aws:updateVariable",
    "aws:waitForAwsResourceProperty",
    "aws:executeCodeCatalystWorkflow",
];
/// What a step takes beside its inputs.
const KEYS: [&str; 13] = [
    "name",
    "action",
    "inputs",
    "description",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onCancel",
    "isCritical",
    "isEnd",
    "nextStep",
    "outputs",
    "preview",
];
/// Actions that end by themselves at a time they say.
const TIMED: [&str; 4] = ["aws:sleep", "aws:branch", "aws:pause", "aws:updateVariable"];
/// Outputs that an action has without declaring them.
const OUTPUTS: [(&str, &[&str]); 9] = [
    ("aws:approve", &["ApprovalStatus", "ApproverDecisions"]),
    (
        "aws:runCommand",
        &[
            "CommandId",
            "Status",
            "ResponseCode",
            "Output",
            "OutputPayload",
        ],
    ),
    ("aws:createImage", &["ImageId"]),
    ("aws:copyImage", &["ImageId"]),
    ("aws:runInstances", &["InstanceIds"]),
    ("aws:changeInstanceState", &["InstanceStates"]),
    (
        "aws:executeAutomation",
        &["ExecutionId", "Output", "Status"],
    ),
    (
        "aws:invokeLambdaFunction",
        &["StatusCode", "FunctionError", "LogResult", "Payload"],
    ),
    ("aws:executeScript", &["Payload"]),
];

/// Steps that follow one another: those of the document, or those of a loop.
struct Level {
    steps: Vec<RunbookStep>,
    /// The loop that they are in, if they are in one.
    within: Option<String>,
}

/// The document's own steps, and those of every loop in it.
fn levels(runbook: &Runbook) -> Vec<Level> {
    let mut all = vec![Level {
        steps: runbook.steps.clone(),
        within: None,
    }];
    let mut next = 0;
    while let Some(level) = all.get(next) {
        let inner: Vec<Level> = level
            .steps
            .iter()
            .filter(|step| step.action == "aws:loop")
            .map(|step| Level {
                steps: inner_steps(step).0,
                within: Some(step.name.clone()),
            })
            .collect();
        all.extend(inner);
        next += 1;
    }
    all
}

/// Lists everything that is wrong; nothing when it is as it should be.
#[must_use]
pub fn check(runbook: &Runbook) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let levels = levels(runbook);
    for level in &levels {
        for step in &level.steps {
            if !seen.insert(step.name.as_str()) {
                problems.push(format!("two steps are named {}", step.name));
            }
            shape(level, step, &mut problems);
        }
        for name in unreachable(&level.steps) {
            problems.push(format!("step {name} cannot be reached"));
        }
    }
    referred(runbook, &levels, &mut problems);
    parameters(runbook, &mut problems);
    problems
}

/// What is allowed, and better otherwise: every step of ours says how long it may take. The steps of
/// a loop have the time of the loop.
#[must_use]
pub fn advice(runbook: &Runbook) -> Vec<String> {
    let untimed = runbook.steps.iter().filter(|step| {
        let seconds = step.whole.get("timeoutSeconds");
        let set = seconds.is_some_and(|seconds| {
            seconds.as_u64().is_some_and(|seconds| seconds > 0)
                || seconds.as_str().is_some_and(|text| text.contains("{{"))
        });
        !set && !TIMED.contains(&step.action.as_str())
    });
    untimed
        .map(|step| {
            format!(
                "step {} does not say how long it may take: set timeoutSeconds",
                step.name
            )
        })
        .collect()
}

fn shape(level: &Level, step: &RunbookStep, problems: &mut Vec<String>) {
    let mut say = |what: String| problems.push(format!("step {}: {what}", step.name));
    let named = !step.name.is_empty()
        && step
            .name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !named {
        say("a name has letters, digits and _ alone".into());
    }
    if !ACTIONS.contains(&step.action.as_str()) {
        say(format!("there is no action {}", step.action));
    }
    for key in step
        .whole
        .keys()
        .filter(|key| !KEYS.contains(&key.as_str()))
    {
        say(format!("there is no key {key}"));
    }
    for next in leads_to(step) {
        if !level.steps.iter().any(|step| step.name == next) {
            let place = match &level.within {
                Some(outer) => format!("there is no step {next} in the loop {outer}"),
                None => format!("there is no step {next}"),
            };
            say(place);
        }
    }
    let input = |key: &str| step.whole.get("inputs").and_then(|inputs| inputs.get(key));
    if step.action == "aws:executeAwsApi" && (input("Service").is_none() || input("Api").is_none())
    {
        say("a call names its Service and its Api".into());
    }
    if step.action == "aws:loop" {
        let (steps, unread) = inner_steps(step);
        if steps.is_empty() || unread > 0 {
            say("a loop has Steps, each with a name and an action".into());
        }
        if input("Iterators").is_some() == input("LoopCondition").is_some() {
            say("a loop has either Iterators or a LoopCondition".into());
        }
    }
}

/// Where a step can lead, beside the one that follows it.
fn leads_to(step: &RunbookStep) -> Vec<String> {
    let mut all = Vec::new();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    all.extend(text(step.whole.get("nextStep")));
    for key in ["onFailure", "onCancel"] {
        let step = text(step.whole.get(key));
        all.extend(step.and_then(|step| step.strip_prefix("step:").map(str::to_owned)));
    }
    let inputs = step.whole.get("inputs").cloned().unwrap_or_default();
    for choice in inputs["Choices"].as_array().into_iter().flatten() {
        all.extend(text(choice.get("NextStep")));
    }
    if step.action == "aws:branch" {
        all.extend(text(inputs.get("Default")));
    }
    all
}

/// Actions that change nothing.
const HARMLESS: [&str; 5] = [
    "aws:approve",
    "aws:branch",
    "aws:sleep",
    "aws:pause",
    "aws:updateVariable",
];

/// The first step that may change something before anybody has approved anything; nothing where every
/// way to a change leads through a step `aws:approve`.
#[must_use]
pub fn unapproved(runbook: &Runbook) -> Option<String> {
    unapproved_in(&runbook.steps)
}

fn unapproved_in(steps: &[RunbookStep]) -> Option<String> {
    let input = |step: &RunbookStep, key: &str| {
        let inputs = step.whole.get("inputs")?;
        inputs.get(key)?.as_str().map(str::to_owned)
    };
    let gates = |step: &RunbookStep| {
        // One that goes on when it is rejected, or answers to nobody, holds nothing back.
        let aborts = |key: &str| {
            let word = step.whole.get(key).and_then(Value::as_str);
            word.is_none_or(|word| word == "Abort")
        };
        step.action == "aws:approve" && aborts("onFailure") && aborts("onCancel")
    };
    let reached = reached(steps, gates);
    let mut open = steps.iter().filter(|step| reached.contains(&step.name));
    open.find_map(|step| {
        let calls = [
            "aws:executeAwsApi",
            "aws:assertAwsResourceProperty",
            "aws:waitForAwsResourceProperty",
        ];
        let reads = calls.contains(&step.action.as_str())
            && input(step, "Api").is_some_and(|api| {
                ["Describe", "Get", "List"]
                    .iter()
                    .any(|verb| api.starts_with(verb))
            });
        if step.action == "aws:loop" {
            return unapproved_in(&inner_steps(step).0);
        }
        (!reads && !HARMLESS.contains(&step.action.as_str())).then(|| step.name.clone())
    })
}

/// The steps that no way leads to.
fn unreachable(steps: &[RunbookStep]) -> Vec<&str> {
    let reached = reached(steps, |_| false);
    steps
        .iter()
        .map(|step| step.name.as_str())
        .filter(|name| !reached.contains(*name))
        .collect()
}

/// The steps that are reached from the first one, without going on behind those that hold back.
fn reached(steps: &[RunbookStep], holds: impl Fn(&RunbookStep) -> bool) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut todo: VecDeque<String> = steps
        .first()
        .map(|step| step.name.clone())
        .into_iter()
        .collect();
    while let Some(name) = todo.pop_front() {
        if !reached.insert(name.clone()) {
            continue;
        }
        let Some(at) = steps.iter().position(|step| step.name == name) else {
            continue;
        };
        let step = &steps[at];
        if holds(step) {
            continue;
        }
        todo.extend(leads_to(step));
        let is = |key: &str| {
            step.whole
                .get(key)
                .is_some_and(|value| *value == Value::Bool(true) || value == "true")
        };
        let falls_through =
            !is("isEnd") && step.whole.get("nextStep").is_none() && step.action != "aws:branch";
        if falls_through && let Some(next) = steps.get(at + 1) {
            todo.push_back(next.name.clone());
        }
    }
    reached
}

fn referred(runbook: &Runbook, levels: &[Level], problems: &mut Vec<String>) {
    let steps: Vec<&RunbookStep> = levels.iter().flat_map(|level| &level.steps).collect();
    let mut places: Vec<(String, Vec<Reference>)> = steps
        .iter()
        .map(|step| {
            let mut whole = step.whole.clone();
            // The steps of a loop speak for themselves.
            if let Some(Value::Object(inputs)) = whole.get_mut("inputs")
                && step.action == "aws:loop"
            {
                inputs.remove("Steps");
            }
            let found = references(&Value::Object(whole));
            (format!("step {}", step.name), found)
        })
        .collect();
    let role = runbook.assume_role.clone().map(Value::from);
    places.push((
        "assumeRole".into(),
        role.iter().flat_map(references).collect(),
    ));
    // An output names a step's output without braces.
    for output in &runbook.outputs {
        if let Some((step, name)) = output.split_once('.') {
            let reference = Reference::Step {
                step: step.trim_start_matches("{{").trim().to_owned(),
                output: name.trim_end_matches("}}").trim().to_owned(),
            };
            places.push(("outputs".into(), vec![reference]));
        }
    }
    for (place, found) in places {
        for reference in found {
            if let Some(why) = undefined(runbook, &steps, &reference) {
                problems.push(format!("{place}: {why}"));
            }
        }
    }
}

fn undefined(runbook: &Runbook, steps: &[&RunbookStep], reference: &Reference) -> Option<String> {
    match reference {
        Reference::Parameter(name) => (!runbook.parameters.contains_key(name)
            && runbook.whole["variables"].get(name).is_none())
        .then(|| format!("there is no parameter {name}")),
        Reference::Known(name) => {
            let known = [
                "global:",
                "automation:",
                "ssm:",
                "ssm-secure:",
                "variable:",
                "loop:",
                "resource:",
            ];
            (!known.iter().any(|prefix| name.starts_with(prefix)))
                .then(|| format!("nothing is called {name}"))
        }
        Reference::Step { step, output } => {
            let Some(found) = steps.iter().find(|known| known.name == *step) else {
                return Some(format!("there is no step {step}"));
            };
            // What a loop tells its steps: `CurrentIteratorValue` and its like.
            if found.action == "aws:loop" && output.starts_with("Current") {
                return None;
            }
            let declared = found
                .whole
                .get("outputs")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .any(|declared| declared["Name"] == *output.as_str());
            let usual = OUTPUTS
                .iter()
                .find(|(action, _)| *action == found.action)
                .is_some_and(|(_, outputs)| {
                    let first = output.split('.').next().unwrap_or(output);
                    outputs.contains(&first)
                });
            (!declared && !usual).then(|| format!("step {step} has no output {output}"))
        }
    }
}

fn parameters(runbook: &Runbook, problems: &mut Vec<String>) {
    for (name, declared) in &runbook.parameters {
        let mut say = |what: String| problems.push(format!("parameter {name}: {what}"));
        let known = [
            "String",
            "StringList",
            "Integer",
            "Boolean",
            "StringMap",
            "MapList",
        ]
        .contains(&declared.kind.as_str())
            || declared.kind.starts_with("AWS::")
            || declared.kind.starts_with("List<AWS::");
        if !known {
            say(format!("there is no type {:?}", declared.kind));
        }
        if let Some(pattern) = &declared.pattern
            && let Pattern::Wrong(error) = Pattern::of(pattern)
        {
            say(format!(
                "its allowedPattern is no regular expression: {error}"
            ));
        }
    }
}
