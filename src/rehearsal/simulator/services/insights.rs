//! Logs Insights: queries that take a while.

use super::super::wire::{Failure, Value, map};
use super::super::world::{World, lock};
use crate::playbook::glob;
use crate::rehearsal::scenario::Query;

/// A query that was started.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which of the scenario's queries answers it.
    query: Option<usize>,
    /// When, in scenario seconds.
    at: f64,
    stopped: bool,
}

pub(super) fn start(world: &World, input: &Value) -> Result<Value, Failure> {
    let groups: Vec<&str> = input
        .texts("logGroupNames")
        .into_iter()
        .chain(input.texts("logGroupIdentifiers"))
        .chain(input.text("logGroupName"))
        .map(|group| {
            group
                .rsplit_once(":log-group:")
                .map_or(group, |(_, name)| name)
        })
        .collect();
    let Some(text) = input.text("queryString").filter(|_| !groups.is_empty()) else {
        return Err(Failure::new(
            "InvalidParameterException",
            "a query has a text and log groups",
        ));
    };
    let known = |group: &&str| world.scenario.logs.iter().any(|log| log.group == **group);
    if let Some(missing) = groups.iter().find(|group| !known(group)) {
        return Err(Failure::new(
            "ResourceNotFoundException",
            format!("Log group {missing} does not exist"),
        ));
    }
    let query = world
        .scenario
        .queries
        .iter()
        .rposition(|query| glob(&query.matches, text));
    if query.is_none() {
        return Err(Failure::new(
            "MalformedQueryException",
            "the scenario has no answer to this query",
        ));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let asked = Asked {
        query,
        at: world.now(),
        stopped: false,
    };
    lock(&world.queries).insert(id.clone(), asked);
    Ok(map! { "queryId": id })
}

fn find(world: &World, input: &Value) -> Result<Asked, Failure> {
    let id = input.text("queryId").unwrap_or_default();
    lock(&world.queries).get(id).cloned().ok_or_else(|| {
        Failure::new(
            "ResourceNotFoundException",
            format!("Query {id} does not exist"),
        )
    })
}

pub(super) fn results(world: &World, input: &Value) -> Result<Value, Failure> {
    let asked = find(world, input)?;
    let query: Option<&Query> = asked
        .query
        .and_then(|index| world.scenario.queries.get(index));
    let Some(query) = query else {
        return Err(Failure::new("ResourceNotFoundException", "it is gone"));
    };
    // One clock reading and one comparison: a query that is complete has scanned everything.
    let share = ((world.now() - asked.at) / query.takes.max(0.01)).clamp(0.0, 1.0);
    let done = share >= 1.0;
    let status = match (asked.stopped, done, &query.fails) {
        (true, _, _) => "Cancelled",
        (_, false, _) => "Running",
        (_, _, Some(_)) => "Failed",
        _ => "Complete",
    };
    let rows: Vec<Value> = if status == "Complete" {
        query
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|(name, value)| map! { "field": name.as_str(), "value": value.as_str() })
                    .chain([map! { "field": "@ptr", "value": "CmEKJgoi" }])
                    .collect::<Vec<Value>>()
                    .into()
            })
            .collect()
    } else {
        Vec::new()
    };
    #[expect(clippy::cast_precision_loss, reason = "rows are few")]
    let matched = query.rows.len() as f64;
    Ok(map! {
        "status": status, "results": rows,
        "statistics": map! {
            "recordsMatched": matched * share, "recordsScanned": query.scanned * share,
            "bytesScanned": query.scanned * share * 120.0,
        },
    })
}

pub(super) fn stop(world: &World, input: &Value) -> Result<Value, Failure> {
    find(world, input)?;
    let id = input.text("queryId").unwrap_or_default();
    if let Some(asked) = lock(&world.queries).get_mut(id) {
        asked.stopped = true;
    }
    Ok(map! { "success": true })
}
