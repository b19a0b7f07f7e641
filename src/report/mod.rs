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

pub use execution::{Execution, StepResult, execution};
pub use html::html;
pub use markdown::markdown;
pub use model::{Change, Chart, Decision, Durations, Report};
pub use page::status_page;
pub use review::{Written, read as read_review};
pub use statistics::{
    Branches, Counted, Ended, Finding, Incidents, Problem, Statistics, Steps, Wanted, statistics,
};
pub use timeline::{Entry, Source, timeline};
