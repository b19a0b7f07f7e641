//! How well log messages are grouped into patterns, and how long that takes.
//!
//! `LOGHUB` names a checkout of <https://github.com/logpai/loghub>; `DRAIN3_PYTHON` a Python with the
//! package `drain3`, whose column is then printed beside ours. Grouping accuracy is logpai's: a message
//! counts when the messages of its group are exactly those of its true template. It is measured on
//! message contents, 2,000 of each sample, with one configuration for all samples.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench prints, and fails by panicking"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use standdown::actions::{Clusters, is_of_pattern};

/// Lines in the measurement of time.
const LINES: usize = 100_000;

/// A sample: messages, and the template that each is of.
struct Sample {
    name: String,
    path: PathBuf,
    messages: Vec<String>,
    templates: Vec<String>,
}

fn main() {
    let Some(folder) = std::env::var_os("LOGHUB") else {
        println!("LOGHUB is not set: nothing is measured. Set it to a checkout of logpai/loghub.");
        return;
    };
    let samples = samples(Path::new(&folder));
    let drain3 = std::env::var("DRAIN3_PYTHON").ok();
    println!("{:<12} {:>9} {:>9}", "sample", "standdown", "drain3");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for sample in &samples {
        let own = accuracy(&groups(&sample.messages), &sample.templates);
        let other = drain3.as_ref().map(|python| drain(python, sample));
        let shown = other.map_or_else(|| "-".to_owned(), |other| format!("{other:.4}"));
        println!("{:<12} {own:>9.4} {shown:>9}", sample.name);
        ours.push(own);
        theirs.extend(other);
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len().max(1) as f64;
    println!("{:<12} {:>9.4} {:>9.4}", "mean", mean(&ours), mean(&theirs));
    let mixed: Vec<&String> = samples
        .iter()
        .flat_map(|sample| &sample.messages)
        .cycle()
        .take(LINES)
        .collect();
    for _ in 0..3 {
        let began = Instant::now();
        let mut clusters = Clusters::default();
        for message in &mixed {
            clusters.add("stream", 0, message);
        }
        let found = clusters.finish();
        println!(
            "{LINES} lines: {:.3} s, {} patterns, {} messages of others",
            began.elapsed().as_secs_f64(),
            found.clusters.len(),
            found.other
        );
    }
}

/// The pattern of each message. Each is a stream of its own, so that none goes on with another.
fn groups(messages: &[String]) -> Vec<String> {
    let mut clusters = Clusters::default();
    for (index, message) in messages.iter().enumerate() {
        clusters.add(&index.to_string(), 0, message);
    }
    let mut patterns: Vec<String> = clusters
        .finish()
        .clusters
        .into_iter()
        .map(|cluster| cluster.pattern)
        .collect();
    // Of several patterns that a message fits, the one with the fewest gaps is its own.
    patterns.sort_by_key(|pattern| (pattern.matches('*').count(), pattern.len()));
    let mut known: HashMap<&str, String> = HashMap::new();
    messages
        .iter()
        .map(|message| {
            let found = || {
                patterns
                    .iter()
                    .find(|pattern| is_of_pattern(pattern, message))
            };
            known
                .entry(message)
                .or_insert_with(|| found().cloned().unwrap_or_default())
                .clone()
        })
        .collect()
}

/// The share of messages whose group is exactly the group of their template.
fn accuracy(groups: &[String], templates: &[String]) -> f64 {
    let by = |keys: &[String]| {
        let mut all: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, key) in keys.iter().enumerate() {
            all.entry(key.clone()).or_default().push(index);
        }
        all
    };
    let own = by(groups);
    let right: usize = by(templates)
        .values()
        .filter(|members| own.get(&groups[members[0]]) == Some(members))
        .map(Vec::len)
        .sum();
    right as f64 / groups.len() as f64
}

fn samples(folder: &Path) -> Vec<Sample> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = folder
            .join(&name)
            .join(format!("{name}_2k.log_structured.csv"));
        if let Ok(text) = std::fs::read_to_string(&path) {
            let rows = rows(&text);
            let column = |wanted: &str| rows[0].iter().position(|name| name == wanted).unwrap();
            let (content, template) = (column("Content"), column("EventId"));
            let of = |at: usize| rows[1..].iter().map(|row| row[at].clone()).collect();
            all.push(Sample {
                name,
                path,
                messages: of(content),
                templates: of(template),
            });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The rows of a CSV file (RFC 4180).
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// The accuracy of `drain3` with its default configuration.
fn drain(python: &str, sample: &Sample) -> f64 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/patterns/drain.py");
    let answer = Command::new(python)
        .arg(script)
        .arg(&sample.path)
        .output()
        .unwrap();
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let groups = String::from_utf8(answer.stdout).unwrap();
    let groups: Vec<String> = groups.lines().map(str::to_owned).collect();
    accuracy(&groups, &sample.templates)
}
