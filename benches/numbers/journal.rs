//! The journal against the disk it stands on: a durable append against a bare one of as many bytes,
//! in turns and in one run; and how long an incident of 100,000 events takes to be taken up.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AttemptId, AttemptOrigin, AttemptResult, Event, IncidentId, Recorded, State, evolve,
};
use standdown::journal::{Hash, Journal};
use standdown::playbook::Severity;

use crate::console::quantile;
use crate::table::Table;

const APPENDS: u64 = 2_000;
const EVENTS: u64 = 100_000;

fn recorded(sequence: u64, by: &Arc<Actor>, event: Event) -> Recorded {
    Recorded {
        sequence,
        at: chrono::DateTime::from_timestamp(1_700_000_000 + sequence.cast_signed(), 0).unwrap(),
        by: Arc::clone(by),
        event,
    }
}

/// The events of a long incident: it is opened, a playbook starts, and then attempts begin and end.
fn events(count: u64) -> Vec<Recorded> {
    let by = Arc::new(Actor {
        user: "responder".into(),
        uid: 1000,
        host: "bastion".into(),
        arn: None,
    });
    let text = include_str!("../../playbooks/cpu-high-utilization.toml");
    let opened = Event::IncidentOpened {
        incident: id(),
        title: "High CPU Utilization Investigation".into(),
        severity: Severity::High,
        rehearsal: None,
    };
    let started = Event::ExecutionStarted {
        execution: standdown::incident::ExecutionId(uuid::Uuid::from_u128(1)),
        playbook: "cpu-high-utilization".into(),
        hash: String::new(),
        name: "cpu.toml".into(),
        text: text.into(),
        others: Vec::new(),
        unattended: false,
        trusted: false,
        healing: None,
    };
    let mut all = vec![recorded(1, &by, opened), recorded(2, &by, started)];
    all.extend((3..=count).map(|sequence| {
        let attempt = AttemptId(uuid::Uuid::from_u128(u128::from(sequence / 2)));
        let event = if sequence % 2 == 0 {
            Event::AttemptStarted { attempt, step: "cpu-001".into(), number: 1, origin: AttemptOrigin::Arrival }
        } else {
            let output = serde_json::json!({"maximum": 97.2, "average": 95.1, "last": 96.0, "datapoints": 15, "minutes_over": 14.0});
            Event::AttemptEnded { attempt, result: AttemptResult::succeeded(output) }
        };
        recorded(sequence, &by, event)
    }));
    all
}

fn id() -> IncidentId {
    IncidentId("20261121-abcdef".into())
}

fn append(folder: &Path, table: &mut Table) {
    let (mut journal, _) = Journal::open(&folder.join("append.db")).unwrap();
    let mut bare = std::fs::File::create(folder.join("bare")).unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for event in events(APPENDS) {
        let bytes = serde_json::to_vec(&event).unwrap();
        let began = Instant::now();
        bare.write_all(&bytes).unwrap();
        bare.sync_data().unwrap();
        theirs.push(began.elapsed().as_secs_f64() * 1e6);
        let began = Instant::now();
        journal
            .append(&id(), event.sequence - 1, &[event], None)
            .unwrap();
        ours.push(began.elapsed().as_secs_f64() * 1e6);
    }
    for (name, at, goal) in [("p50", 0.5, 0.95), ("p99", 0.99, 1.6)] {
        let (ours, theirs) = (quantile(&mut ours, at), quantile(&mut theirs, at));
        let ratio = ours / theirs;
        table.row(
            &format!("event append ÷ a bare append + fdatasync, {name}"),
            &goal.to_string(),
            &format!("{ratio:.2} ({ours:.0} µs, {theirs:.0} µs)"),
            ratio <= goal,
        );
    }
}

fn resume(folder: &Path, table: &mut Table) {
    let path = folder.join("resume.db");
    let (mut journal, _) = Journal::open(&path).unwrap();
    journal.append(&id(), 0, &events(EVENTS), None).unwrap();
    drop(journal);
    let mut reads = Vec::new();
    let mut times: Vec<f64> = (0..7)
        .map(|_| {
            let began = Instant::now();
            let (journal, _) = Journal::open(&path).unwrap();
            let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
            assert!(loaded.broken.is_none() && loaded.events.len() as u64 == EVENTS);
            reads.push(began.elapsed().as_secs_f64() * 1e3);
            let state = loaded.events.iter().fold(State::new(VOCABULARY), evolve);
            assert_eq!(state.sequence, EVENTS);
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let (all, read) = (quantile(&mut times, 0.5), quantile(&mut reads, 0.5));
    table.row(
        "resume of 100,000 events, chain verified",
        "250 ms",
        &format!("{all:.0} ms, of which read, verified and parsed {read:.0} ms"),
        all <= 250.0,
    );
}

pub fn measure(table: &mut Table) {
    let folder = tempfile::tempdir_in(
        std::env::var_os("STANDDOWN_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from),
    )
    .unwrap();
    append(folder.path(), table);
    resume(folder.path(), table);
}
