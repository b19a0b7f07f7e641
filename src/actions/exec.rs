//! `exec`: a local program, started without a shell.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::programs::{Invocation, base_environment};
use super::{ActionError, Context, capture};
use crate::aws::{Quota, describe};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind, SecretSource};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "exec",
    about: "a local program, by argument vector; it runs ahead only with `prefetch = true`",
    keys: &[
        Key::required(
            "command",
            KeyKind::TextList,
            "the program and its arguments",
        ),
        Key::optional(
            "environment",
            KeyKind::Environment,
            "variables for it, beside PATH, HOME, LANG, LC_ALL, TZ and TERM; a secret is written {{ secrets.NAME }}",
        ),
        Key::optional(
            "capture",
            KeyKind::TextMap,
            "regular expressions with one group; their values stand in `captured`",
        ),
        Key::optional(
            "exit_codes",
            KeyKind::Json,
            "exit codes that are no failure; [0] unless given",
        ),
    ],
    output: &[
        "exit_code",
        "output",
        "error",
        "lines",
        "json",
        "captured",
        "truncated",
    ],
    prefetched: ActionKind::never,
    mutating: ActionKind::never,
    permissions: ActionKind::unpermitted,
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let program = parameters["command"]
        .get(0)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if program.is_empty() {
        return Err((
            "command",
            "name a program: command = [\"curl\", \"--head\", \"…\"]".into(),
        ));
    }
    if program.contains("{{") {
        return Err((
            "command",
            "the program itself cannot come from a value".into(),
        ));
    }
    capture::check(parameters)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, Variable>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    #[serde(default = "zero")]
    exit_codes: Vec<i32>,
}

/// A variable's value, or the name of the secret that it holds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Variable {
    Text(String),
    Secret { secret: String },
}

/// Reads a secret, at the moment it is needed.
async fn reveal(name: &str, context: &Context) -> Result<String, ActionError> {
    let source = context
        .secrets
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, source)| source)
        .ok_or_else(|| ActionError::failed(format!("there is no secret `{name}`")))?;
    let failed = |why: String| ActionError::failed(format!("the secret `{name}`: {why}"));
    // A file can be on a disk that does not answer.
    let (programs, asked) = (Arc::clone(&context.programs), source.clone());
    let kept_here = tokio::task::spawn_blocking(move || programs.secret(&asked)).await;
    if let Some(kept_here) = kept_here.map_err(|error| failed(error.to_string()))? {
        return kept_here.map_err(failed);
    }
    let SecretSource::Ssm(parameter) = source else {
        return Err(failed("nobody keeps it".into()));
    };
    let aws = context.aws().await?;
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .get_parameter()
        .name(parameter)
        .with_decryption(true)
        .send()
        .await
        .map_err(|error| {
            let error = describe("ssm:GetParameter", &error);
            let message = format!("the secret `{name}`: {error}");
            ActionError {
                message,
                ..ActionError::from(error)
            }
        })?;
    answer
        .parameter
        .and_then(|parameter| parameter.value)
        .ok_or_else(|| failed(format!("{parameter} has no value")))
}

fn zero() -> Vec<i32> {
    vec![0]
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let patterns = capture::compile(&request.capture).map_err(ActionError::failed)?;
    let mut environment = base_environment();
    let mut revealed = Vec::new();
    for (name, variable) in request.environment {
        let value = match variable {
            Variable::Text(text) => text,
            Variable::Secret { secret } => {
                let value = reveal(&secret, context).await?;
                revealed.push(value.clone());
                value
            }
        };
        environment.insert(name, value);
    }
    // What the program says of it is masked, whatever it looks like.
    let redactor = context.redactor.hiding(&revealed).map_err(|_| {
        ActionError::failed("a secret is too long to be recognised in the output; nothing was run")
    })?;
    let program = request.command.first().cloned().unwrap_or_default();
    // A line alone may be the middle of a key: what was told a secret is not shown before its end.
    let told = |line: &str| {
        if revealed.is_empty() {
            context.remotes.line(&context.run, &redactor.text(line));
        }
    };
    let invocation = Invocation {
        argv: request.command,
        environment,
    };
    let finished = context
        .programs
        .follow(invocation, &told)
        .await
        .map_err(|error| ActionError::failed(error.to_string()))?;
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let json = read(&finished.stdout).filter(|_| revealed.is_empty());
    // Before anything is taken out of it.
    let finished = finished.masked(&redactor);
    // A number can hold a secret, in digits that are no text any more: what was told one is read
    // only after it was masked.
    let json = json.or_else(|| read(&finished.stdout));
    let mut output = json!({
        "exit_code": finished.exit_code, "output": finished.stdout, "error": finished.stderr,
        "lines": finished.stdout.lines().count(), "truncated": finished.truncated,
        "captured": capture::values(&patterns, &finished.stdout),
    });
    if let Some(mut json) = json {
        redactor.json(&mut json);
        output["json"] = json;
    }
    if finished
        .exit_code
        .is_some_and(|code| request.exit_codes.contains(&code))
    {
        return Ok(output);
    }
    let said = finished
        .stderr
        .trim()
        .lines()
        .last()
        .map(|line| format!(": {line}"))
        .unwrap_or_default();
    Err(
        ActionError::failed(format!("{program} ended with {}{said}", finished.ending()))
            .with(output),
    )
}
