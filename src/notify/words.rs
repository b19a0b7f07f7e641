//! A message in words, for those who respond and for those who wait.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Audience, Channel};
use crate::expression::{Scope, Template};
use crate::journal::{Message, Topic};

/// What a channel's own words can read; of a topic only some of it is known.
pub const FACTS: [&str; 46] = [
    "account",
    "action",
    "alarm",
    "answer_until",
    "at",
    "attempt",
    "automated",
    "contacts",
    "ended_at",
    "error",
    "escalated",
    "escalation",
    "evidence",
    "exhausted",
    "healed",
    "healing",
    "id",
    "impact",
    "incident",
    "key",
    "layer",
    "level",
    "next",
    "next_update",
    "note",
    "opened_at",
    "picture",
    "place",
    "playbook",
    "reason",
    "region",
    "request",
    "resource",
    "round",
    "rule",
    "set_off_at",
    "severity",
    "started_at",
    "status",
    "step",
    "store",
    "test",
    "title",
    "topic",
    "until",
    "update",
];

/// A message as a receiver reads it.
#[derive(Debug, Clone)]
pub struct Words {
    /// The first line.
    pub title: String,
    /// What stands below it.
    pub lines: Vec<String>,
    scope: Scope,
}

impl Words {
    /// Puts a message into a channel's words.
    pub(super) fn of(message: &Message, channel: &Channel) -> Self {
        let scope = scope(message);
        let own = &channel.templates;
        let (usual, below) = match channel.audience {
            Audience::Responders => (title(message), for_responders(message)),
            Audience::Stakeholders => (plain_title(message), for_stakeholders(message)),
        };
        Self {
            title: own.title.as_ref().map_or(usual, |own| own.known(&scope)),
            lines: own.text.as_ref().map_or(below, |own| {
                own.known(&scope).lines().map(str::to_owned).collect()
            }),
            scope,
        }
    }

    /// The message as JSON, as webhooks and programs get it.
    pub(super) fn json(&self, message: &Message) -> Value {
        json!({
            "key": message.key(), "topic": message.topic.name(), "incident": message.incident.0,
            "title": self.title, "text": self.lines.join("\n"), "facts": message.facts,
        })
    }
}

/// A JSON body whose texts may hold `{{ }}`. A text that is one expression keeps its value's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A value as it is written.
    Plain(Value),
    /// A text with templates.
    Text(Template),
    /// A list.
    List(Vec<Self>),
    /// Names with values.
    Map(Vec<(String, Self)>),
}

impl Body {
    /// Fills it. What is not known of a message is left out.
    pub(super) fn fill(&self, words: &Words) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => template.fill(&words.scope),
            Self::List(items) => items
                .iter()
                .map(|item| (item, item.fill(words)))
                .filter(|(own, value)| !value.is_null() || matches!(own, Self::Plain(_)))
                .map(|(_, value)| value)
                .collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(name, value)| (name.clone(), value, value.fill(words)))
                .filter(|(_, own, value)| !value.is_null() || matches!(own, Self::Plain(_)))
                .map(|(name, _, value)| (name, value))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn scope(message: &Message) -> Scope {
    let mut scope = Scope::default();
    for (name, value) in message.facts.as_object().into_iter().flatten() {
        if !value.is_null() {
            scope.set_json(name, value);
        }
    }
    scope.set_json("key", &message.key().into());
    scope
}

/// The first line, for those who respond.
fn title(message: &Message) -> String {
    let fact = |name| fact(message, name);
    let what = match message.topic {
        Topic::Opened => "incident opened".to_owned(),
        Topic::Acknowledged => "acknowledged".into(),
        Topic::Escalated if fact("exhausted") == "true" && fact("level") == "0" => {
            "ESCALATED, and NOBODY WAS PAGED: there is no such path".into()
        }
        Topic::Escalated if fact("exhausted") == "true" => {
            "ESCALATED to the last level, and NOBODY ACKNOWLEDGED".into()
        }
        Topic::Escalated => format!("ESCALATED, level {}", fact("level")),
        Topic::Mitigated => "mitigated: the effect is gone".into(),
        Topic::Resolved => "resolved: the cause is gone".into(),
        Topic::Update => "update".into(),
        Topic::HandOver => "hand-over".into(),
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

/// What, evidence, next.
fn for_responders(message: &Message) -> Vec<String> {
    let fact = |name| fact(message, name);
    let mut lines = vec![format!(
        "incident {} · {} · {}",
        message.incident,
        fact("status"),
        message.at.format("%Y-%m-%d %H:%M:%SZ")
    )];
    lines.extend(affected(message));
    let run = |words: &str| {
        let store = fact("store");
        let store = shlex::try_quote(&store).map_or(String::new(), Cow::into_owned);
        if store.is_empty() {
            format!("standdown {words}")
        } else {
            format!("standdown --state {store} {words}")
        }
    };
    let own = match message.topic {
        Topic::Approval => vec![
            format!("because: {}", fact("reason")),
            format!(
                "next: {}, logged in to the bastion as yourself, until {}",
                run(&format!("approve {}", fact("request"))),
                moment(message, "until")
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
        Topic::Escalated => {
            let mut own = vec![
                format!("paged: {}", all(message, "contacts").join(", ")),
                format!(
                    "next: {}, before {}",
                    run(&format!("ack {}", message.incident)),
                    moment(message, "answer_until")
                ),
            ];
            own.extend(all(message, "picture"));
            own
        }
        Topic::HandOver => all(message, "picture"),
        Topic::Update => vec![
            format!("told: {}", fact("update")),
            format!("next update at: {}", moment(message, "next_update")),
        ],
        _ => {
            let mut own: Vec<String> = all(message, "evidence")
                .iter()
                .map(|one| format!("evidence: {one}"))
                .collect();
            own.push(format!("note: {}", fact("note")));
            own.push(format!("next: {}", fact("next")));
            own.push(format!(
                "open it: {}",
                run(&format!("resume {}", message.incident))
            ));
            own
        }
    };
    lines.extend(known(own));
    lines
}

/// The first line, for those who wait.
fn plain_title(message: &Message) -> String {
    let what = match message.topic {
        Topic::Opened => "we are investigating",
        Topic::Acknowledged => "a responder is working on it",
        Topic::Escalated => "escalated to further responders",
        Topic::Mitigated => "mitigated; we are looking for the root cause",
        Topic::Resolved => "resolved",
        Topic::Update | Topic::HandOver | Topic::Approval | Topic::Healing => "update",
    };
    format!("{}: {what}", fact(message, "title"))
}

/// Impact, status, when they hear more.
fn for_stakeholders(message: &Message) -> Vec<String> {
    let fact = |name| fact(message, name);
    let mut lines = affected(message);
    lines.extend(known(vec![
        format!("impact: {}", fact("impact")),
        format!(
            "status: {}, since {}",
            fact("status"),
            message.at.format("%H:%M UTC")
        ),
        format!("update: {}", fact("update")),
        format!("next update at: {}", moment(message, "next_update")),
        format!("reference: {}", message.incident),
    ]));
    lines
}

/// What is affected, and where.
fn affected(message: &Message) -> Vec<String> {
    let parts = ["alarm", "resource", "account", "region"]
        .iter()
        .map(|name| (*name, fact(message, name)))
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name} {text}"))
        .collect::<Vec<_>>();
    if parts.is_empty() {
        Vec::new()
    } else {
        vec![parts.join(" · ")]
    }
}

/// What is not known is not said.
fn known(lines: Vec<String>) -> Vec<String> {
    let said = |line: &String| !line.ends_with(": ") && !line.ends_with(", before ");
    lines.into_iter().filter(said).collect()
}

/// A time as people write it.
fn moment(message: &Message, name: &str) -> String {
    let text = fact(message, name);
    let at = text.parse::<chrono::DateTime<chrono::Utc>>();
    at.map_or(text, |at| at.format("%Y-%m-%d %H:%M UTC").to_string())
}

fn all(message: &Message, name: &str) -> Vec<String> {
    let list = message.facts[name].as_array();
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

pub(super) fn fact(message: &Message, name: &str) -> String {
    match &message.facts[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
