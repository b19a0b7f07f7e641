//! The incident as a whole: opened, graded, mitigated, resolved, closed.

use super::Draft;
use crate::incident::{
    AlarmRef, AlarmState, Event, IncidentId, IncidentStatus, Refusal, Rehearsal, Review,
};
use crate::playbook::Severity;

/// Nobody promises anything for longer than a month, in seconds.
const FARTHEST: u64 = 31 * 86_400;
/// More alarms than this belong to more than one incident.
const MAX_ALARMS: usize = 100;

pub(super) fn open(
    draft: &mut Draft<'_>,
    title: String,
    severity: Severity,
    alarm: Option<AlarmRef>,
    rehearsal: Option<Rehearsal>,
) -> Result<(), Refusal> {
    if title.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    draft.emit(Event::IncidentOpened {
        incident: IncidentId::new(draft.stamp),
        title,
        severity,
        rehearsal,
    });
    alarm.map_or(Ok(()), |alarm| attach(draft, alarm))
}

pub(super) fn attach(draft: &mut Draft<'_>, alarm: AlarmRef) -> Result<(), Refusal> {
    let Some(incident) = &draft.state.incident else {
        return Err(Refusal::NotOpen);
    };
    if incident
        .alarms
        .iter()
        .any(|known| known.name == alarm.name && known.arn == alarm.arn)
    {
        return Err(Refusal::AlarmAttached(alarm.name));
    }
    if incident.alarms.len() >= MAX_ALARMS {
        return Err(Refusal::TooManyAlarms(MAX_ALARMS));
    }
    draft.emit(Event::AlarmAttached { alarm });
    Ok(())
}

pub(super) fn alarm_seen(draft: &mut Draft<'_>, name: &str, to: AlarmState, reason: String) {
    let known = draft.state.incident.as_ref().and_then(|incident| {
        incident
            .alarms
            .iter()
            .find(|alarm| alarm.name == name)
            .map(|alarm| alarm.state)
    });
    if let Some(from) = known.filter(|from| *from != to) {
        draft.emit(Event::AlarmStateChanged {
            name: name.to_owned(),
            from,
            to,
            reason,
        });
    }
}

pub(super) fn set(draft: &mut Draft<'_>, to: IncidentStatus) -> Result<(), Refusal> {
    let Some(incident) = &draft.state.incident else {
        return Err(Refusal::NotOpen);
    };
    let from = incident.status;
    let refuse = |instead| {
        Err(Refusal::Status {
            from: from.name(),
            to: to.name(),
            instead,
        })
    };
    match to {
        _ if from == to => return refuse("it is there already"),
        IncidentStatus::Open => return refuse("open a new one"),
        IncidentStatus::Closed if from != IncidentStatus::Resolved => {
            return refuse("resolve it first");
        }
        IncidentStatus::Closed if draft.state.walking().is_some() => return Err(Refusal::Walking),
        _ if to < from => return refuse("a status only moves forward"),
        _ => draft.emit(Event::StatusChanged { from, to }),
    }
    Ok(())
}

pub(super) fn regrade(draft: &mut Draft<'_>, to: Severity) {
    let from = draft
        .state
        .incident
        .as_ref()
        .map(|incident| incident.severity);
    if let Some(from) = from.filter(|from| *from != to) {
        draft.emit(Event::SeverityChanged { from, to });
    }
}

pub(super) fn note(draft: &mut Draft<'_>, text: String) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let step = draft
        .state
        .walking()
        .and_then(|execution| execution.current())
        .map(|visit| visit.step.clone());
    draft.emit(Event::NoteAdded { text, step });
    Ok(())
}

/// Tells those who wait how it stands, and when they hear more.
pub(super) fn update(
    draft: &mut Draft<'_>,
    text: String,
    next: Option<u64>,
) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let next = next.map(|seconds| draft.stamp.at + draft.state.paced(seconds.min(FARTHEST)));
    draft.emit(Event::UpdateGiven { text, next });
    Ok(())
}

/// Writes down what was learned, where it is not written yet.
pub(super) fn review(draft: &mut Draft<'_>, review: Review) {
    let known = draft
        .state
        .incident
        .as_ref()
        .and_then(|one| one.review.as_deref());
    if known != Some(&review) {
        draft.emit(Event::ReviewWritten { review });
    }
}
