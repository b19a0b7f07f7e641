//! How the console was left, and what was open then.

use std::sync::Arc;

use crate::engine::Snapshot;
use crate::incident::IncidentId;

/// What is left behind.
#[derive(Debug)]
pub struct Left {
    /// The incident that was open, as it was then.
    pub incident: Option<(IncidentId, Arc<Snapshot>)>,
    /// How it ended.
    pub how: How,
    /// What failed in the background.
    pub failures: Vec<String>,
}

/// How the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The responder quit.
    Quit,
    /// A signal asked for it.
    Signal(i32),
    /// The terminal was closed.
    TerminalGone,
    /// The screen's or the incident's own task failed.
    Failed,
}

impl How {
    /// The exit code: 0, or 128 and the signal's number as shells count, or 101 as Rust ends.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Signal(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
            // As if the hang-up had come first.
            Self::TerminalGone => 128 + 1,
            Self::Failed => 101,
        }
    }
}
