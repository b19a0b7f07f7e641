//! `changes`: who changed a resource in the hours before, from CloudTrail.

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::primitives::DateTime as AwsTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Context, Span};
use crate::aws::{Aws, Pages, Quota, describe};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// Pages read of each look-up; each holds fifty events, and two can be had in a second.
const PAGES: usize = 4;
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

/// Events that bring a new version of something into service.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html>
const DEPLOYMENTS: [&str; 22] = [
    "CreateDeployment",
    "StartDeployment",
    "UpdateService",
    "CreateService",
    "RegisterTaskDefinition",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "UpdateAlias",
    "PublishVersion",
    "CreateChangeSet",
    "ExecuteChangeSet",
    "CreateStack",
    "UpdateStack",
    "StartPipelineExecution",
    "PutImage",
    "StartInstanceRefresh",
    "UpdateAutoScalingGroup",
    "CreateLaunchTemplateVersion",
    "ModifyLaunchTemplate",
    "UpdateEnvironment",
    "ModifyDBInstance",
    "StartAutomationExecution",
];

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
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    let mut truncated = false;
    for name in &names {
        let by = (LookupAttributeKey::ResourceName, name.as_str());
        truncated |= look(aws, by, from, now, &mut found, &|_| true).await?;
    }
    if request.sweep {
        let by = (LookupAttributeKey::ReadOnly, "false");
        let mentions = |event: &Event| {
            let details = event.cloud_trail_event().unwrap_or_default();
            names.iter().any(|name| mentions(details, name))
        };
        truncated |= look(aws, by, from, now, &mut found, &mentions).await?;
    }
    let mut output = summarise(found.into_values().collect(), truncated);
    context.redactor.json(&mut output);
    Ok(output)
}

/// What a resource may be called in CloudTrail: as it was given, and by its name in its ARN.
fn names(resources: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for resource in resources.iter().filter(|resource| !resource.is_empty()) {
        names.push(resource.clone());
        names.extend(name_in_arn(resource));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The name in an ARN, without its type, path, version, qualifier and `:*`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn name_in_arn(arn: &str) -> Option<String> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let service = parts.nth(1)?;
    let resource = parts.nth(2)?.trim_end_matches(":*");
    let name = match service {
        // log-group:NAME, with slashes in it
        "logs" => resource
            .strip_prefix("log-group:")?
            .split(":log-stream:")
            .next()?,
        // function:NAME[:VERSION], layer:NAME:VERSION
        "lambda" => resource.split(':').nth(1)?,
        // task-definition/FAMILY:REVISION, and others without a revision
        "ecs" => resource.rsplit('/').next()?.split(':').next()?,
        // db:NAME, cluster:NAME, alarm:NAME, secret:NAME, topic and queue names
        _ => resource.rsplit([':', '/']).next()?,
    };
    // A number or a letter stands in too many other places to tell anything.
    let tells = name.len() >= 3 && !name.bytes().all(|byte| byte.is_ascii_digit());
    tells.then(|| name.to_owned())
}

/// A whole word of the details, so that `web` is not found in `website`.
fn mentions(details: &str, name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    details.match_indices(name).any(|(at, _)| {
        let before = details[..at].chars().next_back();
        let after = details[at + name.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

#[derive(Debug, Clone, PartialEq)]
struct Change {
    at: DateTime<Utc>,
    event: String,
    source: String,
    actor: String,
    resources: Vec<String>,
    error: Option<String>,
    id: String,
}

/// Looks events up by one attribute, which is all that CloudTrail takes. Says whether there is
/// more than was read.
async fn look(
    aws: &Aws,
    (key, value): (LookupAttributeKey, &str),
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    found: &mut BTreeMap<String, Change>,
    wanted: &(impl Fn(&Event) -> bool + Sync),
) -> Result<bool, ActionError> {
    let attribute = LookupAttribute::builder()
        .attribute_key(key)
        .attribute_value(value)
        .build()
        .map_err(|error| ActionError::failed(error.to_string()))?;
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    for page in 0.. {
        aws.pace(Quota::LookupEvents).await;
        let answer = aws
            .cloudtrail
            .lookup_events()
            .lookup_attributes(attribute.clone())
            .start_time(AwsTime::from_secs(from.timestamp()))
            .end_time(AwsTime::from_secs(to.timestamp()))
            .max_results(50)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudtrail:LookupEvents", &error))?;
        for event in answer.events() {
            // Reads are not what changed it.
            if event.read_only() == Some("true") || !wanted(event) {
                continue;
            }
            if let Some(change) = change(event) {
                found.insert(change.id.clone(), change);
            }
        }
        token = pages.next("cloudtrail:LookupEvents", answer.next_token)?;
        if token.is_none() {
            return Ok(false);
        }
        if page + 1 >= PAGES {
            return Ok(true);
        }
    }
    Ok(false)
}

fn change(event: &Event) -> Option<Change> {
    let time = event.event_time()?;
    let details: Value =
        serde_json::from_str(event.cloud_trail_event().unwrap_or("{}")).unwrap_or_default();
    let identity = &details["userIdentity"];
    let actor = identity["arn"]
        .as_str()
        .or(event.username())
        .or(identity["invokedBy"].as_str())
        .unwrap_or("unknown");
    let error = details["errorCode"].as_str().map(str::to_owned);
    Some(Change {
        at: DateTime::from_timestamp(time.secs(), time.subsec_nanos())?,
        event: event.event_name().unwrap_or_default().to_owned(),
        source: event.event_source().unwrap_or_default().to_owned(),
        actor: actor.to_owned(),
        resources: event
            .resources()
            .iter()
            .filter_map(|resource| resource.resource_name().map(str::to_owned))
            .collect(),
        error,
        id: event.event_id().unwrap_or_default().to_owned(),
    })
}

fn summarise(mut changes: Vec<Change>, truncated: bool) -> Value {
    changes.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    let deployment = |change: &Change| {
        change.error.is_none()
            && DEPLOYMENTS.contains(&change.event.trim_end_matches(char::is_numeric))
            || DEPLOYMENTS.iter().any(|name| {
                // Lambda's events carry the API's version: UpdateFunctionCode20150331v2.
                change.error.is_none()
                    && change
                        .event
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
    };
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
                "deployment": deployment(change), "id": change.id,
            })
        })
        .collect();
    let mut output = json!({
        "changes": shown, "count": made().count(), "failed": changes.len() - made().count(),
        "deployments": changes.iter().filter(|change| deployment(change)).count(),
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
    use super::*;

    #[test]
    fn an_arn_is_looked_up_by_its_name_as_well() {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:service/prod/web".to_owned();
        assert_eq!(names(&[arn.clone(), "web".into()]), [arn, "web".to_owned()]);
        for (arn, name) in [
            (
                "arn:aws:lambda:eu-central-1:111122223333:function:shop:3",
                Some("shop"),
            ),
            (
                "arn:aws:logs:eu-central-1:111122223333:log-group:/app/web:*",
                Some("/app/web"),
            ),
            (
                "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:12",
                Some("web"),
            ),
            (
                "arn:aws:rds:eu-central-1:111122223333:db:orders",
                Some("orders"),
            ),
            ("arn:aws:s3:::bucket/12", None),
            ("orders", None),
        ] {
            assert_eq!(name_in_arn(arn).as_deref(), name, "{arn}");
        }
    }

    #[test]
    fn a_name_is_a_whole_word_of_the_details() {
        assert!(mentions(r#"{"service":"web"}"#, "web"));
        assert!(mentions("arn:aws:x:service/web", "web"));
        assert!(!mentions(r#"{"service":"website"}"#, "web"));
        assert!(!mentions(r#"{"service":"my-web"}"#, "web"));
    }

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
