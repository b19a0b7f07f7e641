//! A message in words, for those who respond: what, evidence, next.

use crate::journal::{Message, Topic};

/// The first line.
pub(super) fn title(message: &Message) -> String {
    let fact = |name| fact(message, name);
    let what = match message.topic {
        Topic::Opened => "incident opened".to_owned(),
        Topic::Acknowledged => "somebody has the incident".into(),
        Topic::Escalated => "ESCALATED".into(),
        Topic::Mitigated => "mitigated: the effect is gone".into(),
        Topic::Resolved => "resolved: the cause is gone".into(),
        Topic::Approval => "your approval is asked for".into(),
        Topic::Healing => format!(
            "automated: {} of {} {}",
            fact("rule"),
            fact("resource"),
            fact("healing")
        ),
    };
    format!("[{}] {}: {what}", fact("severity"), fact("title"))
}

/// The lines below it.
pub(super) fn lines(message: &Message) -> Vec<String> {
    let fact = |name| fact(message, name);
    let mut lines = vec![format!(
        "incident {} · {} · {}",
        message.incident,
        fact("status"),
        message.at.format("%Y-%m-%d %H:%M:%SZ")
    )];
    let own = match message.topic {
        Topic::Approval => vec![
            format!("because: {}", fact("reason")),
            format!(
                "next: standdown approve {}, logged in to the bastion as yourself, until {}",
                fact("request"),
                fact("until")
            ),
        ],
        Topic::Healing => vec![
            format!(
                "{} on layer {}, attempt {}, {}",
                fact("action"),
                fact("layer"),
                fact("attempt"),
                fact("place")
            ),
            format!("began {} · ended {}", fact("started_at"), fact("ended_at")),
            format!("error: {}", fact("error")),
        ],
        Topic::Escalated => vec![
            format!("note: {}", fact("note")),
            format!("next: standdown resume {}", message.incident),
        ],
        _ => vec![format!("next: standdown resume {}", message.incident)],
    };
    // What is not known is not said.
    lines.extend(own.into_iter().filter(|line| !line.ends_with(": ")));
    lines
}

pub(super) fn fact(message: &Message, name: &str) -> String {
    match &message.facts[name] {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
