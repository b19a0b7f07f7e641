//! Playbooks: an investigation as a decision tree, one TOML file each.
//!
//! Reads format 1, reports every problem of a file at once, and answers which steps follow
//! which. It never runs anything, and it knows the kinds of action only through the
//! [`Vocabulary`] that is handed to it.

mod catalog;
mod check;
mod environments;
mod escalation;
mod graph;
mod healing;
mod input;
mod link;
mod model;
mod parameter;
mod parse;
mod remediation;
mod runs;
mod steps;
mod values;
mod vocabulary;

pub use catalog::{Broken, Catalog, Entry, Origin, Shadowed, Subject, glob};
pub use escalation::{
    Approvers, Contact, EscalationLevel, EscalationPath, EscalationPaths, Hours, Quiet, end_of,
};
pub use healing::{Action, Healing, Layer, Mode};
pub use input::{Input, InputType, InvalidInput, Source as InputSource};
pub use link::compile;
pub use model::*;
pub use parameter::Parameter;
pub use parse::Compiled;
pub use remediation::{
    ApprovalRule, Ceiling, Preapproval, REQUEST_LIFE, Remediation, WaveSize, Waves,
};
pub use vocabulary::{ActionKey, ActionKind, KeyKind, Vocabulary};
