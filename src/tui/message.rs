//! What comes in, and what goes out: data, so that it can be recorded and replayed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossterm::event::KeyEvent;

use super::model::Tail;
use super::panes::{Healings, Lists, Requests};
use crate::alarms::Board;
use crate::approvals::Decision;
use crate::aws::Broken;
use crate::commands::{Entry, Keys};
use crate::engine::{Control, Snapshot};
use crate::incident::{AlarmRef, Command, IncidentId};
use crate::journal::Summary;
use crate::playbook::{Catalog, Severity, StepId};

/// Something happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// A key arrived in one piece with others: it may be typed, but it answers no question.
    KeyAmongOthers(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The alarms were seen.
    BoardSeen(Arc<Board>),
    /// The incident moved.
    IncidentMoved(Arc<Snapshot>),
    /// The incidents were looked for.
    IncidentsSeen(Vec<Summary>),
    /// A damaged journal was set aside.
    Recovered(String),
    /// The playbooks were read.
    CatalogRead(Arc<Catalog>),
    /// Something was done, or refused.
    Answered(Result<String, String>),
    /// Time has passed.
    Ticked(DateTime<Utc>),
    /// The terminal's window has the focus, or has lost it.
    Focused(bool),
    /// The keys were read anew.
    KeysRead(Arc<Keys>),
    /// Messages of a log group were read.
    TailRead(Box<Tail>),
    /// The wheel was turned: up, or down.
    Wheel(bool),
    /// A command was asked for by its name.
    Named(&'static Entry),
    /// A row of the view was asked for by its place, counted from 0.
    Selected(usize),
    /// Circuit breakers of AWS's operations, or of channels, have opened or closed.
    BrokenSeen(Vec<Broken>, Vec<String>),
    /// What others ask this user to agree to was read.
    RequestsSeen(Arc<Requests>),
    /// The healing rules and what they have done were read.
    HealingsSeen(Arc<Healings>),
    /// What is read line by line was read.
    ListsSeen(Arc<Lists>),
}

/// Something has to be done.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful a second at most")]
pub enum Request {
    /// Leave.
    Quit,
    /// Ask the incident's engine.
    Ask {
        /// For what.
        command: Command,
        /// What to say when it was done.
        done: String,
    },
    /// Open an incident and start a playbook.
    OpenIncident {
        /// For which alarm.
        alarm: Arc<AlarmRef>,
        /// The playbook's id.
        playbook: String,
        /// How bad somebody said that the alarm is.
        grade: Option<Severity>,
    },
    /// Ask the incident's engine itself.
    Control {
        /// For what.
        control: Control,
        /// What to say when it was done.
        done: String,
    },
    /// Sleep until the shell continues the console.
    Suspend,
    /// Take an incident up.
    TakeUp(IncidentId),
    /// Start a playbook in the open incident.
    StartPlaybook(String),
    /// Put a text on the clipboard.
    Copy {
        /// The text.
        text: String,
        /// What it is, in a few words.
        what: String,
    },
    /// Read the theme and the keys anew.
    Reload,
    /// Use a theme until the console ends.
    UseTheme(&'static str),
    /// Keep what is remembered until the next time.
    Remember,
    /// Read the messages that a run of a step looks at, and go on as they come, or stop.
    Tail {
        /// The step.
        step: StepId,
        /// The run's name.
        run: String,
        /// Whether to go on.
        follow: bool,
    },
    /// Stop reading messages.
    StopTail,
    /// Record that somebody looks after an alarm.
    AcknowledgeAlarm {
        /// Which, by ARN.
        alarm: String,
        /// Its name.
        name: String,
        /// For how long.
        minutes: i64,
        /// Why, or what is being done.
        note: String,
    },
    /// Answer a request of somebody else's.
    Reply {
        /// SHA-256 of what was on the screen.
        digest: String,
        /// What was typed.
        typed: String,
        /// Yes or no.
        decision: Decision,
    },
    /// Let a healing rule count, or count no longer.
    SwitchHealing {
        /// The rule, or all of them.
        rule: String,
        /// Whether it counts.
        enabled: bool,
    },
    /// Look at the values of these alarms.
    Look(Vec<Arc<AlarmRef>>),
}
