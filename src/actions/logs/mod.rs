//! `logs`: messages of log groups over a window, by pattern, through FilterLogEvents.

mod access;
mod clusters;
mod continuation;
mod envelope;
mod exception;
mod fields;
mod levels;
mod masking;
mod panics;
mod shapes;
mod structured;
mod tail;
mod template;
mod tokens;
mod tree;
mod variables;
mod words;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{ActionError, Context, Span};
use crate::aws::{Aws, AwsError, Class, LogGroup, Pages, Quota, describe};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};
use crate::redaction::Lines;
pub use clusters::{Cluster, Clusters, Grouped, Level};
use fields::Fields;
pub use shapes::is_of_pattern;
pub use tail::Tailing;

/// Messages after which no further page is read unless the step says otherwise; AWS gives at most
/// 10,000 a page.
const DEFAULT_LIMIT: u64 = 50_000;
/// Pages of one group that are read at most in one look.
const PAGES: usize = 60;
/// The newest part of a window, which is read first: an eighth of it, and a minute at least.
const NEWEST: i64 = 60_000;
/// A span of this length is read to its end, in milliseconds.
const SHORTEST: i64 = 1_000;
/// Patterns in the output, errors apart.
const SHOWN: usize = 20;
/// Patterns of errors in the output.
const SHOWN_ERRORS: usize = 100;
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
            "after so many messages no further page is read, the newest first; 50000 unless given",
        ),
    ],
    output: &[
        "events",
        "messages",
        "patterns",
        "other",
        "more_patterns",
        "unread",
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
        let named = LogGroup::of(group);
        if let Some(region) = named
            .region
            .as_ref()
            .filter(|region| **region != aws.region)
        {
            return Err(AwsError::invalid(
                "logs:FilterLogEvents",
                format!(
                    "{group} is in {region}, and {} is asked; write `at = {{ region = \"{region}\" }}`",
                    aws.region
                ),
            ));
        }
        let mut streams = self.streams.clone();
        if streams.is_empty() && self.stream_prefix.is_none() {
            streams.extend(named.stream.clone());
        }
        aws.pace(Quota::FilterLogEvents).await;
        aws.logs
            .filter_log_events()
            .set_log_group_name(named.by_name())
            .set_log_group_identifier(named.identifier)
            .set_log_stream_names((!streams.is_empty()).then_some(streams))
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
    /// The ids of messages that were taken: following, and spans that meet, see some of them again.
    seen: HashSet<String>,
    /// The spans that were not read, by group, in epoch milliseconds.
    unread: Vec<(String, i64, i64)>,
    /// The groups that could not be read, and why.
    failed: Vec<(String, AwsError)>,
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
        unread: Vec::new(),
        failed: Vec::new(),
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
    let failed: Vec<String> = reader
        .failed
        .iter()
        .map(|(_, error)| error.to_string())
        .collect();
    let output = reader.output(aws.now().timestamp_millis());
    if failed.is_empty() {
        Ok(output)
    } else {
        // What the other groups say was read, and is told.
        Err(ActionError::failed(failed.join("; ")).found(output))
    }
}

async fn look(
    aws: &Aws,
    request: &Request,
    context: &Context,
    reader: &mut Reader,
    from: i64,
) -> Result<(), AwsError> {
    let to = aws.now().timestamp_millis();
    reader.failed.clear();
    for group in &request.groups {
        match look_at(aws, request, context, reader, (group, from, to)).await {
            Ok(()) => {}
            // A group that is missing, or that may not be read, does not cost the others' messages.
            Err(error)
                if request.groups.len() > 1
                    && matches!(error.class, Class::NotFound | Class::AccessDenied) =>
            {
                reader.failed.push((group.clone(), error));
            }
            Err(error) => return Err(error),
        }
    }
    if reader.failed.len() == request.groups.len()
        && let Some((_, error)) = reader.failed.pop()
    {
        return Err(error);
    }
    Ok(())
}

/// Reads a group's messages, the newest span first. `FilterLogEvents` gives the oldest of a span
/// first: what a page leaves over is halved, and the newer half is read before the older one.
async fn look_at(
    aws: &Aws,
    request: &Request,
    context: &Context,
    reader: &mut Reader,
    (group, from, to): (&str, i64, i64),
) -> Result<(), AwsError> {
    let newest = to - NEWEST.max((to - from) / 8);
    let mut spans = if newest > from {
        vec![(from, newest - 1), (newest, to)]
    } else {
        vec![(from, to)]
    };
    let (mut calls, mut tail) = (0, false);
    while let Some((begin, end)) = spans.pop() {
        // The newest messages are read whatever the limit is.
        if reader.events >= reader.limit && tail || calls >= PAGES {
            reader.truncated = true;
            reader.unread.push((group.to_owned(), begin, end));
            continue;
        }
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            calls += 1;
            let page = request.page(aws, group, (begin, end), token).await?;
            let mut last = None;
            for event in page.events() {
                let at = event.timestamp().unwrap_or_default();
                last = last.max(Some(at));
                let id = event.event_id().unwrap_or_default();
                if !id.is_empty() && !reader.seen.insert(id.to_owned()) {
                    continue;
                }
                // Each stream for itself: a key that was logged line by line stays masked to its
                // end. Each span as well: they are not read in the order of time.
                let stream = format!("{group} {}", event.log_stream_name().unwrap_or_default());
                let lines = reader
                    .streams
                    .entry(format!("{begin} {stream}"))
                    .or_insert_with(|| context.redactor.lines());
                let text = lines.next(event.message().unwrap_or_default());
                reader.take(&format!("{begin} {stream}"), at, &text);
            }
            // A page can be empty and still not the last: only a missing token ends the search.
            token = pages.next("logs:FilterLogEvents", page.next_token)?;
            if token.is_none() {
                tail |= end == to;
                break;
            }
            if let Some(last) = last.filter(|last| end - last > SHORTEST) {
                let middle = last + (end - last) / 2;
                spans.push((last, middle));
                spans.push((middle + 1, end));
                break;
            }
            if calls >= PAGES {
                reader.truncated = true;
                reader
                    .unread
                    .push((group.to_owned(), last.unwrap_or(begin), end));
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
        let errors = grouped
            .clusters
            .iter()
            .take_while(|cluster| cluster.level <= Level::Error)
            .count();
        // Errors are never the part that is left out.
        let shown = SHOWN.max(errors.min(SHOWN_ERRORS));
        let hidden = grouped.clusters.len().saturating_sub(shown) as u64 + grouped.other_patterns;
        let left: u64 = grouped
            .clusters
            .iter()
            .skip(shown)
            .map(|one| one.count)
            .sum();
        let patterns: Vec<Value> = grouped
            .clusters
            .into_iter()
            .take(shown)
            .map(|cluster| {
                json!({
                    "name": cluster.name, "pattern": cluster.pattern, "count": cluster.count,
                    "level": cluster.level.name(), "sample": cluster.sample, "first": time(cluster.first), "last": time(cluster.last),
                })
            })
            .collect();
        let mut output = json!({
            "events": self.events, "messages": grouped.messages, "patterns": patterns,
            "other": grouped.other + left, "more_patterns": hidden, "truncated": self.truncated,
        });
        if !self.unread.is_empty() {
            output["unread"] = self
                .unread
                .iter()
                .map(|(group, from, to)| json!({"group": group, "from": time(*from), "to": time(*to)}))
                .collect();
        }
        if let Some(first) = self.first {
            output["first"] = time(first);
        }
        if let Some(last) = self.last {
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
