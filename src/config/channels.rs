//! Reads `[[channels]]`: who is told of what.

use crate::document::{Problem, Reader};
use crate::journal::Topic;
use crate::notify::{Channel, Configured, Kind};
use crate::playbook::SecretSource;

pub(super) fn read(reader: &Reader<'_>) -> Vec<Configured> {
    let mut all: Vec<Configured> = Vec::new();
    for entry in reader.tables("channels") {
        let name = entry.required_string("name");
        entry.required("kind");
        let url = entry.string("url").map(|url| url.value);
        let command: Vec<String> = entry
            .strings("command")
            .into_iter()
            .map(|word| word.value)
            .collect();
        let names = Kind::NAMES.map(|name| (name, name));
        let kind = entry.choice("kind", &names).and_then(|kind| match kind {
            "slack" => Some(Kind::Slack),
            "teams" => Some(Kind::Teams),
            "pagerduty" => Some(Kind::Pagerduty { url: url.clone() }),
            "webhook" => {
                entry.required("url");
                Some(Kind::Webhook { url: url.clone()? })
            }
            _ => {
                entry.required("command");
                (!command.is_empty()).then_some(Kind::Program { command })
            }
        });
        let secret = secret(&entry, kind.as_ref());
        let topics = topics(&entry);
        let problems = entry.problems();
        entry.finish();
        let (Some(name), Some(kind)) = (name, kind) else {
            continue;
        };
        if all.iter().any(|one| one.channel.name == name.value) {
            let twice = format!("two channels are named {:?}", name.value);
            problems.push(Problem::error(twice).at(name.span));
            continue;
        }
        let channel = Channel {
            name: name.value,
            kind,
            topics,
        };
        all.push(Configured { channel, secret });
    }
    all
}

/// Where a channel's secret stands; never the secret itself.
fn secret(entry: &Reader<'_>, kind: Option<&Kind>) -> Option<SecretSource> {
    let text = entry.string("secret");
    let Some(text) = text else {
        if matches!(
            kind,
            Some(Kind::Slack | Kind::Teams | Kind::Pagerduty { .. })
        ) {
            entry.required("secret");
        }
        return None;
    };
    let source = SecretSource::parse(&text.value);
    if source.is_none() {
        entry.problems().push(
            Problem::error("this is no place for a secret")
                .at(text.span)
                .help(
                    "write where it stands: \"ssm:/path\", \"env:NAME\" or \"file:/absolute/path\"",
                ),
        );
    }
    source
}

/// What a channel is told: everything unless it says otherwise.
fn topics(entry: &Reader<'_>) -> Vec<Topic> {
    let named = entry.strings("on");
    if named.is_empty() {
        return Topic::ALL.iter().map(|(_, topic)| *topic).collect();
    }
    let mut topics = Vec::new();
    for word in named {
        if let Some((_, topic)) = Topic::ALL.iter().find(|(name, _)| *name == word.value) {
            topics.push(*topic);
        } else {
            let all: Vec<&str> = Topic::ALL.iter().map(|(name, _)| *name).collect();
            entry.problems().push(
                Problem::error(format!("nobody tells of {:?}", word.value))
                    .at(word.span)
                    .help(format!("write some of {}", all.join(", "))),
            );
        }
    }
    topics
}
