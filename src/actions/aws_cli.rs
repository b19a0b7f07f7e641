//! `aws`: a read of any AWS service through the `aws` command line, JSON in and out.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::programs::{Invocation, aws_environment};
use super::read_only::{is_billed, is_read, loaded, permission};
use super::{ActionError, Context};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "aws",
    about: "a read of any AWS service through the `aws` command line; the output is the service's answer; reads that are billed, such as those of Cost Explorer and a scan of a table, run ahead only with `prefetch = true`",
    keys: &[
        Key::required(
            "service",
            KeyKind::Text,
            "the service, as the AWS CLI names it",
        ),
        Key::required(
            "operation",
            KeyKind::Text,
            "the operation, as the AWS CLI names it, such as describe-instances",
        ),
        Key::optional(
            "input",
            KeyKind::Json,
            "the request, with the API's own field names",
        ),
    ],
    output: &[],
    prefetched: |parameters| {
        let text = |key: &str| parameters[key].as_str().unwrap_or_default();
        !is_billed(text("service"), text("operation"))
    },
    mutating: ActionKind::never,
    permissions: |parameters| {
        let text = |key: &str| parameters[key].as_str().unwrap_or_default();
        vec![permission(text("service"), text("operation"))]
    },
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let word = |key: &'static str| {
        let text = parameters[key].as_str().unwrap_or_default();
        let plain = !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if plain {
            Ok(text)
        } else {
            Err((
                key,
                format!(
                    "{text:?} is not a name of the AWS CLI; write it in full, in lower case, without {{{{ }}}}"
                ),
            ))
        }
    };
    let (service, operation) = (word("service")?, word("operation")?);
    if !is_read(service, operation) {
        return Err((
            "operation",
            format!(
                "`aws {service} {operation}` is not a read; to change the system, write `run.ssm_automation` with a Systems Manager Automation, or make it a manual step"
            ),
        ));
    }
    if let Some((key, why)) = loaded(&parameters["input"]) {
        return Err(("input", format!("{key}: {why}; leave it out")));
    }
    if parameters
        .get("input")
        .is_some_and(|input| !input.is_object())
    {
        return Err((
            "input",
            "the request is a table, such as { DBInstanceIdentifier = \"…\" }".into(),
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    service: String,
    operation: String,
    #[serde(default)]
    input: serde_json::Map<String, Value>,
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    if !is_read(&request.service, &request.operation) {
        return Err(ActionError::failed(format!(
            "`aws {} {}` is not a read",
            request.service, request.operation
        )));
    }
    if let Some((key, why)) = loaded(&Value::Object(request.input.clone())) {
        return Err(ActionError::failed(format!(
            "{key}: {why}; it was not asked for"
        )));
    }
    let aws = &context.aws().await?;
    ask(
        context,
        aws,
        &request.service,
        &request.operation,
        Value::Object(request.input),
    )
    .await
}

/// Asks with an input whose keys load nothing; the operation is one that reads.
pub(super) async fn ask(
    context: &Context,
    aws: &crate::aws::Aws,
    service: &str,
    operation: &str,
    input: Value,
) -> Result<Value, ActionError> {
    let mut argv: Vec<String> = [
        "aws",
        service,
        operation,
        "--output",
        "json",
        "--region",
        &aws.region,
    ]
    .map(str::to_owned)
    .into();
    if input.as_object().is_some_and(|input| !input.is_empty()) {
        // The CLI reads a file only where the whole value begins with file://; this begins with {.
        argv.extend(["--cli-input-json".into(), input.to_string()]);
    }
    let mut environment = aws_environment();
    // It is given the credentials: it would look for them itself, once for each call, and might ask.
    let keys = aws.for_programs().await;
    environment.extend(keys.map_err(|error| ActionError::failed(error.to_string()))?);
    environment.remove("AWS_DEFAULT_PROFILE");
    if !aws.profile.is_empty() {
        environment.insert("AWS_PROFILE".into(), aws.profile.clone());
    }
    let finished = context
        .programs
        .run(Invocation { argv, environment })
        .await
        .map_err(|error| ActionError::failed(error.to_string()))?;
    if finished.exit_code != Some(0) {
        let finished = finished.masked(&context.redactor);
        let said = finished
            .stderr
            .trim()
            .lines()
            .last()
            .unwrap_or("it said nothing")
            .to_owned();
        let missing = is_missing(&said);
        let failed = ActionError::failed(format!(
            "`aws {} {}` ended with {}: {said}",
            service,
            operation,
            finished.ending()
        ));
        return Err(ActionError { missing, ..failed }.with(json!({"error": finished.stderr})));
    }
    if finished.truncated {
        return Err(ActionError::failed(format!(
            "`aws {} {}` answered more than {} KiB; narrow it down in `input`",
            service,
            operation,
            super::programs::OUTPUT_LIMIT / 1024
        )));
    }
    if finished.stdout.trim().is_empty() {
        return Ok(json!({}));
    }
    let mut answer = serde_json::from_str(&finished.stdout).map_err(|error| {
        ActionError::failed(format!(
            "`aws {service} {operation}` did not answer JSON: {error}"
        ))
    })?;
    context.redactor.json(&mut answer);
    in_utc(&mut answer);
    Ok(answer)
}

/// Whether the AWS CLI says that what it asked about does not exist: `An error occurred
/// (DBInstanceNotFound) when calling …`.
fn is_missing(said: &str) -> bool {
    let code = said
        .split_once("An error occurred (")
        .and_then(|(_, rest)| rest.split(')').next());
    code.is_some_and(|code| {
        ["NotFound", "NoSuch", "DoesNotExist", "NonExistent"]
            .iter()
            .any(|word| code.contains(word))
    })
}

/// Ends of the names of fields that hold a point in time.
const TIMES: [&str; 5] = ["Time", "Date", "At", "Timestamp", "Modified"];
/// The seconds since 1970 that are taken for a point in time: those of the years 2000 to 2100.
const SECONDS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// Gives points in time one form, RFC 3339 in UTC. Version 1 of the AWS CLI prints those of some
/// services as seconds since 1970, version 2 prints all of them as texts in the zone of the host.
fn in_utc(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_utc),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_time = TIMES
                    .iter()
                    .any(|end| name.ends_with(end) || name.eq_ignore_ascii_case(end));
                match time(value).filter(|_| is_time) {
                    Some(time) => {
                        *value = time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
                    }
                    None => in_utc(value),
                }
            }
        }
        _ => {}
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
        Value::Number(number) => {
            let seconds = number
                .as_f64()
                .filter(|seconds| SECONDS.contains(seconds))?;
            #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
            DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_told_from_what_fails() {
        for (said, missing) in [
            (
                "An error occurred (DBInstanceNotFound) when calling the DescribeDBInstances operation: DBInstance x not found.",
                true,
            ),
            (
                "An error occurred (InvalidInstanceID.NotFound) when calling the DescribeInstances operation: x",
                true,
            ),
            (
                "An error occurred (NoSuchBucket) when calling the ListObjects operation: x",
                true,
            ),
            (
                "An error occurred (ThrottlingException) when calling the X operation: the queue was not found",
                false,
            ),
            ("Unable to locate credentials", false),
        ] {
            assert_eq!(is_missing(said), missing, "{said}");
        }
    }

    #[test]
    fn both_versions_of_the_aws_cli_tell_the_same_time() {
        let mut first = json!({"Executions": [
            {"startDate": 1_615_593_755.796, "stopDate": 1_615_593_756, "name": "x"},
        ], "LastModifiedDate": "2021-03-13T00:02:35.000Z", "firstEventTimestamp": 1_615_593_755_796_i64});
        let mut second = json!({"Executions": [
            {"startDate": "2021-03-12T16:02:35.796000-08:00", "stopDate": "2021-03-13T01:02:36+01:00", "name": "x"},
        ], "LastModifiedDate": "2021-03-13T00:02:35+00:00", "firstEventTimestamp": 1_615_593_755_796_i64});
        in_utc(&mut first);
        in_utc(&mut second);
        assert_eq!(first, second);
        assert_eq!(
            first["Executions"][0]["startDate"],
            "2021-03-13T00:02:35.796Z"
        );
        let mut other =
            json!({"Format": 1_615_593_755, "Timeout": 30, "LaunchTime": "soon", "uptime": 5});
        let before = other.clone();
        in_utc(&mut other);
        assert_eq!(other, before);
    }

    #[test]
    fn a_write_is_refused_when_the_playbook_loads() {
        let (key, reason) =
            check(&json!({"service": "ec2", "operation": "reboot-instances"})).unwrap_err();
        assert_eq!(key, "operation");
        assert!(reason.contains("Systems Manager"), "{reason}");
    }

    #[test]
    fn an_operation_cannot_smuggle_an_option() {
        for operation in ["--endpoint-url", "describe-x --y", "", "{{ inputs.x }}"] {
            assert!(
                check(&json!({"service": "ec2", "operation": operation})).is_err(),
                "{operation}"
            );
        }
    }
}
