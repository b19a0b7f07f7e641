//! `ssm_command`: a Run Command on instances, judged instance by instance. What is run here only
//! reads; what changes something runs as an Automation.

mod change;
mod copy;
mod look;
mod send;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::{ActionError, Context, Remotes, Span, capture};
use crate::aws::{Aws, Quota};
use crate::incident::Remote;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use look::Results;

/// The first wait between two looks, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const SLOWEST_LOOK: Duration = Duration::from_secs(2);
/// Kept back from the deadline, to say which instances have not answered.
const RESERVE: Duration = Duration::from_millis(250);
/// SendCommand takes this many instances by id.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>
const MOST_INSTANCES: usize = 50;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "ssm_command",
    about: "a Run Command on instances; one that is not declared read-only is a change, and runs as the Automation run-command (ssm:SendCommand, ssm:GetCommandInvocation, ssm:DescribeInstanceInformation, ssm:ListCommands, ssm:CancelCommand; for more than ten and with tags ssm:ListCommandInvocations as well)",
    keys: &[
        Key::optional("instances", KeyKind::TextList, "the instances, at most 50"),
        Key::optional(
            "tags",
            KeyKind::TextMap,
            "instead of instances: those that have these tags, { Role = \"web\" }",
        ),
        Key::optional(
            "document",
            KeyKind::Text,
            "the Command document; AWS-RunShellScript unless given",
        ),
        Key::optional(
            "version",
            KeyKind::Text,
            "the document's version; its default version unless given",
        ),
        Key::optional(
            "document_hash",
            KeyKind::Text,
            "the document's SHA-256, in hex: AWS refuses another one",
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
            "plugin",
            KeyKind::Text,
            "the step of the document whose output is read, where it has several",
        ),
        Key::optional(
            "capture",
            KeyKind::TextMap,
            "regular expressions with one group; their values stand in `captured`",
        ),
        Key::optional(
            "execution_timeout",
            KeyKind::Duration,
            "how long the command may run on an instance; 1m unless given, 10m where it changes something",
        ),
        Key::optional(
            "delivery_timeout",
            KeyKind::Duration,
            "how long an instance may take to begin; 30s unless given, which is the least",
        ),
        Key::optional(
            "max_concurrency",
            KeyKind::Text,
            "how many instances at a time, \"10\" or \"10%\"",
        ),
        Key::optional(
            "max_errors",
            KeyKind::Text,
            "after how many failures no more instances are begun, \"1\" or \"10%\"",
        ),
        Key::optional(
            "log_group",
            KeyKind::Text,
            "a log group for a copy of the output, from which it is read where Run Command cuts it",
        ),
        Key::optional(
            "read_only",
            KeyKind::Boolean,
            "a declaration that it changes nothing; without it, it is a change and runs as the Automation run-command",
        ),
    ],
    output: &[
        "instances",
        "total",
        "succeeded",
        "failed",
        "offline",
        "captured",
        "command_id",
        "truncated",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: |parameters| {
        let mut all: Vec<String> = [
            "ssm:SendCommand",
            "ssm:GetCommandInvocation",
            "ssm:DescribeInstanceInformation",
            "ssm:ListCommands",
            "ssm:CancelCommand",
        ]
        .map(str::to_owned)
        .into();
        let many = parameters["instances"]
            .as_array()
            .is_some_and(|instances| instances.len() > look::FEW);
        if many || parameters.get("tags").is_some() {
            all.push("ssm:ListCommandInvocations".into());
        }
        if parameters.get("log_group").is_some() {
            all.push("logs:FilterLogEvents".into());
        }
        all
    },
    check,
    instead: change::instead,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    if change::changes(parameters) {
        change::check(parameters)?;
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
    let given = |key: &str| parameters.get(key).is_some();
    if given("instances") == given("tags") {
        return Err((
            "instances",
            "say where it runs: `instances`, or `tags`".into(),
        ));
    }
    let share = |key: &'static str| {
        let text = parameters[key].as_str()?;
        let number = text.trim_end_matches('%');
        let fits = text.contains("{{")
            || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
        (!fits).then(|| {
            (
                key,
                format!("{text:?} is no number and no share, such as \"10%\""),
            )
        })
    };
    if let Some(wrong) = share("max_concurrency").or_else(|| share("max_errors")) {
        return Err(wrong);
    }
    if let Some(hash) = parameters["document_hash"].as_str()
        && (hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Err(("document_hash", "a SHA-256 is 64 digits of hex".into()));
    }
    capture::check(parameters)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(default)]
    instances: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    document: Option<String>,
    version: Option<String>,
    document_hash: Option<String>,
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default)]
    parameters: HashMap<String, Vec<String>>,
    plugin: Option<String>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    execution_timeout: Option<Span>,
    delivery_timeout: Option<Span>,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    log_group: Option<String>,
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
                aws.pace(Quota::Ssm).await;
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
    let mut instances = request.instances.clone();
    instances.sort();
    instances.dedup();
    if instances.is_empty() && request.tags.is_empty() {
        return Err(ActionError::failed("there are no instances to run on"));
    }
    if instances.len() > MOST_INSTANCES {
        return Err(ActionError::failed(format!(
            "{} instances are named, AWS takes {MOST_INSTANCES}; use `tags`",
            instances.len()
        )));
    }
    let aws = context.aws().await?;
    let known = context.remotes.known(&context.run);
    let mut results = Results::new(&instances, patterns, request.plugin.clone());
    let command = if let Some(Remote::Command(id)) = known {
        results.offline(send::left_out(&aws, id, &instances).await?);
        id.clone()
    } else {
        // An agent that does not answer is known before anything is sent to it. Where nobody can
        // tell, the command itself will.
        let offline = match send::offline(&aws, &instances, &request.tags).await {
            Ok(offline) => offline,
            Err(error) => {
                let message = format!("who is online is not known: {error}");
                context.remotes.progress(vec![message]);
                BTreeMap::new()
            }
        };
        if !offline.is_empty() {
            let named: Vec<String> = offline
                .iter()
                .map(|(id, why)| format!("{id} is not online: {why}"))
                .collect();
            context.remotes.progress(named);
        }
        if request.tags.is_empty() {
            instances.retain(|id| !offline.contains_key(id));
            results.offline(offline);
        }
        if instances.is_empty() && request.tags.is_empty() {
            let output = summarise("", &results);
            return Err(
                ActionError::failed("no instance is online: nothing was sent").with(output),
            );
        }
        let (id, refused) = send::send_to_valid(&request, instances, &aws).await?;
        results.refused(refused);
        let remote = Remote::Command(id.clone());
        context.remotes.identified(&context.run, remote);
        id
    };
    let mut guard = CancelOnDrop {
        aws: Arc::clone(&aws),
        remotes: context.remotes.clone(),
        command: Some(command.clone()),
    };
    let mut wait = FIRST_LOOK;
    loop {
        results.look(&aws, &command, &context.redactor).await?;
        if results.complete() {
            guard.command = None;
            break;
        }
        if Instant::now() + wait + RESERVE > context.deadline {
            let message = format!("no answer in time from {}", results.pending().join(", "));
            return Err(ActionError::timed_out(message).with(summarise(&command, &results)));
        }
        sleep(wait).await;
        wait = (wait * 5 / 4).min(SLOWEST_LOOK);
    }
    if results.total() == 0 {
        let output = summarise(&command, &results);
        return Err(
            ActionError::failed("no managed instance has these tags: nothing was run").with(output),
        );
    }
    if let Some(group) = &request.log_group {
        copy::complete(&aws, group, &command, &mut results, context).await;
    }
    let output = summarise(&command, &results);
    let failed: Vec<String> = results
        .ended()
        .filter(|(_, result)| result["status"] != "Success")
        .map(|(id, result)| format!("{id}: {}", result["detail"].as_str().unwrap_or("failed")))
        .collect();
    if failed.is_empty() {
        return Ok(output);
    }
    let some = failed.len() < results.total();
    let error = ActionError::failed(format!(
        "{} of {} instances failed ({})",
        failed.len(),
        results.total(),
        failed.join("; ")
    ));
    // What the others wrote was read, and conditions may read it.
    Err(if some {
        error.found(output)
    } else {
        error.with(output)
    })
}

fn summarise(command: &str, results: &Results) -> Value {
    let succeeded = results
        .ended()
        .filter(|(_, result)| result["status"] == "Success")
        .count();
    let mut captured: Map<String, Value> = Map::new();
    for (name, value) in results
        .ended()
        .filter_map(|(_, result)| result["captured"].as_object())
        .flatten()
    {
        if let Value::Array(values) = captured.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone());
        }
    }
    let offline: Vec<&str> = results
        .ended()
        .filter(|(_, result)| result["status"] == look::NOT_ONLINE)
        .map(|(id, _)| id)
        .collect();
    json!({
        "command_id": command,
        "total": results.total(),
        "succeeded": succeeded,
        "failed": results.total() - succeeded,
        "offline": offline,
        "truncated": results.ended().any(|(_, result)| copy::is_cut(result)),
        "captured": captured,
        "instances": results.all(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_declared_read_only_is_a_plain_change() {
        let declared = json!({"instances": ["i-1"], "commands": ["ps"], "read_only": true});
        assert!(check(&declared).is_ok());
        let mut undeclared = declared.clone();
        undeclared["read_only"] = false.into();
        assert!(check(&undeclared).is_ok());
        for (key, value) in [
            ("log_group", json!("g")),
            ("document", json!("AWS-RunPowerShellScript")),
            ("execution_timeout", json!("{{ inputs.time }}")),
        ] {
            let mut odd = undeclared.clone();
            odd[key] = value;
            assert_eq!(check(&odd).unwrap_err().0, key);
        }
    }

    #[test]
    fn commands_stand_where_they_are_quoted() {
        let spliced =
            json!({"document": "X", "parameters": {"commands": ["ps"]}, "read_only": true});
        assert_eq!(check(&spliced).unwrap_err().0, "parameters");
    }

    #[test]
    fn an_instance_without_an_answer_counts_as_failed() {
        let mut results = Results::new(&["i-a".into(), "i-b".into()], Vec::new(), None);
        results.set("i-a", json!({"status": "Success", "captured": {"ms": 12}}));
        let output = summarise("c", &results);
        assert_eq!(
            (&output["succeeded"], &output["failed"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(output["captured"]["ms"], json!([12]));
        assert_eq!(output["instances"]["i-b"]["status"], "TimedOut");
    }
}
