//! Questions that are answered by typing.

use std::collections::BTreeMap;

use crossterm::event::{Event, KeyEvent};
use tui_input::{Input, backend::crossterm::EventHandler as _};

use crate::incident::{AttemptId, EscalationId, IncidentStatus, Verdict};
use crate::playbook::StepId;

/// The longest answer, in characters.
const LONGEST: usize = 1000;
/// So many lines are kept of each kind.
const KEPT: usize = 50;

/// What was typed before, by what it was typed for.
#[derive(Debug, Clone, Default)]
pub struct History(BTreeMap<&'static str, Vec<String>>);

impl History {
    /// Keeps a line.
    pub fn keep(&mut self, kind: &'static str, line: &str) {
        let lines = self.0.entry(kind).or_default();
        lines.retain(|known| known != line);
        if !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
        let surplus = lines.len().saturating_sub(KEPT);
        lines.drain(..surplus);
    }

    /// The line before the one `back` lines ago, counted from the latest.
    #[must_use]
    pub fn line(&self, kind: &'static str, back: usize) -> Option<&str> {
        let lines = self.0.get(kind)?;
        let at = lines.len().checked_sub(back)?;
        lines.get(at).map(String::as_str)
    }
}

/// A few fields, one after the other.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is about.
    pub title: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub at: usize,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// What is asked.
    pub label: String,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What was typed.
    pub input: Input,
    /// How many lines it has gone back, and what was typed before that.
    back: (usize, String),
}

/// What becomes of the answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A note for the incident.
    Note,
    /// The reason to escalate now.
    Escalate,
    /// Who answered an escalation.
    Answered,
    /// How it stands, and in how many minutes more is told.
    Update,
    /// Minutes and reason to put an escalation off.
    Postpone(EscalationId),
    /// What became of a manual step: answers, then a note.
    Confirm {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What became of it.
        verdict: Verdict,
        /// The names of what it asks for.
        asks: Vec<String>,
    },
    /// Why another branch is taken.
    Override {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// The branch, counted from 0.
        branch: usize,
    },
    /// The value of an input.
    Provide(String),
    /// The incident's status, and a note.
    Status(IncidentStatus),
    /// The severity.
    Regrade,
    /// Why the walk is stopped.
    StopPlaybook,
    /// The board's filter; it applies while it is typed.
    Filter,
    /// A list's filter; it applies while it is typed.
    FilterList,
    /// What is searched in evidence; it applies while it is typed.
    Search,
    /// For how many minutes somebody looks after an alarm, and why.
    AcknowledgeAlarm {
        /// The alarm, by ARN.
        alarm: String,
        /// Its name.
        name: String,
    },
    /// What confirms a change.
    Approve {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// SHA-256 of what is on the screen.
        digest: String,
        /// What has to be typed.
        wanted: String,
        /// Whether others are asked to agree.
        others: bool,
    },
    /// Why a change may touch more than its playbook allows.
    RaiseCeiling {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// SHA-256 of what is on the screen.
        digest: String,
    },
    /// What agrees to a change that somebody else asks for.
    Agree {
        /// SHA-256 of what is on the screen.
        digest: String,
        /// What has to be typed.
        wanted: String,
    },
    /// Why a change that somebody else asks for is not to be made.
    Deny {
        /// SHA-256 of what is on the screen.
        digest: String,
    },
    /// The name that switches a healing rule, or all of them.
    Switch {
        /// The rule.
        rule: String,
        /// Whether it is to count.
        enabled: bool,
        /// What has to be typed.
        wanted: String,
    },
    /// What is said to the step of a document that waits, and why.
    Gate {
        /// The attempt that runs it.
        attempt: AttemptId,
        /// The document's step.
        gate: String,
        /// What has to be typed to approve it; nothing to reject it.
        wanted: Option<String>,
    },
    /// Why a change is not made.
    Decline {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
    },
    /// The word that takes the incident from a console that is alive.
    TakeOver {
        /// What has to be typed.
        wanted: String,
    },
    /// A yes to handing the incident over.
    HandOver,
}

impl Purpose {
    /// Under which name what is typed for it is kept. What confirms something is typed anew each
    /// time.
    #[must_use]
    pub fn kept_as(&self) -> Option<&'static str> {
        match self {
            Self::Note | Self::Update => Some("note"),
            Self::Filter => Some("filter"),
            Self::FilterList => Some("lines"),
            Self::Search => Some("search"),
            Self::Escalate
            | Self::Postpone(_)
            | Self::Override { .. }
            | Self::StopPlaybook
            | Self::RaiseCeiling { .. }
            | Self::Deny { .. }
            | Self::Decline { .. }
            | Self::Status(_)
            | Self::AcknowledgeAlarm { .. } => Some("reason"),
            Self::Answered
            | Self::Confirm { .. }
            | Self::Provide(_)
            | Self::Regrade
            | Self::Approve { .. }
            | Self::Agree { .. }
            | Self::Switch { .. }
            | Self::Gate { .. }
            | Self::TakeOver { .. }
            | Self::HandOver => None,
        }
    }
}

impl Form {
    /// Goes to an earlier line of the present field, or back to a later one.
    pub fn recall(&mut self, history: &History, earlier: bool) {
        // Only the last field of a form with several holds what is kept.
        let last = self.at + 1 == self.fields.len();
        let Some(kind) = self.purpose.kept_as().filter(|_| last) else {
            return;
        };
        let Some(field) = self.fields.get_mut(self.at) else {
            return;
        };
        let (back, typed) = &mut field.back;
        if earlier {
            let Some(line) = history.line(kind, *back + 1) else {
                return;
            };
            if *back == 0 {
                field.input.value().clone_into(typed);
            }
            *back += 1;
            field.input = Input::new(line.to_owned());
        } else if *back > 0 {
            *back -= 1;
            let line = history.line(kind, *back).filter(|_| *back > 0);
            field.input = Input::new(line.unwrap_or(typed).to_owned());
        }
    }

    /// Whether nothing was typed anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields
            .iter()
            .all(|field| field.input.value().is_empty())
    }

    /// Makes a form with one field.
    pub fn one(
        title: impl Into<String>,
        purpose: Purpose,
        label: impl Into<String>,
        optional: bool,
    ) -> Self {
        Self {
            title: title.into(),
            purpose,
            fields: vec![Field::new(label, optional)],
            at: 0,
        }
    }

    /// Asks what another form asks. What was typed stays.
    pub fn ask_anew(&mut self, other: Self) {
        self.title = other.title;
        for (field, asked) in self.fields.iter_mut().zip(other.fields) {
            field.label = asked.label;
            field.optional = asked.optional;
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn and(mut self, label: impl Into<String>, optional: bool) -> Self {
        self.fields.push(Field::new(label, optional));
        self
    }

    /// Fills the last field in.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.input = Input::new(text.to_owned());
        }
        self
    }

    /// Puts a line in the place of what was typed into the present field; an empty one leaves it. Returns
    /// how many letters found no room.
    pub fn fill(&mut self, line: &str) -> usize {
        if line.trim().is_empty() {
            return 0;
        }
        if let Some(field) = self.fields.get_mut(self.at) {
            field.input = Input::default();
        }
        self.paste(line)
    }

    /// Types a key into the present field.
    pub fn key(&mut self, key: KeyEvent) {
        if let Some(field) = self.fields.get_mut(self.at) {
            let full = field.input.value().chars().count() >= LONGEST;
            if !(full && matches!(key.code, crossterm::event::KeyCode::Char(_))) {
                let _ = field.input.handle_event(&Event::Key(key));
            }
        }
    }

    /// Pastes into the present field: never a line end, which would confirm something. Returns how
    /// many letters found no room.
    pub fn paste(&mut self, text: &str) -> usize {
        let Some(field) = self.fields.get_mut(self.at) else {
            return 0;
        };
        let room = LONGEST.saturating_sub(field.input.value().chars().count());
        for c in text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(room)
        {
            let _ = field.input.handle(tui_input::InputRequest::InsertChar(c));
        }
        text.chars().count().saturating_sub(room)
    }

    /// The present field's text.
    #[must_use]
    pub fn value(&self) -> &str {
        self.fields
            .get(self.at)
            .map_or("", |field| field.input.value())
    }

    /// All answers but the last, by name.
    #[must_use]
    pub fn answers(&self, names: &[String]) -> BTreeMap<String, String> {
        names
            .iter()
            .cloned()
            .zip(
                self.fields
                    .iter()
                    .map(|field| field.input.value().to_owned()),
            )
            .collect()
    }
}

impl Field {
    fn new(label: impl Into<String>, optional: bool) -> Self {
        Self {
            label: label.into(),
            optional,
            input: Input::default(),
            back: (0, String::new()),
        }
    }
}
