//! What else an account holds: who changed what, queries, parameters, planned work, mute rules.

use std::collections::BTreeMap;

use super::{moment, optional, required, texts};
use crate::document::{Kind, Reader};

/// An API call, as CloudTrail has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When, in scenario seconds.
    pub at: f64,
    /// The operation, such as `UpdateService`.
    pub event: String,
    /// The service, such as `ecs.amazonaws.com`.
    pub source: String,
    /// Who, as an ARN.
    pub actor: String,
    /// The resources it names.
    pub resources: Vec<String>,
    /// What stands in its request parameters.
    pub parameters: serde_json::Value,
    /// The error it got, if it failed.
    pub error: Option<String>,
    /// Whether it only read.
    pub read_only: bool,
}

/// What a query of Logs Insights answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// A pattern over the query's text.
    pub matches: String,
    /// How long it takes, in seconds.
    pub takes: f64,
    /// Its rows.
    pub rows: Vec<BTreeMap<String, String>>,
    /// How many records it scans.
    pub scanned: f64,
    /// How it fails, if it does.
    pub fails: Option<String>,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Its name.
    pub name: String,
    /// When it opens, in scenario seconds.
    pub at: f64,
    /// How long it stays open, in hours.
    pub hours: i64,
}

/// Somebody with credentials of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The id of their access key.
    pub key: String,
    /// Its secret, by which their signatures are recognised.
    pub secret: String,
    /// Who they are, as an ARN.
    pub arn: String,
}

/// A change calendar that is closed for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// From when on, in scenario seconds.
    pub closed_from: f64,
    /// Until when.
    pub closed_until: f64,
}

/// A rule that mutes alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// Its name.
    pub name: String,
    /// The alarms that it mutes.
    pub alarms: Vec<String>,
    /// `SCHEDULED`, `ACTIVE` or `EXPIRED`.
    pub status: String,
}

pub(super) fn change(table: Reader<'_>) -> Change {
    let change = Change {
        at: moment(&table, "at").unwrap_or(-600.0),
        event: required(&table, "event"),
        source: required(&table, "source"),
        actor: required(&table, "actor"),
        resources: table
            .strings("resources")
            .into_iter()
            .map(|one| one.value)
            .collect(),
        parameters: table
            .node("parameters")
            .map(crate::document::Node::to_json)
            .unwrap_or_default(),
        error: optional(&table, "error"),
        read_only: table.boolean("read_only").unwrap_or(false),
    };
    table.finish();
    change
}

pub(super) fn query(table: Reader<'_>) -> Query {
    let query = Query {
        matches: required(&table, "match"),
        takes: table
            .duration("takes")
            .map_or(1.0, |takes| takes.as_secs_f64()),
        rows: table
            .tables("rows")
            .iter()
            .map(|row| {
                row.entries()
                    .iter()
                    .map(|(name, _, node)| {
                        let text = match &node.kind {
                            Kind::String(text) => text.clone(),
                            _ => node.to_json().to_string(),
                        };
                        (name.clone(), text)
                    })
                    .collect()
            })
            .collect(),
        scanned: table.number("scanned").unwrap_or(1000.0),
        fails: optional(&table, "fails"),
    };
    table.finish();
    query
}

pub(super) fn window(table: Reader<'_>) -> Window {
    let window = Window {
        name: required(&table, "name"),
        at: moment(&table, "at").unwrap_or(3600.0),
        hours: table.integer("hours", 1..=24).unwrap_or(2),
    };
    table.finish();
    window
}

pub(super) fn caller(table: Reader<'_>) -> Caller {
    let caller = Caller {
        key: required(&table, "key"),
        secret: required(&table, "secret"),
        arn: required(&table, "arn"),
    };
    table.finish();
    caller
}

pub(super) fn calendar(table: Reader<'_>) -> Calendar {
    let calendar = Calendar {
        name: required(&table, "name"),
        closed_from: moment(&table, "closed_from").unwrap_or(f64::MAX),
        closed_until: moment(&table, "closed_until").unwrap_or(f64::MAX),
    };
    table.finish();
    calendar
}

pub(super) fn mute(table: Reader<'_>) -> Mute {
    let mute = Mute {
        name: required(&table, "name"),
        alarms: table
            .strings("alarms")
            .into_iter()
            .map(|one| one.value)
            .collect(),
        status: table
            .choice(
                "status",
                &[
                    ("SCHEDULED", "SCHEDULED"),
                    ("ACTIVE", "ACTIVE"),
                    ("EXPIRED", "EXPIRED"),
                ],
            )
            .unwrap_or("ACTIVE")
            .to_owned(),
    };
    table.finish();
    mute
}

pub(super) fn parameters(reader: &Reader<'_>) -> BTreeMap<String, String> {
    reader
        .table("parameters")
        .map(|table| texts(&table))
        .unwrap_or_default()
}
