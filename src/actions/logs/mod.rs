//! `logs`: messages of log groups over a window, by pattern, through FilterLogEvents.

mod clusters;
mod fields;
mod shapes;
mod tail;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{ActionError, Context, Span};
use crate::aws::{Aws, AwsError, Pages, Quota, describe};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use crate::redaction::Lines;
pub use clusters::{Cluster, Clusters, Grouped};
use fields::Fields;
pub use shapes::is_of_pattern;
pub use tail::Tailing;

/// Messages read unless the step says otherwise; AWS gives at most 10,000 a page.
const DEFAULT_LIMIT: u64 = 10_000;
/// Patterns in the output.
const SHOWN: usize = 20;
/// From one look to the next while following.
const EVERY: Duration = Duration::from_secs(5);
/// Messages can arrive late: each look goes back so far, in milliseconds.
const LATE: i64 = 60_000;

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
            KeyKind::TextList,
            "the log streams, by name; all unless given",
        ),
        Key::optional(
            "stream_prefix",
            KeyKind::Text,
            "what the log streams' names begin with",
        ),
        Key::required("window", KeyKind::Duration, "how far to look back"),
        Key::optional(
            "follow",
            KeyKind::Duration,
            "then go on looking for new messages for so long, within the step's time-out",
        ),
        Key::optional(
            "fields",
            KeyKind::TextList,
            "fields of JSON messages to count by value, such as \"level\" or \"http.status\"",
        ),
        Key::optional(
            "limit",
            KeyKind::Integer,
            "the most messages to read; 10000 unless given",
        ),
    ],
    output: &[
        "events",
        "messages",
        "patterns",
        "other",
        "truncated",
        "first",
        "last",
        "age",
        "fields",
        "json",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: |_| vec!["logs:FilterLogEvents".into()],
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    if parameters.get("streams").is_some() && parameters.get("stream_prefix").is_some() {
        return Err((
            "stream_prefix",
            "AWS takes `streams` or `stream_prefix`, not both".into(),
        ));
    }
    if parameters["streams"]
        .as_array()
        .is_some_and(|all| all.len() > 100)
    {
        return Err(("streams", "AWS takes at most 100 streams".into()));
    }
    if parameters["groups"].as_array().is_some_and(Vec::is_empty) {
        return Err(("groups", "name at least one log group".into()));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    groups: Vec<String>,
    pattern: Option<String>,
    #[serde(default)]
    streams: Vec<String>,
    stream_prefix: Option<String>,
    window: Span,
    follow: Option<Span>,
    #[serde(default)]
    fields: Vec<String>,
    limit: Option<u64>,
}

impl Request {
    /// Asks for a page of a group's messages between two times, in epoch milliseconds.
    async fn page(
        &self,
        aws: &Aws,
        group: &str,
        (from, to): (i64, i64),
        token: Option<String>,
    ) -> Result<FilterLogEventsOutput, AwsError> {
        aws.pace(Quota::FilterLogEvents).await;
        aws.logs
            .filter_log_events()
            .log_group_name(group)
            .set_log_stream_names((!self.streams.is_empty()).then(|| self.streams.clone()))
            .set_log_stream_name_prefix(self.stream_prefix.clone())
            .set_filter_pattern(self.pattern.clone())
            .start_time(from)
            .end_time(to)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("logs:FilterLogEvents", &error).about(group))
    }
}

/// What has been read so far.
struct Reader {
    clusters: Clusters,
    fields: Fields,
    streams: HashMap<String, Lines>,
    /// Following sees messages more than once.
    seen: HashSet<String>,
    following: bool,
    events: u64,
    first: Option<i64>,
    last: Option<i64>,
    limit: u64,
    truncated: bool,
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = &context.aws().await?;
    let mut reader = Reader {
        clusters: Clusters::default(),
        fields: Fields::new(&request.fields),
        streams: HashMap::new(),
        seen: HashSet::new(),
        following: request.follow.is_some(),
        events: 0,
        first: None,
        last: None,
        limit: request.limit.unwrap_or(DEFAULT_LIMIT),
        truncated: false,
    };
    let now = aws.now();
    let from = context.from(now, request.window).timestamp_millis();
    let mut read = now.timestamp_millis();
    look(aws, &request, context, &mut reader, from).await?;
    if let Some(follow) = request.follow {
        // Something is kept back to say what was found.
        let until = (Instant::now() + follow.0).min(
            context
                .deadline
                .checked_sub(Duration::from_millis(500))
                .unwrap_or(context.deadline),
        );
        let every = EVERY.div_f64(context.speed);
        while Instant::now() + every < until && !reader.truncated {
            context
                .remotes
                .progress(vec![format!("{} events so far, following", reader.events)]);
            sleep(every).await;
            let began = aws.now().timestamp_millis();
            match look(aws, &request, context, &mut reader, from.max(read - LATE)).await {
                Ok(()) => read = began,
                // The next look goes back as far as this one did.
                Err(error) if error.passes() => {
                    context.remotes.progress(vec![error.to_string()]);
                }
                Err(error) => {
                    let found = reader.output(aws.now().timestamp_millis());
                    return Err(ActionError::from(error).with(found));
                }
            }
        }
    }
    Ok(reader.output(aws.now().timestamp_millis()))
}

async fn look(
    aws: &Aws,
    request: &Request,
    context: &Context,
    reader: &mut Reader,
    from: i64,
) -> Result<(), AwsError> {
    let to = aws.now().timestamp_millis();
    for group in &request.groups {
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            let page = request.page(aws, group, (from, to), token).await?;
            for event in page.events() {
                let id = event.event_id().unwrap_or_default();
                if reader.following && !id.is_empty() && !reader.seen.insert(id.to_owned()) {
                    continue;
                }
                if reader.events >= reader.limit {
                    reader.truncated = true;
                    break;
                }
                // Each stream for itself: a key that was logged line by line stays masked to its end.
                let stream = format!("{group} {}", event.log_stream_name().unwrap_or_default());
                let lines = reader
                    .streams
                    .entry(stream.clone())
                    .or_insert_with(|| context.redactor.lines());
                let text = lines.next(event.message().unwrap_or_default());
                reader.take(&stream, event.timestamp().unwrap_or_default(), &text);
            }
            // A page can be empty and still not the last: only a missing token ends the search.
            token = pages.next("logs:FilterLogEvents", page.next_token)?;
            if token.is_none() || reader.truncated {
                break;
            }
        }
    }
    Ok(())
}

impl Reader {
    fn take(&mut self, stream: &str, at: i64, text: &str) {
        self.clusters.add(stream, at, text);
        self.fields.add(text);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
        self.events += 1;
    }

    fn output(self, now: i64) -> Value {
        let grouped = self.clusters.finish();
        let patterns: Vec<Value> = grouped
            .clusters
            .into_iter()
            .take(SHOWN)
            .map(|cluster| {
                json!({
                    "name": cluster.name, "pattern": cluster.pattern, "count": cluster.count,
                    "sample": cluster.sample, "first": time(cluster.first), "last": time(cluster.last),
                })
            })
            .collect();
        let mut output = json!({
            "events": self.events, "messages": grouped.messages, "patterns": patterns,
            "other": grouped.other, "truncated": self.truncated,
        });
        if let Some(first) = self.first {
            output["first"] = time(first);
        }
        // The oldest come first: of what was not read to its end the last is not known.
        if let Some(last) = self.last.filter(|_| !self.truncated) {
            output["last"] = time(last);
            output["age"] = ((now - last).max(0) / 1000).into();
        }
        self.fields.describe(&mut output);
        output
    }
}

pub(super) fn time(millis: i64) -> Value {
    chrono::DateTime::from_timestamp_millis(millis).map_or(Value::Null, |time| {
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
            .into()
    })
}
