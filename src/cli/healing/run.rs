//! `standdown healing run`: one rule on one thing, because somebody says so.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::act;
use crate::approvals::name;
use crate::cli::approvals::{show_gist, show_sheet};
use crate::cli::healer::limits;
use crate::cli::live::Live;
use crate::cli::{CliError, FAILURE, SUCCESS, notify, on_a_line, say, stores, typed};
use crate::clock;
use crate::config::Settings;
use crate::engine::{self, Handle, Snapshot};
use crate::incident::{
    AlarmRef, AlarmState, AttemptOrigin, ChangeEffect, Command, HealingRun, Question, question,
    scope,
};
use crate::playbook::{Entry, Mode, Outcome};

/// How long the list of alarms is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The rule.
    rule: String,
    /// What it shall act upon.
    resource: String,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let rules = super::rules(settings);
    let entry = rules.get(&arguments.rule).cloned().ok_or_else(|| {
        CliError::Usage(format!(
            "there is no rule {:?}; `standdown healing list` lists them",
            arguments.rule
        ))
    })?;
    let (recorder, _) = stores::telling(settings, &stores::path(settings, stores::INCIDENTS)?);
    stores::tell_of_damage(&recorder);
    let live = Live::begin(settings, &recorder);
    let mut boards = live.boards.clone();
    let read = boards.wait_for(|board| board.complete());
    if tokio::time::timeout(PATIENCE, read).await.is_err() {
        return Err(CliError::Said("the alarms could not be read".into()));
    }
    let engine = act::engine_of(settings, Arc::clone(&live.pool), engine::actor());
    let board = Arc::clone(&live.boards.borrow());
    let firing = board
        .rows
        .iter()
        .filter(|row| row.alarm.state == AlarmState::Alarm);
    for row in firing.filter(|row| entry.playbook.answers_to(&row.alarm.subject())) {
        let Some(handle) = act::incident_of(&row.alarm, &entry, &recorder, &engine)
            .await
            .map_err(CliError::Said)?
        else {
            continue;
        };
        let since = row.alarm.since.unwrap_or_else(clock::now);
        let because = (&*row.alarm, since);
        if let Some(run) = wanted(&entry, &handle.snapshot(), because, arguments, settings) {
            let done = heal(&handle, &entry, run).await;
            notify::before_leaving(settings, &recorder).await;
            return done;
        }
        handle.leave().await;
    }
    Err(CliError::Said(format!(
        "no alarm that fires calls for {} on {:?}: the rule acts because of an alarm, and only while it fires",
        arguments.rule, arguments.resource
    )))
}

/// What the rule would do, if that is upon the thing that was named. Somebody asks: then it waits
/// for their approval, whatever its mode.
fn wanted(
    entry: &Entry,
    snapshot: &Snapshot,
    (alarm, since): (&AlarmRef, chrono::DateTime<chrono::Utc>),
    arguments: &Arguments,
    settings: &Settings,
) -> Option<HealingRun> {
    let healing = entry.playbook.healing.as_ref()?;
    let known = scope(&snapshot.state, clock::now());
    let run = HealingRun::of(
        &entry.playbook,
        healing,
        &known,
        (alarm, since),
        limits(settings),
    )?;
    (run.resource == arguments.resource).then_some(HealingRun {
        mode: Mode::Propose,
        ..run
    })
}

async fn heal(handle: &Handle, entry: &Entry, run: HealingRun) -> Result<u8, CliError> {
    let begun = handle.ask(Command::heal(entry, run)).await;
    if let Err(error) = begun {
        handle.leave().await;
        return Err(CliError::Said(error.to_string()));
    }
    let mut snapshots = handle.subscribe();
    let mut told = None;
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let now = phase(&snapshot);
        if now != told
            && let Some(phase) = &now
        {
            say!("{phase}");
        }
        told = now;
        let healing = snapshot
            .state
            .executions
            .iter()
            .rev()
            .find(|walk| walk.healing.is_some());
        if let Some(walk) = healing.filter(|walk| walk.ended_at.is_some()) {
            let good = matches!(walk.outcome, Some(Outcome::Resolved | Outcome::Mitigated));
            let (said, code) = match (walk.effect(), good) {
                (ChangeEffect::Nothing, _) => ("not carried out; nothing was changed", FAILURE),
                (ChangeEffect::Verified, true) => ("healed: applied and verified", SUCCESS),
                (ChangeEffect::Applied, true) => ("applied, not verified", SUCCESS),
                _ => ("not healed", FAILURE),
            };
            handle.leave().await;
            say!("{}: {said}", handle.id);
            return Ok(code);
        }
        let command = match answer(&snapshot, handle) {
            Ok(command) => command,
            Err(error) => {
                handle.leave().await;
                return Err(error);
            }
        };
        if let Some(command) = command {
            if let Err(error) = handle.ask(command).await {
                say!("{}", on_a_line(&error.to_string()));
                handle.leave().await;
                return Ok(FAILURE);
            }
        } else if snapshots.changed().await.is_err() {
            return Err(CliError::Said("the incident's engine has ended".into()));
        }
    }
}

/// What is waited for.
fn phase(snapshot: &Snapshot) -> Option<String> {
    match question(&snapshot.state, clock::now()) {
        Question::Approval(approval) if approval.sought.is_some() => Some(format!(
            "others were asked; they run: standdown approve {}",
            name(&approval.digest)
        )),
        Question::Working(_) => {
            let walk = snapshot.state.walking()?;
            let running = walk.attempts.values().find(|one| one.end.is_none())?;
            Some(match running.origin {
                AttemptOrigin::Approval => "it runs at AWS …".into(),
                AttemptOrigin::Verify => {
                    "it was made; whether it worked is read until that shows, for minutes …".into()
                }
                _ => return None,
            })
        }
        _ => None,
    }
}

/// What the person at the terminal says to what waits.
fn answer(snapshot: &Snapshot, handle: &Handle) -> Result<Option<Command>, CliError> {
    let decline = |step: &crate::playbook::StepId, visit, reason: &str| Command::Decline {
        step: step.clone(),
        visit,
        reason: reason.to_owned(),
    };
    match question(&snapshot.state, clock::now()) {
        Question::Approval(approval) if approval.sought.is_none() => {
            show_sheet(&approval.intent)?;
            show_gist(&approval.intent)?;
            let wanted = approval.intent.confirmation();
            write!(
                std::io::stdout(),
                "To do this, type {}: ",
                on_a_line(&wanted)
            )?;
            std::io::stdout().flush()?;
            let typed = typed()?;
            if typed != wanted || wanted.trim().is_empty() {
                say!("that is not {wanted:?}; nothing was done");
                let why = "not confirmed at the command line";
                return Ok(Some(decline(&approval.step, approval.visit, why)));
            }
            Ok(Some(Command::Approve {
                step: approval.step.clone(),
                visit: approval.visit,
                digest: approval.digest.clone(),
                typed,
                reason: Some("asked for at the command line".into()),
            }))
        }
        Question::Undescribed(survey) => {
            let why = survey.failed.clone().unwrap_or_default();
            say!("{}", on_a_line(&why));
            Ok(Some(decline(&survey.step, survey.visit, &why)))
        }
        Question::Working(_) | Question::Approval(_) => Ok(None),
        _ => Err(CliError::Said(format!(
            "somebody has to decide; go on with `standdown resume {}`",
            handle.id
        ))),
    }
}
