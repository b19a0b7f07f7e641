//! The journal: every event of every incident, durable before anything follows from it.
//!
//! One small interface over SQLite: append at an expected version, load, list, and ask
//! whether somebody else wrote. It must never interpret an event beyond storing it, and never
//! overwrite what it cannot read.

mod schema;
mod store;

pub use store::{AppendError, FindError, Journal, JournalError, Summary, state_folder};
