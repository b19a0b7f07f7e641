//! The forms that receivers want.

use serde_json::{Value, json};

use super::limits;
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

/// Slack takes a message of this many blocks at most.
const BLOCKS: usize = 50;
/// Teams takes a message of 28 KB; what a workflow adds to it counts as well.
/// <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages>
const TEAMS: usize = 26 * 1024;
/// PagerDuty takes an event of 512 KB.
/// <https://developer.pagerduty.com/docs/events-api-v2-overview#size-limits>
const EVENT: usize = 500 * 1024;

/// A message with blocks; `text` is what a notification shows.
pub(super) fn slack(words: &Words) -> Value {
    let title = limits::escaped(&words.title, SECTION, plain);
    let section =
        |text: &str| json!({ "type": "section", "text": { "type": "plain_text", "text": text } });
    let mut blocks = Vec::new();
    // Slack refuses a section without text.
    if !title.trim().is_empty() {
        blocks.push(section(&title));
    }
    blocks.extend(sections(&words.lines).iter().map(|text| section(text)));
    json!({ "text": title, "blocks": blocks })
}

/// Lines put together to as few sections as hold them.
fn sections(lines: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        // A line that fills several sections goes on in the next one.
        let characters: Vec<char> = line.chars().collect();
        let pieces: Vec<String> = if plain(line).chars().count() <= SECTION {
            vec![plain(line)]
        } else {
            // Escaped, a letter takes five at most.
            let chunks = characters.chunks(SECTION / 5);
            chunks
                .map(|chunk| plain(&chunk.iter().collect::<String>()))
                .collect()
        };
        for piece in pieces {
            match all.last_mut() {
                Some(last) if last.chars().count() + 1 + piece.chars().count() <= SECTION => {
                    last.push('\n');
                    last.push_str(&piece);
                }
                _ => all.push(piece),
            }
        }
    }
    all.retain(|text| !text.trim().is_empty());
    let most = BLOCKS - 1;
    if all.len() > most {
        let left: usize = all[most - 1..]
            .iter()
            .map(|text| text.chars().count())
            .sum();
        all.truncate(most - 1);
        all.push(format!("… [cut: {left} more characters]"));
    }
    all
}

/// An adaptive card, as workflows take it.
pub(super) fn teams(words: &Words) -> Value {
    let block = |text: &str, weight: &str| {
        // A plain run is shown as it is; a TextBlock would read Markdown in it.
        json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text, "weight": weight }] })
    };
    let card = |lines: &[String]| {
        let mut body = vec![block(&limits::bytes(&words.title, 2048), "bolder")];
        body.extend(lines.iter().map(|line| block(line, "default")));
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
    };
    let fits = |lines: &[String]| card(lines).to_string().len() <= TEAMS;
    // One line of a log must not displace all others.
    let lines: Vec<String> = words
        .lines
        .iter()
        .map(|line| limits::bytes(line, 8 * 1024))
        .collect();
    card(&limits::lines(&lines, fits))
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
            "summary": limits::characters(&words.title, SUMMARY), "source": source(message),
            "severity": severity, "timestamp": message.at.to_rfc3339(),
            "custom_details": details(message),
        });
    }
    Some(event)
}

/// What is affected: PagerDuty shows it beside the summary.
fn source(message: &Message) -> String {
    let named = ["resource", "alarm"].map(|name| fact(message, name));
    let found = named.into_iter().find(|text| !text.is_empty());
    limits::characters(&found.unwrap_or_else(|| "standdown".to_owned()), SUMMARY)
}

/// The facts, the longest of them cut until the event is small enough.
fn details(message: &Message) -> Value {
    let mut facts = message.facts.clone();
    for most in [32 * 1024, 8 * 1024, 1024, 128] {
        if facts.to_string().len() <= EVENT {
            return facts;
        }
        shorten(&mut facts, most);
    }
    if facts.to_string().len() <= EVENT {
        return facts;
    }
    json!({ "cut": "the facts of this message are longer than PagerDuty takes", "incident": message.incident.0 })
}

fn shorten(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => *text = limits::bytes(text, most),
        Value::Array(items) => {
            let left = items.len().saturating_sub(most / 16);
            items.truncate(most / 16);
            for item in items.iter_mut() {
                shorten(item, most);
            }
            if left > 0 {
                items.push(format!("… [cut: {left} more]").into());
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| shorten(field, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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

    fn long(lines: Vec<String>) -> Words {
        let mut words = words(Topic::Opened);
        words.lines = lines;
        words
    }

    #[test]
    fn slack_gets_sections_within_its_limits_and_no_half_entity() {
        for lines in [
            vec!["&".repeat(2_999)],
            vec!["<".repeat(100_000)],
            (0..10_000).map(|n| format!("line {n} & more")).collect(),
            vec![String::new(), " ".into()],
        ] {
            let message = slack(&long(lines));
            let blocks = message["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50);
            for block in blocks {
                let text = block["text"]["text"].as_str().unwrap();
                assert!(!text.trim().is_empty() && text.chars().count() <= 3_000);
                let whole = text
                    .replace("&amp;", "")
                    .replace("&lt;", "")
                    .replace("&gt;", "");
                assert!(!whole.contains('&'), "{whole}");
            }
        }
        let cut = slack(&long((0..100_000).map(|n| format!("line {n}")).collect())).to_string();
        assert!(cut.contains("[cut: "));
    }

    #[test]
    fn teams_gets_less_than_28_kb_and_is_told_of_the_cut() {
        for lines in [
            vec!["x".repeat(40_000)],
            vec!["\"ä".repeat(40_000)],
            (0..5_000).map(|n| format!("line {n}")).collect(),
        ] {
            let card = teams(&long(lines)).to_string();
            assert!(card.len() <= 28 * 1024, "{}", card.len());
            assert!(card.contains("[cut: "));
        }
    }

    #[test]
    fn pagerduty_gets_less_than_512_kb_and_a_summary_of_1024_characters() {
        let mut message = message(Topic::Opened);
        message.facts["picture"] = vec!["y".repeat(10_000); 100].into();
        message.facts["title"] = "t".repeat(5_000).into();
        let event = pagerduty(&message, &words(Topic::Opened), "k").unwrap();
        assert!(event.to_string().len() <= 512 * 1024);
        assert!(event.to_string().contains("[cut: "));
        assert!(
            event["payload"]["summary"]
                .as_str()
                .unwrap()
                .chars()
                .count()
                <= 1024
        );
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
