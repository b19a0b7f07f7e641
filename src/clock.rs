//! The time of day as this process has it: the wall clock's when it began, carried on by a clock
//! that cannot be set.
//!
//! Somebody who sets the machine's clock an hour forward or back neither ages what is on the
//! screen nor fires or delays a timer. What AWS judges by the clock, such as the window of a
//! metric and the time of a signature, follows AWS's own clock instead.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nix::time::{ClockId, clock_gettime};

/// The wall clock and the steady clock at the same moment.
static BEGAN: LazyLock<(DateTime<Utc>, Duration)> = LazyLock::new(|| (Utc::now(), steady()));

/// Time since the machine started, its sleep included. See `clock_gettime(2)`, `CLOCK_BOOTTIME`.
fn steady() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// The time now. It never goes back and never jumps.
#[must_use]
pub fn now() -> DateTime<Utc> {
    let (wall, then) = *BEGAN;
    let passed = steady().saturating_sub(then);
    wall + chrono::Duration::from_std(passed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs_with_the_wall_clock_while_nobody_sets_that() {
        let apart = (chrono::Utc::now() - super::now()).num_milliseconds().abs();
        assert!(apart < 1000, "{apart} ms");
        assert!(super::now() <= super::now());
    }
}
