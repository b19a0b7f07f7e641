//! Systems Manager Automation.

use std::collections::BTreeMap;

use super::super::automations::Execution;
use super::super::documents::parsed;
use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::page;

pub(super) fn start(world: &World, input: &Value) -> Result<Value, Failure> {
    let document = input.text("DocumentName").unwrap_or_default();
    let known = world.document(document).ok_or_else(|| {
        Failure::new(
            "AutomationDefinitionNotFoundException",
            format!("Document with name {document} does not exist."),
        )
    })?;
    let version = known.number(input.text("DocumentVersion")).ok_or_else(|| {
        Failure::new(
            "AutomationDefinitionVersionNotFoundException",
            "The specified document version does not exist.",
        )
    })?;
    let declared = parsed(known.text(version)).unwrap_or_default();
    let declared = declared["parameters"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let token = input.text("ClientToken").map(str::to_owned);
    if token
        .as_ref()
        .is_some_and(|token| uuid::Uuid::parse_str(token).is_err())
    {
        return Err(Failure::new(
            "ValidationException",
            "clientToken must be a UUID",
        ));
    }
    let mut parameters: BTreeMap<String, Vec<String>> = input
        .get("Parameters")
        .entries()
        .iter()
        .map(|(name, _)| {
            let values = input.get("Parameters").texts(name);
            (
                name.clone(),
                values.into_iter().map(str::to_owned).collect(),
            )
        })
        .collect();
    let target_parameter = input.text("TargetParameterName").map(str::to_owned);
    if let Some(name) = &target_parameter {
        let values = input
            .list("Targets")
            .iter()
            .filter(|target| target.text("Key") == Some("ParameterValues"))
            .flat_map(|target| target.texts("Values"))
            .map(str::to_owned)
            .collect();
        parameters.insert(name.clone(), values);
    }
    let invalid = |message: String| {
        Err(Failure::new(
            "InvalidAutomationExecutionParametersException",
            message,
        ))
    };
    if let Some(name) = parameters.keys().find(|name| !declared.contains_key(*name)) {
        return invalid(format!(
            "Supplied parameter {name} is not defined in the document."
        ));
    }
    let missing = declared
        .iter()
        .find(|(name, one)| one.get("default").is_none() && !parameters.contains_key(*name));
    if let Some((name, _)) = missing {
        return invalid(format!("Required parameter {name} is missing."));
    }
    for (name, values) in &parameters {
        let pattern = declared
            .get(name)
            .and_then(|one| one["allowedPattern"].as_str())
            .and_then(|pattern| regex::Regex::new(pattern).ok());
        if pattern.is_some_and(|pattern| values.iter().any(|value| !pattern.is_match(value))) {
            return invalid(format!(
                "Parameter {name} does not match its allowedPattern."
            ));
        }
    }
    let alarm = input
        .get("AlarmConfiguration")
        .list("Alarms")
        .first()
        .and_then(|alarm| alarm.text("Name"))
        .map(str::to_owned);
    let tags = input
        .list("Tags")
        .iter()
        .filter_map(|tag| tag.text("Key"))
        .map(str::to_owned)
        .collect();
    let id = world.start(Execution {
        version: version.to_string(),
        parameters,
        token,
        tags,
        alarm,
        target_parameter,
        ..Execution::of(document, world.now())
    })?;
    Ok(map! { "AutomationExecutionId": id })
}

fn found(world: &World, input: &Value) -> Result<Execution, Failure> {
    let id = input.text("AutomationExecutionId").unwrap_or_default();
    world.execution(id).ok_or_else(|| {
        Failure::new(
            "AutomationExecutionNotFoundException",
            format!("Automation execution {id} was not found."),
        )
    })
}

/// Outputs as Systems Manager shows them: lists of texts.
fn texts(value: &serde_json::Value) -> Value {
    let text = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match value {
        serde_json::Value::Array(items) => {
            Value::from(items.iter().map(text).collect::<Vec<String>>())
        }
        one => Value::from(vec![text(one)]),
    }
}

pub(super) fn get(world: &World, input: &Value) -> Result<Value, Failure> {
    world.watch_alarms();
    let execution = found(world, input)?;
    let progress = world.progress(&execution, world.now());
    let steps: Vec<Value> = progress
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            map! {
                "StepName": step.name.as_str(), "Action": step.action.as_str(), "StepStatus": step.status,
                "StepExecutionId": format!("{}-{at}", execution.id),
                "ExecutionStartTime": step.began.map(|at| world.real(at)),
                "ExecutionEndTime": step.ended.map(|at| world.real(at)),
                "FailureMessage": step.failure.clone(),
                "Outputs": Value::Map(step.outputs.iter().map(|(name, value)| (name.clone(), texts(value))).collect()),
            }
        })
        .collect();
    let mut outputs: Vec<(String, Value)> = Vec::new();
    if progress.status == "Success" {
        let known = world.document(&execution.document);
        let declared = known.and_then(|known| {
            let number = known.number(Some(&execution.version))?;
            Some(parsed(known.text(number))?["outputs"].as_array()?.clone())
        });
        for name in declared.iter().flatten().filter_map(|name| name.as_str()) {
            let (step, output) = name.split_once('.').unwrap_or((name, "Output"));
            let step = progress.steps.iter().find(|one| one.name == step);
            if let Some(value) = step.and_then(|step| step.outputs.get(output)) {
                outputs.push((name.to_owned(), texts(value)));
            }
        }
        let told = world.runbook(&execution.document);
        outputs.extend(told.into_iter().flat_map(|runbook| {
            let outputs = runbook.outputs.iter();
            outputs.map(|(name, value)| (name.clone(), Value::from(vec![value.clone()])))
        }));
    }
    let fired: Vec<Value> = execution
        .stopped_by
        .iter()
        .map(|name| map! { "Name": name.as_str(), "State": "ALARM" })
        .collect();
    let parameters: Vec<(String, Value)> = execution
        .parameters
        .iter()
        .map(|(name, values)| (name.clone(), Value::from(values.clone())))
        .collect();
    Ok(map! { "AutomationExecution": map! {
        "AutomationExecutionId": execution.id.as_str(),
        "DocumentName": execution.document.as_str(),
        "DocumentVersion": execution.version.as_str(),
        "ExecutionStartTime": world.real(execution.at),
        "ExecutionEndTime": progress.ended.map(|at| world.real(at)),
        "AutomationExecutionStatus": progress.status,
        "StepExecutions": steps,
        "StepExecutionsTruncated": false,
        "Parameters": Value::Map(parameters),
        "Outputs": Value::Map(outputs),
        "FailureMessage": progress.failure.clone(),
        "TriggeredAlarms": fired,
        "TargetParameterName": execution.target_parameter.clone(),
        "Mode": "Auto",
    } })
}

/// Somebody says yes or no to a step that waits for that.
pub(super) fn signal(world: &World, input: &Value) -> Result<Value, Failure> {
    let execution = found(world, input)?;
    let kind = input.text("SignalType").unwrap_or_default();
    if !["Approve", "Reject"].contains(&kind) {
        return Err(Failure::new(
            "InvalidAutomationSignalException",
            format!("the simulator does not know the signal {kind}"),
        ));
    }
    if world.signal(&execution.id, kind)? {
        Ok(map! {})
    } else {
        Err(Failure::new(
            "AutomationStepNotFoundException",
            "No step of the execution waits for approval.",
        ))
    }
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Failure> {
    let fits = |execution: &Execution| {
        input.list("Filters").iter().all(|filter| {
            let values = filter.texts("Values");
            match filter.text("Key") {
                Some("TagKey") => execution
                    .tags
                    .iter()
                    .any(|tag| values.contains(&tag.as_str())),
                Some("ExecutionId") => values.contains(&execution.id.as_str()),
                Some("DocumentNamePrefix") => values
                    .iter()
                    .any(|prefix| execution.document.starts_with(prefix)),
                Some("ExecutionStatus") => {
                    values.contains(&world.progress(execution, world.now()).status)
                }
                _ => false,
            }
        })
    };
    let known = [
        "TagKey",
        "ExecutionId",
        "DocumentNamePrefix",
        "ExecutionStatus",
    ];
    if let Some(filter) = input
        .list("Filters")
        .iter()
        .find(|filter| !known.contains(&filter.text("Key").unwrap_or_default()))
    {
        return Err(Failure::new(
            "InvalidFilterKey",
            format!("the simulator does not filter by {:?}", filter.text("Key")),
        ));
    }
    let all: Vec<Value> = world
        .executions()
        .iter()
        .filter(|execution| fits(execution))
        .map(|execution| {
            let progress = world.progress(execution, world.now());
            map! {
                "AutomationExecutionId": execution.id.as_str(), "DocumentName": execution.document.as_str(),
                "DocumentVersion": execution.version.as_str(), "AutomationExecutionStatus": progress.status,
                "ExecutionStartTime": world.real(execution.at),
                "ExecutionEndTime": progress.ended.map(|at| world.real(at)),
                "AutomationType": "Local", "Mode": "Auto",
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "AutomationExecutionMetadataList": shown, "NextToken": next })
}

pub(super) fn stop(world: &World, input: &Value) -> Result<Value, Failure> {
    let execution = found(world, input)?;
    if world.progress(&execution, world.now()).ended.is_some() {
        return Err(Failure::new(
            "InvalidAutomationStatusUpdateException",
            "The automation execution has ended already.",
        ));
    }
    world.stop(&execution.id)?;
    Ok(map! {})
}
