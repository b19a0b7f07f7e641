//! A rehearsal without a screen: the bot plays it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::{Arguments, Stage};
use crate::cli::alarms_seen::report_alarms;
use crate::cli::live::Live;
use crate::cli::{CliError, FAILURE, SUCCESS};
use crate::engine::{self, Handle, Recording};
use crate::incident::{AlarmRef, AlarmState, Command};
use crate::journal::Summary;
use crate::playbook::Entry;
use crate::rehearsal::bot;

/// Plays without a screen, from the beginning or from where it was left.
pub(super) async fn play(
    stage: Stage,
    unfinished: Option<Summary>,
    arguments: &Arguments,
) -> Result<u8, CliError> {
    let id = stage.scenario.id.clone();
    let speed = stage.rehearsal.speed;
    // Whether a change worked is read from whole minutes of data, which no speed makes shorter: up
    // to two until the first one is complete.
    let longest = Duration::from_secs_f64(stage.scenario.lasts * 3.0 / speed + 180.0);
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
    let played = tokio::time::timeout(longest, walk(&stage, &entry, unfinished, arguments)).await;
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
    stage.remember(&last).await;
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
            crate::document::harmless_json(
                serde_json::to_string(&summary).map_err(std::io::Error::other)?
            )
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
                    let line = crate::document::harmless_json(line);
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

async fn walk(
    stage: &Stage,
    entry: &Entry,
    unfinished: Option<Summary>,
    arguments: &Arguments,
) -> Result<Handle, CliError> {
    let refused =
        |error: engine::Unanswered| CliError::Said(format!("the rehearsal stopped: {error}"));
    let stopped = |error: bot::Stopped| CliError::Said(format!("the rehearsal stopped: {error}"));
    let alarm = &stage.scenario.alarm;
    let play = bot::Play {
        answers: &stage.scenario.answers,
        take_otherwise: arguments.take_otherwise,
    };
    let live = Live::over(
        Arc::clone(&stage.engine.aws),
        vec![stage.source()],
        &stage.feed(),
    );
    let mut seen = live.boards.clone();
    if let Some(summary) = unfinished {
        let handle =
            engine::resume(summary.id, stage.recorder.clone(), stage.engine.clone()).await?;
        stage.follow(&handle);
        if arguments.events {
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
        bot::play(&handle, play).await.map_err(stopped)?;
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
    let open = Command::open_for(entry, Some(fired), None, Some(stage.rehearsal.clone()));
    let handle = engine::open(open, stage.recorder.clone(), stage.engine.clone()).await?;
    stage.follow(&handle);
    if arguments.events {
        print_events(&handle);
    }
    report_alarms(&handle, seen);
    handle.ask(Command::start(entry)).await.map_err(refused)?;
    bot::play(&handle, play).await.map_err(stopped)?;
    Ok(handle)
}
