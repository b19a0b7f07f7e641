//! `standdown ack`, `update`, `handover`: what anyone may add to an incident, whether or not a
//! console has it open.

use std::time::Duration;

use super::record::{Record, add};
use super::{CliError, SUCCESS, notify, on_a_line, say, stores};
use crate::clock;
use crate::config::Settings;
use crate::engine::{Recorder, subscriptions};
use crate::incident::{Command, Event, card};
use crate::journal::{Summary, Topic};
use crate::notify::Configured;

#[derive(Debug, clap::Args)]
pub(super) struct Acknowledge {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// What you say; or who answered, where you asked for help yourself.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    note: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Update {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// When those who wait hear more, such as 30m.
    #[arg(long, value_name = "DURATION", value_parser = ahead)]
    next: Option<Duration>,
    /// How it stands.
    #[arg(required = true, trailing_var_arg = true)]
    text: Vec<String>,
}

/// A span that somebody can promise.
fn ahead(text: &str) -> Result<Duration, String> {
    let span = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30m"))?;
    let month = Duration::from_hours(31 * 24);
    if span.is_zero() || span > month {
        return Err("write a span of at most 31 days, as 30m".into());
    }
    Ok(span)
}

#[derive(Debug, clap::Args)]
pub(super) struct HandOver {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// Tell the channels as well.
    #[arg(long)]
    tell: bool,
}

pub(super) async fn acknowledge(
    arguments: Acknowledge,
    settings: &Settings,
) -> Result<u8, CliError> {
    let note = arguments.note.join(" ");
    let command = Command::AcknowledgeEscalation {
        note: (!note.trim().is_empty()).then_some(note),
    };
    let (summary, events) = record(settings, &arguments.incident, command)?;
    let id = &summary.id;
    for event in &events {
        match event {
            Event::StatusChanged { .. } => say!("{id} is acknowledged"),
            Event::EscalationAcknowledged { .. } => {
                say!("{id}: the escalation is acknowledged; nobody else is asked");
            }
            _ => {}
        }
    }
    say!("to work on it: standdown resume {id}");
    told(settings, &summary).await
}

pub(super) async fn update(arguments: Update, settings: &Settings) -> Result<u8, CliError> {
    let command = Command::Update {
        text: arguments.text.join(" "),
        next: arguments.next.map(|next| next.as_secs()),
    };
    let (summary, events) = record(settings, &arguments.incident, command)?;
    let began = clock::now();
    for event in &events {
        if let Event::UpdateGiven { text, next } = event {
            say!("recorded in {}: {}", summary.id, on_a_line(text));
            if let Some(next) = next {
                say!(
                    "the next one is promised for {}",
                    next.format("%Y-%m-%d %H:%MZ")
                );
            }
        }
    }
    told(settings, &summary).await?;
    if summary.rehearsal.is_some() {
        return Ok(SUCCESS);
    }
    let wants = |one: &Configured| one.channel.topics.contains(&Topic::Update);
    if !settings.channels.value.iter().any(wants) {
        return Err(CliError::Said(
            "the update is recorded, and NOBODY was sent it: no channel takes updates; `on = [\"update\"]` of a channel in the configuration changes that".into(),
        ));
    }
    let unsent = stores::open(settings, stores::INCIDENTS)?.unsent_messages()?;
    // What the same moment recorded, and no channel accepted.
    let own = unsent.iter().filter(|one| {
        one.incident == summary.id
            && one.topic == Topic::Update
            && one.at >= began - chrono::TimeDelta::seconds(60)
            && one.error.is_some()
    });
    let why: Vec<String> = own
        .map(|one| {
            let error = one.error.as_deref().unwrap_or_default();
            let state = if one.dead {
                "given up"
            } else {
                "tried again later"
            };
            on_a_line(&format!("{} ({state}): {error}", one.channel))
        })
        .collect();
    if why.is_empty() {
        return Ok(SUCCESS);
    }
    Err(CliError::Said(format!(
        "the update is recorded, and was not sent through {}",
        why.join("; ")
    )))
}

pub(super) async fn hand_over(arguments: HandOver, settings: &Settings) -> Result<u8, CliError> {
    if arguments.tell {
        let (_, known) = stores::find(settings, &arguments.incident)?;
        let writer = known.writer;
        let command = Command::GiveCard { writer };
        let (summary, events) = record(settings, &arguments.incident, command)?;
        for event in &events {
            if let Event::HandedOver { card } = event {
                print(card)?;
            }
        }
        return told(settings, &summary).await;
    }
    let record = Record::find(settings, &arguments.incident)?;
    let writer = record.summary.writer.as_deref();
    print(&card(&record.state, clock::now(), writer))?;
    Ok(SUCCESS)
}

fn print(card: &[String]) -> Result<(), CliError> {
    for text in card {
        say!("{}", on_a_line(text));
    }
    Ok(())
}

/// Records what is asked for; who is told of incidents is told of this.
pub(super) fn record(
    settings: &Settings,
    prefix: &str,
    command: Command,
) -> Result<(Summary, Vec<Event>), CliError> {
    let (mut journal, summary) = stores::find(settings, prefix)?;
    if summary.rehearsal.is_none() {
        journal.subscribe(subscriptions(&settings.channels.value));
    }
    let events = add(&mut journal, &summary.id, command, settings)?;
    Ok((summary, events))
}

/// Sends what waits, as far as that takes no longer than a few seconds.
async fn told(settings: &Settings, summary: &Summary) -> Result<u8, CliError> {
    if summary.rehearsal.is_none() {
        let store = stores::path(settings, stores::INCIDENTS)?;
        notify::before_leaving(settings, &Recorder::start(&store)).await;
    }
    Ok(SUCCESS)
}
