//! `ssm_command`: a read-only Run Command on instances, judged instance by instance.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::types::CommandInvocationStatus as Status;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::{ActionError, Context, Remotes, Span, capture};
use crate::aws::{Aws, Class, describe};
use crate::incident::Remote;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use crate::redaction::Redactor;

/// Systems Manager cuts an invocation's output here, and its errors at the second number.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>
const OUTPUT_LIMIT: usize = 24_000;
const ERROR_LIMIT: usize = 8_000;
/// The first wait between two looks, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const SLOWEST_LOOK: Duration = Duration::from_secs(2);
/// Kept back from the deadline, to say which instances have not answered.
const RESERVE: Duration = Duration::from_millis(250);

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "ssm_command",
    about: "a read-only Run Command on instances (ssm:SendCommand, ssm:GetCommandInvocation)",
    keys: &[
        Key::required("instances", KeyKind::TextList, "the instances"),
        Key::optional(
            "document",
            KeyKind::Text,
            "the Command document; AWS-RunShellScript unless given",
        ),
        Key::optional(
            "commands",
            KeyKind::ShellLines,
            "shell lines, for the shell and PowerShell documents",
        ),
        Key::optional(
            "parameters",
            KeyKind::Json,
            "the document's parameters, lists of strings by name",
        ),
        Key::optional(
            "capture",
            KeyKind::TextMap,
            "regular expressions with one group; their values stand in `captured`",
        ),
        Key::optional(
            "execution_timeout",
            KeyKind::Duration,
            "how long the command may run on an instance; 1m unless given",
        ),
        Key::required(
            "read_only",
            KeyKind::Boolean,
            "a declaration that it changes nothing",
        ),
    ],
    output: &[
        "instances",
        "total",
        "succeeded",
        "failed",
        "captured",
        "command_id",
        "truncated",
    ],
    prefetched: true,
    mutating: ActionKind::never,
    check,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    if parameters["read_only"] != Value::Bool(true) {
        return Err(("read_only", "a command that changes something runs as an Automation: write `run.ssm_automation` with a document that has an aws:runCommand step; or declare `read_only = true`".into()));
    }
    let shell = ["AWS-RunShellScript", "AWS-RunPowerShellScript"].contains(
        &parameters["document"]
            .as_str()
            .unwrap_or("AWS-RunShellScript"),
    );
    if shell && parameters.get("commands").is_none() {
        return Err(("commands", "the document needs `commands = [\"…\"]`".into()));
    }
    if parameters["parameters"].get("commands").is_some() {
        return Err((
            "parameters",
            "write `commands = [ … ]` beside `parameters`: values in it are quoted for the shell"
                .into(),
        ));
    }
    capture::check(parameters)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    instances: Vec<String>,
    document: Option<String>,
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default)]
    parameters: HashMap<String, Vec<String>>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    execution_timeout: Option<Span>,
    #[serde(rename = "read_only")]
    _read_only: bool,
}

/// Cancels the command when the attempt is stopped before its end. When the console leaves, the
/// command goes on, and is taken up by whoever opens the incident next.
struct CancelOnDrop {
    aws: Arc<Aws>,
    remotes: Remotes,
    command: Option<String>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.remotes.goes_on() {
            return;
        }
        if let (Some(command), Ok(runtime)) =
            (self.command.take(), tokio::runtime::Handle::try_current())
        {
            let aws = Arc::clone(&self.aws);
            // Nobody waits for the answer: the attempt has ended, and the command is read-only.
            runtime.spawn(async move {
                aws.ssm
                    .cancel_command()
                    .command_id(command)
                    .send()
                    .await
                    .map(drop)
            });
        }
    }
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let patterns = capture::compile(&request.capture).map_err(ActionError::failed)?;
    if request.instances.is_empty() {
        return Err(ActionError::failed("there are no instances to run on"));
    }
    let aws = context.aws()?;
    let known = context.remotes.known(&context.run);
    let command = if let Some(Remote::Command(id)) = known {
        id.clone()
    } else {
        let id = send(&request, aws).await?;
        let remote = Remote::Command(id.clone());
        context.remotes.identified(&context.run, remote);
        id
    };
    let mut guard = CancelOnDrop {
        aws: Arc::clone(aws),
        remotes: context.remotes.clone(),
        command: Some(command.clone()),
    };
    let mut results: BTreeMap<String, Option<Value>> = request
        .instances
        .iter()
        .map(|id| (id.clone(), None))
        .collect();
    let mut wait = FIRST_LOOK;
    loop {
        for (instance, result) in results.iter_mut().filter(|(_, result)| result.is_none()) {
            *result = look(aws, &command, instance, &patterns, &context.redactor).await?;
        }
        let pending: Vec<&str> = results
            .iter()
            .filter(|(_, r)| r.is_none())
            .map(|(id, _)| id.as_str())
            .collect();
        if pending.is_empty() {
            guard.command = None;
            break;
        }
        if Instant::now() + wait + RESERVE > context.deadline {
            let message = format!("no answer in time from {}", pending.join(", "));
            return Err(ActionError::timed_out(message).with(summarise(&command, &results)));
        }
        sleep(wait).await;
        wait = (wait * 5 / 4).min(SLOWEST_LOOK);
    }
    let output = summarise(&command, &results);
    let failed: Vec<String> = results
        .iter()
        .filter_map(|(id, result)| result.as_ref().map(|result| (id, result)))
        .filter(|(_, result)| result["status"] != "Success")
        .map(|(id, result)| format!("{id}: {}", result["detail"].as_str().unwrap_or("failed")))
        .collect();
    if failed.is_empty() {
        return Ok(output);
    }
    Err(ActionError::failed(format!(
        "{} of {} instances failed ({})",
        failed.len(),
        results.len(),
        failed.join("; ")
    ))
    .with(output))
}

async fn send(request: &Request, aws: &Aws) -> Result<String, ActionError> {
    let document = request.document.as_deref().unwrap_or("AWS-RunShellScript");
    let mut parameters = request.parameters.clone();
    if !request.commands.is_empty() {
        parameters.insert("commands".into(), request.commands.clone());
        let seconds = request
            .execution_timeout
            .map_or(60, |span| span.0.as_secs().max(1));
        parameters.insert("executionTimeout".into(), vec![seconds.to_string()]);
    }
    let sent = aws
        .ssm
        .send_command()
        .set_instance_ids(Some(request.instances.clone()))
        .document_name(document)
        .set_parameters((!parameters.is_empty()).then_some(parameters))
        .comment("standdown: read-only diagnostic")
        .send()
        .await
        .map_err(|error| describe("ssm:SendCommand", &error))?;
    sent.command
        .and_then(|command| command.command_id)
        .ok_or_else(|| ActionError::failed("ssm:SendCommand gave no command id"))
}

/// Looks at one instance; `None` while it has no end.
async fn look(
    aws: &Aws,
    command: &str,
    instance: &str,
    patterns: &[(String, regex::Regex)],
    redactor: &Redactor,
) -> Result<Option<Value>, ActionError> {
    let answer = aws
        .ssm
        .get_command_invocation()
        .command_id(command)
        .instance_id(instance)
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            // Right after sending, the invocation is not there yet: that is no failure.
            if error.as_service_error().is_some_and(aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationError::is_invocation_does_not_exist) {
                return Ok(None);
            }
            let error = describe("ssm:GetCommandInvocation", &error);
            // What passes is looked at again, until the attempt's time is up.
            return match error.class {
                Class::Throttled | Class::TimedOut | Class::Server | Class::Unreachable => Ok(None),
                _ => Err(error.into()),
            };
        }
    };
    let Some(status) = answer.status() else {
        return Ok(None);
    };
    if matches!(
        status,
        Status::Pending | Status::InProgress | Status::Delayed | Status::Cancelling
    ) {
        return Ok(None);
    }
    let raw = answer.standard_output_content().unwrap_or_default();
    let raw_errors = answer.standard_error_content().unwrap_or_default();
    // Before anything is taken out of it.
    let (output, errors) = (redactor.text(raw), redactor.text(raw_errors));
    let truncated = raw.chars().count() >= OUTPUT_LIMIT
        || raw_errors.chars().count() >= ERROR_LIMIT
        || output.contains("---Output truncated---");
    // The details tell an instance that could not be reached from a command that failed.
    let detail = answer
        .status_details()
        .filter(|detail| !detail.is_empty())
        .unwrap_or(status.as_str());
    let mut result = json!({
        "status": status.as_str(), "detail": detail, "exit_code": answer.response_code(),
        "output": output, "error": errors, "truncated": truncated,
    });
    let captured = capture::values(patterns, &output);
    if !captured.is_empty() {
        result["captured"] = captured.into();
    }
    Ok(Some(result))
}

fn summarise(command: &str, results: &BTreeMap<String, Option<Value>>) -> Value {
    let ended = || results.values().flatten();
    let succeeded = ended()
        .filter(|result| result["status"] == "Success")
        .count();
    let mut captured: Map<String, Value> = Map::new();
    for (name, value) in ended()
        .filter_map(|result| result["captured"].as_object())
        .flatten()
    {
        if let Value::Array(values) = captured.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone());
        }
    }
    let instances: Map<String, Value> = results
        .iter()
        .map(|(id, result)| {
            let waiting = || json!({"status": "TimedOut", "detail": "no answer in time", "output": "", "error": "", "truncated": false});
            (id.clone(), result.clone().unwrap_or_else(waiting))
        })
        .collect();
    json!({
        "command_id": command,
        "total": results.len(),
        "succeeded": succeeded,
        "failed": results.len() - succeeded,
        "truncated": ended().any(|result| result["truncated"] == true),
        "captured": captured,
        "instances": instances,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_must_be_declared_read_only() {
        let declared = json!({"instances": ["i-1"], "commands": ["ps"], "read_only": true});
        assert!(check(&declared).is_ok());
        let mut undeclared = declared.clone();
        undeclared["read_only"] = false.into();
        assert_eq!(check(&undeclared).unwrap_err().0, "read_only");
    }

    #[test]
    fn commands_stand_where_they_are_quoted() {
        let spliced =
            json!({"document": "X", "parameters": {"commands": ["ps"]}, "read_only": true});
        assert_eq!(check(&spliced).unwrap_err().0, "parameters");
    }

    #[test]
    fn an_instance_without_an_answer_counts_as_failed() {
        let results = BTreeMap::from([
            (
                "i-a".to_owned(),
                Some(json!({"status": "Success", "captured": {"ms": 12}})),
            ),
            ("i-b".to_owned(), None),
        ]);
        let output = summarise("c", &results);
        assert_eq!(
            (&output["succeeded"], &output["failed"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(output["captured"]["ms"], json!([12]));
        assert_eq!(output["instances"]["i-b"]["status"], "TimedOut");
    }
}
