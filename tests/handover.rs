//! Two engines on one incident, attempts that panic, and clocks that were ahead.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/engine.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use standdown::actions::programs::{Invocation, Programs, Running};
use standdown::actions::{Probe, Probing};
use standdown::engine::{self, Control, Handle, Recorder, Recording, Role, Unanswered};
use standdown::incident::{AttemptStatus, Command, Event, IncidentId, IncidentStatus, Recorded};
use standdown::journal::{Hash, Journal};
use standdown::playbook::SecretSource;
use support::{HEAD, ended, open, open_with, path, settings, until, with_programs};

/// A step that runs until the test ends.
fn endless() -> String {
    format!(
        "{HEAD}prefetch = false\ntimeout = \"10m\"\nrun.exec = {{ command = [\"sleep\", \"600\"] }}\n"
    )
}

async fn another(folder: &Path, id: &IncidentId) -> Handle {
    let recorder = Recorder::start(&folder.join("journal.db"));
    engine::resume(id.clone(), recorder, settings())
        .await
        .unwrap()
}

fn writes(handle: &Handle) -> bool {
    matches!(handle.snapshot().role, Role::Writer { .. })
}

fn notes(events: &[Recorded]) -> Vec<String> {
    let note = |recorded: &Recorded| match &recorded.event {
        Event::NoteAdded { text, .. } => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(note).collect()
}

fn on_disk(folder: &Path, id: &IncidentId) -> Vec<Recorded> {
    let (journal, _) = Journal::open(&folder.join("journal.db")).unwrap();
    let loaded = journal.load(id, 0, Hash::default()).unwrap();
    assert_eq!(loaded.broken, None);
    loaded.events
}

#[tokio::test]
async fn the_second_one_follows_asks_and_is_given_the_incident() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), &endless()).await;
    let second = another(folder.path(), &first.id).await;
    assert!(writes(&first) && !writes(&second));
    let refused = second
        .ask(Command::SetStatus(IncidentStatus::Acknowledged))
        .await
        .unwrap_err();
    assert!(matches!(refused, Unanswered::Following(_)), "{refused}");
    // A note is anyone's to add.
    second
        .ask(Command::Note("from the second".into()))
        .await
        .unwrap();

    second.control(Control::TakeOver).await.unwrap();
    assert!(!writes(&second), "somebody else writes: it only asks");
    until(&first, |snapshot| {
        matches!(&snapshot.role, Role::Writer { asked: Some(_) })
    })
    .await;
    first.control(Control::HandOver).await.unwrap();
    until(&second, |snapshot| {
        matches!(snapshot.role, Role::Writer { .. })
    })
    .await;
    assert!(!writes(&first));
    second
        .ask(Command::SetStatus(IncidentStatus::Acknowledged))
        .await
        .unwrap();
    // What read on the first one was stopped there, and runs again on the second.
    let running = until(&second, |snapshot| {
        snapshot
            .state
            .execution()
            .is_some_and(|execution| execution.running().count() == 1)
    })
    .await;
    let first_sees = until(&first, |snapshot| {
        snapshot.state.sequence == running.state.sequence
    })
    .await;
    assert_eq!(
        serde_json::to_value(&first_sees.state).unwrap(),
        serde_json::to_value(&running.state).unwrap()
    );
    assert_eq!(
        notes(&on_disk(folder.path(), &first.id)),
        ["from the second"]
    );
}

#[tokio::test]
async fn one_that_could_not_record_tells_the_one_that_took_over() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), &endless()).await;
    let other = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    first.ask(Command::Note("kept".into())).await.unwrap();
    first
        .ask(Command::SetStatus(IncidentStatus::Acknowledged))
        .await
        .unwrap();
    let kept = first.snapshot().recording.clone();
    assert!(matches!(kept, Recording::No { kept: 2, .. }), "{kept:?}");
    // Somebody takes the incident before the first one writes again.
    other
        .execute_batch("UPDATE lease SET token = '00000000-0000-0000-0000-000000000000'; COMMIT")
        .unwrap();
    let after = until(&first, |snapshot| {
        let all: Vec<Recorded> = snapshot.events.iter().map(|one| (**one).clone()).collect();
        matches!(snapshot.role, Role::Follower { .. })
            && snapshot.recording == Recording::Yes
            && notes(&all).len() == 2
    })
    .await;
    let told = notes(&on_disk(folder.path(), &first.id));
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "kept");
    assert!(
        told[1].contains("while it could not be recorded") && told[1].contains("acknowledged"),
        "{told:?}"
    );
    let incident = after.state.incident.as_ref().unwrap();
    assert_eq!(incident.status.name(), "open", "it decided nothing");
}

struct Panics;

impl Programs for Panics {
    fn run(&self, invocation: Invocation) -> Running<'_> {
        Box::pin(async move { panic!("cannot run {:?}", invocation.argv) })
    }

    fn probe(&self, probe: Probe) -> Probing<'_> {
        Box::pin(async move { panic!("cannot ask {}", probe.line()) })
    }

    fn secret(&self, _: &SecretSource) -> Option<Result<String, String>> {
        None
    }
}

#[tokio::test]
async fn a_panic_ends_that_attempt_as_failed_and_the_walk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!("{HEAD}run.exec = {{ command = [\"anything\"] }}\n");
    let handle = open_with(folder.path(), &steps, with_programs(Arc::new(Panics))).await;
    let snapshot = ended(&handle).await;
    assert_eq!(path(&snapshot), ["first", "lost"]);
    let execution = snapshot.state.execution().unwrap();
    let ends: Vec<AttemptStatus> = execution
        .attempts
        .values()
        .filter_map(|attempt| Some(attempt.end.as_ref()?.0.status))
        .collect();
    assert_eq!(ends.len(), execution.attempts.len());
    assert!(
        ends.iter().all(|end| *end == AttemptStatus::Failed),
        "{ends:?}"
    );
    handle
        .ask(Command::Note("it runs on".into()))
        .await
        .unwrap();
}

/// Writes an incident whose last event is an hour ahead of or behind this machine's clock.
async fn apart(folder: &Path, by: TimeDelta) -> (IncidentId, DateTime<Utc>) {
    let handle = open(folder, &endless()).await;
    let id = handle.id.clone();
    let last = handle.leave().await;
    let mut recorded = (**last.events.last().unwrap()).clone();
    recorded.sequence += 1;
    recorded.at += by;
    recorded.event = Event::NoteAdded {
        text: "by another clock".into(),
        step: None,
    };
    let at = recorded.at;
    let (mut journal, _) = Journal::open(&folder.join("journal.db")).unwrap();
    journal
        .append(&id, recorded.sequence - 1, &[recorded], None)
        .unwrap();
    (id, at)
}

#[tokio::test]
async fn time_goes_on_from_the_last_event_whatever_the_clock_said_before() {
    for hours in [1, -1] {
        let folder = tempfile::tempdir().unwrap();
        let (id, at) = apart(folder.path(), TimeDelta::hours(hours)).await;
        let handle = another(folder.path(), &id).await;
        for text in ["one", "two"] {
            handle.ask(Command::Note(text.into())).await.unwrap();
        }
        handle.leave().await;
        let events = on_disk(folder.path(), &id);
        let first_of_mine = events
            .iter()
            .position(|recorded| recorded.at == at)
            .unwrap();
        let mine = &events[first_of_mine..];
        assert!(
            mine.windows(2).all(|pair| pair[0].at <= pair[1].at),
            "{hours} h: {mine:?}"
        );
        assert_eq!(
            notes(&events),
            ["by another clock", "one", "two"],
            "{hours} h"
        );
        // What ran before was taken up once.
        let taken = events
            .iter()
            .filter(|recorded| matches!(recorded.event, Event::AttemptStarted { .. }))
            .count();
        assert_eq!(taken, 2, "{hours} h");
    }
}
