//! Telling others: one file per kind of channel.
//!
//! What is told comes from the journal's outbox, as facts; a channel puts it into the words and
//! the form of its receiver. It must never decide what is told, nor when.

mod form;
mod http;
mod program;
mod text;
mod webhook;

use std::time::Duration;

use crate::journal::{Message, Topic};
use crate::playbook::SecretSource;

/// How long a receiver may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub kind: Kind,
    /// What it is told.
    pub topics: Vec<Topic>,
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
}

impl Kind {
    /// Their names.
    pub const NAMES: [&str; 5] = ["slack", "pagerduty", "teams", "webhook", "program"];

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Pagerduty { .. } => "pagerduty",
            Self::Teams => "teams",
            Self::Webhook { .. } => "webhook",
            Self::Program { .. } => "program",
        }
    }
}

/// A channel, and where the secret stands that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl Undelivered {
    fn now(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            lasting: false,
        }
    }

    fn ever(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            lasting: true,
        }
    }
}

/// Tells a message on a channel, with the channel's secret.
///
/// # Errors
/// When it does not arrive.
pub async fn deliver(
    channel: &Channel,
    secret: Option<&str>,
    message: &Message,
) -> Result<(), Undelivered> {
    let needed = || {
        let why = format!("the channel {} has no secret", channel.name);
        secret.ok_or_else(|| Undelivered::ever(why))
    };
    match &channel.kind {
        Kind::Slack => http::post(needed()?, &form::slack(message), &[]).await,
        Kind::Teams => http::post(needed()?, &form::teams(message), &[]).await,
        Kind::Pagerduty { url } => {
            let url = url.as_deref().unwrap_or(form::PAGERDUTY);
            match form::pagerduty(message, needed()?) {
                Some(event) => http::post(url, &event, &[]).await,
                // It has no word for that.
                None => Ok(()),
            }
        }
        Kind::Webhook { url } => webhook::send(url, secret, message).await,
        Kind::Program { command } => program::run(command, secret, message).await,
    }
}
