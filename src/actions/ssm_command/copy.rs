//! Reads output that Run Command cut from its copy in CloudWatch Logs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::look::Results;
use crate::actions::Context;
use crate::aws::{Aws, Quota};

/// The agent uploads every thirty seconds, and at the end.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>
const EVERY: Duration = Duration::from_secs(3);
/// The most that is kept of a copy, in bytes.
const MOST: usize = 1024 * 1024;

/// Completes the outputs that were cut, as far as the copy has come before the deadline.
pub(super) async fn complete(
    aws: &Aws,
    group: &str,
    command: &str,
    results: &mut Results,
    context: &Context,
) {
    let cut: Vec<String> = results
        .ended()
        .filter(|(_, result)| result["truncated"] == true)
        .map(|(id, _)| id.to_owned())
        .collect();
    let every = EVERY.div_f64(context.speed);
    for instance in cut {
        loop {
            let had = results
                .ended()
                .find(|(id, _)| *id == instance)
                .map(|(_, result)| result.clone());
            let Some(mut result) = had else { break };
            let known = result["output"].as_str().unwrap_or_default().len();
            if let Some(text) = read(aws, group, command, &instance).await
                && text.len() > known
            {
                result["truncated"] = (text.len() >= MOST).into();
                result["output"] = context.redactor.text(&text).into();
                result["copied_from"] = group.into();
                results.capture(&mut result);
                results.set(&instance, result);
                break;
            }
            if Instant::now() + every * 2 >= context.deadline {
                break;
            }
            sleep(every).await;
        }
    }
}

/// The copy of an instance's standard output; `None` while it cannot be had.
async fn read(aws: &Aws, group: &str, command: &str, instance: &str) -> Option<String> {
    let mut text = String::new();
    let mut token = None;
    loop {
        aws.pace(Quota::FilterLogEvents).await;
        let page = aws
            .logs
            .filter_log_events()
            .log_group_name(group)
            .log_stream_name_prefix(format!("{command}/{instance}/"))
            .set_next_token(token)
            .send()
            .await
            .ok()?;
        for event in page.events() {
            let stdout = event
                .log_stream_name()
                .is_some_and(|stream| stream.ends_with("/stdout"));
            if stdout && text.len() < MOST {
                text.push_str(event.message().unwrap_or_default());
                text.push('\n');
            }
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() || text.len() >= MOST {
            return Some(text);
        }
    }
}
