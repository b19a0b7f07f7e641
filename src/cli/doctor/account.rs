//! What can be found out of one profile in one region.

use std::sync::Arc;
use std::time::Instant;

use super::needs::{Here, Need, needs};
use super::{Findings, Verdict, permissions};
use crate::actions::programs::LocalPrograms;
use crate::alarms::fetch;
use crate::aws::{Aws, AwsError, Class, LogGroup, Place, Pool, Quota, describe};
use crate::cli::events;
use crate::config::Watch;
use crate::playbook::Entry;
use crate::redaction::Redactor;

/// What is looked at.
pub(super) struct Wanted {
    /// Whether nobody has chosen playbooks: those that answer an alarm are looked at.
    pub all: bool,
    /// Whether change calendars are configured.
    pub calendars: bool,
}

pub(super) async fn look(
    findings: &mut Findings,
    pool: &Arc<Pool>,
    watch: &Watch,
    chosen: &[&Entry],
    wanted: &Wanted,
) {
    let place = Place::new(&watch.profile, &watch.region);
    findings.group(format!("AWS: {place}"));
    let aws = match pool.at(&place).await {
        Ok(aws) => aws,
        Err(error) => return findings.add(Verdict::Missing, "credentials", error.to_string()),
    };
    let began = Instant::now();
    match aws.identity().await {
        Ok(identity) => findings.found(
            Verdict::Ok,
            "identity",
            format!("{} in account {}", identity.arn, identity.account),
            Some(&format!(
                "sts:GetCallerIdentity, {} ms",
                began.elapsed().as_millis()
            )),
        ),
        Err(error) => findings.add(Verdict::Missing, "identity", error.to_string()),
    }
    findings.add(Verdict::Ok, "region", aws.region.clone());
    if let Some(expires) = aws.expires() {
        let left = expires - chrono::Utc::now();
        let verdict = if left > chrono::Duration::minutes(15) {
            Verdict::Ok
        } else {
            Verdict::Warning
        };
        findings.add(
            verdict,
            "credentials",
            format!("good until {}", expires.format("%Y-%m-%d %H:%M:%SZ")),
        );
    }
    let reachable = endpoints(findings, &aws).await;
    match aws.clock_difference() {
        // No answer says nothing about the time.
        None if !reachable => {}
        None => findings.add(Verdict::Ok, "clock", "within four minutes of AWS's"),
        Some(seconds) => findings.add(
            Verdict::Missing,
            "clock",
            format!("AWS's clock is {seconds} s ahead of this machine's; set it, for example with `chronyc makestep`"),
        ),
    }
    let regions = [aws.region.as_str()];
    match events::health(&LocalPrograms, aws.named.as_deref(), &regions).await {
        Ok(answer) => {
            let open = answer["events"].as_array().map_or(0, Vec::len);
            findings.add(Verdict::Ok, "AWS Health", format!("{open} open events"));
        }
        Err(error) if error.contains("SubscriptionRequired") => findings.add(
            Verdict::Warning,
            "AWS Health",
            "the account's support plan has no access; its events are not shown",
        ),
        Err(error) => findings.add(
            Verdict::Warning,
            "AWS Health",
            format!("its events are not shown: {error}"),
        ),
    }
    if !reachable {
        return;
    }
    let relevant = if wanted.all {
        relevant(findings, &aws, chosen).await
    } else {
        chosen.to_vec()
    };
    let chosen = relevant.as_slice();
    for entry in chosen {
        findings.group(format!("AWS: {place}, playbook {}", entry.playbook.id));
        let identity = aws.identity().await.ok();
        let here = Here {
            account: identity.as_ref().map_or("", |one| &one.account),
            region: &aws.region,
            profile: &aws.profile,
        };
        let (needs, open) = needs(&entry.playbook, &here);
        for need in needs {
            exists(findings, &aws, need).await;
        }
        if open > 0 {
            findings.add(
                Verdict::Unknown,
                "what the alarm decides",
                format!("{open} checks name metrics, groups or instances only once an alarm fires"),
            );
        }
    }
    findings.group(format!("AWS: {place}, permissions"));
    permissions::look(findings, &aws, chosen, wanted.calendars).await;
}

/// The playbooks that answer an alarm of this account and region: what the others need need not be
/// here.
async fn relevant<'a>(findings: &mut Findings, aws: &Aws, chosen: &[&'a Entry]) -> Vec<&'a Entry> {
    let alarms = match fetch(aws, None, &Redactor::default()).await {
        Ok(alarms) => alarms,
        Err(error) => {
            let detail =
                format!("the alarms could not be read, so every playbook is looked at: {error}");
            findings.add(Verdict::Unknown, "playbooks", detail);
            return chosen.to_vec();
        }
    };
    let answers = |entry: &&&Entry| {
        alarms
            .iter()
            .any(|seen| entry.playbook.answers_to(&seen.alarm.subject()))
    };
    let relevant: Vec<&Entry> = chosen.iter().filter(answers).copied().collect();
    let detail = format!(
        "{} of {} answer one of the {} alarms here, and are looked at; name others to look at them",
        relevant.len(),
        chosen.len(),
        alarms.len()
    );
    findings.add(Verdict::Ok, "playbooks", detail);
    relevant
}

/// Asks each service for something small: is it there, how far, and is it allowed?
async fn endpoints(findings: &mut Findings, aws: &Aws) -> bool {
    let mut reachable = true;
    let mut add = |name: &str, began: Instant, answer: Result<(), AwsError>| {
        let took = format!("{} ms", began.elapsed().as_millis());
        match answer {
            Ok(()) => findings.found(Verdict::Ok, name, "answers", Some(&took)),
            // Who is refused has been answered.
            Err(error) if matches!(error.class, Class::AccessDenied | Class::NotFound) => {
                findings.found(Verdict::Ok, name, "answers, and refuses", Some(&took));
            }
            Err(error) => {
                reachable &= !matches!(error.class, Class::Unreachable | Class::TimedOut);
                findings.found(Verdict::Missing, name, error.to_string(), Some(&took));
            }
        }
    };
    macro_rules! ask {
        ($name:literal, $action:literal, $call:expr) => {
            let began = Instant::now();
            let answer = $call.send().await;
            add(
                $name,
                began,
                answer.map(drop).map_err(|error| describe($action, &error)),
            );
        };
    }
    ask!(
        "endpoint cloudwatch",
        "cloudwatch:DescribeAlarms",
        aws.cloudwatch.describe_alarms().max_records(1)
    );
    ask!(
        "endpoint logs",
        "logs:DescribeLogGroups",
        aws.logs.describe_log_groups().limit(1)
    );
    ask!(
        "endpoint ssm",
        "ssm:DescribeInstanceInformation",
        aws.ssm.describe_instance_information().max_results(5)
    );
    aws.pace(Quota::LookupEvents).await;
    ask!(
        "endpoint cloudtrail",
        "cloudtrail:LookupEvents",
        aws.cloudtrail.lookup_events().max_results(1)
    );
    reachable
}

async fn exists(findings: &mut Findings, aws: &Aws, need: Need) {
    let (name, answer) = match &need {
        Need::Metric(namespace, metric, dimensions) => (
            format!("metric {namespace} {metric}"),
            find_metric(aws, namespace, metric, dimensions).await,
        ),
        Need::LogGroup(group) => (format!("log group {group}"), find_group(aws, group).await),
        Need::Document(document) => (
            format!("document {document}"),
            find_document(aws, document).await,
        ),
        Need::Instance(id) => (format!("instance {id}"), find_instance(aws, id).await),
        Need::Parameter(parameter) => (
            format!("parameter {parameter}"),
            find_parameter(aws, parameter).await,
        ),
    };
    match answer {
        Ok(Ok(detail)) => findings.add(Verdict::Ok, name, detail),
        Ok(Err(detail)) => findings.add(Verdict::Missing, name, detail),
        Err(error) => findings.add(Verdict::Unknown, name, error.to_string()),
    }
}

/// What is there, or what is missing; an error where nobody can tell.
type Found = Result<Result<String, String>, AwsError>;

async fn find_metric(aws: &Aws, namespace: &str, name: &str, dimensions: &str) -> Found {
    use aws_sdk_cloudwatch::types::DimensionFilter;
    let wanted: std::collections::BTreeMap<String, String> =
        serde_json::from_str(dimensions).unwrap_or_default();
    let filters: Vec<DimensionFilter> = wanted
        .iter()
        .map(|(name, value)| DimensionFilter::builder().name(name).value(value).build())
        .collect();
    let answer = aws
        .cloudwatch
        .list_metrics()
        .namespace(namespace)
        .metric_name(name)
        .set_dimensions((!filters.is_empty()).then_some(filters))
        .send()
        .await
        .map_err(|error| describe("cloudwatch:ListMetrics", &error))?;
    let exact = answer
        .metrics()
        .iter()
        .any(|metric| metric.dimensions().len() == wanted.len());
    Ok(if exact {
        Ok("is there".into())
    } else if answer.metrics().is_empty() {
        Err("CloudWatch knows no such metric of the last two weeks".into())
    } else {
        Err("CloudWatch knows it with other dimensions only".into())
    })
}

async fn find_group(aws: &Aws, group: &str) -> Found {
    let named = LogGroup::of(group);
    let group = named.name.as_str();
    if named.identifier.is_some() {
        // Another account lists its groups only for whoever monitors it; a read tells.
        return Ok(Ok("is named by its ARN: the first read tells".into()));
    }
    let answer = aws
        .logs
        .describe_log_groups()
        .log_group_name_prefix(group)
        .send()
        .await
        .map_err(|error| describe("logs:DescribeLogGroups", &error))?;
    let there = answer
        .log_groups()
        .iter()
        .any(|known| known.log_group_name() == Some(group));
    Ok(if there {
        Ok("is there".into())
    } else {
        Err("there is no such log group here".into())
    })
}

async fn find_document(aws: &Aws, document: &str) -> Found {
    let answer = aws.ssm.describe_document().name(document).send().await;
    match answer {
        Ok(answer) => {
            let version = answer
                .document()
                .and_then(|document| document.document_version())
                .unwrap_or("?");
            Ok(Ok(format!("version {version}")))
        }
        Err(error) => {
            let error = describe("ssm:DescribeDocument", &error);
            if error.class == Class::NotFound || error.code.as_deref() == Some("InvalidDocument") {
                Ok(Err("there is no such document here".into()))
            } else {
                Err(error)
            }
        }
    }
}

async fn find_instance(aws: &Aws, id: &str) -> Found {
    use aws_sdk_ssm::types::{InstanceInformationStringFilter, PingStatus};
    let filter = InstanceInformationStringFilter::builder()
        .key("InstanceIds")
        .values(id)
        .build()
        .map_err(|error| AwsError::garbled("ssm:DescribeInstanceInformation", error.to_string()))?;
    let answer = aws
        .ssm
        .describe_instance_information()
        .filters(filter)
        .send()
        .await
        .map_err(|error| describe("ssm:DescribeInstanceInformation", &error))?;
    let known = answer
        .instance_information_list()
        .iter()
        .find(|known| known.instance_id() == Some(id));
    Ok(match known.and_then(|known| known.ping_status()) {
        Some(PingStatus::Online) => Ok("online".into()),
        Some(other) => Err(format!("its agent is {}", other.as_str())),
        None => Err("Systems Manager does not manage it here".into()),
    })
}

async fn find_parameter(aws: &Aws, name: &str) -> Found {
    // Without decryption: that it is there is all that is wanted.
    let answer = aws.ssm.get_parameter().name(name).send().await;
    match answer {
        Ok(_) => Ok(Ok("is there".into())),
        Err(error) => {
            let error = describe("ssm:GetParameter", &error);
            if error.class == Class::NotFound {
                Ok(Err("there is no such parameter here".into()))
            } else {
                Err(error)
            }
        }
    }
}
