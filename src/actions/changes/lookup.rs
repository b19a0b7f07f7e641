//! Who did what, through LookupEvents.

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::primitives::DateTime as AwsTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::actions::ActionError;
use crate::aws::{Aws, Pages, Quota, describe};

/// Pages read of each look-up; each holds fifty events, and two can be had in a second.
const PAGES: usize = 4;

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

/// What a resource may be called in CloudTrail: as it was given, and by its name in its ARN.
#[must_use]
pub fn names(resources: &[String]) -> Vec<String> {
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

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// The operation, as CloudTrail names it.
    pub event: String,
    /// The service, as `ecs.amazonaws.com`.
    pub source: String,
    /// Who: an ARN where there is one.
    pub actor: String,
    /// What it names.
    pub resources: Vec<String>,
    /// Why it was refused, or failed.
    pub error: Option<String>,
    /// CloudTrail's id of it.
    pub id: String,
}

impl Change {
    /// Whether it brings a new version of something into service.
    #[must_use]
    pub fn is_deployment(&self) -> bool {
        // Lambda's events carry the API's version: UpdateFunctionCode20150331v2.
        let named = |name: &str| {
            let rest = self.event.strip_prefix(name);
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit())
            })
        };
        self.error.is_none() && DEPLOYMENTS.iter().any(|name| named(name))
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writes {
    /// In no order.
    pub changes: Vec<Change>,
    /// Whether there is more than was read.
    pub truncated: bool,
    /// Why it was not read to the end.
    pub failed: Option<ActionError>,
}

/// Looks up who wrote to resources within windows that follow each other: by each of their names
/// over all of them, and, with `sweep`, in each among the latest writes of the whole account and
/// region that mention one. What was found before a call failed is kept.
pub async fn writes(
    aws: &Aws,
    names: &[String],
    windows: &[(DateTime<Utc>, DateTime<Utc>)],
    sweep: bool,
) -> Writes {
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    let mut writes = Writes::default();
    let read = read(
        aws,
        names,
        windows,
        sweep,
        (&mut found, &mut writes.truncated),
    )
    .await;
    writes.failed = read.err();
    writes.changes = found.into_values().collect();
    writes
}

async fn read(
    aws: &Aws,
    names: &[String],
    windows: &[(DateTime<Utc>, DateTime<Utc>)],
    sweep: bool,
    (found, truncated): (&mut BTreeMap<String, Change>, &mut bool),
) -> Result<(), ActionError> {
    let (Some((from, _)), Some((_, to))) = (windows.first(), windows.last()) else {
        return Ok(());
    };
    for name in names {
        let by = (LookupAttributeKey::ResourceName, name.as_str());
        *truncated |= look(aws, by, *from, *to, found, &|_| true).await?;
    }
    for (from, to) in windows.iter().filter(|_| sweep) {
        let by = (LookupAttributeKey::ReadOnly, "false");
        let mentions = |event: &Event| {
            let details = event.cloud_trail_event().unwrap_or_default();
            names.iter().any(|name| mentions(details, name))
        };
        *truncated |= look(aws, by, *from, *to, found, &mentions).await?;
    }
    Ok(())
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
}
