//! What a change is made to: found by id, by tag, by resource group or by Auto Scaling group, and
//! frozen as ids. Systems Manager would look again; what was shown is what runs.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{InstanceInformationStringFilter, PingStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Request;
use crate::actions::{Context, aws_cli};
use crate::aws::{Aws, AwsError, Pages, Quota, describe};
use crate::incident::{Group, Target};

/// More targets than this are no change of one step.
const MOST: usize = 1000;
/// `DescribeInstanceInformation` takes this many ids in one filter.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_InstanceInformationStringFilter.html>
const IDS: usize = 100;

/// One way to name resources.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Selector {
    /// Those that have these tags. Instances, unless another type is asked for beside them.
    Tags(BTreeMap<String, String>),
    /// The members of a resource group.
    ResourceGroup(String),
    /// The instances of an Auto Scaling group.
    AutoScalingGroup(String),
    /// These, wherever they were found.
    Ids(Vec<String>),
}

impl Selector {
    /// What it finds, in words.
    fn name(&self) -> String {
        match self {
            Self::Tags(tags) => {
                let tags: Vec<String> = tags
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                format!("instances tagged {}", tags.join(", "))
            }
            Self::ResourceGroup(name) => format!("resources of the group {name}"),
            Self::AutoScalingGroup(name) => format!("instances of {name}"),
            Self::Ids(_) => "resources".into(),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// The targets, where the parameters do not name them.
    pub targets: Option<Vec<Target>>,
    /// What they are a part of.
    pub group: Option<Group>,
}

/// Finds the targets, and the group that they are a part of.
pub(super) async fn find(
    request: &Request,
    aws: &Aws,
    context: &Context,
) -> Result<Selected, String> {
    let mut selected = Selected::default();
    if let Some(selector) = &request.targets {
        let found = members(selector, aws, context).await?;
        if found.is_empty() {
            return Err(format!(
                "nothing was found to change: no {}",
                selector.name()
            ));
        }
        selected.targets = Some(found);
    }
    let Some(selector) = &request.among else {
        return Ok(selected);
    };
    let all = members(selector, aws, context).await?;
    let mut zones: Vec<String> = all.iter().filter_map(|one| one.zone.clone()).collect();
    zones.sort_unstable();
    zones.dedup();
    selected.group = Some(Group {
        name: selector.name(),
        total: all.len(),
        zones,
    });
    // What is known of the group is known of its members.
    let targets = selected.targets.take().or_else(|| {
        let name = request.target_parameter.as_ref()?;
        let ids = request.lists().ok()?.remove(name)?;
        Some(ids.into_iter().map(named).collect())
    });
    selected.targets = targets.map(|targets| {
        targets
            .into_iter()
            .map(|target| {
                let known = all.iter().find(|member| member.id == target.id);
                known.cloned().unwrap_or(target)
            })
            .collect()
    });
    Ok(selected)
}

fn named(id: String) -> Target {
    Target {
        id,
        ..Target::default()
    }
}

async fn members(selector: &Selector, aws: &Aws, context: &Context) -> Result<Vec<Target>, String> {
    let ask = |service: &'static str, operation: &'static str, input: Value| async move {
        aws_cli::ask(context, aws, service, operation, input)
            .await
            .map_err(|error| error.message)
    };
    let mut found = match selector {
        Selector::Ids(ids) => ids.iter().cloned().map(named).collect(),
        Selector::Tags(tags) => {
            let mut filters: Vec<Value> = tags
                .iter()
                .map(|(key, value)| json!({"Name": format!("tag:{key}"), "Values": [value]}))
                .collect();
            // What is terminated keeps its tags for an hour, and cannot be changed any more.
            filters.push(json!({
                "Name": "instance-state-name",
                "Values": ["pending", "running", "stopping", "stopped"],
            }));
            let answer = ask("ec2", "describe-instances", json!({"Filters": filters})).await?;
            instances(&answer)
        }
        Selector::AutoScalingGroup(name) => {
            let input = json!({"AutoScalingGroupNames": [name]});
            let answer = ask("autoscaling", "describe-auto-scaling-groups", input).await?;
            let group = answer["AutoScalingGroups"]
                .as_array()
                .and_then(|groups| groups.first())
                .ok_or_else(|| format!("there is no Auto Scaling group {name}"))?;
            let members = group["Instances"].as_array().into_iter().flatten();
            members
                .filter_map(|one| {
                    Some(Target {
                        id: one["InstanceId"].as_str()?.to_owned(),
                        zone: one["AvailabilityZone"].as_str().map(str::to_owned),
                        ..Target::default()
                    })
                })
                .collect()
        }
        Selector::ResourceGroup(name) => {
            let input = json!({"Group": name});
            let answer = ask("resource-groups", "list-group-resources", input).await?;
            let members = answer["Resources"].as_array().into_iter().flatten();
            members
                .filter_map(|one| one["Identifier"]["ResourceArn"].as_str())
                .map(|arn| named(resource_of(arn).to_owned()))
                .collect::<Vec<_>>()
        }
    };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found.dedup_by(|one, other| one.id == other.id);
    if found.len() > MOST {
        return Err(format!(
            "{} {}: more than {MOST} are not changed in one step",
            found.len(),
            selector.name()
        ));
    }
    Ok(found)
}

/// The id at the end of an ARN.
fn resource_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    resource.rsplit(['/', ':']).next().unwrap_or(resource)
}

fn instances(answer: &Value) -> Vec<Target> {
    let reservations = answer["Reservations"].as_array().into_iter().flatten();
    reservations
        .flat_map(|reservation| reservation["Instances"].as_array().into_iter().flatten())
        .filter_map(|one| {
            let mut tags = one["Tags"].as_array().into_iter().flatten();
            let name = tags.find(|tag| tag["Key"] == "Name");
            Some(Target {
                id: one["InstanceId"].as_str()?.to_owned(),
                name: name.and_then(|tag| Some(tag["Value"].as_str()?.to_owned())),
                zone: one["Placement"]["AvailabilityZone"]
                    .as_str()
                    .map(str::to_owned),
                online: None,
            })
        })
        .collect()
}

/// Asks which managed instances answer, and puts those first: where a change fails at once, it
/// fails before the others are touched.
pub(super) async fn online_first(
    aws: &Aws,
    mut targets: Vec<Target>,
) -> Result<Vec<Target>, AwsError> {
    let managed: Vec<String> = targets
        .iter()
        .filter(|target| target.id.starts_with("i-") || target.id.starts_with("mi-"))
        .map(|target| target.id.clone())
        .collect();
    let operation = "ssm:DescribeInstanceInformation";
    for ids in managed.chunks(IDS) {
        let filter = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .set_values(Some(ids.to_vec()))
            .build()
            .map_err(|error| AwsError::garbled(operation, error.to_string()))?;
        let (mut token, mut pages) = (None, Pages::default());
        loop {
            aws.pace(Quota::Ssm).await;
            let page = aws
                .ssm
                .describe_instance_information()
                .filters(filter.clone())
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| describe(operation, &error))?;
            for known in page.instance_information_list() {
                let target = targets
                    .iter_mut()
                    .find(|target| known.instance_id() == Some(&target.id));
                if let Some(target) = target {
                    target.online = Some(known.ping_status() == Some(&PingStatus::Online));
                    target.name = target
                        .name
                        .take()
                        .or_else(|| known.computer_name().map(str::to_owned))
                        .filter(|name| !name.is_empty());
                }
            }
            token = pages.next(operation, page.next_token)?;
            if token.is_none() {
                break;
            }
        }
    }
    targets.sort_by_key(|target| target.online == Some(false));
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_ends_in_its_resource() {
        let arns = [
            "arn:aws:ec2:eu-central-1:1:instance/i-1",
            "arn:aws:ecs:eu-central-1:1:service/shop/orders",
            "arn:aws:lambda:eu-central-1:1:function:orders",
        ];
        assert_eq!(arns.map(resource_of), ["i-1", "orders", "orders"]);
    }

    #[test]
    fn a_selector_is_written_as_one_key() {
        let read = |value: Value| serde_json::from_value::<Selector>(value);
        assert_eq!(
            read(json!({"auto_scaling_group": "web"})).unwrap().name(),
            "instances of web"
        );
        assert_eq!(
            read(json!({"tags": {"Role": "web"}})).unwrap().name(),
            "instances tagged Role=web"
        );
        assert!(read(json!({"tag": {}})).is_err());
        assert!(read(json!({"tags": {}, "resource_group": "x"})).is_err());
    }
}
