//! Two minutes of everything at once: 10,000 alarms of which a fifth changes with every refresh,
//! fifty programs that keep writing, and a key every 20 ms.

use std::time::{Duration, Instant};

use crate::console::{quantile, streaming};
use crate::served::Simulator;

/// How long keys are pressed.
const LASTS: Duration = Duration::from_mins(2);
/// From one key to the next.
const EVERY: Duration = Duration::from_millis(20);

/// What was seen.
pub struct Soak {
    /// The keys that were pressed; each of them moved the selection, or it ended there.
    pub keys: usize,
    /// The half of all keys, and 99 of 100, were answered in so many milliseconds, in the first
    /// half of the time.
    pub before: (f64, f64),
    /// The same in the second half.
    pub after: (f64, f64),
    /// Resident memory in MiB, every ten seconds.
    pub resident: Vec<f64>,
}

impl Soak {
    /// The mean of the last third of what was resident, against the mean of the middle one; the
    /// first one warms up.
    pub fn growth(&self) -> f64 {
        let third = self.resident.len() / 3;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        mean(&self.resident[2 * third..]) / mean(&self.resident[third..2 * third])
    }
}

/// Runs it.
///
/// # Panics
/// When a key does not move the selection within five seconds.
pub fn soak() -> Soak {
    let simulator = Simulator::start(&["--alarms", "10000", "--changing", "0.2"]);
    let (_home, mut console) = streaming(&simulator);
    let began = Instant::now();
    let (mut times, mut resident) = (Vec::new(), Vec::new());
    while began.elapsed() < LASTS {
        let next = Instant::now() + EVERY;
        let key = if times.len() / 15 % 2 == 0 {
            b"j"
        } else {
            b"k"
        };
        let (time, _) = console.key(key);
        times.push((began.elapsed(), time.as_secs_f64() * 1e3));
        if began.elapsed().as_secs() / 10 >= resident.len() as u64 {
            resident.push(console.resident().all);
        }
        console.read_for(next.saturating_duration_since(Instant::now()));
    }
    let half = |second: bool| {
        let mut part: Vec<f64> = times
            .iter()
            .filter(|(at, _)| (*at >= LASTS / 2) == second)
            .map(|(_, time)| *time)
            .collect();
        (quantile(&mut part, 0.5), quantile(&mut part, 0.99))
    };
    Soak {
        keys: times.len(),
        before: half(false),
        after: half(true),
        resident,
    }
}
