//! `standdown notify`: whether others can be told, and what they were not.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what waits is said as the process ends"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::{CliError, FAILURE, SUCCESS, live, on_a_line, print_json, reach, say, stores};
use crate::actions::programs::LocalPrograms;
use crate::clock;
use crate::config::Settings;
use crate::engine::{Recorder, Sender};
use crate::incident::IncidentId;
use crate::journal::{Message, Topic};
use crate::notify::Configured;

/// How long whoever leaves waits for others to be told.
const LEAVING: Duration = Duration::from_secs(5);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the channels, and what each is told.
    List,
    /// Tell something on a channel now, to see whether it arrives.
    Test {
        /// The channel.
        channel: String,
    },
    /// List what was not sent yet, and what was given up.
    Unsent {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send what is due now, and end.
    Flush,
    /// Let a message be sent again that was given up.
    Resend {
        /// Its number, as `standdown notify unsent` prints it.
        id: i64,
    },
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    match arguments.command {
        Command::List => list(settings),
        Command::Test { channel } => test(&channel, settings).await,
        Command::Unsent { json } => unsent(json, settings),
        Command::Flush => flush(settings).await,
        Command::Resend { id } => resend(id, settings),
    }
}

/// Whoever sends what stands in the store of incidents.
pub(super) fn sender(settings: &Settings, recorder: &Recorder) -> Sender {
    Sender::new(
        &settings.channels.value,
        recorder,
        &live::pool(settings),
        Arc::new(LocalPrograms),
        (settings.breaker.value, settings.redactor()),
    )
}

/// Before a process ends: sends what is still to be sent, as far as that takes no longer than a few
/// seconds. The rest waits for the next console.
pub(super) async fn before_leaving(settings: &Settings, recorder: &Recorder) {
    let sender = sender(settings, recorder);
    let mut breakers = HashMap::new();
    let all = async {
        loop {
            let sent = sender.send_due(&mut breakers).await;
            // What this process is sending in the background is let end.
            let flying = recorder
                .call(|journal| journal.messages_in_flight(clock::now()))
                .await;
            match (sent, flying) {
                (Ok((1.., _)), _) => {}
                (_, Ok(1..)) => tokio::time::sleep(LOOK).await,
                _ => return,
            }
        }
    };
    // What it was not sent in time is found in the outbox below.
    let _ = tokio::time::timeout(LEAVING, all).await;
    let left = recorder.call(|journal| journal.unsent_messages()).await;
    let waiting = left.map_or(0, |all| all.iter().filter(|one| !one.dead).count());
    if waiting > 0 {
        eprintln!(
            "standdown: {waiting} messages to others wait: `standdown notify flush` sends them, and so does the next console"
        );
    }
}

fn list(settings: &Settings) -> Result<u8, CliError> {
    let catalog = super::catalog(settings);
    for one in &settings.channels.value {
        let topics: Vec<&str> = one
            .channel
            .topics
            .iter()
            .map(|topic| topic.name())
            .collect();
        let name = on_a_line(&one.channel.name);
        let told = if one.channel.kind.is_told() {
            format!("{}: {}", one.channel.audience.name(), topics.join(", "))
        } else {
            "when the console needs an answer".to_owned()
        };
        say!("{name}  {}  {told}", one.channel.kind.name());
    }
    for name in catalog.escalation.channels() {
        let known = |one: &Configured| one.channel.name == name;
        if !settings.channels.value.iter().any(known) {
            let name = on_a_line(name);
            say!(
                "{name}  NOT CONFIGURED: `escalation.toml` names it; add [[channels]] with name = \"{name}\""
            );
        }
    }
    if settings.channels.value.is_empty() {
        say!("no channels are configured: write [[channels]] into the configuration");
    }
    for text in reach::unreachable(settings, &catalog.escalation) {
        say!("{text}");
    }
    Ok(SUCCESS)
}

async fn test(channel: &str, settings: &Settings) -> Result<u8, CliError> {
    let known = settings.channels.value.iter();
    if !known.into_iter().any(|one| one.channel.name == channel) {
        return Err(CliError::Usage(format!(
            "no channel is named {channel:?}; `standdown notify list` lists them"
        )));
    }
    let recorder = Recorder::start(&stores::path(settings, stores::INCIDENTS)?);
    stores::tell_of_damage(&recorder);
    let now = clock::now();
    let message = Message {
        id: 0,
        channel: channel.to_owned(),
        topic: Topic::Opened,
        incident: IncidentId("test".into()),
        sequence: u64::try_from(now.timestamp()).unwrap_or_default(),
        at: now,
        facts: json!({
            "incident": "test", "topic": "opened", "title": "a test of standdown, nothing is wrong",
            "severity": "low", "status": "open", "at": now.to_rfc3339(), "test": true,
        }),
        tries: 0,
        dead: false,
        error: None,
    };
    match sender(settings, &recorder).send(&message).await {
        Ok(delivered) => {
            say!("accepted: {}", on_a_line(&delivered.answer));
            for one in &delivered.left {
                say!("not accepted: {}", on_a_line(&one.error.why));
            }
            Ok(if delivered.left.is_empty() {
                SUCCESS
            } else {
                FAILURE
            })
        }
        Err(error) => Err(CliError::Said(format!(
            "not sent: {}",
            on_a_line(&error.why)
        ))),
    }
}

fn unsent(json: bool, settings: &Settings) -> Result<u8, CliError> {
    let journal = stores::open(settings, stores::INCIDENTS)?;
    let all = journal.unsent_messages()?;
    if json {
        return print_json(&all);
    }
    for one in &all {
        let state = if one.dead { "given up" } else { "waiting" };
        say!(
            "{}  {}  {state}  {}  {}  {}  tried {} times  {}",
            one.id,
            one.at.format("%Y-%m-%d %H:%M:%SZ"),
            on_a_line(&one.channel),
            one.topic.name(),
            one.incident,
            one.tries,
            on_a_line(one.error.as_deref().unwrap_or_default())
        );
    }
    let unpaged = reach::nobody_paged(&journal)?;
    for text in &unpaged {
        say!("{text}");
    }
    match (
        all.is_empty() && unpaged.is_empty(),
        settings.channels.value.is_empty(),
    ) {
        (true, true) => {
            say!("nothing waits; no channel is configured, so nothing was sent to anybody");
        }
        (true, false) => say!("nothing waits, and nothing was given up"),
        (false, _) => {}
    }
    Ok(SUCCESS)
}

async fn flush(settings: &Settings) -> Result<u8, CliError> {
    let recorder = Recorder::start(&stores::path(settings, stores::INCIDENTS)?);
    stores::tell_of_damage(&recorder);
    let sender = sender(settings, &recorder);
    let mut breakers = HashMap::new();
    let (mut sent, mut unsent) = (0, 0);
    // What follows in order comes once what stands before it is gone.
    loop {
        let (now, failed) = sender.send_due(&mut breakers).await?;
        (sent, unsent) = (sent + now, unsent + failed);
        if now == 0 {
            break;
        }
    }
    say!("{sent} sent, {unsent} not");
    let left = recorder.call(|journal| journal.unsent_messages()).await?;
    let waiting = left.iter().filter(|one| !one.dead).count();
    if waiting > 0 {
        eprintln!(
            "standdown: {waiting} not sent yet: they wait for their time, or for another sender; `standdown notify unsent` says why"
        );
    }
    let unpaged = recorder
        .call(|journal| reach::nobody_paged(journal))
        .await?;
    for text in &unpaged {
        eprintln!("standdown: {text}");
    }
    Ok(if unsent == 0 && waiting == 0 && unpaged.is_empty() {
        SUCCESS
    } else {
        FAILURE
    })
}

fn resend(id: i64, settings: &Settings) -> Result<u8, CliError> {
    if stores::open(settings, stores::INCIDENTS)?.resend_message(id, clock::now())? {
        say!("it is sent by the next console, or by `standdown notify flush`");
        return Ok(SUCCESS);
    }
    Err(CliError::Usage(format!(
        "no message {id} was given up; `standdown notify unsent` lists them"
    )))
}
