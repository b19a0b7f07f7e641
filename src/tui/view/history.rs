//! What happened last, in a few lines.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{line, padded, rule};
use crate::engine::Snapshot;
use crate::incident::{Event, Recorded};
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
        .filter_map(|recorded| Some((recorded.as_ref(), sentence(&recorded.event)?)))
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
fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::IncidentOpened { title, .. } => format!("incident opened: {title}"),
        Event::AlarmAttached { alarm } => format!("alarm {} belongs to it", alarm.name),
        Event::AlarmStateChanged { name, from, to, .. } => {
            format!("alarm {name}: {} → {}", from.name(), to.name())
        }
        Event::StatusChanged { to, .. } => format!("the incident is {}", to.name()),
        Event::SeverityChanged { from, to } => format!("severity {} → {}", from.name(), to.name()),
        Event::NoteAdded { text, .. } => format!("note: {text}"),
        Event::ExecutionStarted { playbook, .. } => format!("playbook {playbook} started"),
        Event::InputProvided { name, value, from } => format!("{name} = {value}, from {from}"),
        Event::StepEnded {
            step,
            result: crate::incident::VisitResult::Failed { error },
            ..
        } => format!("{step} failed: {error}"),
        Event::StepEnded {
            step,
            result: crate::incident::VisitResult::Succeeded { prefetched, .. },
            ..
        } => {
            format!(
                "{step} succeeded{}",
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
            format!("{step} {}{said}", format!("{verdict:?}").to_lowercase())
        }
        Event::BranchTaken {
            step,
            branch,
            overridden_because,
            ..
        } => match overridden_because {
            Some(reason) => format!("{step}: {branch}, although not recommended: {reason}"),
            None => format!("{step}: {branch}"),
        },
        Event::LateResult { result, .. } => {
            format!("a late result came in: {}", result.status.name())
        }
        Event::RetryScheduled { step, number, .. } => {
            format!("{step} failed; try {number} follows")
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
        Event::ApprovalRequested { step, .. } => format!("{step} waits for approval"),
        Event::ApprovalGranted { step, digest, .. } => {
            format!("{step} approved ({})", digest.get(..12).unwrap_or(digest))
        }
        Event::ApprovalDeclined { step, reason, .. } => format!("{step} declined: {reason}"),
        Event::AttemptIdentified { remote, .. } => format!("runs at AWS as {}", remote.id()),
        Event::AttemptUncertain { reason, .. } => format!("unknown: {reason}"),
        Event::AttemptReattached { .. } => "taken up where it runs".into(),
        Event::CancelRequested { .. } => "AWS was asked to stop it".into(),
        Event::Unreadable { reason } => format!("an event that cannot be read: {reason}"),
        Event::StepArrived { .. }
        | Event::StepEnded { .. }
        | Event::AttemptStarted { .. }
        | Event::AttemptEnded { .. } => return None,
    })
}
