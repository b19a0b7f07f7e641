//! Escalations as they go on.

use std::sync::Arc;

use imbl::Vector;

use crate::incident::{
    Acknowledged, Asked, Escalation, EscalationAnswer, EscalationId, Event, Execution, Page,
    PageState, Recorded,
};

pub(super) fn fold(execution: &mut Execution, recorded: &Recorded) {
    match &recorded.event {
        Event::EscalationRaised {
            escalation,
            causes,
            path,
            route,
        } => {
            for earlier in &mut execution.escalations {
                if matches!(earlier.answer, EscalationAnswer::Postponed { .. })
                    && earlier.causes.iter().all(|cause| causes.contains(cause))
                {
                    earlier.answer = EscalationAnswer::AskedAgain;
                }
            }
            execution.escalations.push_back(Escalation {
                id: *escalation,
                causes: causes.clone(),
                path: path.clone(),
                raised_at: recorded.at,
                answer: EscalationAnswer::Pending,
                route: route.clone(),
                level: 0,
                round: 0,
                asked: Vector::new(),
                next_at: None,
                held: false,
                asked_by: None,
                acknowledged: None,
                exhausted: false,
                over: false,
            });
        }
        Event::EscalationApproved {
            escalation,
            unanswered,
            ..
        } => {
            execution.escalated = true;
            if let Some(one) = named(execution, *escalation) {
                one.answer = EscalationAnswer::Approved;
                one.asked_by = (!unanswered).then(|| Arc::clone(&recorded.by));
            }
        }
        Event::EscalationPostponed {
            escalation, until, ..
        } => {
            if let Some(one) = named(execution, *escalation) {
                one.answer = EscalationAnswer::Postponed { until: *until };
            }
        }
        Event::EscalationHeld { escalation, until } => {
            if let Some(one) = named(execution, *escalation) {
                one.held = true;
                one.next_at = Some(*until);
            }
        }
        Event::EscalationLevelAsked {
            escalation,
            level,
            round,
            contacts,
            channels,
            next_at,
            ..
        } => {
            if let Some(one) = named(execution, *escalation) {
                one.held = false;
                one.level = *level;
                one.round = *round;
                one.next_at = Some(*next_at);
                one.asked.push_back(Asked {
                    level: *level,
                    round: *round,
                    contacts: contacts.clone(),
                    at: recorded.at,
                    pages: channels
                        .iter()
                        .map(|channel| Page {
                            channel: channel.clone(),
                            state: PageState::Sending,
                        })
                        .collect(),
                });
            }
        }
        Event::PageAccepted {
            escalation,
            level,
            round,
            channel,
            answer,
        } => {
            let state = PageState::Accepted {
                at: recorded.at,
                answer: answer.clone(),
            };
            page(execution, *escalation, (*level, *round), channel, state);
        }
        Event::PageGivenUp {
            escalation,
            level,
            round,
            channel,
            why,
        } => {
            let state = PageState::GivenUp {
                at: recorded.at,
                why: why.clone(),
            };
            page(execution, *escalation, (*level, *round), channel, state);
        }
        Event::EscalationAcknowledged { escalation, note } => {
            if let Some(one) = named(execution, *escalation) {
                one.next_at = None;
                one.acknowledged = Some(Acknowledged {
                    by: recorded.by.user.clone(),
                    at: recorded.at,
                    note: note.clone(),
                });
            }
        }
        Event::EscalationExhausted { escalation, .. } => {
            if let Some(one) = named(execution, *escalation) {
                one.next_at = None;
                one.exhausted = true;
            }
        }
        _ => {}
    }
}

fn page(
    execution: &mut Execution,
    id: EscalationId,
    level: (u32, u32),
    channel: &str,
    state: PageState,
) {
    let one = named(execution, id);
    let asked = one.and_then(|one| {
        let mut all = one.asked.iter_mut();
        all.find(|asked| (asked.level, asked.round) == level)
    });
    let page = asked.and_then(|asked| asked.pages.iter_mut().find(|page| page.channel == channel));
    if let Some(page) = page {
        page.state = state;
    }
}

fn named(execution: &mut Execution, id: EscalationId) -> Option<&mut Escalation> {
    execution.escalations.iter_mut().find(|one| one.id == id)
}
