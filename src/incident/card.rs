//! The card that hands an incident over: where it stands, on twenty lines at most.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Became, Escalation, Execution, ExecutionStatus, Incident, IncidentStatus, Question, Reach,
    State, Verdict, VisitResult, question,
};
use crate::playbook::StepKind;

/// As many lines fit into a terminal, and into a message that somebody reads.
pub const CARD_LINES: usize = 20;
/// A line is cut after as many characters.
const WIDTH: usize = 160;

/// Writes the card: state, what was tried, what is ruled out, what is in flight, what is next, who
/// holds what. `writer` is who has the incident open, where that is known.
#[must_use]
pub fn card(state: &State, now: DateTime<Utc>, writer: Option<&str>) -> Vec<String> {
    let Some(incident) = &state.incident else {
        return Vec::new();
    };
    let mut lines = head(incident, now);
    let walk = state.execution();
    if let Some(walk) = walk {
        let said = match walk.status {
            ExecutionStatus::InProgress => String::new(),
            status => format!(" ({})", status.name()),
        };
        lines.push(format!("playbook: {}{said}", walk.playbook.name));
        lines.extend(list("tried", tried(walk), 3));
        lines.extend(list("changed", changed(state), 3));
        lines.extend(list("override", overrides(state), 2));
        lines.extend(list("ruled out", ruled_out(walk), 1));
        lines.extend(list("in flight", in_flight(walk), 2));
    }
    lines.push(format!("next: {}", next(state, now)));
    lines.extend(list("holds", holds(state, now, writer), 3));
    if let Some(note) = incident.notes.last() {
        lines.push(format!("last note, {}: {}", note.by, note.text));
    }
    lines.truncate(CARD_LINES);
    lines.iter().map(|line| cut(line)).collect()
}

fn head(incident: &Incident, now: DateTime<Utc>) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} · {} · {}, {} old",
        incident.id,
        incident.title,
        incident.severity.name(),
        incident.status.name(),
        span(now - incident.opened_at)
    )];
    for alarm in incident.alarms.iter().take(1) {
        let since = alarm
            .since
            .map(|at| format!(" since {}", at.format("%H:%MZ")));
        lines.push(format!(
            "alarm: {} is {}{} ({} {})",
            alarm.name,
            alarm.state.name(),
            since.unwrap_or_default(),
            alarm.account,
            alarm.region
        ));
    }
    match incident.alarms.len() {
        0 | 1 => {}
        2 => lines.push("and 1 more alarm".to_owned()),
        count => lines.push(format!("and {} more alarms", count - 1)),
    }
    lines
}

/// Every change that was sent, and what became of it; and the manual steps with commands that a
/// person ran. The latest last.
fn changed(state: &State) -> Vec<String> {
    let mut all: Vec<(DateTime<Utc>, String)> = Vec::new();
    for walk in &state.executions {
        for attempt in walk.attempts.values() {
            let Some(intent) = &attempt.intent else {
                continue;
            };
            let targets = attempt.targets().join(", ");
            let text = format!(
                "{} on {targets} {}",
                intent.document(),
                Became::of(walk, attempt).sentence()
            );
            all.push((attempt.started_at, text));
        }
        for visit in &walk.visits {
            let step = walk.playbook.step(&visit.step.0);
            if let (Some(step), Some(VisitResult::Failed { error })) = (step, &visit.result)
                && step.remediation().is_some()
            {
                let sent = walk.attempts.values().any(|attempt| {
                    let intent = attempt.intent.as_ref();
                    intent.is_some_and(|intent| {
                        intent.step == visit.step && intent.visit == visit.number
                    })
                });
                if !sent {
                    let text = format!("{} was not made: {error}", step.title);
                    all.push((visit.ended_at.unwrap_or(visit.arrived_at), text));
                }
            }
            let commands = step.is_some_and(|step| match &step.kind {
                StepKind::Manual(manual) => !manual.commands.is_empty(),
                _ => false,
            });
            let done = VisitResult::Confirmed {
                verdict: Verdict::Done,
            };
            if let (Some(step), true) = (step, commands && visit.result.as_ref() == Some(&done)) {
                let text = format!("{}, with commands run by hand", step.title);
                all.push((visit.ended_at.unwrap_or(visit.arrived_at), text));
            }
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, text)| text).collect()
}

/// Where a person decided against what was recommended or read, and why.
fn overrides(state: &State) -> Vec<String> {
    let walks = state.executions.iter();
    let all = walks.flat_map(|walk| walk.overrides.iter());
    all.map(|one| {
        format!(
            "{}: {}, because {}",
            state.title_of(&one.step),
            one.what,
            one.reason
        )
    })
    .collect()
}

/// What was read or done by hand so far, the latest last.
pub(super) fn tried(walk: &Execution) -> Vec<String> {
    let left = walk.visits.iter().filter_map(|visit| {
        let step = walk.playbook.step(&visit.step.0)?;
        let how = match visit.result.as_ref()? {
            // What was changed has lines of its own.
            VisitResult::Succeeded { .. } | VisitResult::Confirmed { .. }
                if step.remediation().is_some() =>
            {
                return None;
            }
            VisitResult::Succeeded { .. } => "read".into(),
            // What was declined or failed of a change stands among the changes.
            VisitResult::Failed { .. } if step.remediation().is_some() => return None,
            VisitResult::Failed { error } => format!("failed: {error}"),
            VisitResult::Confirmed { verdict } => format!("by hand, {}", verdict.name()),
            VisitResult::Branched { .. } | VisitResult::Outcome { .. } => return None,
        };
        Some(format!("{} ({how})", step.title))
    });
    left.collect()
}

/// The branches that the evidence excluded: their conditions were read, and not met.
fn ruled_out(walk: &Execution) -> Vec<String> {
    let decided = walk.visits.iter().filter_map(|visit| {
        let step = walk.playbook.step(&visit.step.0)?;
        let Some(VisitResult::Branched { branch, excluded }) = visit.result.as_ref() else {
            return None;
        };
        let others = excluded.iter().filter(|one| *one != branch);
        let others: Vec<String> = others.map(|one| format!("{one:?}")).collect();
        (!others.is_empty())
            .then(|| format!("{} ({}: took {branch:?})", others.join(", "), step.title))
    });
    decided.collect()
}

fn in_flight(walk: &Execution) -> Vec<String> {
    let running = walk.running().map(|attempt| {
        let step = walk.playbook.step(&attempt.step.0);
        let title = step.map_or(attempt.step.0.to_string(), |step| step.title.clone());
        let remote = attempt.remotes.values().next();
        let remote = remote.map_or(String::new(), |remote| format!(" {}", remote.id()));
        format!(
            "{title}{remote} since {}",
            attempt.started_at.format("%H:%M:%SZ")
        )
    });
    running.collect()
}

/// What the responder is asked, in one sentence.
#[must_use]
pub fn next(state: &State, now: DateTime<Utc>) -> String {
    match question(state, now) {
        Question::StartPlaybook => "start a playbook".into(),
        Question::Input(input) => format!("answer: {}", input.prompt),
        Question::Escalation(one) => format!("escalate along {}, or put it off", one.path),
        Question::Working(step) => format!("{} is running", step.title),
        Question::Approval(approval) => match (&approval.sought, approval.intent.others()) {
            (Some(_), Some((count, group))) => format!(
                "{count} of the group {group} agree to {}",
                approval.intent.document()
            ),
            _ => format!("agree to {}, or decline it", approval.intent.document()),
        },
        Question::Undescribed(_) => "describe the change again, or decline it".into(),
        Question::Standing { step, standing, .. }
            if standing.fault == super::Fault::NotVerified =>
        {
            format!("{}: applied, not verified", step.title)
        }
        Question::Standing { step, .. } => format!("{}: roll the change back, or not", step.title),
        Question::NotStarted { step, .. } => {
            format!("approve {} again: it was not started", step.title)
        }
        Question::Unknown { step, .. } => format!("find out whether {} was made", step.title),
        Question::Manual { step, .. } => format!("by hand: {}", step.title),
        Question::Decision { step, branches, .. } => {
            let recommended = branches.iter().find(|one| one.recommended);
            let label = recommended.map(|one| format!(": {:?} is recommended", one.branch.label));
            format!("decide at {}{}", step.title, label.unwrap_or_default())
        }
        Question::Ended => "the playbook has ended; mitigate, resolve, or start another".into(),
        Question::Closed => "nothing: the incident is closed".into(),
    }
}

/// Who has what of it.
fn holds(state: &State, now: DateTime<Utc>, writer: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = writer
        .map(|writer| format!("the incident: {writer}"))
        .into_iter()
        .collect();
    let over = |incident: &Incident| incident.status >= IncidentStatus::Mitigated;
    if state.incident.as_ref().is_none_or(over) {
        return all;
    }
    let rehearsal = state.is_rehearsal();
    let chase = |one: &Escalation| {
        let asked = one.asked.last();
        let names = asked.map_or(String::new(), |asked| asked.contacts.join(", "));
        let reach = asked.map(super::Asked::reach);
        match (&one.acknowledged, one.exhausted) {
            (Some(known), _) => Some(match &known.note {
                // Whoever asked writes down who answered.
                Some(note) => format!("escalation {}: {note} (says {})", one.path, known.by),
                None => format!("escalation {}: {}", one.path, known.by),
            }),
            (None, _) if one.is_unanswered() && rehearsal => Some(format!(
                "escalation {}: rehearsal, level {} ({names}) would be paged",
                one.path, one.level
            )),
            (None, _)
                if one.is_unanswered() && reach.is_none_or(|reach| reach == Reach::Nobody) =>
            {
                let why = asked.map_or_else(
                    || "the path does not exist".to_owned(),
                    super::Asked::why_nobody,
                );
                Some(format!("escalation {}: NOBODY WAS PAGED ({why})", one.path))
            }
            (None, true) => Some(format!(
                "escalation {}: every level was paged, nobody acknowledged",
                one.path
            )),
            (None, false) if one.is_open() && reach == Some(Reach::Sending) => Some(format!(
                "escalation {}: paging level {} ({names}), not accepted yet",
                one.path, one.level
            )),
            (None, false) if one.is_open() => Some(format!(
                "escalation {}: level {} paged ({names}), not acknowledged",
                one.path, one.level
            )),
            _ => None,
        }
    };
    all.extend(state.escalations().filter_map(chase).next_back());
    let sought = state.walking().and_then(|walk| walk.approval.as_ref());
    if let Some((approval, sought)) = sought.and_then(|one| Some((one, one.sought.as_ref()?))) {
        all.push(format!(
            "approval asked by {} {} ago, {} agreed",
            sought.by.user,
            span(now - sought.at),
            approval.given.len()
        ));
    }
    let next = state.incident.as_ref().and_then(|one| one.next_update);
    if let Some(next) = next {
        all.push(format!(
            "an update is promised for {}",
            next.format("%H:%MZ")
        ));
    }
    all
}

fn list(what: &str, all: Vec<String>, most: usize) -> Vec<String> {
    let more = all.len().saturating_sub(most);
    let shown = all.into_iter().skip(more);
    let mut lines: Vec<String> = shown.map(|one| format!("{what}: {one}")).collect();
    if more > 0
        && let Some(first) = lines.first_mut()
    {
        *first = format!("{first} (and {more} before)");
    }
    lines
}

/// A span of time as people say it.
#[must_use]
pub fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    match minutes {
        0 => format!("{} s", span.num_seconds().max(0)),
        1..120 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

fn cut(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= WIDTH {
        return line;
    }
    let kept: String = line.chars().take(WIDTH - 1).collect();
    format!("{kept}…")
}
