//! The simulated world: a function of the scenario, the time, and what was mended.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::automations::Execution;
use super::commands::Sent;
use super::documents::{self, Document};
use super::ledger::{Entry, Ledger};
use super::services::{Asked, OpsItem};
use super::wire::Failure;
use crate::playbook::glob;
use crate::rehearsal::scenario::{Fault, FaultKind, Metric, Scenario};

/// A scenario that is being played.
#[derive(Debug)]
pub struct World {
    /// The scenario.
    pub scenario: Scenario,
    /// Where each metric stands among the scenario's.
    places: HashMap<String, usize>,
    /// When it began, in real time.
    pub began: DateTime<Utc>,
    /// How many scenario seconds pass in a second.
    pub speed: f64,
    /// What was mended, and when, in scenario seconds.
    fixes: Mutex<Vec<(String, f64)>>,
    /// How many calls a fault could have struck.
    calls: AtomicU64,
    /// Queries that were started: the query's number, and when.
    pub(super) queries: Mutex<HashMap<String, Asked>>,
    /// Calls by operation, for tests that count them.
    pub(super) counts: Mutex<BTreeMap<String, u64>>,
    /// Settled datapoints that were asked for: metric, statistic and time, and how often.
    pub(super) points: Mutex<HashMap<(String, i64), u64>>,
    /// How often each fault has struck.
    struck: Mutex<HashMap<usize, u64>>,
    /// Commands that were sent.
    pub(super) commands: Mutex<HashMap<String, Sent>>,
    /// Automations that were started.
    pub(super) automations: Mutex<Vec<Execution>>,
    /// Executions by id: when they were last looked at, and when they had succeeded.
    pub(super) successes: Mutex<HashMap<String, (f64, Option<f64>)>>,
    /// Automation documents.
    pub(super) documents: Mutex<BTreeMap<String, Document>>,
    /// `OpsCenter`'s items.
    pub(super) ops_items: Mutex<Vec<OpsItem>>,
    /// Faults that were added while it runs.
    pub(super) more_faults: Mutex<Vec<Fault>>,
    /// Where what was started is written down, so that it outlives this process.
    pub(super) ledger: Option<Ledger>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves these collections whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Begins a scenario.
    #[must_use]
    pub fn new(scenario: Scenario, began: DateTime<Utc>, speed: f64) -> Self {
        Self {
            documents: Mutex::new(documents::initial(&scenario.automations)),
            places: places(&scenario.metrics),
            scenario,
            began,
            speed,
            fixes: Mutex::default(),
            calls: AtomicU64::new(0),
            queries: Mutex::default(),
            counts: Mutex::default(),
            points: Mutex::default(),
            struck: Mutex::default(),
            commands: Mutex::default(),
            automations: Mutex::default(),
            successes: Mutex::default(),
            ops_items: Mutex::default(),
            more_faults: Mutex::default(),
            ledger: None,
        }
    }

    /// Keeps what is started in a file, and goes on with what an earlier world kept there. Where
    /// there can be no file, as on a full disk, nothing outlives this process.
    #[must_use]
    pub fn keeping(mut self, path: &Path) -> Self {
        if let Ok((ledger, entries)) = Ledger::open(path) {
            for entry in entries {
                self.recall(entry);
            }
            self.ledger = Some(ledger);
        }
        self
    }

    fn recall(&mut self, entry: Entry) {
        match entry {
            Entry::Sent { id, command } => drop(lock(&self.commands).insert(id, command)),
            Entry::Started(execution) => lock(&self.automations).push(execution),
            Entry::Signalled { id, signal } => {
                if let Some(execution) = lock(&self.automations).iter_mut().find(|one| one.id == id)
                {
                    execution.signals.push(signal);
                }
            }
            Entry::Cancelled { id, at } => {
                if let Some(command) = lock(&self.commands).get_mut(&id) {
                    command.cancelled.get_or_insert(at);
                }
                if let Some(execution) = lock(&self.automations).iter_mut().find(|one| one.id == id)
                {
                    execution.stopped.get_or_insert(at);
                }
            }
        }
    }

    /// Writes down what is about to be answered.
    pub(super) fn keep(&self, entry: &Entry) -> Result<(), Failure> {
        let Some(ledger) = &self.ledger else {
            return Ok(());
        };
        ledger.write(entry).map_err(|error| Failure {
            status: hyper::StatusCode::INTERNAL_SERVER_ERROR,
            ..Failure::new(
                "InternalServerError",
                format!("the simulator cannot keep it: {error}"),
            )
        })
    }

    /// The scenario's time at a real time, in seconds. Before the beginning both run alike.
    #[must_use]
    pub fn seconds(&self, at: DateTime<Utc>) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of a rehearsal fit in 2^52"
        )]
        let real = (at - self.began).num_milliseconds() as f64 / 1000.0;
        if real > 0.0 { real * self.speed } else { real }
    }

    /// The real time at a scenario's time.
    #[must_use]
    pub fn real(&self, seconds: f64) -> DateTime<Utc> {
        let real = if seconds > 0.0 {
            seconds / self.speed
        } else {
            seconds
        };
        #[expect(clippy::cast_possible_truncation, reason = "a rehearsal lasts minutes")]
        let millis = (real * 1000.0).round() as i64;
        self.began + chrono::Duration::milliseconds(millis)
    }

    /// The scenario's time now.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.seconds(Utc::now())
    }

    /// Takes note that the responder confirmed a manual step; what that mends, is mended.
    /// Returns the fixes it made.
    pub fn confirm(&self, step: &str, at: DateTime<Utc>) -> Vec<String> {
        let seconds = self.seconds(at);
        let mut fixes = lock(&self.fixes);
        let made: Vec<String> = self
            .scenario
            .fixes
            .iter()
            .filter(|fix| {
                fix.confirmed.as_deref() == Some(step) && !fixes.iter().any(|(id, _)| *id == fix.id)
            })
            .map(|fix| fix.id.clone())
            .collect();
        fixes.extend(made.iter().map(|id| (id.clone(), seconds)));
        made
    }

    /// The place of a metric with exactly these dimensions.
    pub(super) fn metrics_named(
        &self,
        namespace: &str,
        name: &str,
        dimensions: &BTreeMap<&str, &str>,
    ) -> Option<usize> {
        let own = dimensions.iter().map(|(name, value)| (*name, *value));
        self.places.get(&metric_key(namespace, name, own)).copied()
    }

    /// When a fix was made, if it was by then.
    pub(super) fn fixed(&self, id: &str, by: f64) -> Option<f64> {
        let confirmed = lock(&self.fixes)
            .iter()
            .find(|(fix, at)| fix == id && *at <= by)
            .map(|(_, at)| *at);
        confirmed.or_else(|| self.fixed_by_automation(id, by))
    }

    /// The value of a metric without its noise.
    pub(super) fn level(&self, metric: &Metric, at: f64) -> f64 {
        let mut made: Vec<(f64, &[(f64, f64)])> = metric
            .after
            .iter()
            .filter_map(|(fix, points)| Some((self.fixed(fix, at)?, points.as_slice())))
            .collect();
        made.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some((fixed_at, points)) = made.pop() else {
            return interpolate(&metric.points, at);
        };
        let before = match made.last() {
            Some((earlier, points)) => interpolate(points, fixed_at - earlier),
            None => interpolate(&metric.points, fixed_at),
        };
        let mut line = vec![(0.0, before)];
        line.extend_from_slice(points);
        interpolate(&line, at - fixed_at)
    }

    /// The value of a metric, wavering. The same at the same time, however often it is read.
    pub(super) fn value(&self, metric: &Metric, at: f64) -> f64 {
        let waver = unit(&[
            &metric.namespace,
            &metric.name,
            &format!("{:?}", metric.dimensions),
            &format!("{at:.1}"),
        ]);
        let value = self.level(metric, at) + metric.noise * (waver * 2.0 - 1.0);
        (value * 100.0).round() / 100.0
    }

    /// Counts a call.
    pub(super) fn count(&self, operation: &str) {
        *lock(&self.counts).entry(operation.to_owned()).or_default() += 1;
    }

    /// Counts the settled datapoints that a query asks for, by their time.
    pub(super) fn asked(&self, series: &str, times: impl Iterator<Item = i64>) {
        let mut points = lock(&self.points);
        for at in times {
            *points.entry((series.to_owned(), at)).or_default() += 1;
        }
    }

    /// What was asked for so far: calls by operation, and how often each datapoint was.
    pub fn counted(&self) -> serde_json::Value {
        let points: Vec<serde_json::Value> = lock(&self.points)
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|((series, at), times)| serde_json::json!([series, at, times]))
            .collect();
        serde_json::json!({ "calls": *lock(&self.counts), "again": points })
    }

    /// Lets something go wrong from now on.
    pub fn add_fault(&self, fault: Fault) {
        lock(&self.more_faults).push(fault);
    }

    /// The fault that strikes a call to an operation now.
    pub(super) fn fault(&self, operation: &str) -> Option<FaultKind> {
        let now = self.now();
        let calls = &self.calls;
        let mut struck = lock(&self.struck);
        let more = lock(&self.more_faults);
        self.scenario
            .faults
            .iter()
            .chain(more.iter())
            .enumerate()
            .find_map(|(index, fault)| {
                let count = struck.entry(index).or_default();
                let due = glob(&fault.operation, operation)
                    && (fault.from..=fault.until).contains(&now)
                    && fault.times.is_none_or(|times| *count < times);
                // Which of the calls it strikes is decided by their number alone.
                let strikes = due && {
                    calls.fetch_add(1, Ordering::Relaxed);
                    let number = calls.load(Ordering::Relaxed).to_string();
                    fault.share >= 1.0
                        || unit(&["fault", &index.to_string(), &number]) < fault.share
                };
                strikes.then(|| {
                    *count += 1;
                    fault.kind
                })
            })
    }
}

fn metric_key<'a>(
    namespace: &'a str,
    name: &'a str,
    dimensions: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let own = dimensions.flat_map(|(name, value)| [name, value]);
    let parts: Vec<&str> = [namespace, name].into_iter().chain(own).collect();
    // No name holds it.
    parts.join("\0")
}

/// Where each metric stands; of two that are the same, the first counts.
fn places(metrics: &[Metric]) -> HashMap<String, usize> {
    let mut places = HashMap::with_capacity(metrics.len());
    for (place, metric) in metrics.iter().enumerate() {
        let own = metric.dimensions.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let key = metric_key(&metric.namespace, &metric.name, own);
        places.entry(key).or_insert(place);
    }
    places
}

/// The value of straight lines between points; flat before the first and after the last.
fn interpolate(points: &[(f64, f64)], at: f64) -> f64 {
    let after = points.iter().position(|(time, _)| *time >= at);
    match after {
        None => points.last().map_or(0.0, |(_, value)| *value),
        Some(0) => points[0].1,
        Some(index) => {
            let ((t0, v0), (t1, v1)) = (points[index - 1], points[index]);
            v0 + (v1 - v0) * (at - t0) / (t1 - t0)
        }
    }
}

/// A number from 0 to 1 that depends on the parts alone.
pub(super) fn unit(parts: &[&str]) -> f64 {
    f64::from(number(parts)) / f64::from(u32::MAX)
}

/// A number that depends on the parts alone.
pub(super) fn number(parts: &[&str]) -> u32 {
    let digest = parts
        .iter()
        .fold(Sha256::new(), |digest, part| {
            digest.chain_update(part).chain_update([0])
        })
        .finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn lines_are_straight_between_points_and_flat_outside() {
        let points = [(0.0, 10.0), (10.0, 20.0)];
        let values = [-5.0, 0.0, 5.0, 10.0, 99.0].map(|at| interpolate(&points, at));
        let wanted = [10.0, 10.0, 15.0, 20.0, 20.0_f64];
        assert!(
            values
                .iter()
                .zip(wanted)
                .all(|(value, wanted)| (value - wanted).abs() < 1e-9),
            "{values:?}"
        );
    }
}
