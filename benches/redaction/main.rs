//! How fast text is masked, what of a public corpus of secrets is masked, and what of public logs is
//! masked by mistake.
//!
//! `CREDSWEEPER` names a checkout of <https://github.com/Samsung/CredSweeper>, whose samples say of each
//! secret where it stands; `LOGHUB` one of <https://github.com/logpai/loghub>, whose samples hold none.
//! `SHOW=1` prints what was missed and what was masked by mistake.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench prints, and fails by panicking"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use standdown::redaction::Redactor;

/// How much text is masked, in bytes.
const SIZE: usize = 9 << 20;
/// Runs of which the fastest counts.
const RUNS: usize = 3;

fn main() {
    let ascii = "2026-12-01 03:14:07 WARN orders-7f9c worker 12 could not reach the queue\n";
    let umlauts = "2026-12-01 03:14:07 WARN aufträge-7f9c: die Größe der Übergabe überschritten\n";
    let redactor = Redactor::default();
    let _ = redactor.text(ascii);
    let plain = fastest(&redactor, ascii);
    let accented = fastest(&redactor, umlauts);
    let megabytes = SIZE as f64 / 1e6;
    println!(
        "{megabytes:.1} MB of ASCII in {plain:.3?}, with umlauts in {accented:.3?}: {:.2} times as long",
        accented.as_secs_f64() / plain.as_secs_f64()
    );
    if let Some(folder) = std::env::var_os("CREDSWEEPER") {
        secrets(&redactor, Path::new(&folder));
    }
    if let Some(folder) = std::env::var_os("LOGHUB") {
        mistakes(&redactor, Path::new(&folder));
    }
}

/// How long it takes to mask so much text of that line.
fn fastest(redactor: &Redactor, line: &str) -> Duration {
    let text = line.repeat(SIZE / line.len());
    let run = |_| {
        let began = Instant::now();
        assert_eq!(redactor.text(&text).len(), text.len());
        began.elapsed()
    };
    (0..RUNS).map(run).min().unwrap_or_default()
}

/// Whether to print the single cases.
fn shows() -> bool {
    std::env::var_os("SHOW").is_some()
}

/// Prints of each kind of secret how many are masked: in their line, or where it takes the lines around
/// it to tell, in the file.
fn secrets(redactor: &Redactor, folder: &Path) {
    let text = std::fs::read_to_string(folder.join("tests/data/output.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut seen = HashSet::new();
    for found in &all {
        for place in found["line_data_list"].as_array().into_iter().flatten() {
            let (Some(line), Some(value)) = (place["line"].as_str(), place["value"].as_str())
            else {
                continue;
            };
            if value.len() < 4 || !seen.insert((line, value)) {
                continue;
            }
            let kind = found["rule"].as_str().unwrap_or_default();
            let (masked, of) = kinds.entry(kind.to_owned()).or_default();
            *of += 1;
            let file = folder.join(place["path"].as_str().unwrap_or_default());
            let whole = std::fs::read_to_string(file)
                .ok()
                .filter(|text| text.contains(line));
            let stands = |text: &str| redactor.text(text).contains(value);
            if stands(line) && whole.is_none_or(|text| stands(&text)) {
                if shows() {
                    println!("missed {kind}: {value:?} in {line:?}");
                }
            } else {
                *masked += 1;
            }
        }
    }
    for (kind, (masked, of)) in &kinds {
        println!("{kind:<40} {masked:>4} of {of:>4}");
    }
    let masked: usize = kinds.values().map(|(masked, _)| masked).sum();
    let of: usize = kinds.values().map(|(_, of)| of).sum();
    println!("{:<40} {masked:>4} of {of:>4}", "all");
}

/// Prints how many lines of logs without secrets are changed.
fn mistakes(redactor: &Redactor, folder: &Path) {
    let (mut changed, mut lines) = (0, 0);
    for path in logs(folder) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for line in text.lines() {
            lines += 1;
            let masked = redactor.text(line);
            if masked != line {
                changed += 1;
                if shows() {
                    println!("masked {line:?} as {masked:?}");
                }
            }
        }
    }
    println!("{changed} of {lines} lines of logs without secrets are changed");
}

/// The samples of 2,000 lines.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let is_sample = |path: &PathBuf| path.to_string_lossy().ends_with("_2k.log");
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    let mut all: Vec<PathBuf> = folders
        .flat_map(|folder| entries(&folder))
        .filter(is_sample)
        .collect();
    all.sort();
    all
}
