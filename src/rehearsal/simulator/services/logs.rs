//! CloudWatch Logs: groups, streams, and the search over messages.

use std::collections::BTreeSet;

use super::super::messages::{Message, matches};
use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::{insights, page};

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "FilterLogEvents" => filter_log_events(world, input),
        "DescribeLogGroups" => describe_log_groups(world, input),
        "StartQuery" => insights::start(world, input),
        "GetQueryResults" => insights::results(world, input),
        "StopQuery" => insights::stop(world, input),
        "DescribeLogStreams" => describe_log_streams(world, input),
        _ => return None,
    })
}

/// The group's name, given as a name or as an ARN.
fn group<'a>(world: &World, input: &'a Value) -> Result<&'a str, Failure> {
    let given = input.text("logGroupName").or_else(|| {
        let identifier = input.text("logGroupIdentifier")?;
        Some(
            identifier
                .rsplit_once(":log-group:")
                .map_or(identifier, |(_, name)| name.trim_end_matches(":*")),
        )
    });
    let name = given
        .ok_or_else(|| Failure::new("InvalidParameterException", "logGroupName is required"))?;
    if world.scenario.logs.iter().any(|log| log.group == name) {
        Ok(name)
    } else {
        Err(Failure::new(
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ))
    }
}

fn filter_log_events(world: &World, input: &Value) -> Result<Value, Failure> {
    let group = group(world, input)?;
    let pattern = input.text("filterPattern").unwrap_or_default();
    if pattern.trim_start().starts_with(['{', '[', '%']) {
        return Err(Failure::new(
            "InvalidParameterException",
            "the simulator searches for terms only",
        ));
    }
    let now = chrono::Utc::now().timestamp_millis();
    let from = input.integer("startTime").unwrap_or(now - 86_400_000);
    let to = input.integer("endTime").unwrap_or(now).min(now);
    let limit = input.integer("limit").unwrap_or(10_000);
    if !(1..=10_000).contains(&limit) {
        return Err(Failure::new(
            "InvalidParameterException",
            "limit must be from 1 to 10000",
        ));
    }
    let streams = input.texts("logStreamNames");
    let prefix = input.text("logStreamNamePrefix").unwrap_or_default();
    let found: Vec<Message> = world
        .messages(group, from, to)
        .into_iter()
        .filter(|message| streams.is_empty() || streams.contains(&message.stream.as_str()))
        .filter(|message| message.stream.starts_with(prefix) && matches(pattern, &message.text))
        .collect();
    // As the service does: between two pages may come one that is empty and not the last.
    if let Some(rest) = input
        .text("nextToken")
        .and_then(|token| token.strip_prefix("gap-"))
    {
        return Ok(map! { "events": Vec::<Value>::new(), "nextToken": rest });
    }
    let (shown, next) = page(
        found,
        input.text("nextToken"),
        usize::try_from(limit).unwrap_or(10_000),
    )?;
    let events: Vec<Value> = shown
        .into_iter()
        .map(|message| {
            map! {
                "logStreamName": message.stream, "timestamp": message.at, "message": message.text,
                "ingestionTime": message.at, "eventId": message.id,
            }
        })
        .collect();
    Ok(
        map! { "events": events, "searchedLogStreams": Vec::<Value>::new(), "nextToken": next.map(|token| format!("gap-{token}")) },
    )
}

fn describe_log_groups(world: &World, input: &Value) -> Result<Value, Failure> {
    let prefix = input.text("logGroupNamePrefix").unwrap_or_default();
    let names: BTreeSet<&str> = world
        .scenario
        .logs
        .iter()
        .map(|log| log.group.as_str())
        .filter(|name| name.starts_with(prefix))
        .collect();
    let groups: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let arn = format!("arn:aws:logs:{}:{}:log-group:{name}:*", world.scenario.region, world.scenario.account);
            map! { "logGroupName": name, "arn": arn, "creationTime": world.real(-86_400.0 * 90.0).timestamp_millis(), "storedBytes": 0 }
        })
        .collect();
    let (shown, next) = page(groups, input.text("nextToken"), 50)?;
    Ok(map! { "logGroups": shown, "nextToken": next })
}

fn describe_log_streams(world: &World, input: &Value) -> Result<Value, Failure> {
    let group = group(world, input)?;
    let names: BTreeSet<&str> = world
        .scenario
        .logs
        .iter()
        .filter(|log| log.group == group)
        .map(|log| log.stream.as_str())
        .collect();
    let streams: Vec<Value> = names
        .into_iter()
        .map(|name| map! { "logStreamName": name })
        .collect();
    let (shown, next) = page(streams, input.text("nextToken"), 50)?;
    Ok(map! { "logStreams": shown, "nextToken": next })
}
