//! The board as it is shown: filtered, sorted, with one row selected.

use std::sync::Arc;

use super::filter::Filter;
use super::{Model, Overlay};
use crate::alarms::{Board, Key, Row, Source};
use crate::incident::AlarmState;
use crate::playbook::Catalog;
use crate::tui::form::Purpose;

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

    /// All of them, in the order of [`Self::next`].
    pub const ALL: [Self; 5] = [
        Self::State,
        Self::Severity,
        Self::Age,
        Self::Service,
        Self::Source,
    ];

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
#[derive(Debug, Clone)]
struct Basis {
    rows: Arc<Vec<Row>>,
    catalog: Arc<Catalog>,
    filter: String,
    order: Order,
}

impl Basis {
    fn asks_as(&self, other: &Self) -> bool {
        (self.order, &self.filter) == (other.order, &other.filter)
            && Arc::ptr_eq(&self.catalog, &other.catalog)
    }
}

/// Whether rows differ in their values alone, by which nothing is sorted or filtered.
fn are_alike(some: &[Row], others: &[Row]) -> bool {
    let alike = |(one, other): (&Row, &Row)| {
        Arc::ptr_eq(&one.alarm, &other.alarm)
            && Arc::ptr_eq(&one.facts, &other.facts)
            && Arc::ptr_eq(&one.details, &other.details)
    };
    some.len() == others.len() && some.iter().zip(others).all(alike)
}

/// Which rows are shown, in order, and what that was found from.
#[derive(Debug, Clone, Default)]
pub(super) struct Arranged {
    places: Vec<u32>,
    basis: Option<Basis>,
    /// How many alarms of all are in each state: counted once, not with every frame.
    counts: [usize; AlarmState::ALL.len()],
    /// Where the selected row stands among them.
    selected: usize,
}

/// The rows that are shown, in order.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    board: &'a Board,
    places: &'a [u32],
}

impl<'a> Rows<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.places.is_empty()
    }

    /// The row at a place, and its place among all.
    #[must_use]
    pub fn get(self, at: usize) -> Option<(usize, &'a Row)> {
        let place = *self.places.get(at)? as usize;
        Some((place, self.board.rows.get(place)?))
    }

    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a Row> {
        let rows = &self.board.rows;
        self.places.iter().map(|place| &rows[*place as usize])
    }
}

impl Model {
    /// The filter that applies: what is typed, while it is typed.
    fn wanted(&self) -> &str {
        match &self.overlay {
            Some(Overlay::Form(form)) if form.purpose == Purpose::Filter => form.value(),
            _ => &self.filter,
        }
    }

    /// Finds out which rows are shown, in which order, if anything that decides it has changed.
    pub fn arrange(&mut self) {
        let basis = Basis {
            rows: Arc::clone(&self.board.rows),
            catalog: Arc::clone(&self.catalog),
            filter: self.wanted().to_owned(),
            order: self.order,
        };
        let known = self.arranged.basis.as_ref();
        let moved = known.is_none_or(|known| !Arc::ptr_eq(&known.rows, &basis.rows));
        if let Some(known) = known.filter(|known| known.asks_as(&basis)) {
            if !moved {
                return;
            }
            // An age that is asked for is another with every look.
            if basis.filter.is_empty() && are_alike(&known.rows, &basis.rows) {
                self.arranged.basis = Some(basis);
                return;
            }
        }
        if moved {
            self.arranged.counts = AlarmState::ALL.map(|state| self.board.count(state));
        }
        let filter = Filter::read(&basis.filter);
        let rows = &self.board.rows;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let row = |at: &u32| &rows[*at as usize];
        let mut shown: Vec<u32> = (0..count).filter(|at| filter.fits(self, row(at))).collect();
        match self.order {
            // The board comes in the order of states and ages; what burns, the gravest first.
            Order::State => {
                let burns = |at: &&u32| row(at).alarm.state == AlarmState::Alarm;
                let burning = shown.iter().take_while(burns).count();
                shown[..burning].sort_by_cached_key(|at| self.severity(row(at)));
            }
            Order::Age => shown.sort_by_key(|at| std::cmp::Reverse(row(at).alarm.since)),
            Order::Severity => shown.sort_by_cached_key(|at| self.severity(row(at))),
            Order::Service | Order::Source => {
                shown.sort_by_cached_key(|at| self.group(row(at)));
            }
        }
        self.arranged.places = shown;
        self.arranged.basis = Some(basis);
        self.find_selected();
    }

    fn find_selected(&mut self) {
        let wanted = self.selected.as_ref();
        let place = wanted.and_then(|wanted| self.rows().iter().position(|row| row.is(wanted)));
        self.arranged.selected = place.unwrap_or(0);
    }

    /// The rows that are shown, in order.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            board: &self.board,
            places: &self.arranged.places,
        }
    }

    /// How many alarms are in a state, whether they are shown or not.
    #[must_use]
    pub fn count(&self, state: AlarmState) -> usize {
        self.arranged.counts[state as usize]
    }

    /// Selects the row at a place, or the last one.
    pub fn select(&mut self, at: usize) {
        let at = at.min(self.rows().len().saturating_sub(1));
        if let Some((_, row)) = self.rows().get(at) {
            self.selected = Some(crate::alarms::key(&row.alarm));
            self.arranged.selected = at;
        }
    }

    /// Selects an alarm, wherever it stands.
    pub fn select_alarm(&mut self, key: Key) {
        self.selected = Some(key);
        self.find_selected();
    }

    /// The selected row's place among those that are shown.
    #[must_use]
    pub fn selected_index(&self) -> usize {
        self.arranged.selected
    }

    /// The selected row.
    #[must_use]
    pub fn selected_row(&self) -> Option<&Row> {
        let (_, row) = self.rows().get(self.selected_index())?;
        Some(row)
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
}
