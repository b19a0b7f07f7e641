//! The core: what an incident is, and how it moves.
//!
//! A decider. [`decide`] turns a command into events, [`evolve`] folds an event into the
//! [`State`], [`effects`] says what the world must do because of it. All three are pure: time
//! and identity enter as a [`Stamp`] on the command. This module must never read a clock or a
//! file, start a task, or know how anything is drawn.

mod became;
mod brief;
mod card;
mod command;
mod decide;
mod dimensions;
mod effect;
mod event;
mod evolve;
mod healing;
mod ids;
mod intent;
mod missing;
mod prefetch;
mod question;
mod scope;
mod sentence;
mod sheet;
mod state;

pub use became::Became;
pub use brief::{brief, impact};
pub use card::{CARD_LINES, card, next, span};
pub use command::{Command, Found, Refusal, Verdict};
pub use decide::decide;
pub use dimensions::Dimensions;
pub use effect::{Effect, effects};
pub use event::{Cause, Event, Recorded, Walked};
pub use evolve::evolve;
pub use healing::{HealingRun, Limits, Proposed, SetOff};
pub use ids::{Actor, Approver, AttemptId, EscalationId, ExecutionId, IncidentId, Stamp};
pub use intent::{Group, Intent, Plan, Remote, Started, Target, Terms};
pub use missing::{Absence, Missing};
pub use prefetch::{MAX_PREFETCHES, PREFETCH_DECISIONS};
pub use question::{BranchView, Fault, Question, Standing, UNDO, question, read_by, undoable};
use question::{can_be_asked_anew, changed_nothing, has_not_started, stands};
pub use scope::{scope, scope_of};
pub use sentence::sentence;
pub use sheet::{Fact, Weight, sheet};
pub use state::*;
