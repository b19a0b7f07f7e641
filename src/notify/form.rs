//! The forms that receivers want.

use serde_json::{Value, json};

use super::words::{Words, fact};
use crate::journal::{Message, Topic};

/// Where PagerDuty takes events.
pub(super) const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// PagerDuty cuts a summary at this many characters.
const SUMMARY: usize = 1024;
/// Slack takes a section of this many characters at most.
const SECTION: usize = 3000;

/// Text that no receiver takes for markup, a mention or a link of its own.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A message with blocks; `text` is what a notification shows.
pub(super) fn slack(words: &Words) -> Value {
    let title = plain(&words.title);
    let rest = plain(&words.lines.join("\n"));
    json!({
        "text": cut(&title, SECTION),
        "blocks": [
            { "type": "section", "text": { "type": "plain_text", "text": cut(&title, SECTION) } },
            { "type": "section", "text": { "type": "plain_text", "text": cut(&rest, SECTION) } },
        ],
    })
}

/// An adaptive card, as workflows take it.
pub(super) fn teams(words: &Words) -> Value {
    let block = |text: &str, weight: &str| {
        // A plain run is shown as it is; a TextBlock would read Markdown in it.
        json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text, "weight": weight }] })
    };
    let mut body = vec![block(&words.title, "bolder")];
    body.extend(words.lines.iter().map(|line| block(line, "default")));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard", "version": "1.4", "body": body,
            },
        }],
    })
}

/// An event; one dedup key for all of an incident. PagerDuty knows of incidents only: other
/// messages are none of its.
pub(super) fn pagerduty(message: &Message, words: &Words, key: &str) -> Option<Value> {
    let action = match message.topic {
        Topic::Opened | Topic::Escalated => "trigger",
        Topic::Acknowledged => "acknowledge",
        Topic::Mitigated | Topic::Resolved => "resolve",
        Topic::Update | Topic::HandOver | Topic::Approval | Topic::Healing => return None,
    };
    let mut event = json!({
        "routing_key": key, "event_action": action, "dedup_key": message.incident.0,
    });
    if action == "trigger" {
        let severity = match fact(message, "severity").as_str() {
            "critical" => "critical",
            "high" => "error",
            "medium" => "warning",
            _ => "info",
        };
        event["payload"] = json!({
            "summary": cut(&words.title, SUMMARY), "source": "standdown",
            "severity": severity, "timestamp": message.at.to_rfc3339(),
            "custom_details": message.facts,
        });
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::IncidentId;
    use crate::notify::{Audience, Channel, Kind, Templates};

    fn words(topic: Topic) -> Words {
        let channel = Channel {
            name: "c".into(),
            kind: Kind::Slack,
            topics: Vec::new(),
            audience: Audience::Responders,
            templates: Templates::default(),
        };
        Words::of(&message(topic), &channel)
    }

    fn message(topic: Topic) -> Message {
        Message {
            id: 1,
            channel: "c".into(),
            topic,
            incident: IncidentId("i-1".into()),
            sequence: 3,
            at: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            facts: json!({"title": "<!channel> & *bold*", "severity": "high", "status": "open"}),
            tries: 0,
            dead: false,
            error: None,
        }
    }

    #[test]
    fn what_comes_from_outside_mentions_nobody() {
        let said = slack(&words(Topic::Opened)).to_string();
        assert!(said.contains("&lt;!channel&gt; &amp; *bold*") && !said.contains("<!channel>"));
        assert!(!said.contains("mrkdwn"));
        let card = teams(&words(Topic::Opened)).to_string();
        assert!(!card.contains("\"TextBlock\""), "{card}");
    }

    #[test]
    fn pagerduty_hears_of_an_incident_under_one_key() {
        let action = |topic| {
            pagerduty(&message(topic), &words(topic), "k").map(|event| {
                assert_eq!(event["dedup_key"], "i-1");
                event["event_action"].as_str().unwrap().to_owned()
            })
        };
        assert_eq!(action(Topic::Opened).as_deref(), Some("trigger"));
        assert_eq!(action(Topic::Acknowledged).as_deref(), Some("acknowledge"));
        assert_eq!(action(Topic::Resolved).as_deref(), Some("resolve"));
        assert_eq!(action(Topic::Healing), None);
    }
}
