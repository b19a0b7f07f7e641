//! Telling others: one file per kind of channel.
//!
//! What is told comes from the journal's outbox, as facts; a channel puts it into the words and
//! the form of its receiver. It must never decide what is told, nor when.

mod email;
mod form;
mod http;
mod limits;
mod opscenter;
mod program;
mod sns;
mod terminal;
mod webhook;
mod words;

use std::time::Duration;

use crate::aws::{Place, Pool};
use crate::expression::Template;
use crate::journal::{Message, Topic};
use crate::playbook::SecretSource;

use words::Words;
pub use words::{Body, FACTS};

/// How long a receiver may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub kind: Kind,
    /// What it is told.
    pub topics: Vec<Topic>,
    /// In whose words.
    pub audience: Audience,
    /// In words of its own, where it has some.
    pub templates: Templates,
}

/// For whom a message is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// Those who respond: what, evidence, next.
    #[default]
    Responders,
    /// Those who wait: impact, status, when they hear more.
    Stakeholders,
}

impl Audience {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 2] = [
        ("responders", Self::Responders),
        ("stakeholders", Self::Stakeholders),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// What a channel for them is told, unless it says otherwise.
    #[must_use]
    pub fn topics(self) -> Vec<Topic> {
        match self {
            Self::Responders => Topic::ALL.iter().map(|(_, topic)| *topic).collect(),
            Self::Stakeholders => vec![
                Topic::Opened,
                Topic::Update,
                Topic::Mitigated,
                Topic::Resolved,
            ],
        }
    }
}

/// A channel's own words: texts with `{{ }}`, which read the message's facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Templates {
    /// The first line.
    pub title: Option<Template>,
    /// What stands below it.
    pub text: Option<Template>,
    /// All that a webhook is sent.
    pub body: Option<Body>,
}

/// How a channel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A Slack incoming webhook, whose URL is the secret.
    /// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    Slack,
    /// PagerDuty's Events API v2, whose routing key is the secret.
    /// <https://developer.pagerduty.com/docs/send-alert-event>
    Pagerduty {
        /// Where it is, if not at PagerDuty.
        url: Option<String>,
    },
    /// A Microsoft Teams workflow's webhook, whose URL is the secret.
    /// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>
    Teams,
    /// An SNS topic.
    /// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
    Sns {
        /// Its ARN.
        topic: String,
        /// The profile that may publish there, where it is not the usual one.
        profile: Option<String>,
    },
    /// E-mail through an SMTP server, whose password is the secret.
    Email {
        /// The server: `smtps://host`, `smtp://host?tls=required` with STARTTLS, `smtp://host` in
        /// the clear, which takes no login but on this machine.
        server: String,
        /// Who logs in there.
        user: Option<String>,
        /// Whom it is from.
        from: String,
        /// Whom it is to.
        to: Vec<String>,
        /// The name with which this host greets the server; found out unless given.
        hello: Option<String>,
    },
    /// `OpsCenter` of Systems Manager: an incident is an `OpsItem` there.
    Opscenter {
        /// The profile that may make them, where it is not the usual one.
        profile: Option<String>,
        /// The region, where it is not the usual one.
        region: Option<String>,
    },
    /// Any webhook: JSON, signed with the secret where there is one.
    Webhook {
        /// Where.
        url: String,
    },
    /// A program on this machine, which reads the facts as JSON.
    Program {
        /// It, and its arguments.
        command: Vec<String>,
    },
    /// The terminal that the console runs in, when an answer is needed.
    Terminal(Signal),
}

/// How a terminal calls its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The bell.
    Bell,
    /// A notification, as iTerm2, `WezTerm` and Windows Terminal know it.
    Osc9,
    /// A notification, as urxvt, foot and Ghostty know it.
    Osc777,
}

impl Signal {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("bell", Self::Bell),
        ("osc9", Self::Osc9),
        ("osc777", Self::Osc777),
    ];

    /// What is written to the terminal. The text has no control characters.
    #[must_use]
    pub fn sequence(self, text: &str) -> String {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        match self {
            Self::Bell => "\u{7}".into(),
            Self::Osc9 => format!("\u{1b}]9;{text}\u{7}"),
            // A semicolon would end the title.
            Self::Osc777 => format!(
                "\u{1b}]777;notify;standdown;{}\u{7}",
                text.replace(';', ",")
            ),
        }
    }
}

impl Kind {
    /// Their names.
    pub const NAMES: [&str; 9] = [
        "slack",
        "pagerduty",
        "teams",
        "sns",
        "email",
        "opscenter",
        "webhook",
        "program",
        "terminal",
    ];

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Pagerduty { .. } => "pagerduty",
            Self::Teams => "teams",
            Self::Sns { .. } => "sns",
            Self::Email { .. } => "email",
            Self::Opscenter { .. } => "opscenter",
            Self::Webhook { .. } => "webhook",
            Self::Program { .. } => "program",
            Self::Terminal(_) => "terminal",
        }
    }

    /// Whether it is told from the outbox; a terminal is called by the console that it shows.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !matches!(self, Self::Terminal(_))
    }
}

/// A channel, and where the secret stands that it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// The channel.
    pub channel: Channel,
    /// Its secret: a URL, or a key.
    pub secret: Option<SecretSource>,
}

/// Why something could not be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Undelivered {
    /// Why.
    pub why: String,
    /// Whether trying again is of no use.
    pub lasting: bool,
    /// Whether the channel itself is at fault: its login, its name for this host, its secret. The
    /// message is kept until somebody mends it, and nobody is reached until then.
    pub fault: bool,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Undelivered {
    /// It may pass.
    pub fn now(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            lasting: false,
            fault: false,
            retry_after: None,
        }
    }

    /// It is refused for what it is.
    pub fn ever(why: impl Into<String>) -> Self {
        Self {
            lasting: true,
            ..Self::now(why)
        }
    }

    /// The channel itself is at fault.
    pub fn fault(why: impl Into<String>) -> Self {
        Self {
            fault: true,
            ..Self::now(why)
        }
    }
}

/// What came of a message that a receiver accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// What the receiver answered.
    pub answer: String,
    /// What the incident's record is to say of it, where there is something.
    pub note: Option<String>,
    /// The recipients that did not take it.
    pub left: Vec<Left>,
}

impl Delivered {
    fn answered(answer: impl Into<String>) -> Self {
        Self {
            answer: answer.into(),
            ..Self::default()
        }
    }
}

/// A recipient that did not take a message which others took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The recipient.
    pub recipient: String,
    /// Why.
    pub error: Undelivered,
}

impl Kind {
    /// Whether its receiver knows of something like that. What it does not take is not sent, and counts as
    /// told to nobody.
    #[must_use]
    pub fn takes(&self, topic: Topic) -> bool {
        match self {
            Self::Pagerduty { .. } => !matches!(
                topic,
                Topic::Update | Topic::HandOver | Topic::Approval | Topic::Healing
            ),
            // An item is made and resolved; in between it says nothing.
            Self::Opscenter { .. } => matches!(topic, Topic::Opened | Topic::Resolved),
            _ => true,
        }
    }
}

/// Sends a message through a channel, with the channel's secret. Returns what the receiver answered.
///
/// # Errors
/// When it does not arrive.
pub async fn deliver(
    channel: &Channel,
    secret: Option<&str>,
    message: &Message,
    aws: &Pool,
) -> Result<Delivered, Undelivered> {
    let words = Words::of(message, channel);
    let needed = || {
        let why = format!("the channel {} has no secret", channel.name);
        secret.ok_or_else(|| Undelivered::fault(why))
    };
    match &channel.kind {
        Kind::Slack => http::post(needed()?, &form::slack(&words), &[]).await,
        Kind::Teams => http::post(needed()?, &form::teams(&words), &[]).await,
        Kind::Pagerduty { url } => {
            let url = url.as_deref().unwrap_or(form::PAGERDUTY);
            match form::pagerduty(message, &words, needed()?) {
                Some(event) => http::post(url, &event, &[]).await,
                None => Err(Undelivered::ever(
                    "PagerDuty has no event for this; name another channel",
                )),
            }
        }
        Kind::Sns { topic, profile } => {
            let at = sns::place(topic, profile.as_deref())?;
            let aws = aws.at(&at).await;
            let aws = aws.map_err(|error| Undelivered::fault(error.to_string()))?;
            sns::publish(&aws, topic, message, &words).await
        }
        Kind::Email {
            server,
            user,
            from,
            to,
            hello,
        } => {
            let server = email::Server {
                url: server,
                login: user.as_deref().zip(secret),
                hello: hello.as_deref(),
            };
            email::send(&server, (from, to), message, &words).await
        }
        Kind::Opscenter { profile, region } => {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let aws = aws.at(&Place::new(&text(profile), &text(region))).await;
            let aws = aws.map_err(|error| Undelivered::now(error.to_string()))?;
            opscenter::tell(&aws, message, &words).await
        }
        Kind::Webhook { url } => {
            let body = channel.templates.body.as_ref();
            let body = body.map_or_else(|| words.json(message), |body| body.fill(&words));
            webhook::send(url, secret, message, &body).await
        }
        Kind::Program { command } => program::run(command, secret, &words.json(message)).await,
        Kind::Terminal(signal) => {
            terminal::ring(*signal, &words.title).map(|()| Delivered::answered("rang the terminal"))
        }
    }
}
