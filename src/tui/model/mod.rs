//! What the screen shows, as data.

mod board;
mod evidence;
mod filter;
mod guard;
mod log;
mod memo;
mod palette;
mod places;
mod zone;

pub use board::{Order, Rows};
pub use evidence::{Piece, Reading, Tail};
pub use filter::{Filter, columns, no_column};
pub use guard::Guard;
pub use log::Log;
pub use memo::Cells;
pub use palette::{Act, Found};
pub use places::Valid;
pub use zone::Zone;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::form::{Form, History, Purpose};
use super::panes::{Asked, Healings, Lists, Requests, Rule};
use crate::alarms::{Board, Freshness, Key, Row, Source, graded, key, severity};
use crate::aws::Broken;
use crate::commands::{CommandId, Keys, Place};
use crate::config::SeverityRule;
use crate::engine::Snapshot;
use crate::incident::{AlarmRef, AlarmState, AttemptId, IncidentStatus, Question, next, question};
use crate::journal::Summary;
use crate::playbook::{Catalog, Entry, Severity, StepId};

/// The whole screen.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own")]
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
    arranged: board::Arranged,
    memo: memo::Memo,
    /// The selected alarm: it stays selected wherever it moves.
    pub selected: Option<Key>,
    /// What a rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// The filter's text.
    pub filter: String,
    /// The incident.
    pub incident: Option<Arc<Snapshot>>,
    /// All incidents, the latest first.
    pub incidents: Vec<Summary>,
    /// Whether they were offered.
    pub offered: bool,
    /// What became of a damaged journal; it stays on the screen.
    pub recovered: Option<String>,
    /// The operations of AWS whose circuit breakers are not closed.
    pub broken: Vec<Broken>,
    /// The channels whose circuit breakers are open, in words.
    pub untold: Vec<String>,
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
    /// All messages.
    pub log: Log,
    /// The keys.
    pub keys: Arc<Keys>,
    /// In which zone times are shown.
    pub zone: Zone,
    /// Which keys may answer a question; none but in a console that is drawn.
    pub guard: Option<Guard>,
    /// The evidence that is read on the whole screen.
    pub evidence: Reading,
    /// Steps of the tree below which nothing is shown.
    pub folded: BTreeSet<StepId>,
    /// What was typed before.
    pub history: History,
    /// Whether the terminal's window has the focus, where it says so.
    pub focused: Option<bool>,
    /// Whether the introduction was read or skipped.
    pub introduced: bool,
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
    /// The folder of playbooks, where it is not a usual one.
    pub playbooks: Option<String>,
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
    /// At evidence on the whole screen.
    Evidence,
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
    /// What the console has said, or what it is for.
    Read {
        /// Which of them.
        what: Text,
        /// Lines scrolled down.
        scroll: u16,
    },
    /// Everything that has a name.
    Palette {
        /// The letters that it is found by.
        letters: tui_input::Input,
        /// Which one is selected.
        at: usize,
        /// What has these letters, as it was when the last one was typed: what is selected stays
        /// where it is.
        found: Vec<Found>,
    },
    /// Links to the AWS console: what each leads to, and where it leads.
    Links {
        /// They.
        links: Vec<(String, String)>,
        /// Which one is selected.
        at: usize,
    },
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

/// A text that is read over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// What the console has said.
    Messages,
    /// What the console is for.
    Introduction,
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
            arranged: board::Arranged::default(),
            memo: memo::Memo::default(),
            selected: None,
            hints: BTreeMap::new(),
            filter: String::new(),
            incident: None,
            incidents: Vec::new(),
            offered: false,
            recovered: None,
            broken: Vec::new(),
            untold: Vec::new(),
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
            log: Log::default(),
            keys: Arc::default(),
            zone: Zone::default(),
            guard: None,
            evidence: Reading::default(),
            folded: BTreeSet::new(),
            history: History::default(),
            focused: None,
            introduced: true,
            next_copy: 0,
        }
    }

    /// Says something at the bottom. What went wrong stands longer.
    pub fn say(&mut self, text: impl Into<String>, error: bool) {
        let seconds = if error { 20 } else { 5 };
        let until = self.now + chrono::Duration::seconds(seconds);
        let text = text.into();
        self.log.keep(self.now, &text, error);
        self.message = Some(Notice { text, error, until });
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
        self.catalog.answering(&alarm.subject())
    }

    /// The first of them.
    #[must_use]
    pub fn answer(&self, alarm: &AlarmRef) -> Option<&Entry> {
        self.catalog.best(&alarm.subject())
    }

    /// How bad an alarm is.
    #[must_use]
    pub fn severity(&self, row: &Row) -> Severity {
        self.severity_by(row, self.answer(&row.alarm))
    }

    /// How bad an alarm is that a playbook answers.
    #[must_use]
    pub fn severity_by(&self, row: &Row, answer: Option<&Entry>) -> Severity {
        let impact = answer.map(|entry| entry.playbook.impact);
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

    /// The first key of a command in a place, as it is shown.
    #[must_use]
    pub fn key(&self, id: CommandId, place: Place) -> String {
        self.keys.shown(id, place)
    }

    /// What is asked now, and where: two of them are the same question where the texts are.
    #[must_use]
    pub fn asked(&self) -> Option<String> {
        match &self.overlay {
            Some(Overlay::Form(form)) => return Some(form.title.clone()),
            Some(Overlay::Choose { .. }) => return Some("which playbook".into()),
            Some(Overlay::Unfinished { .. }) => return Some("which incident".into()),
            Some(Overlay::Card { .. }) => return Some("the card".into()),
            // What lies over a question hides it.
            Some(Overlay::Help { .. } | Overlay::Read { .. } | Overlay::Links { .. }) => {
                return None;
            }
            Some(Overlay::Palette { .. }) | None => {}
        }
        match self.screen {
            Screen::Requests => return self.request.clone(),
            Screen::Incident if !self.tree && self.reading.is_none() => {}
            // Nobody reads it there.
            _ => return None,
        }
        let execution = self.incident.as_ref()?.state.execution();
        let visit = execution.and_then(|one| Some((one.id, one.visits.last()?)));
        let kind = self
            .question()
            .map(|question| std::mem::discriminant(&question));
        let at = visit.map(|(id, visit)| (id, visit.step.to_string(), visit.number));
        Some(format!("{at:?} {kind:?}"))
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

/// A mark and a word for a state: never colour alone.
#[must_use]
pub fn state_words(state: AlarmState) -> (&'static str, &'static str) {
    match state {
        AlarmState::Alarm => ("●", "ALARM"),
        AlarmState::InsufficientData => ("?", "NODATA"),
        AlarmState::Ok => ("○", "OK"),
    }
}
