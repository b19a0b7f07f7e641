//! Systems Manager Automation.

use std::collections::BTreeMap;

use super::super::automations::Execution;
use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::page;

pub(super) fn start(world: &World, input: &Value) -> Result<Value, Failure> {
    let document = input.text("DocumentName").unwrap_or_default();
    let runbook = world.runbook(document).ok_or_else(|| {
        Failure::new(
            "AutomationDefinitionNotFoundException",
            format!("Document with name {document} does not exist."),
        )
    })?;
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
    let parameters: BTreeMap<String, Vec<String>> = input
        .get("Parameters")
        .entries()
        .iter()
        .map(|(name, _)| {
            (
                name.clone(),
                input
                    .get("Parameters")
                    .texts(name)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            )
        })
        .collect();
    let invalid = |message: String| {
        Err(Failure::new(
            "InvalidAutomationExecutionParametersException",
            message,
        ))
    };
    let known = |name: &str| {
        runbook
            .parameters
            .iter()
            .any(|known| known.trim_end_matches('!') == name)
    };
    if let Some(name) = parameters.keys().find(|name| !known(name)) {
        return invalid(format!(
            "Supplied parameter {name} is not defined in the document."
        ));
    }
    let missing = runbook
        .parameters
        .iter()
        .filter_map(|name| name.strip_suffix('!'))
        .find(|name| !parameters.contains_key(*name));
    if let Some(name) = missing {
        return invalid(format!("Required parameter {name} is missing."));
    }
    let tags = input
        .list("Tags")
        .iter()
        .filter_map(|tag| tag.text("Key"))
        .map(str::to_owned)
        .collect();
    let id = world.start(Execution {
        id: uuid::Uuid::new_v4().to_string(),
        document: document.to_owned(),
        version: input
            .text("DocumentVersion")
            .filter(|version| !version.starts_with('$'))
            .unwrap_or("1")
            .to_owned(),
        parameters,
        token,
        tags,
        at: world.now(),
        stopped: None,
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

pub(super) fn get(world: &World, input: &Value) -> Result<Value, Failure> {
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
            }
        })
        .collect();
    let outputs: Vec<(String, Value)> = match (progress.status, world.runbook(&execution.document))
    {
        ("Success", Some(runbook)) => runbook
            .outputs
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(vec![value.clone()])))
            .collect(),
        _ => Vec::new(),
    };
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
        "Mode": "Auto",
    } })
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
