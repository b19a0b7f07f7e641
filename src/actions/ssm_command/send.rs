//! Sends a command, once it is known who can take it.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{
    CloudWatchOutputConfig, DocumentHashType, InstanceInformationStringFilter, PingStatus, Target,
};

use super::Request;
use super::look::listed;
use crate::actions::ActionError;
use crate::aws::{Aws, AwsError, Class, Pages, Quota, describe};

/// The instances that cannot take a command now, and why: of those that are named, or of those
/// that have the tags.
pub(super) async fn offline(
    aws: &Aws,
    instances: &[String],
    tags: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, AwsError> {
    let operation = "ssm:DescribeInstanceInformation";
    let filter = |key: &str, values: Vec<String>| {
        InstanceInformationStringFilter::builder()
            .key(key)
            .set_values(Some(values))
            .build()
            .map_err(|error| AwsError::garbled(operation, error.to_string()))
    };
    let filters = if instances.is_empty() {
        let tags = tags.iter();
        tags.map(|(name, value)| filter(&format!("tag:{name}"), vec![value.clone()]))
            .collect::<Result<Vec<_>, _>>()?
    } else {
        vec![filter("InstanceIds", instances.to_vec())?]
    };
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut token, mut pages) = (None, Pages::default());
    loop {
        aws.pace(Quota::Ssm).await;
        let page = aws
            .ssm
            .describe_instance_information()
            .set_filters(Some(filters.clone()))
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe(operation, &error))?;
        for instance in page.instance_information_list() {
            let status = instance.ping_status().map_or("unknown", PingStatus::as_str);
            let why = (status != "Online").then(|| {
                let since = instance
                    .last_ping_date_time()
                    .and_then(|time| chrono::DateTime::from_timestamp(time.secs(), 0))
                    .map(|time| format!(", last heard of at {}", time.format("%H:%M:%SZ")));
                format!("{status}{}", since.unwrap_or_default())
            });
            found.insert(instance.instance_id().unwrap_or_default().to_owned(), why);
        }
        token = pages.next(operation, page.next_token)?;
        if token.is_none() {
            break;
        }
    }
    for instance in instances {
        found.entry(instance.clone()).or_insert_with(|| {
            Some("Systems Manager does not manage it in this account and region".into())
        });
    }
    Ok(found
        .into_iter()
        .filter_map(|(id, why)| Some((id, why?)))
        .collect())
}

/// The instances that a command which was sent earlier was not sent to, and why. Whether it was
/// is AWS's to say: what was online then need not be online now.
pub(super) async fn left_out(
    aws: &Aws,
    command: &str,
    instances: &[String],
) -> Result<BTreeMap<String, String>, ActionError> {
    if instances.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Some(found) = listed(aws, command).await? else {
        return Err(ActionError::failed(format!(
            "Systems Manager does not know the command {command} any more"
        )));
    };
    let sent = found.instance_ids();
    Ok(instances
        .iter()
        .filter(|id| !sent.contains(id))
        .map(|id| (id.clone(), "the command was not sent to it".into()))
        .collect())
}

/// Sends the command to those that Systems Manager takes; gives its id, and whom it refused and why.
/// AWS refuses the whole request because of one instance: one that it does not take, or one that the
/// caller has no permission for. The instance that the error names fails alone.
pub(super) async fn send_to_valid(
    request: &Request,
    mut instances: Vec<String>,
    aws: &Aws,
) -> Result<(String, BTreeMap<String, String>), AwsError> {
    let mut refused = BTreeMap::new();
    loop {
        let error = match send(request, &instances, aws).await {
            Ok(id) => return Ok((id, refused)),
            Err(error) => error,
        };
        let why = if error.code.as_deref() == Some("InvalidInstanceId") {
            "Systems Manager does not take a command for it now (InvalidInstanceId); check that it runs and that its agent is connected"
        } else if error.class == Class::AccessDenied {
            "access is denied; allow ssm:SendCommand for this instance"
        } else {
            return Err(error);
        };
        let named: Vec<String> = instances
            .iter()
            .filter(|id| names(&error.message, id))
            .cloned()
            .collect();
        if named.is_empty() || named.len() == instances.len() {
            return Err(error);
        }
        instances.retain(|id| !named.contains(id));
        refused.extend(named.into_iter().map(|id| (id, why.to_owned())));
    }
}

/// Whether a message names an instance: `i-1` is not in `i-12`.
fn names(message: &str, id: &str) -> bool {
    message
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
        .any(|word| word == id)
}

/// Sends the command, and gives its id.
async fn send(request: &Request, instances: &[String], aws: &Aws) -> Result<String, AwsError> {
    let operation = "ssm:SendCommand";
    let document = request.document.as_deref().unwrap_or("AWS-RunShellScript");
    let mut parameters = request.parameters.clone();
    if !request.commands.is_empty() {
        parameters.insert("commands".into(), request.commands.clone());
        let seconds = request
            .execution_timeout
            .map_or(60, |span| span.0.as_secs().max(1));
        parameters.insert("executionTimeout".into(), vec![seconds.to_string()]);
    }
    let targets: Vec<Target> = request
        .tags
        .iter()
        .map(|(name, value)| {
            Target::builder()
                .key(format!("tag:{name}"))
                .values(value)
                .build()
        })
        .collect();
    let delivery = request.delivery_timeout.map_or(30, |span| {
        i32::try_from(span.0.as_secs()).unwrap_or(3600).max(30)
    });
    let copy = request.log_group.as_ref().map(|group| {
        CloudWatchOutputConfig::builder()
            .cloud_watch_log_group_name(crate::aws::LogGroup::of(group).name)
            .cloud_watch_output_enabled(true)
            .build()
    });
    aws.pace(Quota::Ssm).await;
    let sent = aws
        .ssm
        .send_command()
        .set_instance_ids((!instances.is_empty()).then(|| instances.to_vec()))
        .set_targets((!targets.is_empty()).then_some(targets))
        .document_name(document)
        .set_document_version(request.version.clone())
        .set_document_hash(request.document_hash.clone())
        .set_document_hash_type(
            request
                .document_hash
                .as_ref()
                .map(|_| DocumentHashType::Sha256),
        )
        .set_parameters((!parameters.is_empty()).then_some(parameters))
        .timeout_seconds(delivery)
        .set_max_concurrency(request.max_concurrency.clone())
        .set_max_errors(request.max_errors.clone())
        .set_cloud_watch_output_config(copy)
        .comment("standdown: read-only diagnostic")
        .send()
        .await
        .map_err(|error| describe(operation, &error).about(document))?;
    sent.command
        .and_then(|command| command.command_id)
        .ok_or_else(|| AwsError::garbled(operation, "it gave no command id".into()))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn an_instance_is_named_by_its_whole_id() {
        let message = "Instances [[i-12, mi-3]] not in a valid state for account 111122223333";
        assert!(names(message, "i-12") && names(message, "mi-3"));
        assert!(!names(message, "i-1") && !names(message, "i-3"));
        let denied = "is not authorized to perform: ssm:SendCommand on resource: arn:aws:ec2:eu-central-1:111122223333:instance/i-12 because";
        assert!(names(denied, "i-12") && !names(denied, "i-1"));
    }
}
