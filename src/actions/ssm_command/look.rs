//! Looks at a command, instance by instance.

use std::collections::BTreeMap;

use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationError;
use aws_sdk_ssm::types::{Command, CommandInvocationStatus as Status, CommandStatus};
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::actions::{ActionError, capture};
use crate::aws::{Aws, AwsError, Class, Pages, Quota, describe};
use crate::redaction::Redactor;

/// Systems Manager cuts an invocation's output here, and its errors at the second number.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>
const OUTPUT_LIMIT: usize = 24_000;
const ERROR_LIMIT: usize = 8_000;
/// More instances than this are listed before they are looked at one by one.
pub(super) const FEW: usize = 10;

/// The status of an instance that nothing was sent to.
pub(super) const NOT_ONLINE: &str = "NotOnline";

/// The status of an instance for which Systems Manager did not take the command.
const REFUSED: &str = "Refused";

/// What is known of each instance.
pub(super) struct Results {
    by_instance: BTreeMap<String, Option<Value>>,
    patterns: Vec<(String, Regex)>,
    plugin: Option<String>,
    /// Whether the instances are found out from the command: it was sent by tags.
    listed: bool,
    /// Whether the command as a whole has ended.
    ended: bool,
    /// How often an instance's plugin was not known yet.
    not_yet: BTreeMap<String, u32>,
}

/// After a command was sent, Systems Manager may say for a while that an instance's plugin is none of
/// the command's: it is asked again so often.
const NOT_YET: u32 = 10;

impl Results {
    pub fn new(
        instances: &[String],
        patterns: Vec<(String, Regex)>,
        plugin: Option<String>,
    ) -> Self {
        Self {
            by_instance: instances.iter().map(|id| (id.clone(), None)).collect(),
            patterns,
            plugin,
            listed: instances.is_empty(),
            ended: false,
            not_yet: BTreeMap::new(),
        }
    }

    pub fn offline(&mut self, instances: BTreeMap<String, String>) {
        self.not_sent(NOT_ONLINE, instances);
    }

    pub fn refused(&mut self, instances: BTreeMap<String, String>) {
        self.not_sent(REFUSED, instances);
    }

    fn not_sent(&mut self, status: &str, instances: BTreeMap<String, String>) {
        for (id, why) in instances {
            let result = json!({
                "status": status, "detail": why, "output": "", "error": "", "truncated": false,
            });
            self.by_instance.insert(id, Some(result));
        }
    }

    pub fn set(&mut self, instance: &str, result: Value) {
        self.by_instance.insert(instance.to_owned(), Some(result));
    }

    pub fn total(&self) -> usize {
        self.by_instance.len()
    }

    pub fn get(&self, instance: &str) -> Option<&Value> {
        self.by_instance.get(instance)?.as_ref()
    }

    pub fn ended(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.by_instance
            .iter()
            .filter_map(|(id, result)| Some((id.as_str(), result.as_ref()?)))
    }

    pub fn pending(&self) -> Vec<&str> {
        self.by_instance
            .iter()
            .filter(|(_, result)| result.is_none())
            .map(|(id, _)| id.as_str())
            .collect()
    }

    pub fn complete(&self) -> bool {
        self.pending().is_empty() && (!self.listed || self.ended)
    }

    pub fn all(&self) -> Map<String, Value> {
        let waiting = || json!({"status": "TimedOut", "detail": "no answer in time", "output": "", "error": "", "truncated": false});
        self.by_instance
            .iter()
            .map(|(id, result)| (id.clone(), result.clone().unwrap_or_else(waiting)))
            .collect()
    }

    /// Looks at every instance that has no end yet.
    pub async fn look(
        &mut self,
        aws: &Aws,
        command: &str,
        redactor: &Redactor,
    ) -> Result<(), ActionError> {
        let mut todo: Vec<String> = self.pending().iter().map(ToString::to_string).collect();
        if self.listed || todo.len() > FEW {
            let listed = match self.list(aws, command).await {
                Ok(listed) => listed,
                Err(error) if error.passes() => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            todo.retain(|id| listed.contains(id));
            todo.extend(
                listed.into_iter().filter(|id| {
                    self.listed && self.by_instance.get(id).is_none_or(Option::is_none)
                }),
            );
            todo.sort();
            todo.dedup();
        }
        for instance in todo {
            if let Some(result) = self.look_at(aws, command, &instance, redactor).await? {
                self.by_instance.insert(instance, Some(result));
            }
        }
        Ok(())
    }

    /// The instances on which the command has ended; takes note of all it was sent to.
    async fn list(&mut self, aws: &Aws, command: &str) -> Result<Vec<String>, AwsError> {
        if self.listed {
            let found = listed(aws, command).await?;
            self.ended = found.is_some_and(|command| {
                !matches!(
                    command.status(),
                    None | Some(
                        CommandStatus::Pending
                            | CommandStatus::InProgress
                            | CommandStatus::Cancelling
                    )
                )
            });
        }
        let mut ended = Vec::new();
        let mut token = None;
        let mut pages = Pages::default();
        loop {
            aws.pace(Quota::Ssm).await;
            let page = aws
                .ssm
                .list_command_invocations()
                .command_id(command)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| describe("ssm:ListCommandInvocations", &error))?;
            for invocation in page.command_invocations() {
                let id = invocation.instance_id().unwrap_or_default().to_owned();
                if self.listed {
                    self.by_instance.entry(id.clone()).or_insert(None);
                }
                if invocation.status().is_some_and(has_ended) {
                    ended.push(id);
                }
            }
            token = pages.next("ssm:ListCommandInvocations", page.next_token)?;
            if token.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Looks at one instance; `None` while it has no end.
    async fn look_at(
        &mut self,
        aws: &Aws,
        command: &str,
        instance: &str,
        redactor: &Redactor,
    ) -> Result<Option<Value>, ActionError> {
        aws.pace(Quota::Ssm).await;
        let answer = aws
            .ssm
            .get_command_invocation()
            .command_id(command)
            .instance_id(instance)
            .set_plugin_name(self.plugin.clone())
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // Right after sending, the invocation is not there yet: that is no failure.
                if error
                    .as_service_error()
                    .is_some_and(GetCommandInvocationError::is_invocation_does_not_exist)
                {
                    return Ok(None);
                }
                let unknown_plugin = error
                    .as_service_error()
                    .is_some_and(GetCommandInvocationError::is_invalid_plugin_name);
                let error = describe("ssm:GetCommandInvocation", &error);
                if unknown_plugin {
                    let times = self.not_yet.entry(instance.to_owned()).or_default();
                    *times += 1;
                    if *times <= NOT_YET {
                        return Ok(None);
                    }
                }
                // What passes is looked at again, until the attempt's time is up.
                if error.passes() {
                    return Ok(None);
                }
                // Refused credentials are looked for again for all instances.
                if error.class == Class::Credentials {
                    return Err(error.into());
                }
                return Ok(Some(unread(&error, unknown_plugin)));
            }
        };
        let Some(status) = answer.status().filter(|status| has_ended(status)) else {
            return Ok(None);
        };
        let raw = answer.standard_output_content().unwrap_or_default();
        let raw_errors = answer.standard_error_content().unwrap_or_default();
        // Before anything is taken out of it.
        let (output, errors) = (redactor.text(raw), redactor.text(raw_errors));
        let truncated =
            raw.chars().count() >= OUTPUT_LIMIT || output.contains("---Output truncated---");
        let error_truncated =
            raw_errors.chars().count() >= ERROR_LIMIT || errors.contains("---Error truncated---");
        // The details tell an instance that could not be reached from a command that failed.
        let detail = answer
            .status_details()
            .filter(|detail| !detail.is_empty())
            .unwrap_or(status.as_str());
        let mut result = json!({
            "status": status.as_str(), "detail": detail, "exit_code": answer.response_code(),
            "output": output, "error": errors, "truncated": truncated,
            "error_truncated": error_truncated,
        });
        self.capture(&mut result);
        Ok(Some(result))
    }

    /// Takes values out of an instance's output.
    pub fn capture(&self, result: &mut Value) {
        let captured = capture::values(
            &self.patterns,
            result["output"].as_str().unwrap_or_default(),
        );
        if !captured.is_empty() {
            result["captured"] = captured.into();
        }
    }
}

/// The result of an instance whose output cannot be read: it fails alone, and says why.
fn unread(error: &AwsError, unknown_plugin: bool) -> Value {
    let hint = match (unknown_plugin, error.class) {
        (true, _) => "; name a `plugin` of the document, or leave `plugin` out",
        (_, Class::AccessDenied) => "; allow ssm:GetCommandInvocation for this instance",
        (_, Class::NotFound | Class::Invalid) => {
            "; look whether the instance is still managed by Systems Manager"
        }
        _ => "",
    };
    let why = format!("{error}{hint}");
    json!({
        "status": "NotRead", "detail": why, "output": "", "error": "", "truncated": false,
        "ok": false, "reason": why,
    })
}

/// What Systems Manager keeps of a command, if it still does.
pub(super) async fn listed(aws: &Aws, command: &str) -> Result<Option<Command>, AwsError> {
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .list_commands()
        .command_id(command)
        .send()
        .await
        .map_err(|error| describe("ssm:ListCommands", &error).about(command))?;
    Ok(answer.commands.unwrap_or_default().into_iter().next())
}

fn has_ended(status: &Status) -> bool {
    !matches!(
        status,
        Status::Pending | Status::InProgress | Status::Delayed | Status::Cancelling
    )
}
