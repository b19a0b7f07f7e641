//! Torture: a console that changes the system is killed at random points, again and again, some
//! with AWS's reply lost, and taken up each time. Counts what must never happen, and fails if any
//! of it did.
//!
//! `STANDDOWN_TORTURE_SEED` repeats a run's random choices, `STANDDOWN_TORTURE_RUNS` its number.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one prints what it counted"
)]

mod run;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use run::{Counts, Dice};

/// Runs unless the environment says otherwise.
const RUNS: u64 = 300;
/// Runs at a time. They wait more than they compute.
const SIDE_BY_SIDE: usize = 6;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() {
    let seed =
        number("STANDDOWN_TORTURE_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    let runs = number("STANDDOWN_TORTURE_RUNS").unwrap_or(RUNS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let total = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|_| {
                scope.spawn(|| {
                    let _runtime = runtime.enter();
                    let mut counts = Counts::default();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= runs {
                            return counts;
                        }
                        counts += run::run(
                            &runtime,
                            &mut Dice::new(seed ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                        );
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .fold(Counts::default(), |mut all, one| {
                all += one;
                all
            })
    });
    println!(
        "torture: {runs} runs in {} s, seed {seed}",
        began.elapsed().as_secs()
    );
    println!(
        "  {} kills, {} stopped and overtaken, {} replies lost after AWS accepted, {} connections reset before, {} internal errors",
        total.kills, total.stops, total.lost, total.reset, total.failed
    );
    println!(
        "  {} events acknowledged, {} changes executed",
        total.acknowledged, total.executed
    );
    println!(
        "  events acknowledged before a kill and missing after it: {}",
        total.missing
    );
    println!("  changes executed twice: {}", total.twice);
    println!(
        "  incidents that could not be finished: {}",
        total.unfinished
    );
    println!("  attempts with more or fewer than one end: {}", total.ends);
    println!("  records whose chain does not hold: {}", total.broken);
    for failure in &total.failures {
        println!("  {failure}");
    }
    let wrong = total.missing + total.twice + total.unfinished + total.ends + total.broken;
    assert_eq!(
        wrong, 0,
        "see above; STANDDOWN_TORTURE_SEED={seed} repeats it"
    );
    assert!(
        total.kills >= runs / 2,
        "too few runs were killed: {}",
        total.kills
    );
}
