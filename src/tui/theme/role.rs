//! What a piece of the screen means.

use crate::incident::AlarmState;
use crate::playbook::Severity;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal),* $(,)?) => {
        /// What a piece of the screen means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role {
            $($(#[$doc])* $role),*
        }

        /// All roles, with the names that themes use.
        pub const ROLES: &[(Role, &str)] = &[$((Role::$role, $name)),*];
    };
}

roles! {
    /// Ordinary text.
    Text = "text",
    /// What matters less.
    Dim = "dim",
    /// Titles.
    Heading = "heading",
    /// Lines between panes.
    Border = "border",
    /// The selected row.
    Selection = "selection",
    /// What a search has found.
    Match = "match",
    /// Keys to press.
    Key = "key",
    /// The question.
    Prompt = "prompt",
    /// The recommended answer.
    Recommended = "recommended",
    /// An alarm in ALARM.
    Alarm = "alarm",
    /// An alarm that is OK, a step that went well.
    Ok = "ok",
    /// An alarm without data.
    NoData = "no_data",
    /// Severity critical.
    Critical = "critical",
    /// Severity high.
    High = "high",
    /// Severity medium.
    Medium = "medium",
    /// Severity low.
    Low = "low",
    /// Something that runs.
    Running = "running",
    /// A result that is ready ahead.
    Ready = "ready",
    /// Something that failed.
    Failed = "failed",
    /// The badge of a rehearsal.
    Rehearsal = "rehearsal",
    /// The badge of a real account.
    Live = "live",
    /// Data that is not live.
    Late = "late",
    /// An error message.
    Error = "error",
    /// The line of a chart.
    Chart = "chart",
    /// The threshold in a chart.
    Threshold = "threshold",
}

impl Role {
    /// The role of a state.
    #[must_use]
    pub fn of_state(state: AlarmState) -> Self {
        match state {
            AlarmState::Alarm => Self::Alarm,
            AlarmState::InsufficientData => Self::NoData,
            AlarmState::Ok => Self::Ok,
        }
    }

    /// The role of a severity.
    #[must_use]
    pub fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
        }
    }
}
