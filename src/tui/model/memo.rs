//! What the rows of the board say, made once for as long as nothing that it is made of changes: a
//! key moves the selection, and leaves the words of thirty rows as they are. What is drawn is the
//! same without it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Model;
use crate::alarms::Board;
use crate::playbook::Catalog;
use crate::tui::theme::Role;

/// What stands in a row, column by column.
pub type Cells = Vec<(String, Role)>;

/// What rows are made of, beside what never changes: the rules of severity, and how often alarms are
/// asked for. It is kept, so that nothing else can stand at its address.
#[derive(Debug, Clone)]
struct Basis {
    board: Arc<Board>,
    catalog: Arc<Catalog>,
    now: DateTime<Utc>,
    width: usize,
}

/// The rows that were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo(RefCell<Made>);

#[derive(Debug, Clone, Default)]
struct Made {
    of: Option<Basis>,
    rows: HashMap<usize, Arc<Cells>>,
}

impl Model {
    /// Forgets the rows, and lets go of the board that they were made of.
    pub fn forget_cells(&mut self) {
        self.memo = Memo::default();
    }

    /// What the row at a place of the board says in a list of so many columns.
    #[must_use]
    pub fn cells(&self, place: usize, width: usize, make: impl FnOnce() -> Cells) -> Arc<Cells> {
        let mut memo = self.memo.0.borrow_mut();
        let same = memo.of.as_ref().is_some_and(|basis| {
            Arc::ptr_eq(&basis.board, &self.board)
                && Arc::ptr_eq(&basis.catalog, &self.catalog)
                && (basis.now, basis.width) == (self.now, width)
        });
        if !same {
            memo.rows.clear();
            memo.of = Some(Basis {
                board: Arc::clone(&self.board),
                catalog: Arc::clone(&self.catalog),
                now: self.now,
                width,
            });
        }
        Arc::clone(memo.rows.entry(place).or_insert_with(|| Arc::new(make())))
    }
}
