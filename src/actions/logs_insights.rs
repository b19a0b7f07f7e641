//! `logs_insights`: a query of CloudWatch Logs Insights, followed to its end.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::operation::get_query_results::GetQueryResultsOutput;
use aws_sdk_cloudwatchlogs::types::QueryStatus;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::{ActionError, Context, Remotes, Span};
use crate::aws::{Aws, LogGroup, Quota, describe};
use crate::incident::{AttemptStatus, Remote};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The first wait between two looks, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(300);
const SLOWEST_LOOK: Duration = Duration::from_secs(3);

/// The most rows that AWS gives.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>
const MOST_ROWS: usize = 10_000;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "logs_insights",
    about: "a query of CloudWatch Logs Insights (logs:StartQuery, logs:GetQueryResults, logs:StopQuery); what it scans is billed, so it runs ahead only with `prefetch = true`",
    keys: &[
        Key::required(
            "groups",
            KeyKind::TextList,
            "the log groups, by name or ARN; at most 50",
        ),
        Key::required("query", KeyKind::Text, "the query"),
        Key::required("window", KeyKind::Duration, "how far to look back"),
        Key::optional(
            "limit",
            KeyKind::Integer,
            "the most rows; 10000 unless given or limited by the query",
        ),
    ],
    output: &[
        "rows",
        "count",
        "statistics",
        "status",
        "query_id",
        "truncated",
    ],
    prefetched: ActionKind::never,
    mutating: ActionKind::never,
    permissions: |_| {
        vec![
            "logs:StartQuery".into(),
            "logs:GetQueryResults".into(),
            "logs:StopQuery".into(),
        ]
    },
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let groups = parameters["groups"].as_array();
    if groups.is_some_and(|groups| groups.is_empty() || groups.len() > 50) {
        return Err(("groups", "AWS takes from 1 to 50 log groups".into()));
    }
    if parameters["limit"]
        .as_u64()
        .is_some_and(|limit| !(1..=10_000).contains(&limit))
    {
        return Err(("limit", "AWS gives from 1 to 10000 rows".into()));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    groups: Vec<String>,
    query: String,
    window: Span,
    limit: Option<u16>,
}

/// Stops the query when the attempt is stopped before its end: what it goes on to scan is billed.
struct StopOnDrop {
    aws: Arc<Aws>,
    remotes: Remotes,
    query: Option<String>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if self.remotes.goes_on() {
            return;
        }
        if let (Some(query), Ok(runtime)) =
            (self.query.take(), tokio::runtime::Handle::try_current())
        {
            let aws = Arc::clone(&self.aws);
            // Nobody waits for the answer: the attempt has ended.
            runtime.spawn(async move {
                aws.pace(Quota::GetQueryResults).await;
                aws.logs.stop_query().query_id(query).send().await.map(drop)
            });
        }
    }
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = context.aws().await?;
    let known = context.remotes.known(&context.run);
    let query = if let Some(Remote::Query(id)) = known {
        id.clone()
    } else {
        let id = start(&request, &aws, context).await?;
        context
            .remotes
            .identified(&context.run, Remote::Query(id.clone()));
        id
    };
    let mut guard = StopOnDrop {
        aws: Arc::clone(&aws),
        remotes: context.remotes.clone(),
        query: Some(query.clone()),
    };
    let limit = limit(&request);
    let mut wait = FIRST_LOOK;
    loop {
        aws.pace(Quota::GetQueryResults).await;
        let answer = aws.logs.get_query_results().query_id(&query).send().await;
        let answer = match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                let error = describe("logs:GetQueryResults", &error);
                // What passes is looked at again, until the attempt's time is up.
                if !error.passes() {
                    return Err(error.into());
                }
                None
            }
        };
        if let Some(answer) = answer {
            if let Some(end) = end(&query, &answer, limit, context) {
                guard.query = None;
                return end;
            }
            let scanned = answer
                .statistics()
                .map_or(0.0, |found| found.records_scanned);
            context
                .remotes
                .progress(vec![format!("{scanned:.0} records scanned")]);
        }
        let pause = wait.div_f64(context.speed);
        if Instant::now() + pause >= context.deadline {
            return Err(ActionError::timed_out(
                "the query did not end in time, and was stopped",
            ));
        }
        sleep(pause).await;
        wait = (wait * 3 / 2).min(SLOWEST_LOOK);
    }
}

async fn start(request: &Request, aws: &Aws, context: &Context) -> Result<String, ActionError> {
    let now = aws.now();
    aws.pace(Quota::StartQuery).await;
    let groups: Vec<LogGroup> = request.groups.iter().map(|one| LogGroup::of(one)).collect();
    // AWS takes names or ARNs, and names where ARNs are taken.
    let arns = groups.iter().any(|group| group.identifier.is_some());
    let identifiers = || {
        let all = groups.iter().cloned();
        all.map(|group| group.identifier.unwrap_or(group.name))
            .collect::<Vec<_>>()
    };
    let started = aws
        .logs
        .start_query()
        .set_log_group_names((!arns).then(|| request.groups.clone()))
        .set_log_group_identifiers(arns.then(identifiers))
        .query_string(&request.query)
        .start_time(context.from(now, request.window).timestamp())
        .end_time(now.timestamp())
        .set_limit(request.limit.map(i32::from))
        .send()
        .await
        .map_err(|error| describe("logs:StartQuery", &error).about(&request.groups.join(", ")))?;
    started
        .query_id
        .ok_or_else(|| ActionError::failed("logs:StartQuery gave no query id"))
}

/// The most rows that the query gives: where so many come, there may be more.
fn limit(request: &Request) -> usize {
    let given = request.limit.map_or(MOST_ROWS, usize::from);
    // Its last limit counts; comments and texts in quotes are not looked at more closely.
    let words = request.query.to_ascii_lowercase();
    let own = words.rsplit('|').find_map(|command| {
        let mut words = command.split_whitespace();
        (words.next() == Some("limit")).then(|| words.next()?.parse::<usize>().ok())?
    });
    own.map_or(given, |own| own.min(given))
}

/// The end of a query, if it has one.
fn end(
    query: &str,
    answer: &GetQueryResultsOutput,
    limit: usize,
    context: &Context,
) -> Option<Result<Value, ActionError>> {
    let status = answer.status()?;
    let failed = match status {
        QueryStatus::Complete => None,
        QueryStatus::Failed => Some(AttemptStatus::Failed),
        QueryStatus::Cancelled => Some(AttemptStatus::Cancelled),
        QueryStatus::Timeout => Some(AttemptStatus::TimedOut),
        _ => return None,
    };
    let rows: Vec<Value> = answer
        .results()
        .iter()
        .map(|row| {
            row.iter()
                .filter(|field| field.field() != Some("@ptr"))
                .filter_map(|field| {
                    // Before its type is read: a secret is a text.
                    let text = context.redactor.text(field.value()?);
                    Some((field.field()?.to_owned(), typed(&text)))
                })
                .collect::<Map<_, _>>()
                .into()
        })
        .collect();
    let statistics = answer.statistics().map_or_else(
        || json!({}),
        |found| {
            json!({
                "records_matched": found.records_matched, "records_scanned": found.records_scanned,
                "bytes_scanned": found.bytes_scanned,
            })
        },
    );
    let mut output = json!({
        "query_id": query, "status": status.as_str(), "count": rows.len(),
        "truncated": rows.len() >= limit,
        "statistics": statistics, "rows": rows,
    });
    context.redactor.json(&mut output);
    Some(match failed {
        None => Ok(output),
        Some(status_of_attempt) => Err(ActionError {
            status: status_of_attempt,
            message: format!("the query {query} ended as {}", status.as_str()),
            output: Some(output),
            refused: false,
            read: None,
            missing: false,
        }),
    })
}

/// Insights gives every value as text. What is exactly a number becomes one; an id with zeros in
/// front stays as it is.
fn typed(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return number.into();
    }
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let padded = text.trim_start_matches('-').starts_with('0')
        && text.trim_start_matches('-').as_bytes().get(1) != Some(&b'.');
    match text.parse::<f64>() {
        // "1.10" may be a version: a number is what is written as it was.
        Ok(number) if plain && !padded && text.contains('.') && number.to_string() == text => {
            number.into()
        }
        _ => match text {
            "true" => true.into(),
            "false" => false.into(),
            _ => text.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_their_type_and_ids_stay_text() {
        assert_eq!(typed("42"), json!(42));
        assert_eq!(typed("-3.5"), json!(-3.5));
        assert_eq!(typed("0.25"), json!(0.25));
        assert_eq!(typed("true"), json!(true));
        for text in [
            "0042",
            "4e5",
            "1.2.3",
            "",
            "NaN",
            "2026-11-20 03:14:15.000",
            "123456789012345678901",
        ] {
            assert_eq!(typed(text), json!(text), "{text}");
        }
    }
}
