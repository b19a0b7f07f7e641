//! From level to level, until somebody has it.

use super::Draft;
use crate::incident::{
    Actor, Escalation, EscalationId, Event, IncidentStatus, PageState, Reach, Refusal, card,
};
use crate::playbook::{Contact, EscalationPath, end_of};

/// Asks the first level, unless the same path is asked along already.
pub(super) fn begin(draft: &mut Draft<'_>, id: EscalationId) {
    let Some(path) = draft.state.escalation(id).map(|one| one.path.clone()) else {
        return;
    };
    let asked = |one: &Escalation| one.id != id && one.path == path && one.is_open();
    if !draft.state.chases().any(asked) {
        go_on(draft, id);
    }
}

/// Asks the next level where a wait is over.
pub(super) fn due(draft: &mut Draft<'_>) {
    let now = draft.stamp.at;
    let due: Vec<EscalationId> = draft
        .state
        .chases()
        .filter(|one| one.next_at.is_some_and(|at| at <= now) || is_woken(draft, one))
        .map(|one| one.id)
        .collect();
    for id in due {
        go_on(draft, id);
    }
}

/// Whether an incident became graver while it waited for the end of the quiet hours.
fn is_woken(draft: &Draft<'_>, one: &Escalation) -> bool {
    let quiet = |path: &EscalationPath| is_quiet(draft, path);
    one.held && !one.route.as_deref().is_some_and(quiet)
}

fn is_quiet(draft: &Draft<'_>, path: &EscalationPath) -> bool {
    let severity = draft.state.incident.as_ref().map(|one| one.severity);
    path.quiet.as_ref().is_some_and(|quiet| {
        severity.is_some_and(|severity| quiet.severities.contains(&severity))
            && quiet.hours.iter().any(|hours| hours.hold(draft.stamp.at))
    })
}

fn go_on(draft: &mut Draft<'_>, id: EscalationId) {
    let now = draft.stamp.at;
    let Some(one) = draft.state.escalation(id).cloned() else {
        return;
    };
    let Some(path) = one.route.clone() else {
        draft.emit(Event::EscalationExhausted {
            escalation: id,
            asked: 0,
        });
        return;
    };
    if is_quiet(draft, &path) {
        let hours = path.quiet.as_ref().map(|quiet| quiet.hours.as_slice());
        // Hours that never end hold nothing.
        if let Some(until) = hours.and_then(|hours| end_of(hours, now)) {
            draft.emit(Event::EscalationHeld {
                escalation: id,
                until,
            });
            return;
        }
    }
    // Nobody on duty anywhere is a mistake of the schedule: then everybody is asked.
    let anyone = path.levels.iter().any(|level| {
        !level.channels.is_empty() || level.contacts.iter().any(|one| one.on_duty(now))
    });
    let asks = |contact: &&Contact| !anyone || contact.on_duty(now);
    let reached = usize::try_from(one.level).unwrap_or(usize::MAX);
    let (mut index, mut round) = (reached, one.round);
    loop {
        let Some(level) = path.levels.get(index) else {
            if round >= path.repeat || path.levels.is_empty() {
                draft.emit(Event::EscalationExhausted {
                    escalation: id,
                    asked: one.level,
                });
                return;
            }
            (index, round) = (0, round + 1);
            continue;
        };
        index += 1;
        let contacts: Vec<&Contact> = level.contacts.iter().filter(asks).collect();
        if contacts.is_empty() && level.channels.is_empty() {
            continue;
        }
        let own = contacts.iter().flat_map(|contact| &contact.channels);
        let mut channels: Vec<String> = level.channels.iter().chain(own).cloned().collect();
        channels.sort();
        channels.dedup();
        let reaches_nobody = channels.is_empty() && !draft.state.is_rehearsal();
        draft.emit(Event::EscalationLevelAsked {
            escalation: id,
            level: u32::try_from(index).unwrap_or(u32::MAX),
            round,
            contacts: contacts
                .iter()
                .map(|contact| contact.name.clone())
                .collect(),
            channels,
            next_at: now + draft.state.paced(level.wait),
            picture: card(&draft.state, now, Some(&draft.stamp.actor.user)),
        });
        if reaches_nobody {
            // Nobody can answer a page that nobody got: the next level follows at once.
            go_on(draft, id);
        }
        return;
    }
}

/// Records what became of a page. One that was given up starts the next level at once, unless
/// another channel reached the same level, or still may.
pub(super) fn paged(
    draft: &mut Draft<'_>,
    id: EscalationId,
    (level, round): (u32, u32),
    channel: String,
    result: Result<String, String>,
) -> Result<(), Refusal> {
    let one = draft.state.escalation(id).ok_or(Refusal::NoEscalation)?;
    let known = one
        .asked
        .iter()
        .find(|asked| (asked.level, asked.round) == (level, round))
        .and_then(|asked| asked.pages.iter().find(|page| page.channel == channel));
    // Two senders may tell of the same page.
    let news = known.is_some_and(|page| match page.state {
        PageState::Sending => true,
        // Sending went on, and it arrived after all.
        PageState::GivenUp { .. } => result.is_ok(),
        PageState::Accepted { .. } => false,
    });
    if !news {
        return Ok(());
    }
    let failed = result.is_err();
    draft.emit(match result {
        Ok(answer) => Event::PageAccepted {
            escalation: id,
            level,
            round,
            channel,
            answer,
        },
        Err(why) => Event::PageGivenUp {
            escalation: id,
            level,
            round,
            channel,
            why,
        },
    });
    let waits = draft.state.escalation(id).is_some_and(|one| {
        let last = one.asked.last();
        let here = last.is_some_and(|last| (last.level, last.round) == (level, round));
        here && one.is_open() && last.is_some_and(|last| last.reach() == Reach::Nobody)
    });
    if failed && waits {
        go_on(draft, id);
    }
    Ok(())
}

pub(super) fn acknowledge(draft: &mut Draft<'_>, note: Option<String>) -> Result<(), Refusal> {
    let waits = |one: &&Escalation| one.is_unanswered();
    let waiting: Vec<EscalationId> = draft
        .state
        .escalations()
        .filter(waits)
        .map(|one| one.id)
        .collect();
    let asked_by_me = draft
        .state
        .escalations()
        .filter(waits)
        .any(|one| one.asked_by.as_ref().is_some_and(|by| is_me(draft, by)));
    let open = draft
        .state
        .incident
        .as_ref()
        .is_some_and(|incident| incident.status == IncidentStatus::Open);
    if waiting.is_empty() && !open {
        return Err(Refusal::NothingToAcknowledge);
    }
    let note = note.filter(|note| !note.trim().is_empty());
    if asked_by_me && note.is_none() {
        return Err(Refusal::WhoAnswered);
    }
    for escalation in waiting {
        draft.emit(Event::EscalationAcknowledged {
            escalation,
            note: note.clone(),
        });
    }
    if open {
        draft.emit(Event::StatusChanged {
            from: IncidentStatus::Open,
            to: IncidentStatus::Acknowledged,
        });
    }
    Ok(())
}

/// Whether the one who acknowledges is the one who asked for help.
fn is_me(draft: &Draft<'_>, asker: &Actor) -> bool {
    let me = &draft.stamp.actor;
    (asker.uid, &asker.host) == (me.uid, &me.host)
}
