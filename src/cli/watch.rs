//! `standdown watch`: no screen; opens the incident when an alarm with a playbook fires, so that
//! the evidence is there before the responder logs in.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what could not be done is said here"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::live::Live;
use super::{CliError, FAILURE, SUCCESS, printable, stores};
use crate::actions::VOCABULARY;
use crate::actions::programs::{Invocation, LocalPrograms, Programs, base_environment};
use crate::alarms::{Board, Row, Source, severity};
use crate::aws::Place;
use crate::cli::alarms_seen::report_alarms;
use crate::clock;
use crate::config::Settings;
use crate::engine::{self, Control, Handle, Recorder, Role};
use crate::incident::{AlarmRef, AlarmState, Command, Event, IncidentId};
use crate::journal::{Hash, Journal, JournalError};
use crate::playbook::{Catalog, Entry, Severity};

/// Incidents that are kept open at a time: a storm of alarms must not become a storm of calls.
const MOST: usize = 5;
/// How long the configured command may take.
const ALERT: Duration = Duration::from_secs(30);
/// How long `--once` waits for the first whole list of alarms, and for the diagnostics.
const PATIENCE: Duration = Duration::from_mins(3);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look once, run what has to be run, and end: for cron.
    #[arg(long)]
    once: bool,
    /// Leave alarms alone that are less grave: critical, high, medium or low.
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = parse_severity)]
    at_least: Severity,
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    let known = Severity::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, severity)| *severity).ok_or_else(|| {
        let names: Vec<&str> = Severity::ALL.iter().map(|(name, _)| *name).collect();
        format!("write one of {}", names.join(", "))
    })
}

struct Watcher<'a> {
    settings: &'a Settings,
    catalog: Catalog,
    recorder: Recorder,
    engine: engine::Settings,
    live: Live,
    at_least: Severity,
    open: Vec<Handle>,
    /// Whether it was said that no more are opened.
    full: bool,
    failed: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let recorder = Recorder::start(&stores::path(settings, stores::INCIDENTS)?);
    let live = Live::begin(settings, &recorder);
    let engine = engine::Settings {
        vocabulary: VOCABULARY,
        aws: Arc::clone(&live.pool),
        programs: Arc::new(LocalPrograms),
        actor: engine::watcher(),
        speed: 1.0,
        redactor: settings.redactor(),
        // Nobody is there to approve anything.
        read_only: true,
    };
    let mut watcher = Watcher {
        settings,
        catalog: super::catalog(settings),
        recorder,
        engine,
        live,
        at_least: arguments.at_least,
        open: Vec::new(),
        full: false,
        failed: false,
    };
    let mut ends = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    tokio::select! {
        _ = ends.recv() => {}
        _ = interrupts.recv() => {}
        () = watcher.watch(arguments.once) => {}
    }
    for handle in std::mem::take(&mut watcher.open) {
        handle.leave().await;
    }
    Ok(if watcher.failed { FAILURE } else { SUCCESS })
}

impl Watcher<'_> {
    async fn watch(&mut self, once: bool) {
        let mut boards = self.live.boards.clone();
        let until = Instant::now() + PATIENCE;
        let mut troubles: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let board = Arc::clone(&boards.borrow_and_update());
            self.say_troubles(&board, &mut troubles);
            // Whole pages only: what was not read yet is not known to be new.
            for row in board
                .rows
                .iter()
                .filter(|row| row.alarm.state == AlarmState::Alarm)
            {
                self.fired(&board, row).await;
            }
            self.give_up_what_is_asked_for().await;
            let asked = |source: &Source| source.mutes_asked || !source.complete;
            if once && board.complete() && board.sources.iter().all(asked) {
                self.finish(until).await;
                let dead = board.sources.iter().all(|source| !source.complete);
                self.failed |= dead && !board.sources.is_empty();
                return;
            }
            if once && Instant::now() >= until {
                eprintln!("standdown: the alarms could not be read in time");
                self.failed = true;
                return;
            }
            tokio::select! {
                changed = boards.changed() => if changed.is_err() { return },
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Says once what is wrong with each source, and once that it is well again.
    fn say_troubles(&self, board: &Board, known: &mut BTreeMap<String, String>) {
        for source in &board.sources {
            let trouble = source.trouble(clock::now(), self.settings.refresh.value);
            let name = source.place.to_string();
            // Ages grow; only another reason is news.
            let reason = trouble.as_deref().map(|text| {
                text.split_once(": ")
                    .map_or(text, |(_, reason)| reason)
                    .to_owned()
            });
            match (reason, known.get(&name)) {
                (Some(reason), before) if before != Some(&reason) => {
                    eprintln!("standdown: {name}: {}", printable(&reason));
                    known.insert(name, reason);
                }
                (None, Some(_)) => {
                    eprintln!("standdown: {name}: live again");
                    known.remove(&name);
                }
                _ => {}
            }
        }
    }

    async fn fired(&mut self, board: &Board, row: &Row) {
        let alarm = &row.alarm;
        let place = Place::new(&alarm.profile, &alarm.region);
        let asked = board
            .source(&place)
            .is_some_and(|source| source.mutes_asked);
        if !asked
            || board.acknowledgement(alarm, clock::now()).is_some()
            || board.muted.contains_key(&crate::alarms::key(alarm))
        {
            return;
        }
        let answering = self.catalog.answering(
            alarm.namespace.as_deref(),
            alarm.metric.as_deref(),
            &alarm.name,
        );
        let Some(entry) = answering.first().map(|entry| (*entry).clone()) else {
            return;
        };
        let grade = severity(
            alarm,
            row.details.severity(),
            &self.settings.severities.value,
            Some(entry.playbook.impact),
        );
        if grade > self.at_least {
            return;
        }
        match self.is_known(alarm).await {
            Ok(true) => {}
            Ok(false) if self.open.len() >= MOST => {
                if !self.full {
                    eprintln!(
                        "standdown: {MOST} incidents are open here, which is the most at a time; others wait"
                    );
                }
                self.full = true;
            }
            Ok(false) => {
                if let Err(error) = self.take_up(alarm, &entry).await {
                    self.failed = true;
                    eprintln!(
                        "standdown: {}: {}",
                        printable(&alarm.name),
                        printable(&error)
                    );
                }
            }
            Err(error) => {
                self.failed = true;
                eprintln!("standdown: {error}");
            }
        }
    }

    /// Whether an incident was opened for this very alarm, or is unfinished for it, or somebody
    /// looks after it.
    async fn is_known(&self, alarm: &AlarmRef) -> Result<bool, JournalError> {
        let alarm = alarm.clone();
        self.recorder
            .call(move |journal: &mut Journal| {
                let acknowledged = journal.acknowledgements(clock::now())?;
                if acknowledged.iter().any(|one| one.alarm == alarm.arn) {
                    return Ok(true);
                }
                for summary in journal.incidents()? {
                    let old = alarm.since.is_some_and(|since| summary.last_at < since);
                    if old && !summary.is_unfinished() {
                        continue;
                    }
                    let known = alarms(journal, &summary.id)?.into_iter().any(|known| {
                        let same = if known.arn.is_empty() {
                            known.name == alarm.name && known.region == alarm.region
                        } else {
                            known.arn == alarm.arn
                        };
                        same && (summary.is_unfinished() || known.since == alarm.since)
                    });
                    if known {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .await
    }

    async fn take_up(&mut self, alarm: &AlarmRef, entry: &Entry) -> Result<(), String> {
        let open = Command::open_for(entry, alarm.clone(), None);
        let handle = engine::open(open, self.recorder.clone(), self.engine.clone())
            .await
            .map_err(|error| error.to_string())?;
        report_alarms(&handle, self.live.boards.clone());
        let started = handle.ask(Command::start(entry)).await;
        let resume = format!("standdown resume {}", handle.id);
        let line = format!(
            "opened {} for {}: {}; {resume}",
            handle.id,
            printable(&alarm.name),
            entry.playbook.id
        );
        // Whoever reads it may be gone; the incident is open all the same.
        let _ = writeln!(std::io::stdout(), "{line}");
        self.alert(&handle.id, alarm, entry, &resume).await;
        self.open.push(handle);
        started.map_err(|error| format!("the playbook was not started: {error}"))
    }

    /// Runs the configured command: it tells somebody.
    async fn alert(&self, id: &IncidentId, alarm: &AlarmRef, entry: &Entry, resume: &str) {
        let argv = self.settings.alert.value.clone();
        if argv.is_empty() {
            return;
        }
        let mut environment = base_environment();
        for (name, value) in [
            ("STANDDOWN_INCIDENT", id.to_string()),
            ("STANDDOWN_RESUME", resume.to_owned()),
            ("STANDDOWN_TITLE", entry.playbook.name.clone()),
            ("STANDDOWN_PLAYBOOK", entry.playbook.id.clone()),
            ("STANDDOWN_ALARM", alarm.name.clone()),
            ("STANDDOWN_REASON", alarm.reason.clone()),
            ("STANDDOWN_ACCOUNT", alarm.account.clone()),
            ("STANDDOWN_REGION", alarm.region.clone()),
        ] {
            environment.insert(name.to_owned(), crate::tui::clean(&value).to_string());
        }
        let program = argv.first().cloned().unwrap_or_default();
        let ran = timeout(ALERT, LocalPrograms.run(Invocation { argv, environment })).await;
        let why = match ran {
            Ok(Ok(finished)) if finished.exit_code == Some(0) => return,
            Ok(Ok(finished)) => format!("it ended with {}", finished.ending()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took longer than {ALERT:?}"),
        };
        eprintln!("standdown: {program} did not tell anybody of {id}: {why}");
    }

    /// A console that opens the incident gets it at once; what is closed needs nobody.
    async fn give_up_what_is_asked_for(&mut self) {
        let mut kept = Vec::new();
        for handle in std::mem::take(&mut self.open) {
            let snapshot = handle.snapshot();
            let ours = match &snapshot.role {
                Role::Writer { asked: None } => true,
                Role::Writer { asked: Some(_) } => {
                    // If it fails, the other console takes over when this one goes silent.
                    let _ = handle.control(Control::HandOver).await;
                    false
                }
                Role::Follower { .. } | Role::Imported => false,
            };
            let closed =
                snapshot.state.incident.as_ref().is_some_and(|incident| {
                    incident.status == crate::incident::IncidentStatus::Closed
                });
            if ours && !closed {
                kept.push(handle);
            } else {
                let id = handle.id.clone();
                handle.leave().await;
                let _ = writeln!(std::io::stdout(), "gave {id} up");
            }
        }
        self.full &= kept.len() >= MOST;
        self.open = kept;
    }

    /// Waits until the diagnostics have ended.
    async fn finish(&self, until: Instant) {
        for handle in &self.open {
            let mut snapshots = handle.subscribe();
            let idle = snapshots.wait_for(|snapshot| {
                let execution = snapshot.state.walking();
                execution.is_none_or(|execution| {
                    execution.running().next().is_none() && execution.retries.is_empty()
                })
            });
            if tokio::time::timeout_at(until, idle).await.is_err() {
                eprintln!("standdown: {}: not all diagnostics have ended", handle.id);
            }
        }
    }
}

/// The alarms that an incident was opened for, as they were then.
fn alarms(journal: &Journal, id: &IncidentId) -> Result<Vec<AlarmRef>, JournalError> {
    let loaded = journal.load(id, 0, Hash::default())?;
    Ok(loaded
        .events
        .into_iter()
        .filter_map(|recorded| match recorded.event {
            Event::AlarmAttached { alarm } => Some(alarm),
            _ => None,
        })
        .collect())
}
