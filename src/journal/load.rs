//! Reading events back. What they say is parsed beside the reading and the checking of the chain:
//! in an incident of a hundred thousand events either takes about as long as the other.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::codec;
use super::row::{Row, time};
use crate::incident::{Actor, Recorded};

/// Rows that go to the other thread together. Fewer than these are parsed where they are read.
const BATCH: usize = 512;
/// Batches that wait there at most.
const WAITING: usize = 4;

/// Takes rows in order, and makes events of them.
pub(super) struct Parser<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    batch: Vec<Row>,
    beside: Option<Beside<'scope>>,
}

/// The thread that parses.
struct Beside<'scope> {
    rows: SyncSender<Vec<Row>>,
    events: ScopedJoinHandle<'scope, Vec<Recorded>>,
}

impl<'scope, 'env> Parser<'scope, 'env> {
    pub fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self {
            scope,
            batch: Vec::new(),
            beside: None,
        }
    }

    pub fn take(&mut self, row: Row) {
        self.batch.push(row);
        if !self.batch.len().is_multiple_of(BATCH) {
            return;
        }
        if self.beside.is_none() {
            self.beside = begin(self.scope);
        }
        if let Some(beside) = &self.beside {
            // It is gone only when it panicked, which comes to light at the end.
            let _ = beside.rows.send(std::mem::take(&mut self.batch));
        }
    }

    /// The events of all rows.
    pub fn finish(self) -> Vec<Recorded> {
        let Some(Beside { rows, events }) = self.beside else {
            let mut events = Vec::new();
            Actors::default().parse(self.batch, &mut events);
            return events;
        };
        let _ = rows.send(self.batch);
        drop(rows);
        events.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Begins the other thread; without one, everything is parsed where it is read.
fn begin<'scope>(scope: &'scope Scope<'scope, '_>) -> Option<Beside<'scope>> {
    let (rows, batches) = sync_channel::<Vec<Row>>(WAITING);
    let parse = move || {
        let (mut actors, mut events) = (Actors::default(), Vec::new());
        for batch in batches {
            actors.parse(batch, &mut events);
        }
        events
    };
    let named = Builder::new().name("parser".into());
    let events = named.spawn_scoped(scope, parse).ok()?;
    Some(Beside { rows, events })
}

/// Who did things: few people do a thousand each.
#[derive(Default)]
struct Actors(HashMap<String, Arc<Actor>>);

impl Actors {
    fn parse(&mut self, rows: Vec<Row>, events: &mut Vec<Recorded>) {
        events.extend(rows.into_iter().map(|row| Recorded {
            sequence: row.sequence,
            at: time(row.at),
            by: self.named(row.by),
            event: codec::decode(row.version, &row.payload, row.large.as_deref()),
        }));
    }

    fn named(&mut self, text: String) -> Arc<Actor> {
        if let Some(known) = self.0.get(&text) {
            return Arc::clone(known);
        }
        let actor = serde_json::from_str(&text).unwrap_or_else(|_| Actor::unknown());
        let actor = Arc::new(actor);
        self.0.insert(text, Arc::clone(&actor));
        actor
    }
}
