//! `standdown watch` against the simulator: one incident per alarm, whoever watches, and whatever
//! was killed before.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/engine.rs"]
mod engine_support;
mod support;

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use standdown::actions::VOCABULARY;
use standdown::engine::{self, Recorder};
use standdown::incident::{AlarmRef, Command as Ask, Event};
use standdown::journal::{Hash, Journal};
use standdown::playbook::Catalog;
use support::{Said, Server, World, simulate};

/// Alarms that burn: one critical by its tag, the others low, and all answered by one playbook.
fn scenario(low: usize) -> String {
    let mut text =
        "format = 1\nid = \"night\"\ntitle = \"t\"\nsummary = \"s\"\nplaybook = \"look\"\n\
         account = \"111122223333\"\nregion = \"eu-central-1\"\nalarm = \"web-0\"\n"
            .to_owned();
    for number in 0..=low {
        let severity = if number == 0 { "critical" } else { "low" };
        writeln!(
            text,
            "[[alarms]]\nname = \"web-{number}\"\nstate = \"ALARM\"\nsince = \"-5m\"\ntags = {{ severity = \"{severity}\" }}"
        )
        .unwrap();
    }
    text
}

const PLAYBOOK: &str = r#"
format = 1
id = "look"
name = "Look"
summary = "s"
owner = "tests"
impact = 4
severities = ["low"]
incident_types = ["test"]
start = "see"

[[answers]]
name = "web-*"

[[steps]]
id = "see"
kind = "automated"
title = "See"
description = "d"
expect = "e"
output = "seen"
on_failure = "continue"
next = "run"
run.alarm_history = { alarm = "{{ alarm.name }}", window = "1h" }

[[steps]]
id = "run"
kind = "automated"
title = "Run"
description = "Something that does not run ahead."
expect = "e"
on_failure = "continue"
next = "by-hand"
run.exec = { command = ["touch", "touched"] }

[[steps]]
id = "by-hand"
kind = "manual"
title = "By hand"
description = "d"
next = "done"

[[steps]]
id = "done"
kind = "outcome"
title = "Done"
description = "d"
outcome = "resolved"
"#;

struct Night {
    world: World,
    server: Server,
}

impl Night {
    fn new(low: usize) -> Self {
        let world = World::new();
        let scenario = world.write("scenario.toml", scenario(low));
        let server = simulate(&world, scenario.to_str().unwrap(), "1");
        world.write("playbooks/look.toml", PLAYBOOK);
        // It fails while the file `deaf` is there.
        let tell = "#!/bin/sh\n[ -e deaf ] && exit 3\necho \"$STANDDOWN_RESUME\" >> told\n";
        let tell = world.write("tell", tell);
        std::fs::set_permissions(&tell, std::fs::Permissions::from_mode(0o755)).unwrap();
        let alert = format!("alert = [{:?}]\n", tell.to_str().unwrap());
        world.write("config/standdown/config.toml", alert);
        Self { world, server }
    }

    fn watch(&self, more: &[&str]) -> Command {
        let mut watch = self.world.standdown(&[&["watch", "--once"], more].concat());
        watch
            .env("AWS_ENDPOINT_URL", &self.server.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        watch
    }

    fn store(&self) -> std::path::PathBuf {
        self.world.path("state/standdown/journal.db")
    }

    /// The alarms that incidents were opened for, and whether each has its evidence.
    fn opened(&self) -> Vec<(String, bool)> {
        let journal = Journal::open(&self.store()).unwrap().0;
        let mut all: Vec<(String, bool)> = journal
            .incidents()
            .unwrap()
            .iter()
            .map(|one| {
                let events = journal.load(&one.id, 0, Hash::default()).unwrap().events;
                let alarm = events.iter().find_map(|one| match &one.event {
                    Event::AlarmAttached { alarm } => Some(alarm.name.clone()),
                    _ => None,
                });
                let evidence = |one: &Event| matches!(one, Event::AttemptEnded { .. });
                (
                    alarm.unwrap(),
                    events.iter().any(|one| evidence(&one.event)),
                )
            })
            .collect();
        all.sort();
        all
    }

    /// The commands that were told.
    fn told(&self) -> Vec<String> {
        let told = std::fs::read_to_string(self.world.path("told")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }
}

#[test]
fn two_watchers_of_one_store_open_an_incident_once() {
    let night = Night::new(2);
    let both = [
        night.watch(&[]).spawn().unwrap(),
        night.watch(&[]).spawn().unwrap(),
    ];
    for watcher in both {
        let said = Said::from(watcher.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
    }
    let wanted = ["web-0", "web-1", "web-2"].map(|name| (name.to_owned(), true));
    assert_eq!(night.opened(), wanted);
    assert_eq!(night.told().len(), 3);
}

#[test]
fn the_tags_say_what_is_grave() {
    let night = Night::new(2);
    let said = Said::from(night.watch(&["--at-least", "high"]).output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(night.opened(), [("web-0".to_owned(), true)]);
    // As bad as its tag says, whatever the playbook is meant for.
    let listed = night.world.run(&["incidents"]).out;
    assert!(listed.contains("critical"), "{listed}");
}

#[test]
fn what_nobody_was_told_of_is_told_again_and_only_what_reads_ran() {
    let night = Night::new(0);
    let deaf = night.world.write("deaf", "");
    let said = Said::from(night.watch(&[]).output().unwrap());
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("did not tell anybody"), "{said:?}");
    std::fs::remove_file(deaf).unwrap();
    for _ in 0..2 {
        let said = Said::from(night.watch(&[]).output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(night.opened(), [("web-0".to_owned(), true)]);
    let [told] = night.told().try_into().unwrap();
    assert!(!night.world.path("touched").exists(), "nobody asked for it");

    // What was told leads there, from anywhere and without any setting.
    let id = told.rsplit(' ').next().unwrap();
    let state = night.world.path("state/standdown");
    assert_eq!(
        told,
        format!("standdown --state {} resume {id}", state.display())
    );
    let shown = ["--state", state.to_str().unwrap(), "export", id];
    let export = World::new().run(&shown);
    assert_eq!(export.code, 0, "{export:?}");
    assert!(!export.out.contains("step_arrived"), "{}", export.out);
}

#[test]
fn a_storm_opens_the_gravest_and_says_that_others_wait() {
    let night = Night::new(8);
    for _ in 0..2 {
        let said = Said::from(night.watch(&[]).output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.err.contains("others wait"), "{said:?}");
    }
    let opened = night.opened();
    assert_eq!(opened.len(), 5, "{opened:?}");
    assert_eq!(opened[0].0, "web-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_watcher_began_is_finished() {
    let night = Night::new(0);
    let said = Said::from(night.watch(&["--at-least", "critical"]).output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    let journal = Journal::open(&night.store()).unwrap().0;
    let id = journal.incidents().unwrap()[0].id.clone();
    let events = journal.load(&id, 0, Hash::default()).unwrap().events;
    let alarm: AlarmRef = events
        .iter()
        .find_map(|one| match &one.event {
            Event::AlarmAttached { alarm } => Some(alarm.clone()),
            _ => None,
        })
        .unwrap();

    // The same in another store, by a watcher that came no further than opening it.
    let other = Night::new(0);
    let folder = other.store().parent().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let settings = engine::Settings {
        actor: engine::watcher(),
        ..engine_support::settings()
    };
    let catalog = Catalog::load(&[other.world.path("playbooks")], &[], &VOCABULARY);
    let entry = catalog.answering(&standdown::playbook::Subject {
        name: "web-0",
        ..Default::default()
    })[0]
        .clone();
    let open = Ask::open_for(&entry, Some(alarm), None, None);
    let handle = engine::open(open, Recorder::start(&other.store()), settings)
        .await
        .unwrap();
    let began = handle.id.clone();
    handle.leave().await;
    assert_eq!(other.opened(), [("web-0".to_owned(), false)]);

    let watch = tokio::process::Command::from(other.watch(&[]))
        .output()
        .await
        .unwrap();
    let said = Said::from(watch);
    assert!(said.out.contains(&format!("opened {began}")), "{said:?}");
    assert_eq!(other.opened(), [("web-0".to_owned(), true)]);
    assert_eq!(other.told().len(), 1);
}
