//! Reads output that Run Command cut from its copy in CloudWatch Logs.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::look::Results;
use crate::actions::Context;
use crate::aws::{Aws, AwsError, LogGroup, Pages, Quota, describe};

/// The agent uploads every thirty seconds, and at the end.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>
const EVERY: Duration = Duration::from_secs(3);
/// The most that is kept of a copy, in bytes.
const MOST: usize = 1024 * 1024;

/// Whether Run Command cut what an instance wrote.
pub(super) fn is_cut(result: &Value) -> bool {
    result["truncated"] == true || result["error_truncated"] == true
}

/// Completes the outputs that were cut, as far as the copy has come before the deadline. Where it
/// has not, or cannot be read, the instance's result says so under `copy`.
pub(super) async fn complete(
    aws: &Aws,
    group: &str,
    command: &str,
    results: &mut Results,
    context: &Context,
) {
    let cut: Vec<String> = results
        .ended()
        .filter(|(_, result)| is_cut(result))
        .map(|(id, _)| id.to_owned())
        .collect();
    let every = EVERY.div_f64(context.speed);
    for instance in cut {
        let Some(mut result) = results.get(&instance).cloned() else {
            continue;
        };
        let why = loop {
            let why = match read(aws, group, command, &instance).await {
                Ok(copy) => {
                    let mask = |text: &str| context.redactor.text(text).into_owned();
                    let output = put(&mut result, ("output", "truncated"), &copy.output, mask);
                    let errors = put(
                        &mut result,
                        ("error", "error_truncated"),
                        &copy.errors,
                        mask,
                    );
                    if output && errors {
                        break None;
                    }
                    "it had not come when the time was up".to_owned()
                }
                Err(error) if error.passes() => error.to_string(),
                Err(error) => break Some(error.to_string()),
            };
            if Instant::now() + every * 2 >= context.deadline {
                break Some(why);
            }
            sleep(every).await;
        };
        result["copy"] = match why {
            None => format!("from the log group {group}"),
            Some(why) => format!("not from the log group {group}: {why}"),
        }
        .into();
        results.capture(&mut result);
        results.set(&instance, result);
    }
}

/// Puts a copied text in the place of a cut one; tells whether there is nothing left to wait for.
fn put(
    result: &mut Value,
    (text, cut): (&str, &str),
    copied: &str,
    mask: impl Fn(&str) -> String,
) -> bool {
    if result[cut] != true {
        return true;
    }
    let whole = copied.len() > result[text].as_str().unwrap_or_default().len();
    if whole {
        result[text] = mask(copied).into();
        // Of a copy that is too long a part is kept, and that is said.
        result[cut] = (copied.len() >= MOST).into();
    }
    whole
}

/// What the log group has of an instance's two streams.
#[derive(Default)]
struct Copy {
    output: String,
    errors: String,
}

async fn read(aws: &Aws, group: &str, command: &str, instance: &str) -> Result<Copy, AwsError> {
    let named = LogGroup::of(group);
    let mut copy = Copy::default();
    let mut token = None;
    let mut pages = Pages::default();
    loop {
        aws.pace(Quota::FilterLogEvents).await;
        let page = aws
            .logs
            .filter_log_events()
            .set_log_group_name(named.by_name())
            .set_log_group_identifier(named.identifier.clone())
            .log_stream_name_prefix(format!("{command}/{instance}/"))
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("logs:FilterLogEvents", &error).about(group))?;
        for event in page.events() {
            let stream = event.log_stream_name().unwrap_or_default();
            let text = if stream.ends_with("/stdout") {
                &mut copy.output
            } else if stream.ends_with("/stderr") {
                &mut copy.errors
            } else {
                continue;
            };
            if text.len() < MOST {
                text.push_str(event.message().unwrap_or_default());
                text.push('\n');
            }
        }
        token = pages.next("logs:FilterLogEvents", page.next_token)?;
        let enough = copy.output.len() >= MOST && copy.errors.len() >= MOST;
        if token.is_none() || enough {
            return Ok(copy);
        }
    }
}
