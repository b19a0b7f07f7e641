//! What follows from the numbers: what to automate, to remove, to correct, to review.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Statistics;
use crate::incident::{AlarmRef, AttemptId, AttemptStatus, Event, IncidentStatus, Recorded};
use crate::playbook::{Catalog, Outcome};

/// A step by hand tells something when it was arrived at so often.
const REACHED: usize = 5;
/// One that takes at most so many seconds is quick.
const QUICK: f64 = 120.0;
/// A branch is dead that was neither taken nor recommended in so many decisions.
const DECISIONS: usize = 10;
/// An estimate is wrong by this factor.
const WRONG: f64 = 2.0;
/// A recommendation is often overridden in this share of cases.
const OVERRIDDEN: f64 = 0.3;
/// An alarm comes back that set off so many incidents.
const AGAIN: usize = 2;

/// Something to do about playbooks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// `automate`, `dead_branch`, `wrong_estimate`, `often_overridden`, `review_overdue` or
    /// `no_playbook`.
    pub kind: &'static str,
    /// The playbook; none, where an alarm has none.
    pub playbook: Option<String>,
    /// The step, the branch, or the alarm.
    pub about: String,
    /// What was found, in a sentence.
    pub text: String,
}

/// An alarm that keeps coming back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its name.
    pub alarm: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The incidents it set off, the oldest first.
    pub incidents: Vec<Ended>,
}

/// What an incident came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The incident.
    pub incident: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Where it stands.
    pub status: IncidentStatus,
    /// The last outcome of its playbooks.
    pub outcome: Option<Outcome>,
    /// What was changed.
    pub changes: Vec<String>,
    /// What was written down last.
    pub note: Option<String>,
}

impl Ended {
    /// Reads it from an incident's events.
    #[must_use]
    pub fn of(events: &[Recorded]) -> Option<Self> {
        let (first, incident) = events.iter().find_map(|one| match &one.event {
            Event::IncidentOpened { incident, .. } => Some((one, incident)),
            _ => None,
        })?;
        let mut ended = Self {
            incident: incident.to_string(),
            opened_at: first.at,
            status: IncidentStatus::Open,
            outcome: None,
            changes: Vec::new(),
            note: None,
        };
        let mut described: BTreeMap<&str, String> = BTreeMap::new();
        let mut made: BTreeMap<AttemptId, String> = BTreeMap::new();
        for recorded in events {
            match &recorded.event {
                Event::StatusChanged { to, .. } => ended.status = *to,
                Event::ExecutionEnded { outcome, .. } => ended.outcome = outcome.or(ended.outcome),
                Event::NoteAdded { text, .. } => ended.note = Some(text.clone()),
                Event::ApprovalRequested { intent, digest, .. } => {
                    let targets = intent.targets().join(", ");
                    described.insert(digest, format!("{} of {targets}", intent.document()));
                }
                Event::ApprovalGranted {
                    digest, attempt, ..
                } => {
                    if let Some(what) = described.get(digest.as_str()) {
                        made.insert(*attempt, what.clone());
                    }
                }
                Event::AttemptEnded { attempt, result } => {
                    let change = made.get(attempt).map(|what| match result.status {
                        AttemptStatus::Succeeded => what.clone(),
                        status => format!("{what} ({})", status.name()),
                    });
                    ended.changes.extend(change);
                }
                _ => {}
            }
        }
        Some(ended)
    }

    /// It in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let outcome = self.outcome.map(|outcome| format!(", {}", outcome.name()));
        let changes = match self.changes.as_slice() {
            [] => ", nothing was changed".to_owned(),
            changes => format!(", after {}", changes.join("; ")),
        };
        let note = self.note.as_ref().map(|note| format!(" · {note}"));
        format!(
            "{} {}: {}{}{changes}{}",
            self.opened_at.format("%Y-%m-%d"),
            self.incident,
            self.status.name(),
            outcome.unwrap_or_default(),
            note.unwrap_or_default()
        )
    }
}

/// The alarms of incidents, and what each incident came to.
#[derive(Debug, Default)]
pub(super) struct Alarms(Vec<(AlarmRef, Vec<Ended>)>);

impl Alarms {
    pub fn add(&mut self, events: &[Recorded]) {
        let alarms: Vec<&AlarmRef> = events
            .iter()
            .filter_map(|one| match &one.event {
                Event::AlarmAttached { alarm } => Some(alarm),
                _ => None,
            })
            .collect();
        let Some(ended) = Ended::of(events) else {
            return;
        };
        for alarm in alarms {
            match self.0.iter_mut().find(|(known, _)| known.is_same(alarm)) {
                Some((_, all)) => all.push(ended.clone()),
                None => self.0.push((alarm.clone(), vec![ended.clone()])),
            }
        }
    }

    /// Each alarm once.
    pub fn seen(&self) -> Vec<AlarmRef> {
        self.0.iter().map(|(alarm, _)| alarm.clone()).collect()
    }

    pub fn problems(self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self
            .0
            .into_iter()
            .filter(|(_, incidents)| incidents.len() >= AGAIN)
            .map(|(alarm, mut incidents)| {
                incidents.sort_by_key(|one| one.opened_at);
                Problem {
                    alarm: alarm.name,
                    account: alarm.account,
                    region: alarm.region,
                    incidents,
                }
            })
            .collect();
        all.sort_by(|a, b| {
            let often = b.incidents.len().cmp(&a.incidents.len());
            often.then_with(|| {
                (&a.alarm, &a.account, &a.region).cmp(&(&b.alarm, &b.account, &b.region))
            })
        });
        all
    }
}

pub(super) fn findings(
    statistics: &Statistics,
    catalog: &Catalog,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut all = steps(statistics);
    all.extend(branches(statistics));
    all.extend(overdue(catalog, now, statistics.only.as_deref()));
    all.extend(unanswered(statistics, catalog));
    all
}

/// Alarms that set incidents off, and that no playbook answers.
fn unanswered(statistics: &Statistics, catalog: &Catalog) -> Vec<Finding> {
    let without = |alarm: &&AlarmRef| catalog.answering(&alarm.subject()).is_empty();
    let alarms = statistics.seen.iter().filter(without);
    let found = alarms.map(|alarm| Finding {
        kind: "no_playbook",
        playbook: None,
        about: alarm.name.clone(),
        text: format!("no playbook answers the alarm {}", alarm.name),
    });
    found.collect()
}

fn steps(statistics: &Statistics) -> Vec<Finding> {
    let mut all = Vec::new();
    for step in &statistics.steps {
        let found = |kind, text| Finding {
            kind,
            playbook: Some(step.playbook.clone()),
            about: step.step.clone(),
            text,
        };
        let quick = step.median_duration.is_some_and(|median| median <= QUICK);
        if step.kind == "manual" && step.reached >= REACHED && step.failed == 0 && quick {
            all.push(found(
                "automate",
                format!(
                    "\"{}\" is done by hand, takes {:.0} s and never failed in {} times: it could be automated",
                    step.title,
                    step.median_duration.unwrap_or_default(),
                    step.reached
                ),
            ));
        }
        if let (Some(median), Some(estimate)) = (step.median_duration, step.estimate)
            && step.durations.len() >= REACHED
            && estimate > 0.0
            && (median > estimate * WRONG || median < estimate / WRONG)
        {
            all.push(found(
                "wrong_estimate",
                format!(
                    "\"{}\" is said to take {estimate:.0} s and takes {median:.1} s",
                    step.title
                ),
            ));
        }
    }
    all
}

fn branches(statistics: &Statistics) -> Vec<Finding> {
    let mut decisions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for branch in &statistics.branches {
        *decisions
            .entry((&branch.playbook, &branch.step))
            .or_default() += branch.taken;
    }
    let mut all = Vec::new();
    for branch in &statistics.branches {
        let count = decisions[&(branch.playbook.as_str(), branch.step.as_str())];
        let found = |kind, text| Finding {
            kind,
            playbook: Some(branch.playbook.clone()),
            about: format!("{}: {}", branch.step, branch.branch),
            text,
        };
        if count >= DECISIONS && branch.taken == 0 && branch.recommended == 0 {
            all.push(found(
                "dead_branch",
                format!(
                    "\"{}\" of {} was neither taken nor recommended in {count} decisions",
                    branch.branch, branch.step
                ),
            ));
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = branch.overridden as f64 / branch.recommended.max(1) as f64;
        if branch.recommended >= REACHED && share >= OVERRIDDEN {
            all.push(found(
                "often_overridden",
                format!(
                    "\"{}\" of {} was recommended {} times, and {} times another one was taken",
                    branch.branch, branch.step, branch.recommended, branch.overridden
                ),
            ));
        }
    }
    all
}

fn overdue(catalog: &Catalog, now: DateTime<Utc>, only: Option<&str>) -> Vec<Finding> {
    let wanted = |id: &str| only.is_none_or(|only| only == id);
    let late = catalog.entries.iter().filter_map(|entry| {
        let playbook = &entry.playbook;
        if !wanted(&playbook.id) {
            return None;
        }
        let due = playbook.review_due()?;
        (due < now.date_naive()).then(|| Finding {
            kind: "review_overdue",
            playbook: Some(playbook.id.clone()),
            about: playbook.owner.clone(),
            text: format!(
                "\"{}\" was to be reviewed by {due}; {} owns it",
                playbook.name, playbook.owner
            ),
        })
    });
    late.collect()
}
