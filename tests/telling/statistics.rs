//! The statistics of two hundred incidents, against a program that knows their export alone.

use std::collections::BTreeMap;

use serde_json::Value;
use standdown::journal::Journal;

use crate::generated::{incidents, playbooks};
use crate::support::{World, run_python_of};

const COUNT: u64 = 200;

fn near(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-6 * one.abs().max(1.0),
        _ => one == other,
    }
}

/// Holds what one says of something against what the other says of it, key by key.
fn same(what: &str, ours: &Value, theirs: &Value) {
    let theirs = theirs
        .as_object()
        .unwrap_or_else(|| panic!("{what}: {theirs}"));
    assert!(!theirs.is_empty(), "{what}");
    for (key, wanted) in theirs {
        assert!(
            near(&ours[key], wanted),
            "{what} {key}: {} and not {wanted}",
            ours[key]
        );
    }
}

/// A list by the words that name its entries.
fn by(list: &Value, keys: &[&str]) -> BTreeMap<String, Value> {
    let entries = list.as_array().unwrap().iter();
    entries
        .map(|one| {
            let words: Vec<&str> = keys.iter().map(|key| one[*key].as_str().unwrap()).collect();
            (words.join("/"), one.clone())
        })
        .collect()
}

#[test]
fn they_equal_what_another_program_counts_in_the_export() {
    let world = World::new();
    for (name, text) in playbooks() {
        world.write(&format!("playbooks/{name}"), text);
    }
    let store = world.path("kept/journal.db");
    std::fs::create_dir_all(store.parent().unwrap()).unwrap();
    let (mut journal, _) = Journal::open(&store).unwrap();
    incidents(&mut journal, COUNT);
    let mut export = Vec::new();
    for summary in journal.incidents().unwrap() {
        journal.export(&summary.id, &mut export).unwrap();
    }
    drop(journal);
    let file = world.write("export.jsonl", export);
    for (since, playbook) in [("-", "-"), ("2026-10-01T00:00:00Z", "-"), ("-", "second")] {
        let said = run_python_of(
            "python",
            "statistics_independent.py",
            &[file.to_str().unwrap(), since, playbook],
        );
        let theirs: Value = serde_json::from_str(&said).unwrap();
        let mut arguments = vec!["stats", "--json", "--state", "kept"];
        for (flag, value) in [("--since", since), ("--playbook", playbook)] {
            if value != "-" {
                arguments.extend([flag, value]);
            }
        }
        let said = world.run(&arguments);
        assert_eq!(said.code, 0, "{said:?}");
        let ours: Value = serde_json::from_str(&said.out).unwrap();
        same("all", &ours, &theirs["all"]);
        same("incidents", &ours["incidents"], &theirs["incidents"]);
        for group in ["by_playbook", "by_rung"] {
            let wanted = theirs[group].as_object().unwrap();
            assert_eq!(ours[group].as_object().unwrap().len(), wanted.len());
            for (name, counted) in wanted {
                same(&format!("{group} {name}"), &ours[group][name], counted);
            }
        }
        for (group, keys) in [
            ("steps", &["playbook", "step"][..]),
            ("branches", &["playbook", "step", "branch"]),
        ] {
            let known = by(&ours[group], keys);
            let wanted = theirs[group].as_object().unwrap();
            assert_eq!(known.len(), wanted.len(), "{group}");
            for (name, counted) in wanted {
                same(&format!("{group} {name}"), &known[name], counted);
            }
        }
        let known: BTreeMap<String, usize> = ours["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let arn = format!(
                    "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:{}",
                    one["alarm"].as_str().unwrap()
                );
                (arn, one["incidents"].as_array().unwrap().len())
            })
            .collect();
        let wanted: BTreeMap<String, usize> =
            serde_json::from_value(theirs["problems"].clone()).unwrap();
        assert_eq!(known, wanted);
        if since == "-" && playbook == "-" {
            assert_eq!(ours["incidents"]["total"], COUNT);
            findings(&ours);
        }
    }
}

/// What follows from what was generated.
fn findings(ours: &Value) {
    let found: Vec<(&str, &str)> = ours["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap();
            (text("kind"), text("about"))
        })
        .collect();
    for wanted in [
        ("dead_branch", "which: Never"),
        ("often_overridden", "which: High"),
        ("wrong_estimate", "read"),
        ("review_overdue", "o"),
        ("no_playbook", "alarm-47"),
    ] {
        assert!(found.contains(&wanted), "{wanted:?}: {found:#?}");
    }
    // What fails is not automated; what a playbook answers is no alarm without one.
    assert!(
        !found.iter().any(|(kind, _)| *kind == "automate"),
        "{found:#?}"
    );
    assert!(!found.contains(&("no_playbook", "alarm-0")));
}

#[test]
fn people_read_the_same_numbers() {
    let world = World::new();
    let store = world.path("kept/journal.db");
    std::fs::create_dir_all(store.parent().unwrap()).unwrap();
    let (mut journal, _) = Journal::open(&store).unwrap();
    incidents(&mut journal, 30);
    drop(journal);
    let said = world.run(&["stats", "--state", "kept"]);
    assert_eq!(said.code, 0, "{said:?}");
    for wanted in [
        "incidents: 30, ",
        "mean time to detect ",
        "executions: ",
        "  first: ",
        "rung 1: ",
        "branches: taken · recommended · overridden",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {}", said.out);
    }
    assert_eq!(world.run(&["stats", "--since", "yesterday"]).code, 2);
    let none = world.run(&["stats", "--state", "kept", "--since", "1s", "--json"]);
    let none: Value = serde_json::from_str(&none.out).unwrap();
    assert_eq!(none["executions"], 0);
    assert_eq!(none["success_rate"], Value::Null);
}
