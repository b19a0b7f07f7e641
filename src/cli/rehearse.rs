//! `standdown rehearse`: the console, or the bot, against a scenario.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{CliError, FAILURE, SUCCESS};
use crate::actions::VOCABULARY;
use crate::alarms::{Board, FeedSettings, watch as watch_alarms};
use crate::aws::{Aws, AwsSettings};
use crate::config::Settings;
use crate::document::{Source, render};
use crate::embedded;
use crate::engine::{self, AwsState, Handle, Recorder, Unanswered};
use crate::incident::{AlarmRef, AlarmState, Command, Event, IncidentStatus, Rehearsal, Verdict};
use crate::journal::{Summary, state_folder};
use crate::playbook::{Catalog, Entry};
use crate::rehearsal::scenario::describe;
use crate::rehearsal::{RehearsedPrograms, Scenario, Simulator, World, bot};

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
    let recorder = Recorder::open(state_folder()?.join("rehearsals.db")).await?;
    if arguments.auto || arguments.json {
        return auto(scenario, &arguments, settings, recorder).await;
    }
    let unfinished = if arguments.fresh {
        None
    } else {
        unfinished(&recorder, &scenario.id).await?
    };
    let (began, speed) = match unfinished
        .as_ref()
        .and_then(|summary| summary.rehearsal.as_ref())
    {
        Some(rehearsal) => (rehearsal.began, rehearsal.speed),
        None => (Utc::now(), arguments.speed),
    };
    let stage = Stage::set(scenario, began, speed, settings, recorder).await?;
    super::console::rehearse(stage, unfinished, settings).await
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
        None if name.contains(['/', '.']) => Source::read(Path::new(name))?,
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

async fn unfinished(recorder: &Recorder, scenario: &str) -> Result<Option<Summary>, CliError> {
    let gone = |gone: engine::RecorderGone| CliError::Said(gone.to_string());
    let all = recorder
        .call(|journal| journal.incidents())
        .await
        .map_err(gone)??;
    Ok(all.into_iter().find(|summary| {
        summary.status != IncidentStatus::Closed
            && summary
                .rehearsal
                .as_ref()
                .is_some_and(|rehearsal| rehearsal.scenario == scenario)
    }))
}

/// A simulated AWS with everything the console needs to play in it.
pub(super) struct Stage {
    pub simulator: Simulator,
    pub aws: Arc<Aws>,
    pub engine: engine::Settings,
    pub recorder: Recorder,
    pub catalog: Catalog,
    pub rehearsal: Rehearsal,
}

impl Stage {
    async fn set(
        scenario: Scenario,
        began: DateTime<Utc>,
        speed: f64,
        settings: &Settings,
        recorder: Recorder,
    ) -> Result<Self, CliError> {
        let rehearsal = Rehearsal {
            scenario: scenario.id.clone(),
            began,
            speed,
        };
        let region = scenario.region.clone();
        let world = World::new(scenario, began, speed);
        let simulator = Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let aws = Aws::connect(&AwsSettings {
            profile: None,
            region: Some(region),
            rehearsal_endpoint: Some(simulator.endpoint()),
        })
        .await?;
        let aws = Arc::new(aws);
        let (_, ready) = watch::channel(AwsState::Ready(Arc::clone(&aws)));
        let engine = engine::Settings {
            vocabulary: VOCABULARY,
            aws: ready,
            programs: Arc::new(RehearsedPrograms {
                simulator: simulator.address,
            }),
            actor: engine::actor(),
            speed,
        };
        Ok(Self {
            simulator,
            aws,
            engine,
            recorder,
            catalog: super::catalog(settings),
            rehearsal,
        })
    }

    /// Tells the world what the responder confirms, from now on and from before.
    pub fn follow(&self, handle: &Handle) {
        let world = Arc::clone(&self.simulator.world);
        let mut snapshots = handle.subscribe();
        tokio::spawn(async move {
            let mut seen = 0;
            loop {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                for recorded in snapshot.events.iter().skip(seen) {
                    if let Event::StepConfirmed {
                        step,
                        verdict: Verdict::Done,
                        ..
                    } = &recorded.event
                    {
                        world.confirm(&step.0, recorded.at);
                    }
                }
                seen = snapshot.events.len();
                if snapshots.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// How often the alarms are asked for: faster when the scenario's time runs faster.
    pub fn feed(&self) -> FeedSettings {
        let seconds = (5.0 / self.rehearsal.speed).clamp(0.1, 5.0);
        FeedSettings {
            interval: Duration::from_secs_f64(seconds),
        }
    }
}

async fn auto(
    scenario: Scenario,
    arguments: &Arguments,
    settings: &Settings,
    recorder: Recorder,
) -> Result<u8, CliError> {
    let (id, playbook, alarm) = (
        scenario.id.clone(),
        scenario.playbook.clone(),
        scenario.alarm.clone(),
    );
    let answers = scenario.answers.clone();
    let longest = Duration::from_secs_f64(scenario.lasts * 3.0 / arguments.speed + 60.0);
    let stage = Stage::set(scenario, Utc::now(), arguments.speed, settings, recorder).await?;
    let entry = stage
        .catalog
        .get(&playbook)
        .cloned()
        .ok_or_else(|| CliError::Said(format!("the playbook {playbook} of the scenario cannot be used; run `standdown check` to see why")))?;
    let played = tokio::time::timeout(longest, play(&stage, &entry, &alarm, &answers)).await;
    let handle = match played {
        Ok(handle) => handle?,
        Err(_) => {
            return Err(CliError::Said(format!(
                "the rehearsal did not end within {}; run it with a screen to see where it stands",
                humantime::format_duration(longest)
            )));
        }
    };
    let summary = bot::summarise(&id, &handle.snapshot())
        .ok_or_else(|| CliError::Said("the rehearsal left no record".into()))?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&summary).map_err(std::io::Error::other)?
        )?;
    } else {
        writeln!(
            out,
            "{} · {} · {}",
            summary.scenario, summary.playbook, handle.id
        )?;
        writeln!(out, "path: {}", summary.path.join(" → "))?;
        writeln!(
            out,
            "outcome: {} ({}), {} events in {} ms",
            summary.outcome.unwrap_or("none"),
            summary.status,
            summary.events,
            summary.wall_ms
        )?;
        writeln!(
            out,
            "diagnostics: {} ms, the longest {} ms",
            summary.diagnostics_ms, summary.longest_diagnostic_ms
        )?;
    }
    Ok(if summary.outcome.is_some() {
        SUCCESS
    } else {
        FAILURE
    })
}

async fn play(
    stage: &Stage,
    entry: &Entry,
    alarm: &str,
    answers: &std::collections::BTreeMap<String, String>,
) -> Result<Handle, CliError> {
    let (boards, mut seen) = watch::channel(Arc::new(Board::default()));
    let (_visible, visible) = watch::channel(Vec::new());
    tokio::spawn(watch_alarms(
        Arc::clone(&stage.aws),
        stage.feed(),
        boards,
        visible,
    ));
    let fired: AlarmRef = loop {
        let found = seen
            .borrow_and_update()
            .rows
            .iter()
            .find(|row| row.alarm.name == alarm && row.alarm.state == AlarmState::Alarm)
            .map(|row| (*row.alarm).clone());
        if let Some(found) = found {
            break found;
        }
        seen.changed()
            .await
            .map_err(|_| CliError::Said("the alarms are no longer watched".into()))?;
    };
    let open = Command::open_for(entry, fired, Some(stage.rehearsal.clone()));
    let handle = engine::open(open, stage.recorder.clone(), stage.engine.clone()).await?;
    stage.follow(&handle);
    report_alarms(&handle, seen);
    let refused =
        |error: engine::Unanswered| CliError::Said(format!("the rehearsal stopped: {error}"));
    handle.ask(Command::start(entry)).await.map_err(refused)?;
    bot::play(&handle, answers).await.map_err(refused)?;
    Ok(handle)
}

/// Records what becomes of the incident's alarms.
pub(super) fn report_alarms(handle: &Handle, mut boards: watch::Receiver<Arc<Board>>) {
    let handle = handle.clone();
    tokio::spawn(async move {
        loop {
            let board = Arc::clone(&boards.borrow_and_update());
            let snapshot = handle.snapshot();
            let Some(incident) = &snapshot.state.incident else {
                return;
            };
            for known in &incident.alarms {
                let row = board
                    .rows
                    .iter()
                    .find(|row| row.alarm.name == known.name && row.alarm.region == known.region);
                if let Some(row) = row.filter(|row| row.alarm.state != known.state) {
                    let (state, reason) = (row.alarm.state, row.alarm.reason.clone());
                    let seen = Command::AlarmSeen {
                        name: known.name.clone(),
                        state,
                        reason,
                    };
                    // What cannot be recorded now is seen again at the next refresh.
                    if matches!(
                        handle.ask(seen).await,
                        Err(Unanswered::Refused(_) | Unanswered::Gone)
                    ) {
                        return;
                    }
                }
            }
            if boards.changed().await.is_err() {
                return;
            }
        }
    });
}
