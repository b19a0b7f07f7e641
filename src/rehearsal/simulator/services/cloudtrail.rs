//! CloudTrail: who called what.

use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::page;
use crate::rehearsal::scenario::Change;

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    (operation == "LookupEvents").then(|| lookup(world, input))
}

fn lookup(world: &World, input: &Value) -> Result<Value, Failure> {
    let attributes = input.list("LookupAttributes");
    if attributes.len() > 1 {
        return Err(Failure::new(
            "InvalidLookupAttributesException",
            "only one attribute can be looked up",
        ));
    }
    let size = input.integer("MaxResults").unwrap_or(50);
    if !(1..=50).contains(&size) {
        return Err(Failure::new(
            "InvalidMaxResultsException",
            "MaxResults must be from 1 to 50",
        ));
    }
    let now = world.now();
    let within = |change: &Change| {
        let at = world.real(change.at).timestamp();
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52")]
        let at = at as f64;
        input.number("StartTime").is_none_or(|from| at >= from)
            && input.number("EndTime").is_none_or(|to| at <= to)
    };
    let wanted = |change: &Change| {
        attributes.iter().all(|attribute| {
            let value = attribute.text("AttributeValue").unwrap_or_default();
            match attribute.text("AttributeKey").unwrap_or_default() {
                "ResourceName" => change.resources.iter().any(|name| name == value),
                "EventName" => change.event == value,
                "EventSource" => change.source == value,
                "ReadOnly" => change.read_only.to_string() == value,
                _ => false,
            }
        })
    };
    let mut found: Vec<(usize, &Change)> = world
        .scenario
        .changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.at <= now && within(change) && wanted(change))
        .collect();
    found.sort_by(|a, b| b.1.at.total_cmp(&a.1.at));
    let events: Vec<Value> = found
        .into_iter()
        .map(|(index, change)| describe(world, index, change))
        .collect();
    let (shown, next) = page(
        events,
        input.text("NextToken"),
        usize::try_from(size).unwrap_or(50),
    )?;
    Ok(map! { "Events": shown, "NextToken": next })
}

fn describe(world: &World, index: usize, change: &Change) -> Value {
    let at = world.real(change.at);
    let id = uuid::Uuid::from_u128(0x5d_0000 + index as u128).to_string();
    let name = change.actor.rsplit(['/', ':']).next().unwrap_or_default();
    let mut details = serde_json::json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "arn": change.actor, "accountId": world.scenario.account},
        "eventTime": at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "eventSource": change.source, "eventName": change.event,
        "awsRegion": world.scenario.region, "requestParameters": change.parameters,
        "readOnly": change.read_only, "eventID": id,
    });
    if let Some(error) = &change.error {
        details["errorCode"] = error.as_str().into();
    }
    let resources: Vec<Value> = change
        .resources
        .iter()
        .map(|name| map! { "ResourceName": name.as_str() })
        .collect();
    map! {
        "EventId": id, "EventName": change.event.as_str(), "ReadOnly": change.read_only.to_string(),
        "EventTime": at, "EventSource": change.source.as_str(), "Username": name,
        "Resources": resources, "CloudTrailEvent": details.to_string(),
    }
}
