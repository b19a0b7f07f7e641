//! Following an Automation step by step to the end that AWS gives it.

use std::time::Duration;

use aws_sdk_ssm::types::{
    AutomationExecution, AutomationExecutionFilterKey, AutomationExecutionStatus as Status,
    SignalType, StepExecution, StopType,
};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::ActionError;
use super::start::filter;
use crate::aws::{Aws, AwsError, Pages, Quota, describe};
use crate::incident::AttemptStatus;
use crate::redaction::Redactor;

/// The first wait between two looks, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const SLOWEST_LOOK: Duration = Duration::from_secs(5);
/// The wait after a look that failed for want of rights: somebody has to do something first.
const AFTER_REFUSAL: Duration = Duration::from_secs(15);

/// Follows an execution until AWS says that it ended. With a deadline it may give up before;
/// without one, whatever fails on the way is said and tried again.
///
/// # Errors
/// When it did not succeed.
pub async fn follow(
    aws: &Aws,
    id: &str,
    speed: f64,
    deadline: Option<Instant>,
    redactor: &Redactor,
    (progress, gate): (
        &(impl Fn(Vec<String>) + Sync),
        &(impl Fn(Option<String>) + Sync),
    ),
) -> Result<Value, ActionError> {
    let mut wait = FIRST_LOOK;
    loop {
        match look(aws, id).await {
            Ok(execution) => {
                progress(lines(&execution, redactor));
                gate(waits(&execution));
                if let Some(end) = end(&execution, redactor) {
                    return with_children(aws, &execution, end, redactor).await;
                }
            }
            Err(error) => {
                progress(vec![format!("{id} cannot be followed: {error}")]);
                if !error.passes() {
                    if deadline.is_some() {
                        return Err(error.into());
                    }
                    wait = AFTER_REFUSAL;
                }
            }
        }
        let pause = wait.div_f64(speed);
        if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
            return Err(ActionError::timed_out(format!(
                "the automation {id} did not end in time"
            )));
        }
        sleep(pause).await;
        wait = (wait * 5 / 4).min(SLOWEST_LOOK);
    }
}

/// Adds what ran below it. That a child cannot be read is said in its place.
async fn with_children(
    aws: &Aws,
    execution: &AutomationExecution,
    end: Result<Value, ActionError>,
    redactor: &Redactor,
) -> Result<Value, ActionError> {
    let parents = || {
        let steps = execution.step_executions().iter();
        steps.filter(|step| step.action() == Some("aws:executeAutomation"))
    };
    // Where a step failed or was cut off, its outputs do not name what it started.
    let mut ids: Vec<(Option<String>, String)> = Vec::new();
    for step in parents() {
        let named = step
            .outputs()
            .and_then(|outputs| outputs.get("ExecutionId"));
        let name = step.step_name().map(str::to_owned);
        ids.extend(
            named
                .into_iter()
                .flatten()
                .map(|id| (name.clone(), id.clone())),
        );
    }
    let mut children = Vec::new();
    if ids.len() < parents().count() {
        let id = execution.automation_execution_id().unwrap_or_default();
        match started_by(aws, id).await {
            Ok(found) => {
                let known: Vec<String> = ids.iter().map(|(_, id)| id.clone()).collect();
                let others = found.into_iter().filter(|id| !known.contains(id));
                ids.extend(others.map(|id| (None, id)));
            }
            Err(error) => {
                children.push(json!({"failure": redactor.owned(error.to_string())}));
            }
        }
    }
    for (step, id) in ids {
        let mut child = match look(aws, &id).await {
            Ok(child) => {
                let status = child.automation_execution_status().cloned();
                output(&child, &status.unwrap_or(Status::Pending))
            }
            Err(error) => json!({"execution_id": id, "failure": error.to_string()}),
        };
        child["step"] = step.into();
        redactor.json(&mut child);
        children.push(child);
    }
    if children.is_empty() {
        return end;
    }
    match end {
        Ok(mut output) => {
            output["children"] = children.into();
            Ok(output)
        }
        Err(mut error) => {
            if let Some(output) = &mut error.output {
                output["children"] = children.into();
            }
            Err(error)
        }
    }
}

async fn look(aws: &Aws, id: &str) -> Result<AutomationExecution, AwsError> {
    let operation = "ssm:GetAutomationExecution";
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .get_automation_execution()
        .automation_execution_id(id)
        .send()
        .await
        .map_err(|error| describe(operation, &error))?;
    let mut execution = answer
        .automation_execution
        .ok_or_else(|| AwsError::garbled(operation, "the answer holds no execution".into()))?;
    // The answer holds the first hundred steps at most.
    if execution.step_executions_truncated() {
        execution.step_executions = Some(steps(aws, id).await?);
    }
    Ok(execution)
}

/// All steps of an execution, in the order in which they run.
async fn steps(aws: &Aws, id: &str) -> Result<Vec<StepExecution>, AwsError> {
    let operation = "ssm:DescribeAutomationStepExecutions";
    let mut all = Vec::new();
    let (mut token, mut pages) = (None, Pages::default());
    loop {
        aws.pace(Quota::Ssm).await;
        let page = aws
            .ssm
            .describe_automation_step_executions()
            .automation_execution_id(id)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe(operation, &error))?;
        all.extend_from_slice(page.step_executions());
        token = pages.next(operation, page.next_token)?;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// The executions that an execution has started, whether the step that did has ended or not.
async fn started_by(aws: &Aws, id: &str) -> Result<Vec<String>, AwsError> {
    let operation = "ssm:DescribeAutomationExecutions";
    let filter = filter(AutomationExecutionFilterKey::ParentExecutionId, id)?;
    let mut all = Vec::new();
    let (mut token, mut pages) = (None, Pages::default());
    loop {
        aws.pace(Quota::Ssm).await;
        let page = aws
            .ssm
            .describe_automation_executions()
            .filters(filter.clone())
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe(operation, &error))?;
        let ids = page.automation_execution_metadata_list().iter();
        all.extend(ids.filter_map(|one| one.automation_execution_id().map(str::to_owned)));
        token = pages.next(operation, page.next_token)?;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// Asks AWS to cancel an execution. What has begun of it, it finishes.
///
/// # Errors
/// When AWS does not accept it.
pub async fn stop(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.pace(Quota::Ssm).await;
    aws.ssm
        .stop_automation_execution()
        .automation_execution_id(id)
        .r#type(StopType::Cancel)
        .send()
        .await
        .map(drop)
        .map_err(|error| describe("ssm:StopAutomationExecution", &error))
}

/// The step that waits for somebody's approval.
fn waits(execution: &AutomationExecution) -> Option<String> {
    let waiting = execution.step_executions().iter().find(|step| {
        step.action() == Some("aws:approve") && step.step_status() == Some(&Status::Waiting)
    });
    waiting.map(name)
}

/// The name of a step. One of a loop runs several times: its name says in which loop, and which
/// time this is.
fn name(step: &StepExecution) -> String {
    let own = step.step_name().unwrap_or_default();
    match step.parent_step_details() {
        Some(outer) => format!(
            "{}[{}].{own}",
            outer.step_name().unwrap_or_default(),
            outer.iteration().unwrap_or_default()
        ),
        None => own.to_owned(),
    }
}

/// Says yes or no to the step of an execution that waits for it, with the caller's own rights.
///
/// # Errors
/// When AWS does not accept it: the caller may not be asked.
pub async fn signal(aws: &Aws, id: &str, approve: bool, why: &str) -> Result<(), AwsError> {
    aws.pace(Quota::Ssm).await;
    let kind = if approve {
        SignalType::Approve
    } else {
        SignalType::Reject
    };
    aws.ssm
        .send_automation_signal()
        .automation_execution_id(id)
        .signal_type(kind)
        .payload("Comment", vec![why.to_owned()])
        .send()
        .await
        .map(drop)
        .map_err(|error| describe("ssm:SendAutomationSignal", &error))
}

/// One line per step, for people.
fn lines(execution: &AutomationExecution, redactor: &Redactor) -> Vec<String> {
    let status = execution
        .automation_execution_status()
        .map_or("unknown", Status::as_str);
    let id = execution.automation_execution_id().unwrap_or_default();
    let mut lines = vec![format!("{id} {status}")];
    lines.extend(execution.step_executions().iter().map(|step| {
        let status = step.step_status().map_or("Pending", Status::as_str);
        let failed = step
            .failure_message()
            .map(|message| format!(": {message}"))
            .unwrap_or_default();
        format!(
            "{} {} {status}{failed}",
            name(step),
            step.action().unwrap_or_default()
        )
    }));
    lines.into_iter().map(|line| redactor.owned(line)).collect()
}

/// The end of an execution, if it has one.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-statuses.html>
fn end(execution: &AutomationExecution, redactor: &Redactor) -> Option<Result<Value, ActionError>> {
    let status = execution.automation_execution_status()?;
    let ended = match status {
        Status::Success | Status::CompletedWithSuccess => None,
        Status::Failed
        | Status::CompletedWithFailure
        | Status::Rejected
        | Status::ChangeCalendarOverrideRejected
        | Status::Exited => Some(AttemptStatus::Failed),
        Status::Timedout => Some(AttemptStatus::TimedOut),
        Status::Cancelled => Some(AttemptStatus::Cancelled),
        // Pending, InProgress, Waiting, Cancelling and what AWS may add: it goes on.
        _ => return None,
    };
    let mut output = output(execution, status);
    redactor.json(&mut output);
    let Some(status_of_attempt) = ended else {
        return Some(Ok(output));
    };
    let id = execution.automation_execution_id().unwrap_or_default();
    let mut why = output["failure"]
        .as_str()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    if let Some(alarm) = output["stopped_by"][0].as_str() {
        why = format!(", stopped by the alarm {alarm}{why}");
    }
    Some(Err(ActionError {
        status: status_of_attempt,
        message: format!("the automation {id} ended as {}{why}", status.as_str()),
        output: Some(output),
        refused: false,
        read: None,
        missing: false,
    }))
}

fn output(execution: &AutomationExecution, status: &Status) -> Value {
    let outputs: Map<String, Value> = execution
        .outputs()
        .into_iter()
        .flatten()
        .map(|(name, values)| (name.clone(), json!(values)))
        .collect();
    let steps: Map<String, Value> = execution
        .step_executions()
        .iter()
        .map(|step| (name(step), step_output(step)))
        .collect();
    let failure = execution.failure_message().map(str::to_owned).or_else(|| {
        execution
            .step_executions()
            .iter()
            .find_map(|step| Some(format!("{}: {}", name(step), step.failure_message()?)))
    });
    let mut output = json!({
        "execution_id": execution.automation_execution_id(),
        "status": status.as_str(),
        "document": execution.document_name(),
        "version": execution.document_version(),
        "outputs": outputs,
        "steps": steps,
    });
    if let Some(failure) = failure {
        output["failure"] = failure.into();
    }
    if let Some(ended) = moment(execution.execution_end_time()) {
        output["ended"] = ended.into();
    }
    let fired: Vec<&str> = execution
        .triggered_alarms()
        .iter()
        .map(aws_sdk_ssm::types::AlarmStateInformation::name)
        .collect();
    if !fired.is_empty() {
        output["stopped_by"] = json!(fired);
    }
    output
}

fn moment(time: Option<&aws_sdk_ssm::primitives::DateTime>) -> Option<String> {
    let time = time?;
    let time = chrono::DateTime::from_timestamp(time.secs(), time.subsec_nanos())?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

fn step_output(step: &StepExecution) -> Value {
    let outputs: Map<String, Value> = step
        .outputs()
        .into_iter()
        .flatten()
        .map(|(name, values)| (name.clone(), json!(values)))
        .collect();
    let mut output = json!({
        "status": step.step_status().map(Status::as_str),
        "action": step.action(),
        "inputs": step.inputs().cloned().unwrap_or_default(),
        "started": moment(step.execution_start_time()),
        "ended": moment(step.execution_end_time()),
        "outputs": outputs,
    });
    if let Some(message) = step.failure_message() {
        output["failure"] = message.into();
    }
    if let Some(details) = step.failure_details() {
        output["failure_details"] = json!({
            "stage": details.failure_stage(), "type": details.failure_type(),
            "details": details.details().cloned().unwrap_or_default(),
        });
    }
    output
}
