//! Is it AWS? Open events of AWS Health, and planned work of the next hours.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::{MaintenanceWindowExecutionStatus, MaintenanceWindowIdentity};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::aws::{Aws, AwsError, Pages, Place, Quota, describe};

/// Something that AWS or the operators know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceEvent {
    /// Where it was seen.
    #[serde(skip)]
    pub place: Place,
    /// `health` for AWS's own, `window` or `calendar` for planned work.
    pub kind: &'static str,
    /// The service that AWS Health names; empty for planned work.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// What.
    pub title: String,
    /// The region it concerns.
    pub region: String,
    /// When it began or begins.
    pub at: Option<DateTime<Utc>>,
    /// When it ends.
    pub until: Option<DateTime<Utc>>,
    /// AWS's id for it.
    pub id: String,
}

impl ServiceEvent {
    /// Whether it concerns one of these services; planned work does, and so does everything where
    /// none is named.
    #[must_use]
    pub fn concerns(&self, services: &BTreeSet<String>) -> bool {
        self.service.is_empty() || services.is_empty() || services.contains(&self.service)
    }

    /// Reads the answer of `aws health describe-events`.
    #[must_use]
    pub fn from_health(place: &Place, answer: &Value) -> Vec<Self> {
        let time = |value: &Value| {
            // The CLI writes either, as it is configured.
            value
                .as_str()
                .and_then(|text| text.parse().ok())
                .or_else(|| {
                    #[expect(clippy::cast_possible_truncation, reason = "times in milliseconds")]
                    let millis = (value.as_f64()? * 1000.0) as i64;
                    DateTime::from_timestamp_millis(millis)
                })
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        answer["events"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| Self {
                place: place.clone(),
                kind: "health",
                service: text(&event["service"]),
                title: format!(
                    "{}: {}",
                    text(&event["service"]),
                    text(&event["eventTypeCode"])
                        .replace('_', " ")
                        .to_lowercase()
                ),
                region: text(&event["region"]),
                at: time(&event["startTime"]),
                until: time(&event["endTime"]),
                id: text(&event["arn"]),
            })
            .collect()
    }
}

/// Windows of which it is asked whether they are open now: one call each.
const MOST_WINDOWS: usize = 50;

/// The latest execution of a maintenance window, while it runs: its next one is another by then.
async fn running(
    aws: &Aws,
    place: &Place,
    window: &MaintenanceWindowIdentity,
) -> Result<Option<ServiceEvent>, AwsError> {
    let Some(id) = window.window_id() else {
        return Ok(None);
    };
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .describe_maintenance_window_executions()
        .window_id(id)
        .max_results(10)
        .send()
        .await
        .map_err(|error| describe("ssm:DescribeMaintenanceWindowExecutions", &error).about(id))?;
    let open = answer.window_executions().iter().find(|one| {
        matches!(
            one.status(),
            Some(
                MaintenanceWindowExecutionStatus::Pending
                    | MaintenanceWindowExecutionStatus::InProgress
                    | MaintenanceWindowExecutionStatus::Cancelling
            )
        )
    });
    Ok(open.map(|execution| ServiceEvent {
        place: place.clone(),
        kind: "window",
        service: String::new(),
        title: format!(
            "maintenance window {} runs",
            window.name().unwrap_or_default()
        ),
        region: aws.region.clone(),
        at: execution
            .start_time()
            .and_then(|time| DateTime::from_timestamp(time.secs(), 0)),
        until: None,
        id: execution.window_execution_id().unwrap_or(id).to_owned(),
    }))
}

/// The maintenance windows that run, and those that open within some hours.
///
/// # Errors
/// When Systems Manager cannot be asked, or does not allow it.
pub async fn planned(aws: &Aws, place: &Place, hours: i64) -> Result<Vec<ServiceEvent>, AwsError> {
    let mut found = Vec::new();
    let mut looked = 0;
    let mut token = None;
    let mut pages = Pages::default();
    loop {
        aws.pace(Quota::Ssm).await;
        let page = aws
            .ssm
            .describe_maintenance_windows()
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("ssm:DescribeMaintenanceWindows", &error))?;
        for window in page.window_identities().iter().filter(|one| one.enabled()) {
            looked += 1;
            if looked <= MOST_WINDOWS
                && let Some(running) = running(aws, place, window).await?
            {
                found.push(running);
            }
            let at = window.next_execution_time().and_then(time);
            let now = aws.now();
            let length = chrono::Duration::hours(window.duration().unwrap_or(1).into());
            let soon =
                at.is_some_and(|at| at + length > now && at - now < chrono::Duration::hours(hours));
            if !soon {
                continue;
            }
            found.push(ServiceEvent {
                place: place.clone(),
                kind: "window",
                service: String::new(),
                title: format!("maintenance window {}", window.name().unwrap_or_default()),
                region: aws.region.clone(),
                at,
                until: at.map(|at| at + length),
                id: window.window_id().unwrap_or_default().to_owned(),
            });
        }
        token = pages.next("ssm:DescribeMaintenanceWindows", page.next_token)?;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// What a change calendar says: whether it is closed, or will change within some hours.
///
/// # Errors
/// When Systems Manager cannot be asked, or does not allow it.
pub async fn calendar(
    aws: &Aws,
    place: &Place,
    name: &str,
    hours: i64,
) -> Result<Vec<ServiceEvent>, AwsError> {
    use aws_sdk_ssm::types::CalendarState;
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .get_calendar_state()
        .calendar_names(name)
        .send()
        .await
        .map_err(|error| describe("ssm:GetCalendarState", &error).about(name))?;
    let next = answer.next_transition_time().and_then(time);
    let closed = answer.state() == Some(&CalendarState::Closed);
    let soon = next.is_some_and(|at| at - aws.now() < chrono::Duration::hours(hours));
    if !closed && !soon {
        return Ok(Vec::new());
    }
    let word = if closed { "is closed" } else { "will change" };
    Ok(vec![ServiceEvent {
        place: place.clone(),
        kind: "calendar",
        service: String::new(),
        title: format!("change calendar {name} {word}"),
        region: aws.region.clone(),
        at: if closed { None } else { next },
        until: if closed { next } else { None },
        id: name.to_owned(),
    }])
}

/// Services on which the others rest: their events concern everybody.
const BELOW: [&str; 9] = [
    "EC2",
    "EBS",
    "VPC",
    "IAM",
    "STS",
    "CLOUDWATCH",
    "INTERNETCONNECTIVITY",
    "MULTIPLE_SERVICES",
    "SSM",
];

/// Namespaces of metrics whose service AWS Health calls otherwise.
const CALLED: [(&str, &str); 12] = [
    ("APPLICATIONELB", "ELASTICLOADBALANCING"),
    ("NETWORKELB", "ELASTICLOADBALANCING"),
    ("GATEWAYELB", "ELASTICLOADBALANCING"),
    ("ELB", "ELASTICLOADBALANCING"),
    ("ELASTICBEANSTALK", "ELASTICBEANSTALK"),
    ("CONTAINERINSIGHTS", "ECS"),
    ("DOCDB", "RDS"),
    ("NEPTUNE", "RDS"),
    ("STATES", "STEPFUNCTIONS"),
    ("LOGS", "CLOUDWATCH"),
    ("CERTIFICATEMANAGER", "ACM"),
    ("EVENTS", "EVENTS"),
];

/// The services that alarms on some namespaces watch, as AWS Health calls them, and those below
/// them. Empty where no namespace tells: then every service may concern them.
#[must_use]
pub fn services<'a>(namespaces: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = namespaces
        .filter_map(|namespace| {
            let name = namespace.strip_prefix("AWS/").or_else(|| {
                let insights = matches!(namespace, "ECS/ContainerInsights" | "ContainerInsights");
                insights.then_some("ContainerInsights")
            })?;
            let name = name.to_ascii_uppercase();
            let called = CALLED.iter().find(|(namespace, _)| *namespace == name);
            Some(called.map_or(name, |(_, service)| (*service).to_owned()))
        })
        .collect();
    if !all.is_empty() {
        all.extend(BELOW.map(str::to_owned));
    }
    all
}

/// ISO 8601, which here comes without seconds.
fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse::<DateTime<Utc>>().ok().or_else(|| {
        let short = text.trim_end_matches('Z');
        chrono::NaiveDateTime::parse_from_str(short, "%Y-%m-%dT%H:%M")
            .ok()
            .map(|time| time.and_utc())
            .or_else(|| {
                DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z")
                    .ok()
                    .map(|time| time.to_utc())
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn health_events_are_read_however_the_times_are_written() {
        let answer = json!({"events": [
            {"arn": "a", "service": "EC2", "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE", "region": "eu-central-1", "startTime": 1_587_462_325.096, "statusCode": "open"},
            {"arn": "b", "service": "RDS", "eventTypeCode": "X", "region": "eu-central-1", "startTime": "2026-11-20T03:14:15+00:00"},
        ]});
        let events = ServiceEvent::from_health(&Place::default(), &answer);
        assert_eq!(events[0].title, "EC2: aws ec2 operational issue");
        assert_eq!(events[0].at.unwrap().timestamp(), 1_587_462_325);
        assert_eq!(
            events[1].at.unwrap().to_rfc3339(),
            "2026-11-20T03:14:15+00:00"
        );
        assert_eq!(ServiceEvent::from_health(&Place::default(), &json!({})), []);
        let only_rds = BTreeSet::from(["RDS".to_owned()]);
        assert!(!events[0].concerns(&only_rds) && events[1].concerns(&only_rds));
        assert!(events[0].concerns(&BTreeSet::new()));
    }

    #[test]
    fn windows_tell_their_time_without_seconds() {
        assert_eq!(
            time("2026-11-20T03:14Z").unwrap().to_rfc3339(),
            "2026-11-20T03:14:00+00:00"
        );
        assert_eq!(
            time("2026-11-20T03:14+01:00").unwrap().to_rfc3339(),
            "2026-11-20T02:14:00+00:00"
        );
        assert_eq!(time("soon"), None);
    }
}
