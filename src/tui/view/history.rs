//! What happened last, in a few lines.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{line, padded, rule};
use crate::engine::Snapshot;
use crate::incident::{Event, Recorded};
use crate::playbook::StepId;
use crate::tui::theme::{Role, Theme};

pub(super) fn lines(snapshot: &Snapshot, area: Rect, theme: &Theme) -> Vec<Line<'static>> {
    if area.height == 0 {
        return Vec::new();
    }
    let width = usize::from(padded(area).width) + 2;
    let room = usize::from(area.height - 1);
    let told: Vec<(&Recorded, String)> = snapshot
        .events
        .iter()
        .rev()
        .filter_map(|recorded| Some((recorded.as_ref(), sentence(&recorded.event, snapshot)?)))
        .take(room)
        .collect();
    let mut lines = vec![rule("events", width, theme)];
    lines.extend(told.into_iter().rev().map(|(recorded, text)| {
        line(
            &format!(" {} {text}", recorded.at.format("%H:%M:%S")),
            width,
            theme.style(Role::Dim),
        )
    }));
    lines
}

/// Says an event in a line; some say nothing that another does not.
fn sentence(event: &Event, snapshot: &Snapshot) -> Option<String> {
    let titled = |id: &StepId| {
        let mut walks = snapshot.state.executions.iter().rev();
        let title = walks.find_map(|walk| Some(walk.playbook.step(&id.0)?.title.clone()));
        title.unwrap_or_else(|| id.to_string())
    };
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
            result: crate::incident::VisitResult::Failed { error },
            ..
        } => format!("{} failed: {error}", titled(step)),
        Event::StepEnded {
            step,
            result: crate::incident::VisitResult::Succeeded { prefetched, .. },
            ..
        } => {
            format!(
                "{} succeeded{}",
                titled(step),
                if *prefetched { ", run ahead" } else { "" }
            )
        }
        Event::StepConfirmed {
            step,
            verdict,
            note,
            ..
        } => {
            let said = note
                .as_ref()
                .map(|note| format!(": {note}"))
                .unwrap_or_default();
            let verdict = format!("{verdict:?}").to_lowercase();
            format!("{} {verdict}{said}", titled(step))
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
            format!("a late result came in: {}", result.status.name())
        }
        Event::RetryScheduled { step, number, .. } => {
            format!("{} failed; try {number} follows", titled(step))
        }
        Event::EscalationRaised { causes, .. } => {
            format!(
                "escalation asked for: {}",
                causes
                    .first()
                    .map(crate::incident::Cause::sentence)
                    .unwrap_or_default()
            )
        }
        Event::EscalationApproved { .. } => "escalated".into(),
        Event::EscalationPostponed { until, reason, .. } => format!(
            "escalation put off until {}: {reason}",
            until.format("%H:%M")
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
            until.format("%H:%M")
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
