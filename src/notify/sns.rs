//! An SNS topic: whoever subscribed to it gets the message.

use aws_sdk_sns::types::MessageAttributeValue;

use super::words::{Words, fact};
use super::{Delivered, Undelivered, limits};
use crate::aws::{Aws, Class, Place, describe};
use crate::journal::Message;

/// SNS takes a subject of fewer than 100 characters, in ASCII, without line breaks, that begins with
/// a letter, a digit or a mark.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const SUBJECT: usize = 99;
/// SNS takes 256 KiB for the message and its attributes, which take some of it.
/// <https://docs.aws.amazon.com/general/latest/gr/sns.html>
const MESSAGE: usize = 250 * 1024;

/// Where a topic is: its ARN says the region.
pub(super) fn place(topic: &str, profile: Option<&str>) -> Result<Place, Undelivered> {
    let mut parts = topic.split(':');
    let region = parts.nth(3).filter(|region| !region.is_empty());
    let region = region.ok_or_else(|| Undelivered::ever(format!("{topic:?} is no topic's ARN")))?;
    Ok(Place::new(profile.unwrap_or_default(), region))
}

pub(super) async fn publish(
    aws: &Aws,
    topic: &str,
    message: &Message,
    words: &Words,
) -> Result<Delivered, Undelivered> {
    let attribute = |value: String| {
        MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|error| Undelivered::ever(error.to_string()))
    };
    let subject: String = words
        .title
        .chars()
        .filter(|c| c.is_ascii() && !c.is_ascii_control())
        .skip_while(char::is_ascii_whitespace)
        .take(SUBJECT)
        .collect();
    let mut asked = aws
        .sns
        .publish()
        .topic_arn(topic)
        .message(limits::bytes(
            &format!("{}\n{}", words.title, words.lines.join("\n")),
            MESSAGE,
        ))
        .message_attributes("topic", attribute(message.topic.name().into())?)
        .message_attributes("incident", attribute(message.incident.to_string())?)
        .message_attributes("key", attribute(message.key())?);
    if !subject.trim().is_empty() {
        asked = asked.subject(subject);
    }
    // SNS refuses an attribute without a value.
    let severity = fact(message, "severity");
    if !severity.is_empty() {
        asked = asked.message_attributes("severity", attribute(severity)?);
    }
    if is_fifo(topic) {
        asked = asked
            .message_group_id(message.incident.to_string())
            .message_deduplication_id(message.key());
    }
    let answer = asked.send().await;
    let sent = answer.map(|answer| {
        let id = answer.message_id.unwrap_or_default();
        Delivered::answered(format!("SNS message {id}"))
    });
    sent.map_err(|error| {
        let error = describe("sns:Publish", &error);
        match error.class {
            Class::NotFound | Class::Invalid => Undelivered::ever(error.to_string()),
            Class::AccessDenied | Class::Credentials => Undelivered::fault(error.to_string()),
            _ => Undelivered::now(error.to_string()),
        }
    })
}

fn is_fifo(topic: &str) -> bool {
    topic.rsplit_once('.').is_some_and(|(_, end)| end == "fifo")
}
