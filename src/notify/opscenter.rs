//! `OpsCenter`: an incident is an `OpsItem` there, made once and resolved with it.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateOpsItem.html>

use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use aws_sdk_ssm::types::{
    OpsItemDataType, OpsItemDataValue, OpsItemFilter, OpsItemFilterKey, OpsItemFilterOperator,
    OpsItemStatus,
};
use serde_json::json;

use super::words::{Words, fact};
use super::{Delivered, Undelivered, limits};
use crate::aws::{Aws, Class, Quota, describe};
use crate::journal::{Message, Topic};

/// The longest title and the longest description that `OpsCenter` takes.
const TITLE: usize = 1024;
const DESCRIPTION: usize = 2048;
/// Under this name an item's data has the incident.
const INCIDENT: &str = "standdown";

/// Tells `OpsCenter`. Returns where the incident's item is, once it is made.
pub(super) async fn tell(
    aws: &Aws,
    message: &Message,
    words: &Words,
) -> Result<Delivered, Undelivered> {
    match message.topic {
        Topic::Opened => create(aws, message, words).await.map(|link| Delivered {
            note: Some(link.clone()),
            ..Delivered::answered(link)
        }),
        Topic::Resolved => resolve(aws, message)
            .await
            .map(|()| Delivered::answered("the OpsItem is resolved")),
        // A page is no OpsItem of its own: it must not count as one.
        Topic::Escalated => Err(Undelivered::ever("OpsCenter pages nobody")),
        _ => Ok(Delivered::answered(
            "not sent: OpsCenter has no event for this topic",
        )),
    }
}

async fn create(aws: &Aws, message: &Message, words: &Words) -> Result<String, Undelivered> {
    let text = |value: String| {
        OpsItemDataValue::builder()
            .value(value)
            .r#type(OpsItemDataType::SearchableString)
            .build()
    };
    let dedup = json!({ "dedupString": message.incident.0 }).to_string();
    // OpsCenter counts from 1, the gravest.
    let severity = match fact(message, "severity").as_str() {
        "critical" => "1",
        "high" => "2",
        "medium" => "3",
        _ => "4",
    };
    aws.pace(Quota::Ssm).await;
    let title = limits::characters(&words.title, TITLE);
    let description = limits::characters(&words.lines.join("\n"), DESCRIPTION);
    let asked = aws
        .ssm
        .create_ops_item()
        .title(title)
        .description(description)
        .source("standdown")
        .severity(severity)
        .operational_data("/aws/dedup", text(dedup))
        .operational_data(INCIDENT, text(message.incident.to_string()));
    match asked.send().await {
        Ok(answer) => Ok(link(aws, &answer.ops_item_id.unwrap_or_default())),
        // It was made by somebody who could not tell so.
        Err(error) if error.code() == Some("OpsItemAlreadyExistsException") => {
            let known = find(aws, message).await?;
            let known = known.ok_or_else(|| {
                Undelivered::now("OpsCenter has the incident's item, and does not list it yet")
            })?;
            Ok(link(aws, &known))
        }
        Err(error) => Err(refused(&describe("ssm:CreateOpsItem", &error))),
    }
}

async fn resolve(aws: &Aws, message: &Message) -> Result<(), Undelivered> {
    let Some(id) = find(aws, message).await? else {
        return Err(Undelivered::now("OpsCenter lists no item of this incident"));
    };
    aws.pace(Quota::Ssm).await;
    let asked = aws.ssm.update_ops_item().ops_item_id(id);
    let answer = asked.status(OpsItemStatus::Resolved).send().await;
    answer
        .map(drop)
        .map_err(|error| refused(&describe("ssm:UpdateOpsItem", &error)))
}

/// The incident's item.
async fn find(aws: &Aws, message: &Message) -> Result<Option<String>, Undelivered> {
    let wanted = json!({ "key": INCIDENT, "value": message.incident.0 }).to_string();
    let filter = OpsItemFilter::builder()
        .key(OpsItemFilterKey::OperationalData)
        .values(wanted)
        .operator(OpsItemFilterOperator::Equal)
        .build()
        .map_err(|error| Undelivered::ever(error.to_string()))?;
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .describe_ops_items()
        .ops_item_filters(filter)
        .send()
        .await;
    let answer = answer.map_err(|error| refused(&describe("ssm:DescribeOpsItems", &error)))?;
    let first = answer.ops_item_summaries().first();
    Ok(first.and_then(|item| item.ops_item_id().map(str::to_owned)))
}

fn refused(error: &crate::aws::AwsError) -> Undelivered {
    match error.class {
        Class::NotFound | Class::Invalid => Undelivered::ever(error.to_string()),
        _ => Undelivered::now(error.to_string()),
    }
}

fn link(aws: &Aws, id: &str) -> String {
    let link = crate::aws::console_links::ops_item(&aws.region, id);
    format!("OpsItem {id}: {link}")
}
