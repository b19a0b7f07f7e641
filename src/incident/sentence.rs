//! An event in a line, for people.

use super::{Became, Cause, Event, State, Verdict, VisitResult};
use crate::playbook::StepId;

/// Says an event in a line; some say nothing that another does not.
#[must_use]
pub fn sentence(event: &Event, state: &State) -> Option<String> {
    let titled = |id: &StepId| state.title_of(id);
    Some(match event {
        Event::IncidentOpened { title, .. } => format!("incident opened: {title}"),
        Event::AlarmAttached { alarm } => format!("alarm {} belongs to it", alarm.name),
        Event::AlarmStateChanged { name, from, to, .. } => {
            format!("alarm {name}: {} → {}", from.name(), to.name())
        }
        Event::StatusChanged { to, .. } => format!("the incident is {}", to.name()),
        Event::SeverityChanged { from, to } => format!("severity {} → {}", from.name(), to.name()),
        Event::NoteAdded { text, .. } => format!("note: {text}"),
        Event::ExecutionStarted {
            healing: Some(run), ..
        } => format!("healing {} of {} begins", run.rule, run.resource),
        Event::HealingProposed { run, .. } => {
            format!("healing {} of {} is proposed", run.rule, run.resource)
        }
        Event::HealingLapsed { run, reason, .. } => {
            format!(
                "healing {} of {} is no longer proposed: {reason}",
                run.rule, run.resource
            )
        }
        Event::HealingSkipped { run, reason } => {
            format!(
                "healing {} of {} does not act: {reason}",
                run.rule, run.resource
            )
        }
        Event::ExecutionStarted {
            playbook,
            unattended: true,
            ..
        } => format!("playbook {playbook} prepared: what it reads runs ahead"),
        Event::ExecutionStarted { playbook, .. } => format!("playbook {playbook} started"),
        Event::ExecutionAttended => "a responder is here: the walk begins".into(),
        Event::InputProvided { name, value, from } => format!("{name} = {value}, from {from}"),
        Event::StepEnded {
            step,
            visit,
            result: result @ VisitResult::Failed { error },
        } => match became(state, step, *visit, |left| left == result) {
            _ if error.starts_with("not approved") => {
                format!("{} was declined and not made: {error}", titled(step))
            }
            Some(became) => format!("{} {}: {error}", titled(step), became.sentence()),
            None if is_remediation(state, step) => {
                format!("{} was not made: {error}", titled(step))
            }
            None => format!("{} failed: {error}", titled(step)),
        },
        Event::StepEnded {
            step,
            visit,
            result: result @ VisitResult::Succeeded { prefetched, .. },
        } => {
            if let Some(became) = became(state, step, *visit, |left| left == result) {
                return Some(format!("{} {}", titled(step), became.sentence()));
            }
            format!(
                "{} succeeded{}",
                titled(step),
                if *prefetched { ", run ahead" } else { "" }
            )
        }
        Event::StepConfirmed {
            step,
            visit,
            verdict,
            note,
            ..
        } => {
            let said = note
                .as_ref()
                .map(|note| format!(": {note}"))
                .unwrap_or_default();
            let confirmed = VisitResult::Confirmed { verdict: *verdict };
            if let Some(became) = became(state, step, *visit, |left| *left == confirmed) {
                let then = match verdict {
                    Verdict::Done => "the responder says that it worked",
                    Verdict::Failed | Verdict::Skipped => "the responder left it as it is",
                };
                return Some(format!(
                    "{} {}; {then}{said}",
                    titled(step),
                    became.sentence()
                ));
            }
            format!("{} {}{said}", titled(step), verdict.name())
        }
        Event::BranchUndone { step, .. } => {
            format!("the branch taken at \"{}\" was undone", titled(step))
        }
        Event::BranchTaken {
            step,
            branch,
            overridden_because,
            ..
        } => match overridden_because {
            Some(reason) => {
                let step = titled(step);
                format!("{step}: {branch}, although not recommended: {reason}")
            }
            None => format!("{}: {branch}", titled(step)),
        },
        Event::LateResult { result, .. } => {
            format!("a late result came in: {}", result.name())
        }
        Event::RetryScheduled { step, number, .. } => {
            format!("{} failed; try {number} follows", titled(step))
        }
        Event::EscalationRaised { causes, .. } => {
            format!(
                "escalation asked for: {}",
                causes.first().map(Cause::sentence).unwrap_or_default()
            )
        }
        Event::EscalationApproved {
            unanswered: true, ..
        } => "nobody answered: the escalation started on its own".into(),
        Event::EscalationApproved { .. } => "escalation approved".into(),
        Event::EscalationHeld { until, .. } => {
            format!(
                "quiet hours: nobody is asked before {}",
                until.format("%H:%MZ")
            )
        }
        Event::EscalationLevelAsked {
            level,
            contacts,
            channels,
            ..
        } => {
            let contacts = contacts.join(", ");
            match (channels.is_empty(), state.is_rehearsal()) {
                (_, true) => format!("rehearsal: level {level} would be paged: {contacts}"),
                (true, false) => {
                    format!("NOBODY WAS PAGED at level {level}: no channel for {contacts}")
                }
                (false, false) => format!(
                    "paging level {level} ({contacts}) through {}",
                    channels.join(", ")
                ),
            }
        }
        Event::PageAccepted {
            level,
            channel,
            answer,
            ..
        } => format!("{channel} accepted the page of level {level}: {answer}"),
        Event::PageGivenUp {
            level,
            channel,
            why,
            ..
        } => format!("the page of level {level} through {channel} was given up: {why}"),
        Event::EscalationAcknowledged { note, .. } => {
            let said = note.as_ref().map(|note| format!(": {note}"));
            format!("the escalation is acknowledged{}", said.unwrap_or_default())
        }
        Event::EscalationExhausted { asked: 0, .. } => {
            "NOBODY WAS PAGED: `escalation.toml` has no such path".into()
        }
        Event::EscalationExhausted { .. } => {
            "the last level of the path was reached, and nobody has acknowledged".into()
        }
        Event::UpdateGiven { text, next } => {
            let next = next.map(|at| format!(" (next at {})", at.format("%H:%MZ")));
            format!("update given: {text}{}", next.unwrap_or_default())
        }
        Event::HandedOver { .. } => "the picture was handed over".into(),
        Event::ReviewWritten { review } => {
            format!("review written, {} action items", review.actions.len())
        }
        Event::EscalationPostponed { until, reason, .. } => format!(
            "escalation put off until {}: {reason}",
            until.format("%H:%MZ")
        ),
        Event::ExecutionEnded {
            status,
            outcome,
            reason,
        } => {
            let why = outcome
                .map(|outcome| outcome.name().to_owned())
                .or(reason.clone())
                .unwrap_or_default();
            format!("playbook {}: {why}", status.name())
        }
        Event::ApprovalRequested { step, .. } => format!("{} waits for approval", titled(step)),
        Event::SurveyFailed { step, reason, .. } => {
            format!("{} could not be described: {reason}", titled(step))
        }
        Event::CeilingRaised { step, reason, .. } => {
            format!("{}: ceiling raised: {reason}", titled(step))
        }
        Event::ApprovalSought {
            step,
            reason,
            until,
            ..
        } => format!(
            "{}: others were asked to agree until {}: {reason}",
            titled(step),
            until.format("%H:%MZ")
        ),
        Event::ApprovalGiven { step, approver, .. } => {
            format!("{}: {} agreed", titled(step), approver.named())
        }
        Event::ApprovalRefused {
            step, from, reason, ..
        } => format!(
            "{}: what {from} says does not count: {reason}",
            titled(step)
        ),
        Event::ApprovalExpired { step, .. } => format!("{}: the request ended", titled(step)),
        Event::ApprovalGranted {
            step,
            digest,
            reason,
            ..
        } => {
            let digest = digest.get(..12).unwrap_or(digest);
            let why = reason.as_ref().map(|why| format!(": {why}"));
            format!(
                "{} approved ({digest}){}",
                titled(step),
                why.unwrap_or_default()
            )
        }
        Event::ApprovalDeclined {
            step,
            reason,
            approver,
            ..
        } => {
            let by = approver.as_ref().map(|by| format!(" by {}", by.user));
            format!(
                "{} declined{}: {reason}",
                titled(step),
                by.unwrap_or_default()
            )
        }
        Event::WaveScheduled { step, wave, at, .. } => {
            format!(
                "{}: turn {wave} follows at {}",
                titled(step),
                at.format("%H:%M:%S")
            )
        }
        Event::TurnsStopped { step, wave, .. } => {
            format!("{}: stopped after turn {wave}", titled(step))
        }
        Event::WaveBegun { step, wave, .. } => format!("{}: turn {wave} begins", titled(step)),
        Event::AttemptIdentified { remote, .. } => format!("runs at AWS as {}", remote.id()),
        Event::AttemptUncertain { reason, .. } => format!("unknown: {reason}"),
        Event::AttemptReattached { .. } => "taken up where it runs".into(),
        Event::GateAnswered {
            gate,
            approved,
            reason,
            ..
        } => {
            let verb = if *approved { "approved" } else { "rejected" };
            format!("{gate} {verb} in AWS: {reason}")
        }
        Event::CancelRequested { .. } => "AWS was asked to stop it".into(),
        Event::Unreadable { reason } => format!("an event that cannot be read: {reason}"),
        Event::SurveyStarted { .. }
        | Event::StepArrived { .. }
        | Event::StepEnded { .. }
        | Event::AttemptStarted { .. }
        | Event::AttemptEnded { .. } => return None,
    })
}

/// What became of the change of a visit of a step, where one was approved. Of several walks with that
/// step, the one whose visit was left like this is meant.
fn became(
    state: &State,
    step: &StepId,
    visit: u32,
    left: impl Fn(&VisitResult) -> bool,
) -> Option<Became> {
    let is_it = |one: &&super::Visit| {
        one.step == *step && one.number == visit && one.result.as_ref().is_some_and(&left)
    };
    let mut walks = state.executions.iter();
    let walk = walks.find(|walk| walk.visits.iter().any(|one| is_it(&one)))?;
    let made = walk
        .attempts
        .values()
        .filter(|attempt| {
            let intent = attempt.intent.as_ref();
            attempt.step == *step
                && intent.is_some_and(|intent| intent.visit == visit && intent.undoes.is_none())
        })
        .max_by_key(|attempt| attempt.started_at)?;
    Some(Became::of(walk, made))
}

fn is_remediation(state: &State, step: &StepId) -> bool {
    let mut walks = state.executions.iter().rev();
    let known = walks.find_map(|walk| walk.playbook.step(&step.0));
    known.is_some_and(|step| step.remediation().is_some())
}
