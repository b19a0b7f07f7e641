//! `changes`: who changed a resource in the hours before, from CloudTrail.

mod lookup;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Context, Span};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

pub use lookup::{Change, names, writes};

/// Changes in the output, the latest of them.
const SHOWN: usize = 50;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "changes",
    about: "deployments and API writes on resources in a window (cloudtrail:LookupEvents); CloudTrail delivers within 15 minutes, and looks up two a second",
    keys: &[
        Key::required(
            "resources",
            KeyKind::TextList,
            "the resources, by name and by id, each as CloudTrail may have it; ARNs are looked up by their name as well",
        ),
        Key::required(
            "window",
            KeyKind::Duration,
            "how far to look back; at most 90d",
        ),
        Key::optional(
            "sweep",
            KeyKind::Boolean,
            "look through the latest writes of the whole account and region as well, for events that name a resource only in their details",
        ),
    ],
    output: &[
        "changes",
        "count",
        "failed",
        "deployments",
        "actors",
        "last",
        "truncated",
        "delay",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: |_| vec!["cloudtrail:LookupEvents".into()],
    check,
    instead: ActionKind::itself,
};

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let window = parameters["window"]
        .as_str()
        .and_then(|text| humantime::parse_duration(text).ok());
    if window.is_some_and(|window| window.as_secs() > 90 * 86_400) {
        return Err(("window", "CloudTrail keeps 90 days for look-ups".into()));
    }
    if parameters["resources"]
        .as_array()
        .is_some_and(Vec::is_empty)
    {
        return Err(("resources", "name at least one resource".into()));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    resources: Vec<String>,
    window: Span,
    #[serde(default)]
    sweep: bool,
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = &context.aws().await?;
    let now = aws.now();
    let from = context.from(now, request.window);
    let names = names(&request.resources);
    if names.is_empty() {
        return Err(ActionError::failed(
            "none of the resources has a name: nothing was looked up",
        ));
    }
    let found = writes(aws, &names, &[(from, now)], request.sweep).await;
    if let Some(error) = found.failed {
        return Err(error);
    }
    let mut output = summarise(found.changes, found.truncated);
    context.redactor.json(&mut output);
    Ok(output)
}

fn summarise(mut changes: Vec<Change>, truncated: bool) -> Value {
    changes.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    // What was refused or failed changed nothing; it is shown all the same.
    let made = || changes.iter().filter(|change| change.error.is_none());
    let mut actors: Vec<&str> = made().map(|change| change.actor.as_str()).collect();
    actors.sort_unstable();
    actors.dedup();
    let shown: Vec<Value> = changes
        .iter()
        .take(SHOWN)
        .map(|change| {
            json!({
                "at": change.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "event": change.event, "source": change.source, "actor": change.actor,
                "resources": change.resources, "error": change.error,
                "deployment": change.is_deployment(), "id": change.id,
            })
        })
        .collect();
    let mut output = json!({
        "changes": shown, "count": made().count(), "failed": changes.len() - made().count(),
        "deployments": changes.iter().filter(|change| change.is_deployment()).count(),
        "actors": actors, "truncated": truncated,
        "delay": "CloudTrail delivers events within 15 minutes",
    });
    if let Some(last) = made().next() {
        let at = last.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        output["last"] = at.into();
    }
    output
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn deployments_are_told_from_other_writes_and_failed_ones() {
        let change = |event: &str, error: Option<&str>, id: &str| Change {
            at: DateTime::from_timestamp(60, 0).unwrap(),
            event: event.into(),
            source: String::new(),
            actor: "a".into(),
            resources: Vec::new(),
            error: error.map(str::to_owned),
            id: id.into(),
        };
        let output = summarise(
            vec![
                change("UpdateFunctionCode20150331v2", None, "1"),
                change("UpdateService", None, "2"),
                change("UpdateService", Some("AccessDenied"), "3"),
                change("RebootInstances", None, "4"),
            ],
            false,
        );
        assert_eq!(
            (&output["count"], &output["deployments"], &output["failed"]),
            (&json!(3), &json!(2), &json!(1))
        );
        assert_eq!(output["last"], "1970-01-01T00:01:00Z");
    }
}
