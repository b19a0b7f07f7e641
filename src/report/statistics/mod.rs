//! What the record says about playbooks, and what follows from it.
//!
//! Everything is counted from events, incident by incident. Rehearsals are never among them.

mod count;
mod findings;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use count::Count;

use crate::incident::{AlarmRef, Recorded};
use crate::playbook::{Catalog, Vocabulary};

pub use findings::{Ended, Finding, Problem};

/// What is counted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Incidents opened since then.
    pub since: Option<DateTime<Utc>>,
    /// Walks of this playbook alone, and incidents that had one.
    pub playbook: Option<String>,
}

/// The numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Since when incidents are counted.
    pub since: Option<DateTime<Utc>>,
    /// How many playbooks are at hand.
    pub playbooks: usize,
    /// The walks of playbooks; healings are not among them.
    #[serde(flatten)]
    pub executions: Counted,
    /// By playbook.
    pub by_playbook: BTreeMap<String, Counted>,
    /// The incidents.
    pub incidents: Incidents,
    /// Each step that was arrived at.
    pub steps: Vec<Steps>,
    /// Each branch of each decision that was taken.
    pub branches: Vec<Branches>,
    /// All walks, healings too, by the rung of their playbook.
    pub by_rung: BTreeMap<u8, Counted>,
    /// What follows from it.
    pub findings: Vec<Finding>,
    /// Alarms that keep coming back.
    pub problems: Vec<Problem>,
    #[serde(skip)]
    seen: Vec<AlarmRef>,
    #[serde(skip)]
    only: Option<String>,
}

/// Walks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counted {
    /// How many were begun.
    pub executions: usize,
    /// Those that go on.
    pub active: usize,
    /// Those that reached an outcome but an escalation.
    pub completed: usize,
    /// Those in which somebody was escalated to, however they ended.
    pub escalated: usize,
    /// Those that ended without help.
    pub failed: usize,
    /// Completed of those that ended, in percent.
    pub success_rate: Option<f64>,
    /// How long those took that ended, on average, in seconds.
    pub average_duration: Option<f64>,
    #[serde(skip)]
    durations: Vec<f64>,
    #[serde(skip)]
    ended: usize,
}

/// Incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Incidents {
    /// How many.
    pub total: usize,
    /// How many are not closed.
    pub unfinished: usize,
    /// From the alarm to the incident, on average, in seconds.
    pub mean_time_to_detect: Option<f64>,
    /// From the incident until somebody had it.
    pub mean_time_to_acknowledge: Option<f64>,
    /// From the incident until its effect was gone.
    pub mean_time_to_mitigate: Option<f64>,
    /// From the incident until its cause was gone.
    pub mean_time_to_resolve: Option<f64>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Steps {
    /// Its playbook.
    pub playbook: String,
    /// Its id.
    pub step: String,
    /// Its title.
    pub title: String,
    /// `automated`, `manual`, `decision` or `outcome`.
    pub kind: &'static str,
    /// How often it was arrived at.
    pub reached: usize,
    /// How often its result was there already.
    pub prefetched_in_time: usize,
    /// How often it failed.
    pub failed: usize,
    /// How often it was not needed.
    pub skipped: usize,
    /// How long it took, in seconds: the attempt that counted, or the time by hand.
    pub median_duration: Option<f64>,
    /// How long its playbook says that it takes, in seconds.
    pub estimate: Option<f64>,
    #[serde(skip)]
    durations: Vec<f64>,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branches {
    /// Its playbook.
    pub playbook: String,
    /// The decision's id.
    pub step: String,
    /// Its label.
    pub branch: String,
    /// How often it was taken.
    pub taken: usize,
    /// How often it was recommended.
    pub recommended: usize,
    /// How often it was recommended and another one was taken.
    pub overridden: usize,
}

/// Counts incidents, each given as its events in order.
pub fn statistics<'a>(
    incidents: impl Iterator<Item = &'a [Recorded]>,
    wanted: Wanted,
    catalog: &Catalog,
    (vocabulary, now): (Vocabulary, DateTime<Utc>),
) -> Statistics {
    let mut count = Count::new(wanted, vocabulary);
    for events in incidents {
        count.add(events);
    }
    let mut statistics = count.finish();
    statistics.playbooks = catalog.entries.len();
    statistics.findings = findings::findings(&statistics, catalog, now);
    statistics
}

/// The mean; nothing of nothing.
fn mean(all: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// The middle one, or the mean of the two in the middle.
fn median(all: &[f64]) -> Option<f64> {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, upper))
}
