//! `logs`: messages of log groups over a window, by pattern, through FilterLogEvents.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Clusters, Context, Span, began, unchecked};
use crate::aws::describe;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use crate::redaction::Lines;

/// Messages read unless the step says otherwise; AWS gives at most 10,000 a page.
const DEFAULT_LIMIT: u64 = 10_000;
/// Patterns in the output.
const SHOWN: usize = 20;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "logs",
    about: "messages of log groups over a window, counted by pattern (logs:FilterLogEvents)",
    keys: &[
        Key::required("groups", KeyKind::TextList, "the log groups"),
        Key::optional(
            "pattern",
            KeyKind::Text,
            "a CloudWatch Logs filter pattern; everything unless given",
        ),
        Key::optional(
            "streams",
            KeyKind::Text,
            "a prefix of the log streams' names",
        ),
        Key::required("window", KeyKind::Duration, "how far to look back"),
        Key::optional(
            "limit",
            KeyKind::Integer,
            "the most messages to read; 10000 unless given",
        ),
    ],
    output: &["events", "patterns", "other", "truncated", "last"],
    prefetched: true,
    mutating: ActionKind::never,
    check: unchecked,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    groups: Vec<String>,
    pattern: Option<String>,
    streams: Option<String>,
    window: Span,
    limit: Option<u64>,
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = context.aws()?;
    let now = aws.now();
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let mut clusters = Clusters::default();
    let mut streams: HashMap<(String, String), Lines> = HashMap::new();
    let mut events = 0_u64;
    let mut last: Option<i64> = None;
    let mut truncated = false;
    for group in &request.groups {
        let mut token: Option<String> = None;
        loop {
            let page = aws
                .logs
                .filter_log_events()
                .log_group_name(group)
                .set_log_stream_name_prefix(request.streams.clone())
                .set_filter_pattern(request.pattern.clone())
                .start_time(began(now, request.window).timestamp_millis())
                .end_time(now.timestamp_millis())
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| describe("logs:FilterLogEvents", &error))?;
            for event in page.events() {
                if events >= limit {
                    truncated = true;
                    break;
                }
                let at = event.timestamp().unwrap_or_default();
                // Each stream for itself: a key that was logged line by line stays masked to its end.
                let stream = event.log_stream_name().unwrap_or_default();
                let lines = streams
                    .entry((group.clone(), stream.to_owned()))
                    .or_insert_with(|| context.redactor.lines());
                clusters.add(at, &lines.next(event.message().unwrap_or_default()));
                last = last.max(Some(at));
                events += 1;
            }
            // A page can be empty and still not the last: only a missing token ends the search.
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() || truncated {
                break;
            }
        }
    }
    let (patterns, other) = clusters.finish();
    let patterns: Vec<Value> = patterns
        .into_iter()
        .take(SHOWN)
        .map(|cluster| {
            json!({
                "pattern": cluster.pattern, "count": cluster.count, "sample": cluster.sample,
                "first": time(cluster.first), "last": time(cluster.last),
            })
        })
        .collect();
    let mut output =
        json!({"events": events, "patterns": patterns, "other": other, "truncated": truncated});
    if let Some(last) = last {
        output["last"] = time(last);
    }
    Ok(output)
}

fn time(millis: i64) -> Value {
    chrono::DateTime::from_timestamp_millis(millis).map_or(Value::Null, |time| {
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
            .into()
    })
}
