//! Reads `[[channels]]`: who is told of what, and in which words.

use crate::document::{Kind as Value, Located, Node, Problem, Problems, Reader, nearest};
use crate::expression::{Expression, Template};
use crate::journal::Topic;
use crate::notify::{Audience, Body, Channel, Configured, FACTS, Kind, Signal, Templates};
use crate::playbook::SecretSource;

pub(super) fn read(reader: &Reader<'_>) -> Vec<Configured> {
    let mut all: Vec<Configured> = Vec::new();
    for entry in reader.tables("channels") {
        let name = entry.required_string("name");
        entry.required("kind");
        let names = Kind::NAMES.map(|name| (name, name));
        let kind = entry
            .choice("kind", &names)
            .and_then(|named| kind(&entry, named));
        let secret = secret(&entry, kind.as_ref());
        let audience = entry.choice("audience", &Audience::ALL).unwrap_or_default();
        let topics = topics(&entry, audience, kind.as_ref());
        let templates = templates(&entry, kind.as_ref());
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
            audience,
            templates,
        };
        all.push(Configured { channel, secret });
    }
    all
}

/// How a channel is reached, by the keys of its kind.
fn kind(entry: &Reader<'_>, named: &str) -> Option<Kind> {
    let text = |key| entry.string(key).map(|text| text.value);
    let needed = |key| entry.required_string(key).map(|text| text.value);
    let list = |key| {
        entry.required(key);
        let all: Vec<String> = entry
            .strings(key)
            .into_iter()
            .map(|one| one.value)
            .collect();
        (!all.is_empty()).then_some(all)
    };
    match named {
        "slack" => Some(Kind::Slack),
        "teams" => Some(Kind::Teams),
        "pagerduty" => Some(Kind::Pagerduty { url: text("url") }),
        "sns" => {
            let profile = text("profile");
            let topic = entry.required_string("topic")?;
            if !is_topic(&topic.value) {
                let wrong = Problem::error(format!("{:?} is no topic's ARN", topic.value));
                let help = "write arn:aws:sns:REGION:ACCOUNT:NAME";
                entry.problems().push(wrong.at(topic.span).help(help));
            }
            Some(Kind::Sns {
                topic: topic.value,
                profile,
            })
        }
        "email" => {
            let (server, from, to) = (entry.required_string("server"), needed("from"), list("to"));
            let user = text("user");
            let hello = text("hello");
            if let Some(server) = &server {
                is_server(entry, server, user.is_some());
            }
            are_addresses(entry, from.iter().chain(to.iter().flatten()));
            Some(Kind::Email {
                server: server?.value,
                user,
                from: from?,
                to: to?,
                hello,
            })
        }
        "opscenter" => Some(Kind::Opscenter {
            profile: text("profile"),
            region: text("region"),
        }),
        "webhook" => Some(Kind::Webhook {
            url: needed("url")?,
        }),
        "program" => Some(Kind::Program {
            command: list("command")?,
        }),
        _ => {
            let signal = entry.choice("signal", &Signal::ALL);
            Some(Kind::Terminal(signal.unwrap_or(Signal::Bell)))
        }
    }
}

fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "sns", region, account, name]
        if !region.is_empty() && !account.is_empty() && !name.is_empty())
}

/// A password stands elsewhere, and never in the server's URL.
fn is_server(entry: &Reader<'_>, server: &Located<String>, login: bool) {
    let url = url::Url::parse(&server.value).ok();
    let smtp = url
        .as_ref()
        .filter(|url| matches!(url.scheme(), "smtp" | "smtps"));
    let problem = match smtp {
        None => Problem::error("this is no mail server")
            .help("write smtps://HOST, or smtp://HOST:PORT?tls=required for STARTTLS"),
        Some(url) if url.password().is_some() => Problem::error("a password does not stand here")
            .help("write `user`, and `secret` for where the password stands"),
        Some(url) if login && !is_private(url) => {
            Problem::error("a password would be sent there in the clear")
                .help("write smtps://HOST, or smtp://HOST:PORT?tls=required")
        }
        Some(_) => return,
    };
    entry.problems().push(problem.at(server.span.clone()));
}

/// Whether nobody else hears what is said to a server.
fn is_private(url: &url::Url) -> bool {
    let required = url
        .query_pairs()
        .any(|(name, value)| name == "tls" && value == "required");
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "smtps" || required || here
}

fn are_addresses<'a>(entry: &Reader<'_>, all: impl Iterator<Item = &'a String>) {
    for one in all {
        if let Err(error) = one.parse::<lettre::message::Mailbox>() {
            let wrong = Problem::error(format!("{one:?} is no address: {error}"));
            entry.problems().push(wrong.at(entry.span.clone()));
        }
    }
}

/// Where a channel's secret stands; never the secret itself.
fn secret(entry: &Reader<'_>, kind: Option<&Kind>) -> Option<SecretSource> {
    let text = entry.string("secret");
    let Some(text) = text else {
        let needed = match kind {
            Some(Kind::Slack | Kind::Teams | Kind::Pagerduty { .. }) => true,
            Some(Kind::Email { user, .. }) => user.is_some(),
            _ => false,
        };
        if needed {
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

/// What a channel is told: what its audience wants to know, unless it says otherwise.
fn topics(entry: &Reader<'_>, audience: Audience, kind: Option<&Kind>) -> Vec<Topic> {
    let named = entry.strings("on");
    let takes = |topic: &Topic| kind.is_none_or(|kind| kind.takes(*topic));
    if named.is_empty() {
        return audience.topics().into_iter().filter(takes).collect();
    }
    let mut topics = Vec::new();
    for word in named {
        if let Some((_, topic)) = Topic::ALL.iter().find(|(name, _)| *name == word.value) {
            if takes(topic) {
                topics.push(*topic);
            } else {
                entry.problems().push(
                    Problem::error(format!(
                        "a channel of this kind has nothing for {:?}",
                        word.value
                    ))
                    .at(word.span)
                    .help("leave it out, and name another channel for it"),
                );
            }
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

/// A channel's own words.
fn templates(entry: &Reader<'_>, kind: Option<&Kind>) -> Templates {
    let problems = entry.problems();
    let text = |key| {
        let text = entry.string(key)?;
        template(&text.value, text.span, problems)
    };
    let body = matches!(kind, Some(Kind::Webhook { .. }))
        .then(|| entry.node("body"))
        .flatten();
    Templates {
        title: text("title"),
        text: text("text"),
        body: body.map(|node| self::body(node, problems)),
    }
}

fn body(node: &Node, problems: &Problems) -> Body {
    match &node.kind {
        Value::String(text) if text.contains("{{") => {
            let template = template(text, node.span.clone(), problems);
            template.map_or(Body::Plain(serde_json::Value::Null), Body::Text)
        }
        Value::Array(items) => Body::List(
            items
                .iter()
                .map(|item| self::body(item, problems))
                .collect(),
        ),
        Value::Table(entries) => Body::Map(
            entries
                .iter()
                .map(|(name, _, value)| (name.clone(), self::body(value, problems)))
                .collect(),
        ),
        _ => Body::Plain(node.to_json()),
    }
}

fn template(text: &str, span: std::ops::Range<usize>, problems: &Problems) -> Option<Template> {
    let compiled = match Template::compile(text) {
        Ok(compiled) => compiled,
        Err(error) => {
            problems.push(Problem::error(error.message).at(span));
            return None;
        }
    };
    let read = compiled.expressions().flat_map(Expression::variables);
    let unknown: Vec<String> = read
        .filter(|name| !FACTS.contains(&name.as_str()))
        .collect();
    for name in unknown {
        let help = nearest(&name, FACTS.iter().copied()).map_or_else(
            || format!("a message tells {}", FACTS.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let wrong = Problem::error(format!("no message tells `{name}`"));
        problems.push(wrong.at(span.clone()).help(help));
    }
    Some(compiled)
}
