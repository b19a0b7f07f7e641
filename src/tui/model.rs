//! What the screen shows, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::commands::{CommandId, Place};
use super::form::{Form, Purpose};
use super::panes::{Asked, Healings, Lists, Requests, Rule};
use crate::alarms::{Board, Freshness, Key, Row, Source, graded, key, severity};
use crate::config::SeverityRule;
use crate::engine::{Role, Snapshot};
use crate::incident::{
    AlarmRef, AlarmState, AttemptId, Escalation, IncidentStatus, Question, next, question,
};
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
    /// How alarms are graded by their names.
    pub severities: Vec<SeverityRule>,
    /// How the board is sorted.
    pub order: Order,
    /// Which rows are shown, in order, and what that was found from.
    arranged: (Vec<usize>, Option<Arranged>),
    /// The selected alarm: it stays selected wherever it moves.
    pub selected: Option<Key>,
    /// What a rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// The filter's text.
    pub filter: String,
    /// The incident.
    pub incident: Option<Arc<Snapshot>>,
    /// Incidents that are unfinished, the latest first.
    pub unfinished: Vec<Summary>,
    /// Whether they were offered.
    pub offered: bool,
    /// What became of a damaged journal; it stays on the screen.
    pub recovered: Option<String>,
    /// The services of AWS and the channels that are left alone because they kept failing.
    pub broken: Vec<String>,
    /// What others ask this user to agree to.
    pub requests: Arc<Requests>,
    /// The selected request, by its digest.
    pub request: Option<String>,
    /// The healing rules, and what they have done.
    pub healings: Arc<Healings>,
    /// The selected rule.
    pub rule: Option<String>,
    /// What is read line by line.
    pub lists: Arc<Lists>,
    /// What its lines have to contain.
    pub list_filter: String,
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

/// What the header says, whatever is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The scenario and its speed, in a rehearsal.
    pub rehearsal: Option<String>,
    /// Whether nothing may be changed from here.
    pub read_only: bool,
    /// Who works here.
    pub user: String,
}

/// How the board is sorted, and by what it is grouped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// What is in ALARM first, the latest first.
    #[default]
    State,
    /// The gravest first, in groups.
    Severity,
    /// What changed its state last first.
    Age,
    /// By the service that the tags name, in groups.
    Service,
    /// By account and region, in groups.
    Source,
}

impl Order {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::State => Self::Severity,
            Self::Severity => Self::Age,
            Self::Age => Self::Service,
            Self::Service => Self::Source,
            Self::Source => Self::State,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Severity => "severity",
            Self::Age => "age",
            Self::Service => "service",
            Self::Source => "account",
        }
    }
}

/// What the order of the rows was found from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arranged {
    board: usize,
    catalog: usize,
    filter: String,
    order: Order,
}

/// Where the responder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// At the board.
    Board,
    /// In the incident.
    Incident,
    /// At what others ask this user to agree to.
    Requests,
    /// At the healing rules.
    Healings,
    /// At what happened when.
    Timeline,
    /// At what the record says about playbooks.
    Statistics,
}

/// What lies over the screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys.
    Help {
        /// Lines scrolled down.
        scroll: u16,
    },
    /// The card that hands the incident over.
    Card {
        /// It, as it was when it was made.
        card: Vec<String>,
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
            severities: Vec::new(),
            order: Order::default(),
            arranged: (Vec::new(), None),
            selected: None,
            hints: BTreeMap::new(),
            filter: String::new(),
            incident: None,
            unfinished: Vec::new(),
            offered: false,
            recovered: None,
            broken: Vec::new(),
            requests: Arc::default(),
            request: None,
            healings: Arc::default(),
            rule: None,
            lists: Arc::default(),
            list_filter: String::new(),
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

    /// The filter that applies: what is typed, while it is typed.
    fn wanted(&self) -> String {
        match &self.overlay {
            Some(Overlay::Form(form)) if form.purpose == Purpose::Filter => {
                form.value().to_lowercase()
            }
            _ => self.filter.to_lowercase(),
        }
    }

    /// Finds out which rows are shown, in which order, if anything that decides it has changed.
    pub fn arrange(&mut self) {
        let now = Arranged {
            board: Arc::as_ptr(&self.board).addr(),
            catalog: Arc::as_ptr(&self.catalog).addr(),
            filter: self.wanted(),
            order: self.order,
        };
        if self.arranged.1.as_ref() == Some(&now) {
            return;
        }
        let terms: Vec<&str> = now.filter.split_whitespace().collect();
        let rows = &self.board.rows;
        let mut shown: Vec<usize> = (0..rows.len())
            .filter(|at| terms.iter().all(|term| contains(&rows[*at], term)))
            .collect();
        match self.order {
            // The board comes in the order of states and ages; what burns, the gravest first.
            Order::State => shown.sort_by_cached_key(|at| {
                let state = rows[*at].alarm.state;
                let burns = state == AlarmState::Alarm;
                (state, burns.then(|| self.severity(&rows[*at])))
            }),
            Order::Age => shown.sort_by_key(|at| std::cmp::Reverse(rows[*at].alarm.since)),
            Order::Severity => shown.sort_by_cached_key(|at| self.severity(&rows[*at])),
            Order::Service | Order::Source => {
                shown.sort_by_cached_key(|at| self.group(&rows[*at]));
            }
        }
        self.arranged = (shown, Some(now));
    }

    /// The rows that are shown, in order.
    #[must_use]
    pub fn rows(&self) -> Vec<&Row> {
        self.arranged
            .0
            .iter()
            .filter_map(|at| self.board.rows.get(*at))
            .collect()
    }

    /// The group of a row, where the order makes groups.
    #[must_use]
    pub fn group(&self, row: &Row) -> Option<String> {
        match self.order {
            Order::State | Order::Age => None,
            Order::Severity => Some(self.severity(row).name().to_owned()),
            Order::Service => Some(
                row.details
                    .service()
                    .or(row.alarm.namespace.as_deref())
                    .unwrap_or("no service")
                    .to_owned(),
            ),
            Order::Source => Some(
                self.board
                    .source_of(&row.alarm)
                    .map_or_else(|| row.alarm.region.clone(), Source::name),
            ),
        }
    }

    /// The selected row's place among those that are shown.
    #[must_use]
    pub fn selected_index(&self, rows: &[&Row]) -> usize {
        let place = self
            .selected
            .as_ref()
            .and_then(|wanted| rows.iter().position(|row| key(&row.alarm) == *wanted));
        place.unwrap_or(0)
    }

    /// The source of the incident's alarm while the incident is on the screen, or the only one.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        let incident = self
            .incident
            .as_ref()
            .and_then(|snapshot| snapshot.state.incident.as_ref());
        let alarm = incident
            .filter(|_| self.screen == Screen::Incident)
            .and_then(|incident| incident.alarms.front());
        let of_alarm = alarm.and_then(|alarm| {
            let same = |source: &&Source| {
                source.place.region == alarm.region
                    && (source.account == alarm.account || alarm.account.is_empty())
            };
            self.board
                .source_of(alarm)
                .or(self.board.sources.iter().find(same))
        });
        match (of_alarm, self.board.sources.as_slice()) {
            (None, [only]) => Some(only),
            (found, _) => found,
        }
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
    pub fn severity(&self, row: &Row) -> Severity {
        let impact = self
            .answering(&row.alarm)
            .first()
            .map(|entry| entry.playbook.impact);
        severity(&row.alarm, row.details.severity(), &self.severities, impact)
    }

    /// How bad somebody said that an alarm is; `None` where nobody did.
    #[must_use]
    pub fn graded(&self, alarm: &AlarmRef) -> Option<Severity> {
        let wanted = key(alarm);
        let row = self.board.rows.iter().find(|row| key(&row.alarm) == wanted);
        let tag = row.and_then(|row| row.details.severity());
        graded(alarm, tag, &self.severities)
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

    /// What the lines of a list have to contain: as it is typed, or as it was.
    #[must_use]
    pub fn list_filter(&self) -> String {
        match &self.overlay {
            Some(Overlay::Form(form)) if form.purpose == Purpose::FilterList => form
                .fields
                .first()
                .map_or_else(String::new, |field| field.input.value().to_owned()),
            _ => self.list_filter.clone(),
        }
    }

    /// What waits for the responder, in one sentence: a question, or an update that is due.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        let state = &self.incident.as_ref()?.state;
        let incident = state.incident.as_ref()?;
        let due = incident.next_update.filter(|at| *at <= self.now);
        let asked = match question(state, self.now) {
            Question::Working(_) | Question::Ended | Question::Closed | Question::StartPlaybook => {
                None
            }
            _ => Some(next(state, self.now)),
        };
        let due = due.map(|_| "the promised update is due".to_owned());
        let all: Vec<String> = asked.into_iter().chain(due).collect();
        (!all.is_empty()).then(|| format!("{}: {}", incident.title, all.join("; ")))
    }

    /// The selected request's place.
    #[must_use]
    pub fn request_index(&self) -> usize {
        let all = &self.requests.asked;
        let chosen = self.request.as_ref();
        let place = chosen.and_then(|digest| all.iter().position(|one| one.sent.digest == *digest));
        place.unwrap_or(0)
    }

    /// The selected request, while it is there.
    #[must_use]
    pub fn request(&self) -> Option<&Asked> {
        let chosen = self.requests.asked.get(self.request_index());
        chosen.filter(|one| self.request.as_ref() == Some(&one.sent.digest))
    }

    /// How many requests this user can answer.
    #[must_use]
    pub fn answerable(&self) -> usize {
        let all = self.requests.asked.iter();
        all.filter(|one| !one.own && one.is_open(self.now)).count()
    }

    /// The selected rule's place.
    #[must_use]
    pub fn rule_index(&self) -> usize {
        let all = &self.healings.rules;
        let chosen = self.rule.as_ref();
        let place = chosen.and_then(|id| all.iter().position(|one| one.id == *id));
        place.unwrap_or(0)
    }

    /// The selected healing rule.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.healings.rules.get(self.rule_index())
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
        match id {
            CommandId::Agree | CommandId::Disagree => {
                return self.request().is_some_and(|one| !one.own);
            }
            CommandId::SwitchRule => return self.rule().is_some(),
            CommandId::ApproveChange | CommandId::RaiseCeiling => {
                let Some(Question::Approval(approval)) = self.question() else {
                    return false;
                };
                let over = approval.intent.over_ceiling().is_some();
                return approval.sought.is_none() && over == (id == CommandId::RaiseCeiling);
            }
            _ => {}
        }
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
                        Some(Question::Undescribed(_)) => places.push(Place::Undescribed),
                        Some(Question::Standing { .. }) => places.push(Place::Standing),
                        Some(Question::Unknown { .. }) => places.push(Place::Unknown),
                        Some(Question::Manual { .. }) => places.push(Place::Manual),
                        Some(Question::Decision { .. }) => places.push(Place::Decision),
                        Some(Question::Working(_)) => {
                            if self.gate().is_some() {
                                places.push(Place::Gate);
                            }
                            places.push(Place::Working);
                        }
                        _ => {}
                    }
                }
                places.push(Place::Incident);
            }
            Screen::Requests => places.push(Place::Requests),
            Screen::Healings => places.push(Place::Healings),
            Screen::Timeline | Screen::Statistics => places.push(Place::Lists),
        }
        if self.screen != Screen::Incident {
            places.push(Place::Views);
        }
        match self.incident.as_ref().map(|snapshot| &snapshot.role) {
            Some(Role::Follower { .. }) => places.push(Place::Following),
            Some(Role::Writer { asked: Some(_) }) => places.push(Place::Asked),
            _ => {}
        }
        if let Some(snapshot) = &self.incident {
            let heals = |walk: &crate::incident::Execution| walk.healing.is_some();
            if snapshot.state.proposed().is_some() && !snapshot.state.walking().is_some_and(heals) {
                places.push(Place::Proposed);
            }
            if snapshot.state.escalations().any(Escalation::is_unanswered) {
                places.push(Place::Chased);
            }
            places.push(Place::WithIncident);
        }
        places.push(Place::Everywhere);
        places
    }

    /// What has to be typed to agree to the change that is being made.
    #[must_use]
    pub fn change_target(&self) -> Option<String> {
        let execution = self.incident.as_ref()?.state.walking()?;
        Some(execution.change.as_ref()?.intent.confirmation())
    }

    /// The step of a document that waits for an approval of its own, and the attempt that runs it.
    #[must_use]
    pub fn gate(&self) -> Option<(AttemptId, &str)> {
        let snapshot = self.incident.as_ref()?;
        let execution = snapshot.state.walking()?;
        let attempt = execution.change.as_ref()?.attempt?;
        Some((attempt, snapshot.gates.get(&attempt)?))
    }

    /// What is wrong with each source that is not as it should be.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&Source, String)> {
        let interval = self.refresh.max(std::time::Duration::from_secs(5));
        self.board
            .sources
            .iter()
            .filter_map(|source| Some((source, source.trouble(self.now, interval)?)))
            .collect()
    }

    /// Whether what a source says is from now.
    #[must_use]
    pub fn is_live(&self, source: &Source) -> bool {
        let interval = self.refresh.max(std::time::Duration::from_secs(5));
        matches!(source.freshness, Freshness::Live { .. })
            && !source.freshness.is_late(self.now, interval)
    }
}

fn contains(row: &Row, term: &str) -> bool {
    let alarm = &row.alarm;
    let tags = row.details.tags.iter().flat_map(|tags| tags.values());
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
        .chain(tags.map(String::as_str))
        .chain([alarm.account.as_str(), alarm.profile.as_str()])
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
