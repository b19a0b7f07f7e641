//! Questions that are answered by typing.

use std::collections::BTreeMap;

use crossterm::event::{Event, KeyEvent};
use tui_input::{Input, backend::crossterm::EventHandler as _};

use crate::incident::{AttemptId, EscalationId, IncidentStatus, Verdict};
use crate::playbook::StepId;

/// The longest answer, in characters.
const LONGEST: usize = 1000;

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

impl Form {
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

    /// Types a key into the present field.
    pub fn key(&mut self, key: KeyEvent) {
        if let Some(field) = self.fields.get_mut(self.at) {
            let full = field.input.value().chars().count() >= LONGEST;
            if !(full && matches!(key.code, crossterm::event::KeyCode::Char(_))) {
                let _ = field.input.handle_event(&Event::Key(key));
            }
        }
    }

    /// Pastes into the present field: never a line end, which would confirm something.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.at) {
            let room = LONGEST.saturating_sub(field.input.value().chars().count());
            for c in text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(room)
            {
                let _ = field.input.handle(tui_input::InputRequest::InsertChar(c));
            }
        }
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
        }
    }
}
