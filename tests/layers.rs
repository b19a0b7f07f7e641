//! Imports point one way. This test reads every `use crate::` and fails on an arrow back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

/// From the bottom to the top; a module may use those that stand above it in this list.
const LAYERS: [&[&str]; 12] = [
    &[
        "document",
        "embedded",
        "redaction",
        "clock",
        "detached",
        "commands",
        "runbook",
        "breaker",
    ],
    &["expression"],
    &["playbook"],
    &["incident"],
    &["aws", "journal", "approvals"],
    &["notify"],
    &["config"],
    &["alarms"],
    &["actions"],
    &["engine"],
    &["rehearsal", "report", "tui"],
    &["cli"],
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("module {module} has no layer; add it to this test"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a file names after `crate::`.
fn used(text: &str) -> Vec<&str> {
    text.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
        })
        .filter(|module| LAYERS.iter().any(|layer| layer.contains(module)))
        .collect()
}

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let module = relative
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_string_lossy();
            let module = module.trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (module, path, text)
        })
        .filter(|(module, _, _)| module != "main" && module != "lib")
        .collect()
}

#[test]
fn imports_point_one_way() {
    for (module, path, text) in sources() {
        for other in used(&text).into_iter().filter(|other| *other != module) {
            assert!(
                layer(other) < layer(&module),
                "{} uses {other}",
                path.display()
            );
        }
    }
}

#[test]
fn the_core_knows_no_clock_no_file_no_screen_and_no_aws() {
    let forbidden = [
        "tokio",
        "ratatui",
        "aws_",
        "std::fs",
        "Utc::now",
        "Instant::now",
        "SystemTime",
    ];
    for (module, path, text) in sources() {
        // The catalog reads files, and nothing else of the playbooks does.
        let core = ["incident", "expression"].contains(&module.as_str())
            || (module == "playbook" && !path.ends_with("catalog.rs"));
        if core {
            for word in forbidden {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn the_simulator_shares_nothing_with_what_it_is_to_test() {
    for (_, path, text) in sources() {
        if path.to_string_lossy().contains("rehearsal/simulator") {
            for word in ["crate::aws", "crate::actions", "aws_sdk", "aws_smithy"] {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}
