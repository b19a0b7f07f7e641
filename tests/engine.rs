//! The engine with real programs: what runs, side by side, again and again, in time, and stopped.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/engine.rs"]
mod support;

use std::path::Path;

use serde_json::json;
use standdown::engine::{self, Recorder, Recording};
use standdown::incident::{
    AttemptOrigin, AttemptStatus, Command, Event, ExecutionStatus, VisitResult,
};
use standdown::journal::Hash;
use support::{HEAD, ended, open, output, path, settings, until};

#[tokio::test]
async fn runs_go_side_by_side_and_one_can_wait_for_another_and_read_it() {
    let folder = tempfile::tempdir().unwrap();
    // Two that each wait for the other: one after the other they would never end.
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let meet = |mine: &Path, other: &Path| {
        format!(
            "touch {}; while [ ! -e {} ]; do :; done; echo n=7",
            mine.display(),
            other.display()
        )
    };
    let steps = format!(
        "{HEAD}values = {{ doubled = \"out.one.captured.n * 2\" }}\nsuccess = \"out.three.ok && out.doubled == 14\"\nruns = [\n\
         {{ as = \"one\", exec = {{ command = [\"sh\", \"-c\", \"{}\"], capture = {{ n = \"n=(\\\\d+)\" }} }} }},\n\
         {{ as = \"two\", exec = {{ command = [\"sh\", \"-c\", \"{}; exit 3\"] }} }},\n\
         {{ as = \"three\", after = \"one\", exec = {{ command = [\"echo\", \"{{{{ out.one.captured.n }}}}\"] }} }},\n]\n",
        meet(&a, &b),
        meet(&b, &a),
    );
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    assert_eq!(
        path(&snapshot),
        ["first", "end"],
        "`success` decides, although one run failed"
    );
    let out = output(&snapshot, "out");
    assert_eq!(
        (&out["three"]["output"], &out["two"]["ok"], &out["doubled"]),
        (&json!("7\n"), &json!(false), &json!(14))
    );
}

#[tokio::test]
async fn for_each_makes_a_map_and_values_stay_whole_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!(
        "{HEAD}for_each = \"inputs.names\"\nrun.exec = {{ command = [\"printf\", \"%s\", \"{{{{ item }}}}\"] }}\n"
    );
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    let out = output(&snapshot, "out");
    assert_eq!(out["a b"]["output"], "a b");
    assert_eq!(out["$HOME;c"]["output"], "$HOME;c");
}

#[tokio::test]
async fn until_runs_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "echo x >> {0}/count; echo n=$(wc -l < {0}/count)",
        folder.path().display()
    );
    let steps = format!(
        "{HEAD}until = \"out.captured.n >= 3\"\nevery = \"50ms\"\nrun.exec = {{ command = [\"sh\", \"-c\", \"{script}\"], capture = {{ n = \"n=(\\\\d+)\" }} }}\n"
    );
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    assert_eq!(output(&snapshot, "out")["captured"]["n"], 3);
}

#[tokio::test]
async fn what_does_not_hold_in_time_is_timed_out_tried_again_and_then_failed() {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!(
        "{HEAD}timeout = \"200ms\"\nretries = 1\nrun.exec = {{ command = [\"sleep\", \"60\"] }}\n"
    );
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    let execution = snapshot.state.execution().unwrap();
    assert_eq!(path(&snapshot), ["first", "lost"]);
    let attempts: Vec<_> = execution
        .attempts
        .values()
        .map(|attempt| attempt.end.as_ref().unwrap().0.status)
        .collect();
    assert_eq!(attempts, [AttemptStatus::TimedOut, AttemptStatus::TimedOut]);
    assert!(
        snapshot
            .events
            .iter()
            .any(|recorded| matches!(recorded.event, Event::RetryScheduled { number: 2, .. }))
    );
    assert_eq!(
        (execution.status, execution.failed_steps),
        (ExecutionStatus::Failed, 1)
    );
}

#[tokio::test]
async fn a_check_that_is_stopped_ends_its_program_and_the_walk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let steps = format!(
        "{HEAD}run.exec = {{ command = [\"sh\", \"-c\", \"echo $$ > {0}.new; mv {0}.new {0}; exec sleep 300\"] }}\n",
        pid.display()
    );
    let handle = open(folder.path(), &steps).await;
    while !pid.exists() {
        tokio::task::yield_now().await;
    }
    handle.ask(Command::CancelCurrent).await.unwrap();
    let snapshot = ended(&handle).await;
    assert_eq!(path(&snapshot), ["first", "lost"]);
    let proc = format!(
        "/proc/{}/stat",
        std::fs::read_to_string(&pid).unwrap().trim()
    );
    while std::fs::read_to_string(&proc).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_engine_that_went_away_is_taken_up_and_what_ran_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let steps = format!(
        "{HEAD}run.exec = {{ command = [\"sh\", \"-c\", \"while [ ! -e {} ]; do sleep 0.05; done; echo done\"] }}\n",
        go.display()
    );
    let handle = open(folder.path(), &steps).await;
    let before = until(&handle, |snapshot| {
        snapshot
            .state
            .execution()
            .is_some_and(|execution| execution.running().count() == 1)
    })
    .await;
    let id = handle.id.clone();
    // The lease is given back; without that, the next engine would follow this one.
    handle.leave().await;
    drop(handle);
    std::fs::write(&go, "").unwrap();
    let recorder = Recorder::start(&folder.path().join("journal.db"));
    let handle = engine::resume(id, recorder, settings()).await.unwrap();
    let snapshot = ended(&handle).await;
    assert_eq!(path(&snapshot), ["first", "end"]);
    let taken: Vec<AttemptOrigin> = snapshot
        .state
        .execution()
        .unwrap()
        .attempts
        .values()
        .map(|attempt| attempt.origin)
        .collect();
    assert!(taken.contains(&AttemptOrigin::TakeUp), "{taken:?}");
    // What was recorded before is there, event for event.
    assert!(
        before
            .events
            .iter()
            .zip(&snapshot.events)
            .all(|(one, other)| one == other)
    );
}

#[tokio::test]
async fn without_aws_a_step_that_needs_it_fails_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let steps =
        format!("{HEAD}run.metric = {{ namespace = \"A\", name = \"B\", window = \"5m\" }}\n");
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    let failed = snapshot
        .state
        .execution()
        .unwrap()
        .visits
        .iter()
        .find_map(|visit| match &visit.result {
            Some(VisitResult::Failed { error }) => Some(error.clone()),
            _ => None,
        });
    assert_eq!(failed.as_deref(), Some("there is no AWS in this test"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!("{HEAD}run.exec = {{ command = [\"no-such-program-anywhere\"] }}\n");
    let snapshot = ended(&open(folder.path(), &steps).await).await;
    let text = serde_json::to_string(&snapshot.state).unwrap();
    assert!(
        text.contains("no-such-program-anywhere: it is not on the PATH"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_kept_in_order_and_written_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!(
        "{HEAD}prefetch = false\ntimeout = \"10m\"\nrun.exec = {{ command = [\"sleep\", \"600\"] }}\n"
    );
    let handle = open(folder.path(), &steps).await;
    let events = handle.snapshot().events.len();
    // Somebody else holds the store, longer than a writer waits.
    let other = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    handle.ask(Command::Note("first".into())).await.unwrap();
    handle.ask(Command::Note("second".into())).await.unwrap();
    let snapshot = handle.snapshot();
    assert!(
        matches!(&snapshot.recording, Recording::No { kept: 2, reason, .. } if reason.contains("locked")),
        "{:?}",
        snapshot.recording
    );
    other.execute_batch("ROLLBACK").unwrap();
    let snapshot = until(&handle, |snapshot| snapshot.recording == Recording::Yes).await;
    let on_disk = standdown::journal::Journal::open(&folder.path().join("journal.db"))
        .unwrap()
        .0
        .load(&handle.id, 0, Hash::default())
        .unwrap();
    assert_eq!(on_disk.events.len(), events + 2);
    assert_eq!((on_disk.broken, on_disk.head), (None, snapshot.head));
    let notes: Vec<_> = on_disk
        .events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::NoteAdded { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["first", "second"]);
}
