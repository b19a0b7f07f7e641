//! An engine on a journal of its own, with a playbook of a few steps.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use standdown::actions::VOCABULARY;
use standdown::actions::programs::{LocalPrograms, Programs};
use standdown::aws::Pool;
use standdown::engine::{self, Handle, Recorder, Settings, Snapshot};
use standdown::incident::{Command, ExecutionStatus};
use standdown::playbook::Severity;
use standdown::redaction::Redactor;

pub fn playbook(steps: &str) -> String {
    format!(
        r#"format = 1
id = "p"
name = "P"
summary = "s"
owner = "o"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "first"
[[answers]]
name = "*"
[inputs.names]
type = "list<string>"
default = ["a b", "$HOME;c"]
{steps}
[[steps]]
id = "end"
kind = "outcome"
title = "End"
description = "d"
outcome = "resolved"
[[steps]]
id = "lost"
kind = "outcome"
title = "Lost"
description = "d"
outcome = "stop"
"#
    )
}

pub fn settings() -> Settings {
    with_programs(Arc::new(LocalPrograms))
}

pub fn with_programs(programs: Arc<dyn Programs>) -> Settings {
    let aws = Arc::new(Pool::unusable("there is no AWS in this test"));
    Settings {
        vocabulary: VOCABULARY,
        aws,
        programs,
        actor: engine::actor(),
        speed: 1.0,
        redactor: Redactor::default(),
        changes: Default::default(),
        catalog: tokio::sync::watch::channel(Arc::default()).1,
    }
}

pub async fn open(folder: &Path, steps: &str) -> Handle {
    open_with(folder, steps, settings()).await
}

/// A playbook of these steps alone.
pub fn playbook_from(start: &str, steps: &str) -> String {
    format!(
        "format = 1\nid = \"p\"\nname = \"P\"\nsummary = \"s\"\nowner = \"o\"\nimpact = 2\nseverities = [\"high\"]\nincident_types = [\"x\"]\nstart = \"{start}\"\n[[answers]]\nname = \"*\"\n{steps}"
    )
}

pub async fn open_steps(folder: &Path, start: &str, steps: &str, settings: Settings) -> Handle {
    open_text(folder, playbook_from(start, steps), settings).await
}

pub async fn open_with(folder: &Path, steps: &str, settings: Settings) -> Handle {
    open_text(folder, playbook(steps), settings).await
}

async fn open_text(folder: &Path, text: String, settings: Settings) -> Handle {
    let recorder = Recorder::start(&folder.join("journal.db"));
    let command = Command::Open {
        title: "t".into(),
        severity: Severity::High,
        alarm: None,
        rehearsal: None,
    };
    let handle = engine::open(command, recorder, settings).await.unwrap();
    let compiled = standdown::playbook::compile(
        &standdown::document::Source::new("p.toml", text.as_str()),
        &[],
        &VOCABULARY,
    );
    assert_eq!(compiled.problems, []);
    handle
        .ask(Command::Start {
            name: "p.toml".into(),
            text,
            others: Vec::new(),
            trusted: true,
        })
        .await
        .unwrap();
    handle
}

pub async fn until(handle: &Handle, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = handle.subscribe();
    Arc::clone(
        &*snapshots
            .wait_for(|snapshot| wanted(snapshot))
            .await
            .unwrap(),
    )
}

pub async fn ended(handle: &Handle) -> Arc<Snapshot> {
    until(handle, |snapshot| {
        snapshot
            .state
            .execution()
            .is_some_and(|execution| execution.status != ExecutionStatus::InProgress)
    })
    .await
}

pub fn output(snapshot: &Snapshot, name: &str) -> Value {
    (*snapshot
        .state
        .execution()
        .unwrap()
        .outputs
        .get(name)
        .unwrap()
        .json)
        .clone()
}

pub fn path(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .state
        .execution()
        .unwrap()
        .visits
        .iter()
        .map(|visit| visit.step.to_string())
        .collect()
}

/// A first step that captures `out`.
pub const HEAD: &str = "[[steps]]\nid = \"first\"\nkind = \"automated\"\ntitle = \"T\"\ndescription = \"d\"\nexpect = \"e\"\noutput = \"out\"\non_failure = \"lost\"\nnext = \"end\"\n";
