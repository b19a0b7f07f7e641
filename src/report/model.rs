//! The report: what an incident was, and what was done about it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::execution::seconds;
use super::timeline::{Entry, alarm_at, timeline};
use super::undone;
use crate::aws::console_links;
use crate::expression::Evidence;
use crate::incident::{
    Attempt, AttemptId, Became, Event, Execution, ExecutionStatus, Incident, IncidentStatus,
    PageState, Reach, Recorded, Review, State, Verdict, impact, span,
};
use crate::journal::Moment;
use crate::playbook::{Severity, StepId, StepKind};

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The incident.
    pub incident: String,
    /// Its title.
    pub title: String,
    /// How bad it was.
    pub severity: Severity,
    /// Where it stands.
    pub status: IncidentStatus,
    /// The rehearsal it was, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<String>,
    /// What happened, in a few sentences.
    pub summary: Vec<String>,
    /// What it did to those who use the system.
    pub impact: String,
    /// How long things took.
    pub durations: Durations,
    /// Its alarms.
    pub alarms: Vec<Alarm>,
    /// What happened when.
    pub timeline: Vec<Entry>,
    /// What somebody did in the two hours before the alarm.
    pub before_the_alarm: Vec<Entry>,
    /// What was decided, and on what evidence.
    pub decisions: Vec<Decision>,
    /// What was changed.
    pub changes: Vec<Change>,
    /// Changes that were described and not made.
    pub not_made: Vec<NotMade>,
    /// What people did by hand.
    pub by_hand: Vec<ByHand>,
    /// Who was paged, and who said that they have it.
    pub pages: Vec<Paged>,
    /// What contributed to it, in words.
    pub contributing_causes: String,
    /// What is to be done.
    pub action_items: Vec<crate::incident::ActionItem>,
    /// The metrics that were looked at.
    pub charts: Vec<Chart>,
    /// Where to look further.
    pub links: Vec<(String, String)>,
    /// What is not in it, and why.
    pub missing: Vec<String>,
}

/// An alarm of the incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
}

/// How long things took, in seconds; nothing where it did not come to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Durations {
    /// From the alarm to the incident.
    pub detect: Option<f64>,
    /// From the incident until somebody had it.
    pub acknowledge: Option<f64>,
    /// From the incident until its effect was gone.
    pub mitigate: Option<f64>,
    /// From the incident until its cause was gone.
    pub resolve: Option<f64>,
}

impl Durations {
    /// Reads them from an incident.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        let reached = |status| {
            // Who skips a status was in it at that moment as well.
            let at = incident.reached.iter().find(|(to, _)| *to >= status);
            at.map(|(_, at)| seconds(*at - incident.opened_at))
        };
        Self {
            detect: incident
                .alarm_since
                .map(|since| seconds(incident.opened_at - since)),
            acknowledge: reached(IncidentStatus::Acknowledged),
            mitigate: reached(IncidentStatus::Mitigated),
            resolve: reached(IncidentStatus::Resolved),
        }
    }

    /// All of them with their names.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("detect", self.detect),
            ("acknowledge", self.acknowledge),
            ("mitigate", self.mitigate),
            ("resolve", self.resolve),
        ]
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Where.
    pub title: String,
    /// What was taken.
    pub taken: String,
    /// What was recommended.
    pub recommended: String,
    /// The values that it stood on.
    pub evidence: Vec<Evidence>,
    /// Why another one was taken.
    pub overridden_because: Option<String>,
    /// Whether it was undone a moment later.
    pub undone: bool,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// When it was agreed to.
    pub at: DateTime<Utc>,
    /// The step.
    pub title: String,
    /// The document.
    pub document: String,
    /// Its version.
    pub version: String,
    /// What was changed.
    pub targets: Vec<String>,
    /// Account and region.
    pub place: String,
    /// Who sent it.
    pub by: String,
    /// Who agreed to it.
    pub approved_by: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// AWS's id of it.
    pub execution: Option<String>,
    /// How it ended.
    pub status: &'static str,
    /// What was read afterwards: whether it worked. Nothing where it was not or could not be read.
    pub verified: Option<bool>,
    /// What became of it, all in all.
    pub became: Became,
    /// Whether it took another change back.
    pub takes_back: bool,
    /// Whether a rule made it, and not a person.
    pub automated: bool,
}

/// A change that was described and not made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotMade {
    /// When that was settled.
    pub at: DateTime<Utc>,
    /// The step.
    pub title: String,
    /// By whom.
    pub by: String,
    /// How: `declined`, or `expired`.
    pub how: &'static str,
    /// Why, where somebody said so.
    pub reason: Option<String>,
}

/// Something that a person did, or said of what was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByHand {
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The step.
    pub title: String,
    /// By whom.
    pub by: String,
    /// What became of it: `done`, `failed`, `skipped`.
    pub verdict: &'static str,
    /// What they wrote.
    pub note: Option<String>,
    /// Whether the step has commands to run: what was done may have changed the system.
    pub commands: bool,
    /// Whether a person overrode what the console read of a change.
    pub overrides: bool,
}

/// A level of an escalation, or somebody's word that they have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paged {
    /// When.
    pub at: DateTime<Utc>,
    /// What happened, in a sentence.
    pub text: String,
    /// Whether nobody was reached.
    pub nobody: bool,
}

/// A metric over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Seconds since 1970, and values.
    pub points: Vec<(i64, f64)>,
    /// The threshold.
    pub threshold: Option<f64>,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
    /// What was done in the two hours before the alarm, and before it begins.
    pub before: Vec<Mark>,
}

/// A moment on a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
    /// What kind of moment: `alarm`, `change` or `incident`.
    pub kind: &'static str,
}

impl Report {
    /// Reads the record. `None` where there is no incident.
    #[must_use]
    pub fn of(
        state: &State,
        events: &[Recorded],
        moments: &[Moment],
        missing: Vec<String>,
    ) -> Option<Self> {
        let incident = state.incident.as_ref()?;
        let entries = timeline(state, events, moments);
        let changes = changes(state, events);
        let review = incident.review.as_deref().cloned().unwrap_or_default();
        let before = |entry: &&Entry| entry.minutes_before_alarm.is_some();
        let before_the_alarm: Vec<Entry> = entries.iter().filter(before).cloned().collect();
        let decisions = decisions(state, events);
        let durations = Durations::of(incident);
        Some(Self {
            incident: incident.id.to_string(),
            title: incident.title.clone(),
            severity: incident.severity,
            status: incident.status,
            rehearsal: incident.rehearsal.as_ref().map(|one| one.scenario.clone()),
            summary: summary(state, &durations, &changes, before_the_alarm.len()),
            impact: impact(incident).unwrap_or_else(|| "not graded yet".to_owned()),
            durations,
            alarms: alarms(incident),
            charts: charts(state, alarm_at(state, moments), &before_the_alarm, &changes),
            timeline: entries,
            before_the_alarm,
            decisions,
            changes,
            not_made: not_made(state, events),
            by_hand: by_hand(state, events),
            pages: pages(state),
            contributing_causes: review.causes.clone(),
            action_items: review.actions,
            links: links(state),
            missing,
        })
    }

    /// What somebody wrote down, as it is filled in again.
    #[must_use]
    pub fn review(&self, state: &State) -> Review {
        let written = state
            .incident
            .as_ref()
            .and_then(|one| one.review.as_deref());
        written.cloned().unwrap_or_default()
    }
}

fn alarms(incident: &Incident) -> Vec<Alarm> {
    let alarms = incident.alarms.iter().map(|alarm| Alarm {
        name: alarm.name.clone(),
        state: alarm.state.name(),
        reason: alarm.reason.clone(),
        account: alarm.account.clone(),
        region: alarm.region.clone(),
    });
    alarms.collect()
}

fn summary(state: &State, durations: &Durations, changes: &[Change], before: usize) -> Vec<String> {
    let Some(incident) = &state.incident else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let because = incident.alarms.front().map(|alarm| {
        let more = match incident.alarms.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more alarms", count - 1),
        };
        format!(", because of the alarm {}{more}", alarm.name)
    });
    said.push(format!(
        "On {} the incident \"{}\" was opened with severity {}{}.",
        incident.opened_at.format("%-d %B %Y at %H:%M UTC"),
        incident.title,
        incident.severity.name(),
        because.unwrap_or_default()
    ));
    for walk in &state.executions {
        let steps = walk.visits.len();
        let steps = format!("{steps} step{}", if steps == 1 { "" } else { "s" });
        let how = match walk.outcome {
            Some(outcome) => format!("ended after {steps} as {}", outcome.name()),
            None => format!("is {} after {steps}", walk.status.name()),
        };
        said.push(match &walk.healing {
            // Its outcome is a step of its playbook, and says nothing of what was changed.
            Some(run) => format!(
                "The healing rule {} of {} {}.",
                run.rule,
                run.resource,
                healed(walk)
            ),
            None => format!("The playbook \"{}\" {how}.", walk.playbook.name),
        });
    }
    said.push(changed(changes));
    if before > 0 {
        let were = if before == 1 {
            "call was"
        } else {
            "calls were"
        };
        said.push(format!(
            "In the two hours before the alarm {before} {were} made on what it is about."
        ));
    }
    let words: Vec<String> = [
        ("acknowledged", durations.acknowledge),
        ("mitigated", durations.mitigate),
        ("resolved", durations.resolve),
    ]
    .into_iter()
    .filter_map(|(word, took)| Some(format!("{word} after {}", long(took?))))
    .collect();
    if words.is_empty() {
        said.push(format!("It is {}.", incident.status.name()));
    } else {
        said.push(format!("It was {}.", words.join(", ")));
    }
    said
}

/// What a healing did: what became of its latest change that is no rollback.
fn healed(walk: &Execution) -> &'static str {
    let made = walk.attempts.values().filter(|attempt| {
        let intent = attempt.intent.as_ref();
        intent.is_some_and(|intent| intent.undoes.is_none())
    });
    let last = made.max_by_key(|attempt| attempt.started_at);
    match last.map(|made| Became::of(walk, made)) {
        _ if walk.status == ExecutionStatus::InProgress => "has not ended",
        None | Some(Became::NotStarted) => "changed nothing",
        Some(became) => became.sentence(),
    }
}

/// What was sent, and what became of it.
fn changed(changes: &[Change]) -> String {
    let sent: Vec<&Change> = changes.iter().filter(|one| one.became.was_sent()).collect();
    match sent.as_slice() {
        [] => "Nothing was changed by the console.".into(),
        [one] => format!(
            "One change was sent: {} on {}. It {}.",
            one.document,
            one.targets.join(", "),
            one.became.sentence()
        ),
        several => {
            let mut counted: Vec<(&'static str, usize)> = Vec::new();
            for one in several {
                let what = one.became.sentence();
                match counted.iter_mut().find(|(known, _)| *known == what) {
                    Some((_, count)) => *count += 1,
                    None => counted.push((what, 1)),
                }
            }
            let counted: Vec<String> = counted
                .into_iter()
                .map(|(what, count)| format!("{count} {what}"))
                .collect();
            format!(
                "{} changes were sent: {}.",
                several.len(),
                counted.join("; ")
            )
        }
    }
}

/// What was described, and then declined or left until it expired.
fn not_made(state: &State, events: &[Recorded]) -> Vec<NotMade> {
    let rollbacks: Vec<&str> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::ApprovalRequested { digest, intent, .. } if intent.undoes.is_some() => {
                Some(digest.as_str())
            }
            _ => None,
        })
        .collect();
    let settled = events.iter().filter_map(|recorded| {
        let (step, digest, by, how, reason) = match &recorded.event {
            Event::ApprovalDeclined {
                step,
                digest,
                reason,
                approver,
                ..
            } => {
                let by = approver.as_ref().map_or_else(
                    || recorded.by.user.clone(),
                    crate::incident::Approver::named,
                );
                (step, digest, by, "declined", Some(reason.clone()))
            }
            Event::ApprovalExpired { step, digest, .. } => {
                (step, digest, "nobody".to_owned(), "expired", None)
            }
            _ => return None,
        };
        Some(NotMade {
            at: recorded.at,
            title: if rollbacks.contains(&digest.as_str()) {
                format!("the rollback of {}", state.title_of(step))
            } else {
                state.title_of(step)
            },
            by,
            how,
            reason,
        })
    });
    settled.collect()
}

/// Manual steps and what became of them, and what people said of a change against what was read.
fn by_hand(state: &State, events: &[Recorded]) -> Vec<ByHand> {
    let confirmed = events.iter().filter_map(|recorded| {
        let Event::StepConfirmed {
            step,
            verdict,
            note,
            ..
        } = &recorded.event
        else {
            return None;
        };
        let mut walks = state.executions.iter().rev();
        let known = walks.find_map(|walk| walk.playbook.step(&step.0))?;
        let kind = &known.kind;
        let commands = match kind {
            StepKind::Manual(manual) => !manual.commands.is_empty(),
            _ => false,
        };
        let by_machine = matches!(kind, StepKind::Automated(_));
        Some(ByHand {
            at: recorded.at,
            title: state.title_of(step),
            by: recorded.by.user.clone(),
            verdict: verdict.name(),
            note: note.clone(),
            commands,
            overrides: by_machine && *verdict == Verdict::Done,
        })
    });
    confirmed.collect()
}

/// Each level that was paged, what the channels answered, and who acknowledged.
fn pages(state: &State) -> Vec<Paged> {
    let rehearsal = state.is_rehearsal();
    let mut all = Vec::new();
    for one in state.escalations() {
        for asked in &one.asked {
            let whom = asked.contacts.join(", ");
            let reach = asked.reach();
            let text = match reach {
                _ if rehearsal => "rehearsal: nobody is paged".to_owned(),
                Reach::Paged => {
                    let answers = asked.pages.iter().filter_map(|page| match &page.state {
                        PageState::Accepted { answer, .. } => {
                            Some(format!("{} accepted it: {answer}", page.channel))
                        }
                        PageState::GivenUp { why, .. } => {
                            Some(format!("{} was given up: {why}", page.channel))
                        }
                        PageState::Sending => None,
                    });
                    answers.collect::<Vec<_>>().join("; ")
                }
                Reach::Sending => "no channel has accepted the page yet".to_owned(),
                Reach::Nobody => format!("NOBODY WAS PAGED: {}", asked.why_nobody()),
            };
            all.push(Paged {
                at: asked.at,
                text: format!("path {}, level {} ({whom}): {text}", one.path, asked.level),
                nobody: reach == Reach::Nobody && !rehearsal,
            });
        }
        if let Some(known) = &one.acknowledged {
            let note = known.note.as_ref().map(|note| format!(": {note}"));
            all.push(Paged {
                at: known.at,
                text: format!(
                    "path {}: acknowledged by {}{}",
                    one.path,
                    known.by,
                    note.unwrap_or_default()
                ),
                nobody: false,
            });
        }
    }
    all.sort_by_key(|one| one.at);
    all
}

/// Seconds as people say them.
pub(super) fn long(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an incident is no 2^63 ms long"
    )]
    let span_of = TimeDelta::milliseconds((seconds * 1000.0) as i64);
    span(span_of)
}

fn decisions(state: &State, events: &[Recorded]) -> Vec<Decision> {
    let undone = undone(events);
    let taken = events.iter().filter_map(|recorded| match &recorded.event {
        Event::BranchTaken {
            step,
            branch,
            recommended,
            evidence,
            overridden_because,
            ..
        } => Some(Decision {
            at: recorded.at,
            by: recorded.by.user.clone(),
            title: state.title_of(step),
            taken: branch.clone(),
            recommended: recommended.clone(),
            evidence: evidence.clone(),
            overridden_because: overridden_because.clone(),
            undone: undone.contains(&recorded.sequence),
        }),
        _ => None,
    });
    taken.collect()
}

/// What was agreed to, and what became of it.
pub(super) fn changes(state: &State, events: &[Recorded]) -> Vec<Change> {
    let mut agreed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for recorded in events {
        if let Event::ApprovalGiven {
            digest, approver, ..
        } = &recorded.event
        {
            agreed.entry(digest).or_default().push(approver.named());
        }
    }
    // A healing that is asked for again is the same attempt: its last approval counts.
    let mut seen = std::collections::HashSet::new();
    let mut made: Vec<Change> = events
        .iter()
        .rev()
        .filter_map(|recorded| {
            let (id, digest, reason) = match &recorded.event {
                Event::ApprovalGranted {
                    attempt,
                    digest,
                    reason,
                    ..
                } => (*attempt, Some(digest.as_str()), reason.clone()),
                Event::WaveBegun { attempt, .. } => (*attempt, None, None),
                _ => return None,
            };
            if !seen.insert(id) {
                return None;
            }
            let (walk, attempt) = state.attempt(id)?;
            let intent = attempt.intent.as_ref()?;
            let plan = intent.plan.as_ref();
            let others = digest.and_then(|digest| agreed.get(digest).cloned());
            let own = || vec![recorded.by.user.clone()];
            Some(Change {
                at: recorded.at,
                title: state.title_of(&attempt.step),
                document: intent.document().to_owned(),
                version: plan.map_or_else(String::new, |plan| plan.version.clone()),
                targets: targets(attempt),
                place: format!("{} {}", intent.account, intent.region),
                by: recorded.by.user.clone(),
                approved_by: others.unwrap_or_else(own),
                reason,
                execution: attempt
                    .remotes
                    .values()
                    .next()
                    .map(|one| one.id().to_owned()),
                status: attempt
                    .end
                    .as_ref()
                    .map_or("running", |(result, _)| result.name()),
                verified: match Became::of(walk, attempt) {
                    Became::Verified => Some(true),
                    Became::NoEffect => Some(false),
                    _ => None,
                },
                became: Became::of(walk, attempt),
                takes_back: intent.undoes.is_some(),
                automated: walk.healing.is_some(),
            })
        })
        .collect();
    made.reverse();
    made
}

fn targets(attempt: &Attempt) -> Vec<String> {
    let plan = attempt
        .intent
        .as_ref()
        .and_then(|intent| intent.plan.as_ref());
    let turn = attempt.targets();
    let targets = plan
        .into_iter()
        .flat_map(|plan| &plan.targets)
        .filter(|target| turn.contains(&target.id));
    let named = targets.map(|target| match &target.name {
        Some(name) => format!("{} ({name})", target.id),
        None => target.id.clone(),
    });
    named.collect()
}

/// The metrics that steps captured, each as it was when it was arrived at first, with what happened
/// meanwhile.
fn charts(
    state: &State,
    alarm: Option<DateTime<Utc>>,
    before_the_alarm: &[Entry],
    changes: &[Change],
) -> Vec<Chart> {
    let moments = moments_of(state, alarm, before_the_alarm, changes);
    let mut charts: Vec<Chart> = Vec::new();
    for walk in &state.executions {
        for visit in &walk.visits {
            let Some(id) = walk.latest.get(&visit.step) else {
                continue;
            };
            for (title, value) in series(state, &visit.step, *id) {
                let points: Vec<(i64, f64)> = value["series"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|point| Some((point[0].as_i64()?, point[1].as_f64()?)))
                    .collect();
                if points.len() < 2 || charts.iter().any(|one| one.title == title) {
                    continue;
                }
                let (before, marks) = marks(&moments, &points);
                charts.push(Chart {
                    title,
                    threshold: value["threshold"].as_f64(),
                    points,
                    marks,
                    before,
                });
            }
        }
    }
    charts
}

/// What an attempt captured that has a series, under its title.
fn series(state: &State, step: &StepId, id: AttemptId) -> Vec<(String, Value)> {
    let Some((_, attempt)) = state.attempt(id) else {
        return Vec::new();
    };
    let title = state.title_of(step);
    let output = attempt
        .end
        .as_ref()
        .and_then(|(result, _)| result.output.as_ref());
    let Some(output) = output else {
        return Vec::new();
    };
    if output["series"].is_array() {
        return vec![(title, output.clone())];
    }
    let several = output.as_object().into_iter().flatten();
    several
        .filter(|(_, value)| value["series"].is_array())
        .map(|(name, value)| (format!("{title}: {name}"), value.clone()))
        .collect()
}

/// What happened that a chart can show, in order.
fn moments_of(
    state: &State,
    alarm: Option<DateTime<Utc>>,
    before_the_alarm: &[Entry],
    changes: &[Change],
) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Some(at) = alarm {
        marks.push(Mark {
            at,
            text: "alarm".into(),
            kind: "alarm",
        });
    }
    marks.extend(before_the_alarm.iter().map(|one| Mark {
        at: one.at,
        text: one.text.clone(),
        kind: "change",
    }));
    marks.extend(changes.iter().map(|one| Mark {
        at: one.at,
        text: one.document.clone(),
        kind: "change",
    }));
    if let Some(incident) = &state.incident {
        marks.push(Mark {
            at: incident.opened_at,
            text: "incident opened".into(),
            kind: "incident",
        });
        marks.extend(incident.reached.iter().map(|(status, at)| Mark {
            at: *at,
            text: status.name().into(),
            kind: "incident",
        }));
    }
    marks.sort_by_key(|mark| mark.at);
    marks
}

/// What happened before a chart begins, and while it goes on.
fn marks(all: &[Mark], points: &[(i64, f64)]) -> (Vec<Mark>, Vec<Mark>) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return (Vec::new(), Vec::new());
    };
    // The last datapoint stands for the period that begins with it, and comes late.
    let until = last.0 + 2 * (last.0 - points[points.len().saturating_sub(2)].0).max(60);
    all.iter()
        .filter(|mark| mark.at.timestamp() <= until)
        .cloned()
        .partition(|mark| mark.at.timestamp() < first.0)
}

/// The playbooks' links, and the alarms in AWS's console.
fn links(state: &State) -> Vec<(String, String)> {
    let mut links: Vec<(String, String)> = Vec::new();
    for walk in &state.executions {
        for link in &walk.playbook.links {
            if !links.contains(link) {
                links.push(link.clone());
            }
        }
    }
    let alarms = state.incident.iter().flat_map(|incident| &incident.alarms);
    for alarm in alarms.filter(|alarm| !alarm.region.is_empty()) {
        let link = console_links::alarm(&alarm.region, &alarm.name);
        links.push((format!("alarm {}", alarm.name), link));
    }
    links
}
