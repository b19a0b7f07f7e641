//! `standdown rehearse`: the console, or the bot, against a scenario.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{CliError, FAILURE, SUCCESS, stores};
use crate::actions::VOCABULARY;
use crate::alarms::{Board, FeedSettings, watch as watch_alarms};
use crate::aws::{Aws, AwsSettings};
use crate::config::Settings;
use crate::document::{Source, render};
use crate::embedded;
use crate::engine::{self, AwsState, Handle, Recorder, Recording, Unanswered};
use crate::incident::{AlarmRef, AlarmState, Command, Event, Rehearsal, Verdict};
use crate::journal::{JournalError, Summary};
use crate::playbook::{Catalog, Entry};
use crate::rehearsal::scenario::describe;
use crate::rehearsal::{RehearsedPrograms, Scenario, Simulator, World, bot, control};

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
    let unfinished = if arguments.fresh || (auto && arguments.simulator.is_none()) {
        None
    } else {
        unfinished(&recorder, &scenario.id).await
    };
    let known = unfinished
        .as_ref()
        .and_then(|summary| summary.rehearsal.as_ref());
    let world = match (&arguments.simulator, known) {
        (Some(url), _) => Where::At(visit(url, &scenario.id).await?),
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
        return play_alone(stage, unfinished, &arguments).await;
    }
    super::console::rehearse(stage, unfinished, settings).await
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
    super::console::rehearse(stage, Some(summary), settings).await
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

/// The unfinished rehearsal of a scenario. A store that cannot be read has none; the console says
/// that it does not record.
async fn unfinished(recorder: &Recorder, scenario: &str) -> Option<Summary> {
    let all = recorder.call(|journal| journal.incidents()).await;
    all.unwrap_or_else(|_: JournalError| Vec::new())
        .into_iter()
        .find(|summary| {
            summary.is_unfinished()
                && summary
                    .rehearsal
                    .as_ref()
                    .is_some_and(|rehearsal| rehearsal.scenario == scenario)
        })
}

/// Which world is played in.
enum Where {
    /// One of this process's own, which began then.
    Here { began: DateTime<Utc>, speed: f64 },
    /// One that is served already.
    At(Visited),
}

/// A simulated AWS with everything the console needs to play in it.
pub(super) struct Stage {
    /// Ends with the stage, where it is this process's own.
    _simulator: Option<Simulator>,
    address: SocketAddr,
    pub scenario: Scenario,
    pub aws: Arc<Aws>,
    pub engine: engine::Settings,
    pub recorder: Recorder,
    pub catalog: Catalog,
    pub rehearsal: Rehearsal,
}

impl Stage {
    async fn set(
        scenario: Scenario,
        world: Where,
        settings: &Settings,
        recorder: Recorder,
    ) -> Result<Self, CliError> {
        let (simulator, address, began, speed) = match world {
            Where::At(visited) => (None, visited.address, visited.began, visited.speed),
            Where::Here { began, speed } => {
                let world = World::new(scenario.clone(), began, speed);
                let world = keeping(world, settings);
                let simulator =
                    Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
                let address = simulator.address;
                (Some(simulator), address, began, speed)
            }
        };
        let rehearsal = Rehearsal {
            scenario: scenario.id.clone(),
            began,
            speed,
        };
        let aws = Aws::connect(&AwsSettings {
            profile: None,
            region: Some(scenario.region.clone()),
            rehearsal_endpoint: Some(format!("http://{address}")),
        })
        .await?;
        let aws = Arc::new(aws);
        let (_, ready) = watch::channel(AwsState::Ready(Arc::clone(&aws)));
        let engine = engine::Settings {
            vocabulary: VOCABULARY,
            aws: ready,
            programs: Arc::new(RehearsedPrograms { simulator: address }),
            actor: engine::actor(),
            speed,
            redactor: settings.redactor(),
        };
        Ok(Self {
            _simulator: simulator,
            address,
            scenario,
            aws,
            engine,
            recorder,
            catalog: super::catalog(settings),
            rehearsal,
        })
    }

    /// Tells the world what the responder confirms, from now on and from before.
    pub fn follow(&self, handle: &Handle) {
        let address = self.address;
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
                        let body = serde_json::json!({"step": step, "at": recorded.at}).to_string();
                        // A world that is gone mends nothing any more.
                        let _ = control(address, "POST", "/_standdown/confirm", &body).await;
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
            redactor: self.engine.redactor.clone(),
        }
    }
}

/// What is started in this world is kept beside the journal, so that it outlives this process as
/// AWS would. Where nothing can be kept, the world forgets with the process.
fn keeping(world: World, settings: &Settings) -> World {
    let name = format!(
        "world-{}-{}.jsonl",
        world.scenario.id,
        world.began.timestamp_millis()
    );
    let folder = settings.state_folder().ok();
    let path = folder
        .filter(|folder| std::fs::create_dir_all(folder).is_ok())
        .map(|folder| folder.join(name));
    match path {
        Some(path) => world.keeping(&path),
        None => world,
    }
}

/// Plays without a screen, from the beginning or from where it was left.
async fn play_alone(
    stage: Stage,
    unfinished: Option<Summary>,
    arguments: &Arguments,
) -> Result<u8, CliError> {
    let id = stage.scenario.id.clone();
    let speed = stage.rehearsal.speed;
    let longest = Duration::from_secs_f64(stage.scenario.lasts * 3.0 / speed + 60.0);
    let entry = stage
        .catalog
        .get(&stage.scenario.playbook)
        .cloned()
        .ok_or_else(|| {
            CliError::Said(format!(
                "the playbook {} of the scenario cannot be used; run `standdown check` to see why",
                stage.scenario.playbook
            ))
        })?;
    let played =
        tokio::time::timeout(longest, play(&stage, &entry, unfinished, arguments.events)).await;
    let handle = match played {
        Ok(handle) => handle?,
        Err(_) => {
            return Err(CliError::Said(format!(
                "the rehearsal did not end within {}; run it with a screen to see where it stands",
                humantime::format_duration(longest)
            )));
        }
    };
    let last = handle.leave().await;
    if let Recording::No { reason, kept, .. } = &last.recording {
        return Err(CliError::Said(format!(
            "{kept} events of the rehearsal could not be recorded: {reason}"
        )));
    }
    let summary = bot::summarise(&id, &last)
        .ok_or_else(|| CliError::Said("the rehearsal left no record".into()))?;
    let mut out = std::io::stdout().lock();
    if arguments.events {
        return Ok(ended(&summary));
    }
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
    Ok(ended(&summary))
}

fn ended(summary: &bot::Played) -> u8 {
    if summary.outcome.is_some() {
        SUCCESS
    } else {
        FAILURE
    }
}

/// Waits until this console writes the incident.
async fn wait_to_write(handle: &Handle) {
    let mut snapshots = handle.subscribe();
    let writes =
        snapshots.wait_for(|snapshot| matches!(snapshot.role, engine::Role::Writer { .. }));
    // An engine that has ended says so at the next question.
    drop(writes.await);
}

/// Prints what is on the disk, as it gets there. Nobody may be reading.
fn print_events(handle: &Handle) {
    let mut snapshots = handle.subscribe();
    tokio::spawn(async move {
        let mut seen = 0;
        loop {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            if snapshot.recording == Recording::Yes {
                let mut out = std::io::stdout().lock();
                for recorded in snapshot.events.iter().skip(seen) {
                    let line = serde_json::to_string(&**recorded).unwrap_or_default();
                    if writeln!(out, "{line}").is_err() {
                        return;
                    }
                }
                seen = snapshot.events.len();
            }
            if snapshots.changed().await.is_err() {
                return;
            }
        }
    });
}

async fn play(
    stage: &Stage,
    entry: &Entry,
    unfinished: Option<Summary>,
    events: bool,
) -> Result<Handle, CliError> {
    let refused =
        |error: engine::Unanswered| CliError::Said(format!("the rehearsal stopped: {error}"));
    let (alarm, answers) = (&stage.scenario.alarm, &stage.scenario.answers);
    let (boards, mut seen) = watch::channel(Arc::new(Board::default()));
    let (_visible, visible) = watch::channel(Vec::new());
    tokio::spawn(watch_alarms(
        Arc::clone(&stage.aws),
        stage.feed(),
        boards,
        visible,
    ));
    if let Some(summary) = unfinished {
        let handle =
            engine::resume(summary.id, stage.recorder.clone(), stage.engine.clone()).await?;
        stage.follow(&handle);
        if events {
            print_events(&handle);
        }
        report_alarms(&handle, seen);
        // Another console may still write; it hands over, or goes silent.
        handle
            .control(engine::Control::TakeOver)
            .await
            .map_err(refused)?;
        wait_to_write(&handle).await;
        // The console before may have ended between opening the incident and its playbook.
        if handle.snapshot().state.execution().is_none() {
            handle.ask(Command::start(entry)).await.map_err(refused)?;
        }
        bot::play(&handle, answers).await.map_err(refused)?;
        return Ok(handle);
    }
    let fired: AlarmRef = loop {
        let found = seen
            .borrow_and_update()
            .rows
            .iter()
            .find(|row| row.alarm.name == *alarm && row.alarm.state == AlarmState::Alarm)
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
    if events {
        print_events(&handle);
    }
    report_alarms(&handle, seen);
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
