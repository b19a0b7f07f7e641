//! The numbers that the console holds itself to, measured in one run and printed as a table.
//!
//! `cargo bench --bench numbers`, or a part: `cargo bench --bench numbers -- keys memory`. The
//! console runs in a real pty against `standdown simulate`, on the same machine: the simulator's
//! own work is in these times. `STANDDOWN_BENCH_FOLDER` names a folder on the disk to measure.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and fails by panicking"
)]

mod console;
mod journal;
mod pty;
mod served;
mod soak;
mod table;

use table::Table;

type Part = (&'static str, fn(&mut Table));

const PARTS: [Part; 10] = [
    ("paint", console::first_paint),
    ("first", console::first_alarms),
    ("keys", console::keys),
    ("soak", soaked),
    ("idle", console::idle),
    ("memory", console::memory),
    ("calls", console::calls),
    ("prefetch", console::prefetch),
    ("journal", journal::measure),
    ("size", size),
];

fn soaked(table: &mut Table) {
    let soak = soak::soak();
    table.row(
        "two minutes, 10,000 alarms of which a fifth changes, 50 programs, a key every 20 ms",
        "p99 1.0 ms",
        &format!(
            "{} keys, none missed: p50 {:.2} then {:.2}, p99 {:.1} then {:.1} ms; memory ×{:.3}",
            soak.keys,
            soak.before.0,
            soak.after.0,
            soak.before.1,
            soak.after.1,
            soak.growth()
        ),
        soak.after.1 <= 1.0,
    );
}

fn size(table: &mut Table) {
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_standdown"))
        .unwrap()
        .len();
    let size = bytes as f64 / 1e6;
    table.row(
        "stripped binary",
        "22 MB",
        &format!("{size:.1} MB"),
        size <= 22.0,
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut table = Table::head();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure(&mut table);
        }
    }
    table.end();
}
