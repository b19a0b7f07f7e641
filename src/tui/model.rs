//! What the screen shows, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::commands::{CommandId, Place};
use super::form::{Form, Purpose};
use crate::alarms::{Board, Freshness, Row, severity};
use crate::engine::{Role, Snapshot};
use crate::incident::{AlarmRef, AlarmState, IncidentStatus, Question, question};
use crate::journal::Summary;
use crate::playbook::{Catalog, Entry, Severity, StepId};

/// The whole screen.
#[derive(Debug, Clone)]
pub struct Model {
    /// What stands at the top.
    pub header: Header,
    /// Where the responder is.
    pub screen: Screen,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The time, as last ticked.
    pub now: DateTime<Utc>,
    /// The alarms.
    pub board: Arc<Board>,
    /// How often they are asked for.
    pub refresh: std::time::Duration,
    /// The playbooks.
    pub catalog: Arc<Catalog>,
    /// The connection to AWS.
    pub connection: Connection,
    /// The selected alarm, by region and name: it stays selected wherever it moves.
    pub selected: Option<(String, String)>,
    /// What a rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// The filter's text.
    pub filter: String,
    /// The incident.
    pub incident: Option<Arc<Snapshot>>,
    /// Incidents that are unfinished, the latest first.
    pub unfinished: Vec<Summary>,
    /// What became of a damaged journal; it stays on the screen.
    pub recovered: Option<String>,
    /// Whether an incident is being opened.
    pub opening: bool,
    /// Whether the tree has the keys.
    pub tree: bool,
    /// The step selected in the tree.
    pub tree_step: Option<StepId>,
    /// The step that is read, instead of the current one.
    pub reading: Option<StepId>,
    /// Lines scrolled down in the main pane.
    pub scroll: u16,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// The last message.
    pub message: Option<Notice>,
    /// The command that is copied next.
    pub next_copy: usize,
}

/// A message at the bottom, until the next key or until it has stood long enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// Whether something went wrong.
    pub error: bool,
    /// Until when it stands.
    pub until: DateTime<Utc>,
}

/// What the header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The caller.
    pub identity: String,
    /// The scenario and its speed, in a rehearsal.
    pub rehearsal: Option<String>,
}

/// The connection to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Being made.
    Connecting,
    /// Made; and whose it is, where that is known.
    Ready {
        /// The region.
        region: String,
        /// The account.
        account: String,
        /// The caller.
        identity: String,
    },
    /// It cannot be made, and why.
    Missing(String),
}

/// Where the responder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// At the board.
    Board,
    /// In the incident.
    Incident,
}

/// What lies over the screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys.
    Help {
        /// Lines scrolled down.
        scroll: u16,
    },
    /// A form.
    Form(Form),
    /// The choice of an unfinished incident.
    Unfinished {
        /// Which one is selected.
        at: usize,
    },
    /// The choice of a playbook.
    Choose {
        /// For which alarm; none when one is added to the open incident.
        alarm: Option<Arc<AlarmRef>>,
        /// Which one is selected.
        at: usize,
    },
}

impl Model {
    /// The screen before anything is known.
    #[must_use]
    pub fn new(
        header: Header,
        size: (u16, u16),
        now: DateTime<Utc>,
        refresh: std::time::Duration,
    ) -> Self {
        Self {
            header,
            screen: Screen::Board,
            size,
            now,
            board: Arc::default(),
            refresh,
            catalog: Arc::default(),
            connection: Connection::Connecting,
            selected: None,
            hints: BTreeMap::new(),
            filter: String::new(),
            incident: None,
            unfinished: Vec::new(),
            recovered: None,
            opening: false,
            tree: false,
            tree_step: None,
            reading: None,
            scroll: 0,
            overlay: None,
            message: None,
            next_copy: 0,
        }
    }

    /// Says something at the bottom. What went wrong stands longer.
    pub fn say(&mut self, text: impl Into<String>, error: bool) {
        let seconds = if error { 20 } else { 5 };
        let until = self.now + chrono::Duration::seconds(seconds);
        self.message = Some(Notice {
            text: text.into(),
            error,
            until,
        });
    }

    /// The rows that pass the filter.
    #[must_use]
    pub fn rows(&self) -> Vec<&Row> {
        let wanted = match &self.overlay {
            Some(Overlay::Form(form)) if form.purpose == Purpose::Filter => {
                form.value().to_lowercase()
            }
            _ => self.filter.to_lowercase(),
        };
        let terms: Vec<&str> = wanted.split_whitespace().collect();
        self.board
            .rows
            .iter()
            .filter(|row| terms.is_empty() || terms.iter().all(|term| contains(&row.alarm, term)))
            .collect()
    }

    /// The selected row's place among those that pass the filter.
    #[must_use]
    pub fn selected_index(&self, rows: &[&Row]) -> usize {
        let place = self.selected.as_ref().and_then(|(region, name)| {
            rows.iter()
                .position(|row| row.alarm.name == *name && row.alarm.region == *region)
        });
        place.unwrap_or(0)
    }

    /// The playbooks that answer an alarm, best first.
    #[must_use]
    pub fn answering(&self, alarm: &AlarmRef) -> Vec<&Entry> {
        self.catalog.answering(
            alarm.namespace.as_deref(),
            alarm.metric.as_deref(),
            &alarm.name,
        )
    }

    /// How bad an alarm is.
    #[must_use]
    pub fn severity(&self, alarm: &AlarmRef) -> Severity {
        let impact = self
            .answering(alarm)
            .first()
            .map(|entry| entry.playbook.impact);
        severity(alarm, impact)
    }

    /// Everything that can be chosen for an alarm: what answers it first, then the rest.
    #[must_use]
    pub fn choices(&self, alarm: Option<&AlarmRef>) -> Vec<(&Entry, bool)> {
        let answering: Vec<&Entry> = alarm.map(|alarm| self.answering(alarm)).unwrap_or_default();
        let rest = self.catalog.entries.iter().filter(|entry| {
            !answering
                .iter()
                .any(|known| known.playbook.id == entry.playbook.id)
        });
        answering
            .iter()
            .map(|entry| (*entry, true))
            .chain(rest.map(|entry| (entry, false)))
            .collect()
    }

    /// The question before the responder.
    #[must_use]
    pub fn question(&self) -> Option<Question<'_>> {
        self.incident
            .as_ref()
            .map(|snapshot| question(&snapshot.state, self.now))
    }

    /// Whether an incident is open and not closed.
    #[must_use]
    pub fn has_open_incident(&self) -> bool {
        self.incident
            .as_ref()
            .and_then(|snapshot| snapshot.state.incident.as_ref())
            .is_some_and(|incident| incident.status != IncidentStatus::Closed)
    }

    /// Tells whether a command makes sense now, beyond its place.
    #[must_use]
    pub fn allows(&self, id: CommandId) -> bool {
        let Some(snapshot) = &self.incident else {
            return id != CommandId::Unfinished || !self.unfinished.is_empty();
        };
        let status = snapshot
            .state
            .incident
            .as_ref()
            .map_or(IncidentStatus::Open, |incident| incident.status);
        let walking = snapshot.state.walking().is_some();
        match id {
            CommandId::Acknowledge => status < IncidentStatus::Acknowledged,
            CommandId::Mitigate => status < IncidentStatus::Mitigated,
            CommandId::Resolve => status < IncidentStatus::Resolved,
            CommandId::Close => status == IncidentStatus::Resolved && !walking,
            CommandId::Open if self.screen == Screen::Incident => {
                !walking && status != IncidentStatus::Closed
            }
            CommandId::StopPlaybook => walking,
            CommandId::Escalate | CommandId::Regrade | CommandId::Attach => {
                status != IncidentStatus::Closed
            }
            CommandId::Unfinished => !self.unfinished.is_empty(),
            _ => true,
        }
    }

    /// The places whose commands are valid now, the innermost first.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        match self.screen {
            Screen::Board => {
                places.push(Place::Board);
                if self.incident.is_some() {
                    places.push(Place::BoardWithIncident);
                }
            }
            Screen::Incident => {
                if self.tree {
                    places.push(Place::Tree);
                } else if self.reading.is_none() {
                    // While another step is read, the question is not on the screen.
                    match self.question() {
                        Some(Question::Escalation(_)) => places.push(Place::Escalation),
                        Some(Question::Input(_)) => places.push(Place::Input),
                        Some(Question::Approval(_)) => places.push(Place::Approval),
                        Some(Question::Unknown { .. }) => places.push(Place::Unknown),
                        Some(Question::Manual { .. }) => places.push(Place::Manual),
                        Some(Question::Decision { .. }) => places.push(Place::Decision),
                        Some(Question::Working(_)) => places.push(Place::Working),
                        _ => {}
                    }
                }
                places.push(Place::Incident);
            }
        }
        match self.incident.as_ref().map(|snapshot| &snapshot.role) {
            Some(Role::Follower { .. }) => places.push(Place::Following),
            Some(Role::Writer { asked: Some(_) }) => places.push(Place::Asked),
            _ => {}
        }
        if self.incident.is_some() {
            places.push(Place::WithIncident);
        }
        places.push(Place::Everywhere);
        places
    }

    /// What to say about how old the board is; nothing while it is live.
    #[must_use]
    pub fn lateness(&self) -> Option<String> {
        let late = self.board.freshness.is_late(
            self.now,
            self.refresh.max(std::time::Duration::from_secs(5)),
        );
        match &self.board.freshness {
            _ if !late => None,
            Freshness::Connecting => None,
            Freshness::Live { at } => {
                Some(format!("not refreshed for {}", super::age(self.now - *at)))
            }
            Freshness::Delayed { since, reason } => Some(format!(
                "delayed for {}: {reason}",
                super::age(self.now - *since)
            )),
            Freshness::Lost { reason } => Some(format!("lost: {reason}")),
        }
    }
}

fn contains(alarm: &AlarmRef, term: &str) -> bool {
    let fields = [
        alarm.name.as_str(),
        alarm.state.name(),
        alarm.region.as_str(),
        alarm.description.as_str(),
    ];
    let metric = alarm
        .metric
        .iter()
        .chain(&alarm.namespace)
        .map(String::as_str);
    let dimensions = alarm.dimensions.values().map(String::as_str);
    fields
        .into_iter()
        .chain(metric)
        .chain(dimensions)
        .any(|field| field.to_lowercase().contains(term))
}

/// A mark and a word for a state: never colour alone.
#[must_use]
pub fn state_words(state: AlarmState) -> (&'static str, &'static str) {
    match state {
        AlarmState::Alarm => ("●", "ALARM"),
        AlarmState::InsufficientData => ("?", "NODATA"),
        AlarmState::Ok => ("○", "OK"),
    }
}
