//! `standdown rehearse`: the console, or the bot, against a scenario.

mod alone;
mod stage;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{CliError, SUCCESS, stores};
use crate::config::Settings;
use crate::document::{Source, render};
use crate::embedded;
use crate::engine::Recorder;
use crate::incident::Rehearsal;
use crate::journal::{JournalError, Summary};
use crate::rehearsal::scenario::describe;
use crate::rehearsal::{Scenario, control};
pub(super) use stage::Stage;
use stage::Where;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(super) struct Arguments {
    /// The scenario: a name from `--list`, or a file.
    #[arg(default_value = "cpu-spike")]
    scenario: String,
    /// List the scenarios.
    #[arg(long)]
    list: bool,
    /// How many scenario seconds pass in a second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Play it without a screen: take the recommended branches, confirm manual steps.
    #[arg(long)]
    auto: bool,
    /// Print what came of it as JSON; with `--list`, the list. Implies `--auto`.
    #[arg(long)]
    json: bool,
    /// With `--auto`, print each event as a line of JSON as soon as it is on the disk.
    #[arg(long)]
    events: bool,
    /// Play in the world that `standdown simulate` serves there, instead of one of its own.
    #[arg(long, value_name = "URL")]
    simulator: Option<String>,
    /// With `--auto`, take the branch marked `otherwise` at a decision where no branch is recommended;
    /// without it, the rehearsal stops there with exit code 1.
    #[arg(long)]
    take_otherwise: bool,
    /// Begin anew although an earlier rehearsal of the scenario is unfinished.
    #[arg(long)]
    fresh: bool,
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("write a number from 0.1 to 1000".into()),
    }
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    if arguments.list {
        return list(arguments.json);
    }
    let scenario = scenario(&arguments.scenario)?;
    let recorder = Recorder::start(&stores::path(settings, stores::REHEARSALS)?);
    let auto = arguments.auto || arguments.json;
    if auto {
        stores::tell_of_damage(&recorder);
    }
    let visited = match &arguments.simulator {
        Some(url) => Some(visit(url, &scenario.id).await?),
        None => None,
    };
    let unfinished = if arguments.fresh || (auto && visited.is_none()) {
        None
    } else {
        let began = visited.as_ref().map(|visited| visited.began);
        unfinished(&recorder, &scenario.id, began).await
    };
    let known = unfinished
        .as_ref()
        .and_then(|summary| summary.rehearsal.as_ref());
    let world = match (visited, known) {
        (Some(visited), _) => Where::At(visited),
        (None, Some(rehearsal)) => Where::Here {
            began: rehearsal.began,
            speed: rehearsal.speed,
        },
        (None, None) => Where::Here {
            began: Utc::now(),
            speed: arguments.speed,
        },
    };
    let stage = Stage::set(scenario, world, settings, recorder).await?;
    if auto {
        return alone::play(stage, unfinished, &arguments).await;
    }
    super::console::rehearse(stage, (unfinished, arguments.fresh), settings).await
}

/// Takes a rehearsal up where it stands.
pub(super) async fn resume(
    summary: Summary,
    rehearsal: Rehearsal,
    settings: &Settings,
) -> Result<u8, CliError> {
    let scenario = scenario(&rehearsal.scenario)?;
    let recorder = Recorder::start(&stores::path(settings, stores::REHEARSALS)?);
    let world = Where::Here {
        began: rehearsal.began,
        speed: rehearsal.speed,
    };
    let stage = Stage::set(scenario, world, settings, recorder).await?;
    super::console::rehearse(stage, (Some(summary), false), settings).await
}

/// A world that is played already.
struct Visited {
    address: SocketAddr,
    began: DateTime<Utc>,
    speed: f64,
}

/// Asks a simulator what it plays. It must be on this machine: a rehearsal reaches nothing else.
async fn visit(url: &str, scenario: &str) -> Result<Visited, CliError> {
    let wrong = |why: String| CliError::Usage(format!("--simulator {url}: {why}"));
    let address: SocketAddr = url
        .trim_end_matches('/')
        .strip_prefix("http://")
        .unwrap_or(url)
        .parse()
        .map_err(|_| {
            wrong("write it as `standdown simulate` prints it, http://127.0.0.1:PORT".into())
        })?;
    if !address.ip().is_loopback() {
        return Err(wrong("a rehearsal reaches loopback addresses only".into()));
    }
    let health = control(address, "GET", "/_standdown/health", "")
        .await
        .map_err(|error| {
            wrong(format!(
                "no simulator answers there ({error}); start one with `standdown simulate`"
            ))
        })?;
    if health["scenario"] != scenario {
        return Err(wrong(format!(
            "it plays {}, not {scenario}",
            health["scenario"]
        )));
    }
    let began = health["began"]
        .as_str()
        .and_then(|began| began.parse().ok());
    match (began, health["speed"].as_f64()) {
        (Some(began), Some(speed)) => Ok(Visited {
            address,
            began,
            speed,
        }),
        _ => Err(wrong("another version of standdown answers there".into())),
    }
}

fn list(json: bool) -> Result<u8, CliError> {
    let mut out = std::io::stdout().lock();
    let all: Vec<Scenario> = embedded::SCENARIOS
        .iter()
        .filter_map(|(name, text)| Scenario::compile(&Source::new(*name, *text)).0)
        .collect();
    if json {
        let all: Vec<_> = all.iter().map(describe).collect();
        return super::print_json(&all);
    }
    for scenario in all {
        writeln!(
            out,
            "{:<16} {} (about {} min)\n{:<16} {}",
            scenario.id,
            scenario.title,
            (scenario.lasts / 60.0).round(),
            "",
            scenario.summary
        )?;
    }
    Ok(SUCCESS)
}

/// Finds a scenario by name, or reads it from a file.
pub(super) fn scenario(name: &str) -> Result<Scenario, CliError> {
    let embedded = embedded::SCENARIOS
        .iter()
        .find(|(file, _)| file.strip_suffix(".toml") == Some(name));
    let source = match embedded {
        Some((file, text)) => Source::new(format!("embedded:{file}"), *text),
        None if name.contains(['/', '.']) => Source::read_kept(Path::new(name))?,
        None => {
            let known: Vec<&str> = embedded::SCENARIOS
                .iter()
                .filter_map(|(file, _)| file.strip_suffix(".toml"))
                .collect();
            return Err(CliError::Usage(format!(
                "there is no scenario {name:?}; there are {}, or name a file",
                known.join(" and ")
            )));
        }
    };
    let (scenario, problems) = Scenario::compile(&source);
    scenario.ok_or_else(|| {
        CliError::Said(format!(
            "the scenario cannot be played:\n\n{}",
            render(&source, &problems, false)
        ))
    })
}

/// The unfinished rehearsal of a scenario; in a world that is served elsewhere, of that world. A store that cannot be read has none; the console says
/// that it does not record.
async fn unfinished(
    recorder: &Recorder,
    scenario: &str,
    began: Option<DateTime<Utc>>,
) -> Option<Summary> {
    let same = |other: DateTime<Utc>| {
        began.is_none_or(|began| began.timestamp_millis() == other.timestamp_millis())
    };
    let all = recorder.call(|journal| journal.incidents()).await;
    all.unwrap_or_else(|_: JournalError| Vec::new())
        .into_iter()
        .find(|summary| {
            summary.is_unfinished()
                && summary.rehearsal.as_ref().is_some_and(|rehearsal| {
                    rehearsal.scenario == scenario && same(rehearsal.began)
                })
        })
}
