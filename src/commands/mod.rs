//! One table of commands. Dispatch, footer, help, palette, configuration and the README's table read
//! it.

mod keys;
mod table;

pub use keys::{KeyProblem, Keys, event_of, name};
pub use table::COMMANDS;

/// What a key can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table says what each one is")]
pub enum CommandId {
    Approve,
    Postpone,
    ApproveChange,
    Decline,
    RaiseCeiling,
    AskAnew,
    Undo,
    LeaveHealing,
    VerifyAgain,
    Done,
    Failed,
    PassGate,
    RejectGate,
    Heal,
    TakeOver,
    HandOver,
    KeepIt,
    Answered,
    Answer,
    Fold,
    Read,
    Skipped,
    Branch,
    UndoBranch,
    ReadAgain,
    Copy,
    CancelCheck,
    NextEvidence,
    PreviousEvidence,
    Search,
    NextMatch,
    PreviousMatch,
    Samples,
    Follow,
    Wrap,
    CursorLeft,
    CursorRight,
    CopyEvidence,
    Link,
    Open,
    Filter,
    AcknowledgeAlarm,
    Sort,
    Agree,
    Disagree,
    SwitchRule,
    StopHealing,
    FilterList,
    Unfinished,
    Attach,
    Evidence,
    Tree,
    Note,
    Escalate,
    Update,
    Card,
    Acknowledge,
    Regrade,
    Mitigate,
    Resolve,
    Close,
    StopPlaybook,
    Board,
    Incident,
    Requests,
    Healings,
    Timeline,
    Statistics,
    Palette,
    Messages,
    Zone,
    Reload,
    Introduction,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Back,
    Help,
    Suspend,
    Quit,
}

/// Where a command is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Everywhere but in a form.
    Everywhere,
    /// On the board.
    Board,
    /// On the board, while an incident is open.
    BoardWithIncident,
    /// In the incident.
    Incident,
    /// Everywhere, while an incident is open.
    WithIncident,
    /// At a change that waits for a yes.
    Approval,
    /// At a change that could not be described.
    Undescribed,
    /// At a change that was made, and is not what it was to be.
    Standing,
    /// At a change that was made, and that something can roll back.
    RollBack,
    /// At a change that was made, and that can be looked at again.
    Verifiable,
    /// At a change of which nobody knows whether it was made.
    Unknown,
    /// At a change that was approved and was not started.
    NotStarted,
    /// While a step of a document waits for an approval of its own.
    Gate,
    /// While a healing rule waits for the responder.
    Proposed,
    /// At what a healing rule proposes, opened, and not approved yet.
    Healed,
    /// While another console writes the incident.
    Following,
    /// While another console asks to take over.
    Asked,
    /// At a manual step.
    Manual,
    /// At a decision.
    Decision,
    /// For some seconds after a branch was taken.
    Undoable,
    /// At an escalation.
    Escalation,
    /// While an escalation goes from level to level.
    Chased,
    /// At an input.
    Input,
    /// While a check runs at the current step.
    Working,
    /// In the tree.
    Tree,
    /// At evidence on the whole screen.
    Evidence,
    /// At evidence in which a text was searched.
    Searched,
    /// At a metric on the whole screen.
    Chart,
    /// At log messages on the whole screen.
    Logs,
    /// At what others ask this user to agree to.
    Requests,
    /// At the healing rules.
    Healings,
    /// At what is read line by line.
    Lists,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it asks for.
    pub id: CommandId,
    /// The keys that it has unless the configuration gives it others, as they are shown.
    pub keys: &'static [&'static str],
    /// What it does, as a verb.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Where it is valid.
    pub place: Place,
    /// What the footer drops first has the highest number; 9 is in the help alone.
    pub priority: u8,
}

impl Place {
    /// The screen to which a place belongs; none where it can be valid on any.
    fn base(self) -> Option<Self> {
        Some(match self {
            Self::Everywhere
            | Self::WithIncident
            | Self::Following
            | Self::Asked
            | Self::Proposed
            | Self::Chased => return None,
            Self::Board | Self::BoardWithIncident => Self::Board,
            Self::Evidence | Self::Searched | Self::Chart | Self::Logs => Self::Evidence,
            Self::Requests => Self::Requests,
            Self::Healings => Self::Healings,
            Self::Lists => Self::Lists,
            Self::Incident
            | Self::Approval
            | Self::Undescribed
            | Self::Standing
            | Self::Unknown
            | Self::NotStarted
            | Self::RollBack
            | Self::Verifiable
            | Self::Healed
            | Self::Gate
            | Self::Manual
            | Self::Decision
            | Self::Undoable
            | Self::Escalation
            | Self::Input
            | Self::Working
            | Self::Tree => Self::Incident,
        })
    }

    /// Whether the question before the responder is answered here.
    #[must_use]
    pub fn answers(self) -> bool {
        match self {
            Self::Approval
            | Self::Undescribed
            | Self::Standing
            | Self::Unknown
            | Self::NotStarted
            | Self::RollBack
            | Self::Verifiable
            | Self::Healed
            | Self::Gate
            | Self::Manual
            | Self::Decision
            | Self::Escalation
            | Self::Input
            | Self::Asked
            | Self::Proposed
            | Self::Requests => true,
            Self::Everywhere
            | Self::Board
            | Self::BoardWithIncident
            | Self::Incident
            | Self::WithIncident
            | Self::Following
            | Self::Chased
            | Self::Undoable
            | Self::Working
            | Self::Tree
            | Self::Healings
            | Self::Lists
            | Self::Evidence
            | Self::Searched
            | Self::Chart
            | Self::Logs => false,
        }
    }

    /// Whether two places can be valid at the same time.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        let (Some(one), Some(two)) = (self.base(), other.base()) else {
            return true;
        };
        let within = |a: Self, b: Self| {
            matches!(
                (a, b),
                (Self::Gate, Self::Working)
                    | (
                        Self::Undoable,
                        Self::Manual | Self::Decision | Self::Working | Self::Approval
                    )
                    | (Self::Searched, Self::Chart | Self::Logs)
            )
        };
        self == other
            || one == two
                && (self == one || other == two || within(self, other) || within(other, self))
    }
}
