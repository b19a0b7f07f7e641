//! Two minutes at the console while everything moves: no key is missed, memory stays flat, and keys
//! are answered as fast at the end as at the beginning.
//!
//! Times are compared with each other, in one run; what they are in a release build is measured by
//! `cargo bench --bench numbers -- soak`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test fails by panicking, prints what it counted, and shares the benchmark's parts"
)]

#[path = "../../benches/numbers/console.rs"]
mod console;
#[path = "../../benches/numbers/pty.rs"]
mod pty;
#[path = "../../benches/numbers/served.rs"]
mod served;
#[path = "../../benches/numbers/soak.rs"]
mod soak;
#[path = "../../benches/numbers/table.rs"]
mod table;

/// Memory that grows by less than this from the middle to the end is flat.
const FLAT: f64 = 1.05;
/// How much slower the slowest key of a hundred may become: other work on the machine counts too.
const HELD: f64 = 2.0;

fn main() {
    // `cargo test -- a_name` means other tests.
    if std::env::args()
        .skip(1)
        .any(|word| !word.starts_with('-') && word != "soak")
    {
        return;
    }
    let soak = soak::soak();
    let (before, after) = (soak.before, soak.after);
    println!(
        "soak: {} keys, each answered; p50 {:.2} then {:.2} ms, p99 {:.1} then {:.1} ms; resident {:.0} to {:.0} MiB, grown by {:.3}",
        soak.keys,
        before.0,
        after.0,
        before.1,
        after.1,
        soak.resident[0],
        soak.resident[soak.resident.len() - 1],
        soak.growth()
    );
    assert!(soak.growth() <= FLAT, "memory grows: {:?}", soak.resident);
    assert!(after.1 <= before.1 * HELD, "keys become slower");
}
