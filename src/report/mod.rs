//! Views over the record: timeline, status, report, statistics.
//!
//! All of it comes from the events, and from what was read outside and kept beside them. It must
//! never write an event, nor ask AWS.

mod chart;
mod execution;
mod html;
mod markdown;
mod model;
mod page;
mod plain;
mod review;
mod statistics;
mod timeline;

use std::collections::HashSet;

use crate::incident::{Event, Recorded, VisitResult};

/// The events of decisions that were undone: the branch that was taken, and the end of the step.
/// Nobody went that way.
fn undone(events: &[Recorded]) -> HashSet<u64> {
    let mut gone = HashSet::new();
    for (index, recorded) in events.iter().enumerate() {
        let Event::BranchUndone { step, visit } = &recorded.event else {
            continue;
        };
        let is_of = |one: &&Recorded| match &one.event {
            Event::BranchTaken {
                step: at, visit: n, ..
            }
            | Event::StepEnded {
                step: at,
                visit: n,
                result: VisitResult::Branched { .. },
            } => at == step && n == visit,
            _ => false,
        };
        // Another walk of the same playbook has the same steps and visits: only the latest is meant.
        let before = events[..index].iter().rev().filter(is_of);
        gone.extend(before.take(2).map(|one| one.sequence));
    }
    gone
}

pub use execution::{Execution, StepResult, execution};
pub use html::html;
pub use markdown::markdown;
pub use model::{ByHand, Change, Chart, Decision, Durations, NotMade, Paged, Report};
pub use page::status_page;
pub use review::{Written, read as read_review};
pub use statistics::{
    Branches, Counted, Ended, Finding, Incidents, Problem, Statistics, Steps, Wanted, statistics,
};
pub use timeline::{Entry, Source, timeline};
