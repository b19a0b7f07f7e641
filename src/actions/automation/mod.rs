//! `ssm_automation`: a Systems Manager Automation. Everything that changes the system is one.

mod account;
mod follow;
mod start;
mod survey;
mod targets;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::incident::Remote;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use crate::redaction::is_secret;

pub use account::{Outcome, Published, publish, published, same};
pub use follow::{follow, signal, stop};
pub use start::{Looked, Started, Turn, look_up, start, tag};
pub use survey::{
    Otherwise, Reviewed, Standards, is_quiet, is_still_open, still_fires, survey, unchanged,
};

/// The operations of Systems Manager without which no change is sent: it is compared with what was
/// shown, and started.
pub const SENDING: [&str; 3] = [
    "DescribeDocument",
    "GetDocument",
    "StartAutomationExecution",
];

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "ssm_automation",
    about: "a Systems Manager Automation (ssm:StartAutomationExecution, ssm:GetAutomationExecution, ssm:DescribeAutomationExecutions, ssm:StopAutomationExecution, iam:PassRole); it changes the system unless declared read-only",
    keys: &[
        Key::required("document", KeyKind::Text, "the Automation runbook"),
        Key::optional(
            "version",
            KeyKind::Text,
            "the document's version, a number; the default version unless given",
        ),
        Key::optional(
            "parameters",
            KeyKind::Json,
            "the document's parameters by name, each a text or a list of texts",
        ),
        Key::optional(
            "target_parameter",
            KeyKind::Text,
            "the parameter that names what is changed; to approve it, its value is typed, or how many there are",
        ),
        Key::optional(
            "targets",
            KeyKind::Json,
            "what is changed, where the parameter does not name it: one of { tags = { Role = \"web\" } }, { resource_group = \"…\" }, { auto_scaling_group = \"…\" }, { ids = [\"…\"] }",
        ),
        Key::optional(
            "among",
            KeyKind::Json,
            "what the targets are a part of, written like `targets`; the share of it is said and limited",
        ),
        Key::optional(
            "alarm",
            KeyKind::Text,
            "an alarm that stops the change when it fires; not the incident's own",
        ),
        Key::optional(
            "hash",
            KeyKind::Text,
            "the SHA-256 of the reviewed document, in hex: another one is refused",
        ),
        Key::optional(
            "read_only",
            KeyKind::Boolean,
            "a declaration that it changes nothing",
        ),
    ],
    output: &[
        "execution_id",
        "status",
        "document",
        "version",
        "outputs",
        "steps",
        "failure",
        "children",
        "ended",
        "before",
        "after",
        "verified",
    ],
    prefetched: ActionKind::never,
    mutating: |parameters| parameters["read_only"] != Value::Bool(true),
    permissions: |parameters| {
        let mut all: Vec<String> = [
            "ssm:StartAutomationExecution",
            "ssm:GetAutomationExecution",
            "ssm:DescribeAutomationExecutions",
            "ssm:StopAutomationExecution",
        ]
        .map(str::to_owned)
        .into();
        if parameters["read_only"] != Value::Bool(true) {
            all.extend(["ssm:DescribeDocument", "ssm:GetDocument"].map(str::to_owned));
            all.push("ssm:DescribeInstanceInformation".into());
            all.push("iam:PassRole".into());
            for key in ["targets", "among"] {
                all.extend(
                    ["tags", "resource_group", "auto_scaling_group"]
                        .into_iter()
                        .filter(|way| parameters[key].get(way).is_some())
                        .map(|way| {
                            match way {
                                "tags" => "ec2:DescribeInstances",
                                "resource_group" => "resource-groups:ListGroupResources",
                                _ => "autoscaling:DescribeAutoScalingGroups",
                            }
                            .to_owned()
                        }),
                );
            }
            if parameters.get("alarm").is_some() {
                all.push("cloudwatch:DescribeAlarms".into());
            }
        }
        all
    },
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let document = parameters["document"].as_str().unwrap_or_default();
    if document.contains("{{") {
        let reason =
            "the document itself cannot come from a value: what runs is fixed in the playbook";
        return Err(("document", reason.into()));
    }
    if let Some(version) = parameters["version"].as_str() {
        let number = !version.is_empty() && version.chars().all(|c| c.is_ascii_digit());
        if !number && version != "$DEFAULT" && version != "$LATEST" {
            return Err((
                "version",
                "a version is a number such as \"3\", $DEFAULT or $LATEST".into(),
            ));
        }
    }
    let given = &parameters["parameters"];
    if !given.is_null() && !given.is_object() {
        return Err((
            "parameters",
            "parameters are a table, such as { InstanceId = [\"…\"] }".into(),
        ));
    }
    let secret = given
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, _)| is_secret(name));
    if let Some((name, _)) = secret {
        return Err((
            "parameters",
            format!(
                "{name:?} names a secret, which would be written into the journal; let the document read it, for example from Parameter Store"
            ),
        ));
    }
    let changes = parameters["read_only"] != Value::Bool(true);
    for key in ["targets", "among"] {
        let Some(selector) = parameters.get(key) else {
            continue;
        };
        if !changes {
            return Err((key, "it belongs to a change, and this one reads".into()));
        }
        // One expression may stand for a list of ids: it is looked at once it is filled in.
        let mut written = selector.clone();
        if let Some(Value::String(_)) = written.get("ids") {
            written["ids"] = Value::Array(Vec::new());
        }
        if serde_json::from_value::<targets::Selector>(written).is_err() {
            return Err((key, "write one of { tags = { Role = \"web\" } }, { resource_group = \"…\" }, { auto_scaling_group = \"…\" }, { ids = [\"…\"] }".into()));
        }
    }
    if parameters.get("targets").is_some() && parameters.get("target_parameter").is_none() {
        return Err((
            "targets",
            "say with `target_parameter` which of the document's parameters takes them".into(),
        ));
    }
    if let Some(name) = parameters["target_parameter"].as_str()
        && given.get(name).is_none()
        && parameters.get("targets").is_none()
    {
        return Err(("target_parameter", format!("`parameters` has no {name:?}")));
    }
    Ok(())
}

/// The parameters, filled in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    document: String,
    version: Option<String>,
    #[serde(default)]
    parameters: serde_json::Map<String, Value>,
    target_parameter: Option<String>,
    targets: Option<targets::Selector>,
    among: Option<targets::Selector>,
    alarm: Option<String>,
    hash: Option<String>,
    #[serde(default)]
    read_only: bool,
}

impl Request {
    /// The parameters as Systems Manager takes them: lists of texts.
    fn lists(&self) -> Result<HashMap<String, Vec<String>>, ActionError> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.parameters
            .iter()
            .map(|(name, value)| {
                let list: Vec<String> = match value {
                    Value::Array(items) => items.iter().map(text).collect(),
                    one => vec![text(one)],
                };
                // Systems Manager itself fills in {{ssm:NAME}} and the like.
                if list.iter().any(|value| value.contains("{{")) {
                    return Err(ActionError::failed(format!(
                        "the parameter {name} holds {{{{, which Systems Manager would expand; it was not sent"
                    )));
                }
                Ok((name.clone(), list))
            })
            .collect()
    }
}

/// Runs an Automation that is declared read-only, or goes on with one.
pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    if !request.read_only {
        return Err(ActionError::failed(
            "a change is not made without an approval",
        ));
    }
    let aws = &context.aws().await?;
    let known = context.remotes.known(&context.run);
    let id = if let Some(Remote::Automation(id)) = known {
        id.clone()
    } else {
        let id = start::read_only(aws, &request, Uuid::new_v4()).await?;
        let remote = Remote::Automation(id.clone());
        context.remotes.identified(&context.run, remote);
        id
    };
    let steps = |lines: Vec<String>| context.remotes.progress(lines);
    follow(
        aws,
        &id,
        context.speed,
        Some(context.deadline),
        &context.redactor,
        (&steps, &|_| {}),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_changes_the_system_unless_it_is_declared_not_to() {
        assert!((KIND.mutating)(&json!({"document": "D"})));
        assert!((KIND.mutating)(
            &json!({"document": "D", "read_only": false})
        ));
        assert!(!(KIND.mutating)(
            &json!({"document": "D", "read_only": true})
        ));
    }

    #[test]
    fn what_runs_is_fixed_in_the_playbook() {
        assert_eq!(
            check(&json!({"document": "{{ inputs.x }}"})).unwrap_err().0,
            "document"
        );
        assert_eq!(
            check(&json!({"document": "D", "version": "latest"}))
                .unwrap_err()
                .0,
            "version"
        );
        assert_eq!(
            check(&json!({"document": "D", "target_parameter": "X", "parameters": {}}))
                .unwrap_err()
                .0,
            "target_parameter"
        );
        assert!(check(&json!({"document": "D", "version": "3", "target_parameter": "X", "parameters": {"X": "1"}})).is_ok());
    }

    #[test]
    fn a_value_that_systems_manager_would_expand_is_refused() {
        let request: Request = serde_json::from_value(
            json!({"document": "D", "parameters": {"A": ["{{ssm:secret}}"]}}),
        )
        .unwrap();
        assert!(request.lists().is_err());
        let request: Request = serde_json::from_value(
            json!({"document": "D", "parameters": {"A": "x", "B": [1, "y"]}}),
        )
        .unwrap();
        let lists = request.lists().unwrap();
        assert_eq!(
            (&lists["A"], &lists["B"]),
            (&vec!["x".to_owned()], &vec!["1".to_owned(), "y".to_owned()])
        );
    }
}
