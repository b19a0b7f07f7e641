//! `standdown healing watch`: heals what rules may heal by themselves, without a screen.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the edge: what was done, and what could not be, is said here"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep, sleep_until};

use super::act;
use crate::alarms::{Board, Key, Row, key};
use crate::cli::alarms_seen::report_alarms;
use crate::cli::healer::Healer;
use crate::cli::live::Live;
use crate::cli::{CliError, FAILURE, SUCCESS, notify, on_a_line, stores};
use crate::config::Settings;
use crate::engine::{self, Control, Handle, Recorder, Role};
use crate::incident::{AlarmState, ChangeEffect, Command, ExecutionStatus};
use crate::playbook::{Entry, Mode};

/// How long the first whole list of alarms is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// From one look at the alarms to the next.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// Look once, wait until what was begun has ended, and end.
    #[arg(long)]
    once: bool,
}

struct Watcher {
    healer: Healer,
    recorder: Recorder,
    engine: engine::Settings,
    live: Live,
    open: Vec<Handle>,
    /// What was left to a person, by alarm and the time since when it fires.
    left: HashMap<Key, Option<DateTime<Utc>>>,
    failed: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (recorder, _) = stores::telling(settings, &stores::path(settings, stores::INCIDENTS)?);
    stores::tell_of_damage(&recorder);
    let live = Live::begin(settings, &recorder);
    let pool = Arc::clone(&live.pool);
    let mut watcher = Watcher {
        healer: Healer::of(settings),
        recorder,
        engine: act::engine_of(settings, pool, engine::watcher()),
        live,
        open: Vec::new(),
        left: HashMap::new(),
        failed: false,
    };
    let mut ends = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    tokio::select! {
        _ = ends.recv() => {}
        _ = interrupts.recv() => {}
        () = watcher.watch(arguments) => {}
    }
    for handle in std::mem::take(&mut watcher.open) {
        handle.leave().await;
    }
    notify::before_leaving(settings, &watcher.recorder).await;
    Ok(if watcher.failed { FAILURE } else { SUCCESS })
}

impl Watcher {
    async fn watch(&mut self, arguments: &Arguments) {
        self.first_list().await;
        loop {
            let next = Instant::now() + arguments.interval;
            let board = Arc::clone(&self.live.boards.borrow());
            self.look(&board).await;
            if arguments.once {
                while self.tidy().await {
                    sleep(Duration::from_millis(100)).await;
                }
                return;
            }
            while Instant::now() < next {
                self.tidy().await;
                sleep_until(next.min(Instant::now() + Duration::from_secs(1))).await;
            }
        }
    }

    /// What was not read yet is not known to fire.
    async fn first_list(&mut self) {
        let mut boards = self.live.boards.clone();
        let read = boards.wait_for(|board| board.complete());
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            self.failed = true;
            eprintln!("standdown: not all alarms could be read");
        }
    }

    async fn look(&mut self, board: &Board) {
        let fires = |row: &&Row| row.alarm.state == AlarmState::Alarm;
        for row in board.rows.iter().filter(fires) {
            let Some(entry) = self.rule_for(row) else {
                continue;
            };
            // It is a person's, until the alarm fires anew.
            if self.left.get(&key(&row.alarm)) == Some(&row.alarm.since) {
                continue;
            }
            let known = self.open.iter().find(|handle| {
                let snapshot = handle.snapshot();
                let incident = snapshot.state.incident.as_ref();
                incident.is_some_and(|one| one.alarms.iter().any(|known| known.is_same(&row.alarm)))
            });
            if let Some(handle) = known.cloned() {
                self.healer.look(&handle, board).await;
                continue;
            }
            match act::incident_of(&row.alarm, &entry, &self.recorder, &self.engine).await {
                Ok(None) => {}
                Ok(Some(handle)) => {
                    report_alarms(&handle, self.live.boards.clone());
                    self.healer.look(&handle, board).await;
                    Self::say(&handle, &row.alarm.name);
                    self.open.push(handle);
                }
                Err(error) => {
                    self.failed = true;
                    eprintln!(
                        "standdown: {}: {}",
                        on_a_line(&row.alarm.name),
                        on_a_line(&error)
                    );
                }
            }
        }
    }

    /// The rule that may act by itself because of an alarm.
    fn rule_for(&self, row: &Row) -> Option<Entry> {
        let alarm = &row.alarm;
        let answering = self.healer.rules.answering(&alarm.subject());
        let acts = |entry: &&Entry| {
            let healing = entry.playbook.healing.as_ref();
            healing.is_some_and(|one| one.enabled && one.mode == Mode::Auto)
                && entry.trusted
                && entry.playbook.is_preapproved()
        };
        answering.into_iter().find(acts).cloned()
    }

    fn say(handle: &Handle, alarm: &str) {
        let snapshot = handle.snapshot();
        for walk in &snapshot.state.executions {
            if let Some(run) = &walk.healing {
                println!(
                    "{}: {} of {} begins, because of {}",
                    handle.id,
                    run.rule,
                    on_a_line(&run.resource),
                    on_a_line(alarm)
                );
            }
        }
        for one in &snapshot.state.set_off {
            if let Some(why) = &one.skipped {
                println!(
                    "{}: {} of {} does not act: {}",
                    handle.id,
                    one.run.rule,
                    on_a_line(&one.run.resource),
                    on_a_line(why)
                );
            }
        }
    }

    /// What nobody is here to answer: a change that does not begin by itself is declined, which
    /// lets go of its target; anything else that waits for a person is left to one. Tells whether
    /// it was left.
    async fn is_left(handle: &Handle) -> bool {
        let snapshot = handle.snapshot();
        let walk = snapshot
            .state
            .walking()
            .filter(|walk| walk.healing.is_some());
        let Some(walk) = walk else {
            return false;
        };
        let undescribed = walk.survey.as_ref().and_then(|survey| {
            let why = survey.failed.clone()?;
            Some((survey.step.clone(), survey.visit, why))
        });
        let unapproved = walk.approval.as_ref().map(|approval| {
            let plan = approval.intent.plan.as_ref();
            let closed = plan.and_then(|plan| plan.closed.clone());
            let why = closed.or_else(|| approval.intent.over_ceiling());
            let why = why.unwrap_or_else(|| "it was not agreed to beforehand".into());
            (approval.step.clone(), approval.visit, why)
        });
        if let Some((step, visit, why)) = undescribed.or(unapproved) {
            let reason = format!("nobody is here to answer: {why}");
            let decline = Command::Decline {
                step,
                visit,
                reason,
            };
            // It may have been answered meanwhile.
            let _ = handle.ask(decline).await;
            return false;
        }
        let goes_on = walk.survey.is_some()
            || walk.attempts.values().any(|attempt| attempt.end.is_none())
            || walk
                .change
                .as_ref()
                .is_some_and(|change| change.next.is_some())
            || !walk.retries.is_empty();
        if !goes_on {
            println!(
                "{id}: waits for a person: standdown resume {id}",
                id = handle.id
            );
        }
        !goes_on
    }

    /// Gives up what has ended or is asked for; tells whether anything goes on.
    async fn tidy(&mut self) -> bool {
        let mut kept = Vec::new();
        for handle in std::mem::take(&mut self.open) {
            let asked = matches!(handle.snapshot().role, Role::Writer { asked: Some(_) });
            if asked {
                // If it fails, the other console takes over when this one goes silent.
                let _ = handle.control(Control::HandOver).await;
            }
            let left = act::heals(&handle) && !asked && Self::is_left(&handle).await;
            if act::heals(&handle) && !asked && !left {
                kept.push(handle);
                continue;
            }
            if left {
                self.failed = true;
                let incident = handle.snapshot().state.incident.clone();
                let alarm = incident.and_then(|one| one.alarms.front().cloned());
                self.left
                    .extend(alarm.map(|alarm| (key(&alarm), alarm.since)));
            }
            let snapshot = handle.leave().await;
            for walk in &snapshot.state.executions {
                if let Some(run) = walk.healing.as_ref().filter(|_| walk.ended_at.is_some()) {
                    let completed = walk.status == ExecutionStatus::Completed;
                    let said = match (walk.effect(), completed) {
                        (ChangeEffect::Nothing, _) => "was not carried out; nothing was changed",
                        (ChangeEffect::Verified, true) => "was applied and verified",
                        (ChangeEffect::Applied, true) => "was applied, not verified",
                        _ => "failed",
                    };
                    println!(
                        "{}: {} of {} {said}",
                        handle.id,
                        run.rule,
                        on_a_line(&run.resource)
                    );
                }
            }
        }
        self.open = kept;
        !self.open.is_empty()
    }
}
