//! What the journal knows of an alarm that fires.

use chrono::{DateTime, TimeDelta, Utc};

use super::alert::TOLD;

use crate::actions::VOCABULARY;
use crate::engine::is_watcher;
use crate::incident::{AlarmRef, Escalation, Event, IncidentId, State, evolve};
use crate::journal::{Hash, Journal, JournalError};

/// Incidents that are opened without anybody asking, within [`LATELY`]: a storm of alarms must not
/// become a storm of calls.
pub(super) const MOST: usize = 5;
/// See [`MOST`].
pub(super) const LATELY: TimeDelta = TimeDelta::minutes(15);

/// What is to be done about an alarm that fires.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: an incident was opened for it.
    Taken,
    /// Nothing for now: somebody looks after it.
    Acknowledged,
    /// Nothing for now: another watcher is at it.
    Held,
    /// Finish what another watcher began, and was killed over.
    Abandoned(IncidentId),
    /// Tell somebody: another watcher was killed before it had, or could not.
    Untold(IncidentId),
    /// Nothing for now: enough were opened lately.
    TooMany,
    /// Open an incident.
    New,
}

/// Looks for an incident that was opened for this very alarm, or is unfinished for it. The caller
/// holds the watchers' lock.
pub(super) fn look_up(
    journal: &mut Journal,
    alarm: &AlarmRef,
    now: DateTime<Utc>,
) -> Result<Known, JournalError> {
    let acknowledged = journal.acknowledgements(now)?;
    if acknowledged.iter().any(|one| one.alarm == alarm.arn) {
        return Ok(Known::Acknowledged);
    }
    let mut lately = 0;
    for summary in journal.incidents()? {
        let recent = now - summary.opened_at < LATELY;
        let before = alarm.since.is_some_and(|since| summary.last_at < since);
        if before && !recent && !summary.is_unfinished() {
            continue;
        }
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let unattended = events.iter().all(|one| is_watcher(&one.by.user));
        let mut opened_for = events.iter().filter_map(|one| match &one.event {
            Event::AlarmAttached { alarm } => Some(alarm),
            _ => None,
        });
        let known = opened_for.any(|known| {
            known.is_same(alarm) && (summary.is_unfinished() || known.since == alarm.since)
        });
        if known {
            let started = |one: &Event| matches!(one, Event::ExecutionStarted { .. });
            let begun = events.iter().any(|one| started(&one.event));
            let told = |one: &Event| matches!(one, Event::NoteAdded { text, .. } if text == TOLD);
            let told = events.iter().any(|one| told(&one.event));
            let lease = journal.lease(&summary.id)?;
            let held = lease.is_some_and(|lease| lease.holder.is_alive());
            return Ok(match summary.is_unfinished() && unattended {
                true if held && !(begun && told) => Known::Held,
                true if !begun => Known::Abandoned(summary.id),
                true if !told => Known::Untold(summary.id),
                _ => Known::Taken,
            });
        }
        let opened = events.first().is_some_and(|one| is_watcher(&one.by.user));
        lately += usize::from(recent && opened);
    }
    Ok(if lately >= MOST {
        Known::TooMany
    } else {
        Known::New
    })
}

/// Unfinished incidents that go from level to level, or may at any time, while nobody alive has them
/// open.
pub(super) fn left_asking(journal: &mut Journal) -> Result<Vec<IncidentId>, JournalError> {
    let mut left = Vec::new();
    for summary in journal
        .incidents()?
        .iter()
        .filter(|one| one.is_unfinished())
    {
        let lease = journal.lease(&summary.id)?;
        if lease.is_some_and(|lease| lease.holder.is_alive()) {
            continue;
        }
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let asked = events
            .iter()
            .any(|one| matches!(one.event, Event::EscalationRaised { .. }));
        if !asked {
            continue;
        }
        let state = events.iter().fold(State::new(VOCABULARY), evolve);
        let by_itself = |one: &Escalation| one.by_itself_at(&state).is_some();
        if state.chases().next().is_some() || state.escalations().any(by_itself) {
            left.push(summary.id.clone());
        }
    }
    Ok(left)
}
