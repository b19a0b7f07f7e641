//! Keeps the console's lists up to date: the timeline, the statistics, and what ended earlier
//! incidents of the same alarm.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{stats, timeline};
use crate::clock;
use crate::engine::{Handle, Recorder, outside};
use crate::incident::{AlarmRef, Event, IncidentId, Recorded};
use crate::journal::{Hash, Journal, JournalError};
use crate::playbook::Catalog;
use crate::redaction::Redactor;
use crate::report::{Ended, Wanted, timeline as merged};
use crate::tui::{ListLine, Listing, Lists, Screen};

/// How often what is looked at is read anew: CloudTrail takes minutes, and its two calls a second
/// are what diagnostics need.
const EVERY: Duration = Duration::from_mins(5);
/// What happened before these is in `standdown timeline`.
const MOST: usize = 5000;
/// How many earlier incidents are told of.
const EARLIER: usize = 3;

/// What the lists are read from.
pub(super) struct From {
    pub recorder: Recorder,
    /// The store's file: what takes long is read beside the writer.
    pub store: PathBuf,
    pub redactor: Redactor,
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// The incident that is open.
    pub open: watch::Receiver<Option<Handle>>,
    pub looking: watch::Receiver<Screen>,
    pub aws: Arc<crate::aws::Pool>,
}

/// Reads what somebody looks at, for as long as they do.
pub(super) fn follow(mut from: From) -> watch::Receiver<Arc<Lists>> {
    let (said, lists) = watch::channel(Arc::new(Lists::default()));
    tokio::spawn(async move {
        loop {
            let screen = *from.looking.borrow_and_update();
            let handle = from.open.borrow_and_update().clone();
            from.earlier(handle.as_ref(), &said).await;
            let timed = match screen {
                Screen::Timeline => {
                    from.timeline(handle.as_ref(), &said).await;
                    true
                }
                Screen::Statistics => {
                    from.statistics(&said).await;
                    true
                }
                _ => false,
            };
            tokio::select! {
                () = said.closed() => return,
                moved = from.looking.changed() => if moved.is_err() { return },
                moved = from.open.changed() => if moved.is_err() { return },
                () = sleep(EVERY), if timed => {}
            }
        }
    });
    lists
}

impl From {
    /// What is known here first, and then what AWS tells.
    async fn timeline(&self, handle: Option<&Handle>, said: &watch::Sender<Arc<Lists>>) {
        let Some(handle) = handle else {
            let notes = vec!["no incident is open".into()];
            return change(said, |lists| {
                lists.timeline = Listing {
                    notes,
                    read_at: Some(clock::now()),
                    ..Listing::default()
                };
            });
        };
        self.show(handle, Vec::new(), said).await;
        let found = outside(&handle.snapshot().state, &self.aws, &self.redactor).await;
        let notes = timeline::notes(&found, false);
        let id = handle.id.clone();
        let moments = found.moments;
        let kept = self
            .recorder
            .call(move |journal| journal.add_moments(&id, &moments));
        let notes = match kept.await {
            Ok(_) => notes,
            Err(error) => vec![format!("what AWS told cannot be kept: {error}")],
        };
        self.show(handle, notes, said).await;
    }

    async fn show(&self, handle: &Handle, notes: Vec<String>, said: &watch::Sender<Arc<Lists>>) {
        let id = handle.id.clone();
        let moments = self
            .recorder
            .call(move |journal| journal.moments(&id))
            .await;
        let snapshot = handle.snapshot();
        let events: Vec<Recorded> = snapshot.events.iter().map(|one| (**one).clone()).collect();
        let (moments, notes) = match moments {
            Ok(moments) => (moments, notes),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        };
        let all = merged(&snapshot.state, &events, &moments);
        let before = all.len().saturating_sub(MOST);
        let lines = all
            .iter()
            .skip(before)
            .map(|one| ListLine {
                at: Some(one.at),
                text: timeline::brief(one),
                marked: one.minutes_before_alarm.is_some(),
            })
            .collect();
        change(said, |lists| {
            lists.timeline = Listing {
                lines,
                notes,
                read_at: Some(clock::now()),
            };
        });
    }

    async fn statistics(&self, said: &watch::Sender<Arc<Lists>>) {
        let (store, catalog) = (self.store.clone(), Arc::clone(&self.catalog.borrow()));
        let own = said.clone();
        let counted = spawn_blocking(move || {
            let journal = opened(&store, &own)?;
            stats::count(&journal, Wanted::default(), &catalog)
        });
        let (lines, notes) = match counted.await {
            Ok(Ok(counted)) => {
                let apart = self.store.ends_with(super::stores::REHEARSALS);
                let notes = apart.then(|| "rehearsals are not counted: this is their store".into());
                let lines = stats::lines(&counted).into_iter().map(|text| ListLine {
                    at: None,
                    marked: text.starts_with('→'),
                    text,
                });
                (lines.collect(), notes.into_iter().collect())
            }
            Ok(Err(error)) => (Vec::new(), vec![error.to_string()]),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        };
        change(said, |lists| {
            lists.statistics = Listing {
                lines,
                notes,
                read_at: Some(clock::now()),
            };
        });
    }

    /// What ended earlier incidents of the alarm, once for each incident that is opened.
    async fn earlier(&self, handle: Option<&Handle>, said: &watch::Sender<Arc<Lists>>) {
        let Some(handle) = handle else {
            return;
        };
        if said.borrow().of.as_ref() == Some(&handle.id) {
            return;
        }
        let snapshot = handle.snapshot();
        let alarm = snapshot.state.incident.as_ref();
        let alarm = alarm.and_then(|incident| incident.alarms.front().cloned());
        let (store, id) = (self.store.clone(), handle.id.clone());
        let own = said.clone();
        let found = spawn_blocking(move || match alarm {
            Some(alarm) => earlier(&opened(&store, &own)?, &id, &alarm),
            None => Ok(Vec::new()),
        });
        // Without it the responder knows what they know; the store's troubles are told elsewhere.
        let found = found.await.ok().and_then(Result::ok).unwrap_or_default();
        let of = handle.id.clone();
        change(said, |lists| {
            lists.earlier = found;
            lists.of = Some(of);
        });
    }
}

fn change(said: &watch::Sender<Arc<Lists>>, how: impl FnOnce(&mut Lists)) {
    let mut lists = (**said.borrow()).clone();
    how(&mut lists);
    said.send_replace(Arc::new(lists));
}

/// Opens the store, and says on the screen when it was found damaged.
fn opened(store: &Path, said: &watch::Sender<Arc<Lists>>) -> Result<Journal, JournalError> {
    let (journal, recovered) = Journal::open(store)?;
    if let Some(recovered) = recovered {
        change(said, |lists| lists.recovered = Some(recovered.to_string()));
    }
    Ok(journal)
}

/// The latest incidents of an alarm before this one, and what each came to.
fn earlier(
    journal: &Journal,
    id: &IncidentId,
    alarm: &AlarmRef,
) -> Result<Vec<String>, JournalError> {
    let mut all = journal.incidents()?;
    all.sort_by_key(|one| std::cmp::Reverse(one.opened_at));
    let mut found = Vec::new();
    for summary in all.iter().filter(|one| one.id != *id) {
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let about = events.iter().any(|one| match &one.event {
            Event::AlarmAttached { alarm: known } => known.is_same(alarm),
            _ => false,
        });
        if about {
            found.extend(Ended::of(&events).map(|ended| ended.sentence()));
        }
        if found.len() >= EARLIER {
            break;
        }
    }
    Ok(found)
}
