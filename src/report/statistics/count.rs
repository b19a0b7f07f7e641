//! Counting, event by event.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::findings::{Alarms, Problem};
use super::{Branches, Counted, Incidents, Statistics, Steps, Wanted, mean, median};
use crate::document::Source;
use crate::incident::{
    AlarmRef, AttemptId, EscalationId, Event, ExecutionStatus, IncidentStatus, Recorded, Verdict,
    VisitResult, Walked,
};
use crate::playbook::{Playbook, StepId, StepKind, Vocabulary, compile};
use crate::report::execution::seconds;
use crate::report::undone;

/// What was counted so far.
pub(super) struct Count {
    wanted: Wanted,
    vocabulary: Vocabulary,
    /// Playbooks by their hash: one is read once.
    known: HashMap<String, Option<Arc<Playbook>>>,
    all: Counted,
    by_playbook: BTreeMap<String, Counted>,
    by_rung: BTreeMap<u8, Counted>,
    incidents: Incidents,
    times: [Vec<f64>; 4],
    steps: BTreeMap<(String, String), Steps>,
    branches: BTreeMap<(String, String, String), Branches>,
    alarms: Alarms,
}

/// A walk while it is counted.
struct Walk {
    playbook: Arc<Playbook>,
    began: DateTime<Utc>,
    ended: Option<(ExecutionStatus, DateTime<Utc>)>,
    escalated: bool,
    healing: bool,
    arrived: HashMap<(StepId, u32), DateTime<Utc>>,
}

impl Count {
    pub fn new(wanted: Wanted, vocabulary: Vocabulary) -> Self {
        Self {
            wanted,
            vocabulary,
            known: HashMap::new(),
            all: Counted::default(),
            by_playbook: BTreeMap::new(),
            by_rung: BTreeMap::new(),
            incidents: Incidents::default(),
            times: Default::default(),
            steps: BTreeMap::new(),
            branches: BTreeMap::new(),
            alarms: Alarms::default(),
        }
    }

    /// Counts an incident.
    pub fn add(&mut self, events: &[Recorded]) {
        let Some((opened, rehearsal)) = events.iter().find_map(|one| match &one.event {
            Event::IncidentOpened { rehearsal, .. } => Some((one.at, rehearsal.is_some())),
            _ => None,
        }) else {
            return;
        };
        if rehearsal || self.wanted.since.is_some_and(|since| opened < since) {
            return;
        }
        let walked = |one: &Recorded| match &one.event {
            Event::ExecutionStarted { playbook, .. } => self.wants(playbook),
            _ => false,
        };
        if self.wanted.playbook.is_some() && !events.iter().any(walked) {
            return;
        }
        self.incident(events, opened);
        self.alarms.add(events);
        self.walks(events);
    }

    fn wants(&self, playbook: &str) -> bool {
        let wanted = self.wanted.playbook.as_deref();
        wanted.is_none_or(|wanted| wanted == playbook)
    }

    fn incident(&mut self, events: &[Recorded], opened: DateTime<Utc>) {
        self.incidents.total += 1;
        let alarm: Option<&AlarmRef> = events.iter().find_map(|one| match &one.event {
            Event::AlarmAttached { alarm } => Some(alarm),
            _ => None,
        });
        let since = alarm.and_then(|alarm| alarm.since);
        if let Some(since) = since.filter(|since| *since <= opened) {
            self.times[0].push(seconds(opened - since));
        }
        let reached = |status| {
            events.iter().find_map(|one| match &one.event {
                Event::StatusChanged { to, .. } if *to >= status => Some(one.at),
                _ => None,
            })
        };
        let statuses = [
            IncidentStatus::Acknowledged,
            IncidentStatus::Mitigated,
            IncidentStatus::Resolved,
        ];
        for (times, status) in self.times[1..].iter_mut().zip(statuses) {
            times.extend(reached(status).map(|at| seconds(at - opened)));
        }
        if reached(IncidentStatus::Closed).is_none() {
            self.incidents.unfinished += 1;
        }
    }

    fn walks(&mut self, events: &[Recorded]) {
        let mut walks: Vec<Walk> = Vec::new();
        let mut attempts: HashMap<AttemptId, DateTime<Utc>> = HashMap::new();
        let mut took: HashMap<AttemptId, f64> = HashMap::new();
        let mut raised: HashMap<EscalationId, usize> = HashMap::new();
        let undone = undone(events);
        for recorded in events {
            if undone.contains(&recorded.sequence) {
                continue;
            }
            let at = recorded.at;
            match &recorded.event {
                Event::ExecutionStarted {
                    hash,
                    name,
                    text,
                    others,
                    healing,
                    ..
                } => {
                    let Some(playbook) = self.read(hash, (name, text), others) else {
                        continue;
                    };
                    walks.push(Walk {
                        playbook,
                        began: at,
                        ended: None,
                        escalated: false,
                        healing: healing.is_some(),
                        arrived: HashMap::new(),
                    });
                }
                Event::AttemptStarted { attempt, .. } => drop(attempts.insert(*attempt, at)),
                Event::AttemptEnded { attempt, .. } => {
                    if let Some(began) = attempts.get(attempt) {
                        took.insert(*attempt, seconds(at - *began));
                    }
                }
                Event::StepArrived { step, visit } => {
                    if let Some(walk) = walk_of(&mut walks, step) {
                        walk.arrived.insert((step.clone(), *visit), at);
                        let playbook = walk.playbook.clone();
                        self.arrived(&playbook, step);
                    }
                }
                Event::StepEnded {
                    step,
                    visit,
                    result,
                } => {
                    if let Some(walk) = walk_of(&mut walks, step) {
                        let here = walk.arrived.get(&(step.clone(), *visit));
                        let here = here.map(|arrived| seconds(at - *arrived));
                        let playbook = walk.playbook.clone();
                        self.left(&playbook, step, result, (here, &took));
                    }
                }
                Event::BranchTaken {
                    step,
                    branch,
                    recommended,
                    ..
                } => {
                    if let Some(walk) = walk_of(&mut walks, step) {
                        let playbook = walk.playbook.clone();
                        self.decided(&playbook, step, branch, recommended);
                    }
                }
                // A walk that had ended on the way that was undone goes on.
                Event::BranchUndone { step, .. } => {
                    let mut all = walks.iter_mut().rev();
                    if let Some(walk) = all.find(|walk| walk.playbook.step(&step.0).is_some()) {
                        walk.ended = None;
                    }
                }
                Event::EscalationRaised { escalation, .. } => {
                    let going = walks.iter().rposition(|walk| walk.ended.is_none());
                    if let Some(place) = going.or(walks.len().checked_sub(1)) {
                        raised.insert(*escalation, place);
                    }
                }
                Event::EscalationApproved { escalation, .. } => {
                    if let Some(place) = raised.get(escalation) {
                        walks[*place].escalated = true;
                    }
                }
                Event::ExecutionEnded { status, .. } => {
                    // A healing ends before the walk that it stands upon.
                    let walk = walks.iter_mut().rev().find(|walk| walk.ended.is_none());
                    if let Some(walk) = walk {
                        walk.ended = Some((*status, at));
                    }
                }
                _ => {}
            }
        }
        for walk in walks {
            if self.wants(&walk.playbook.id) {
                self.walk(&walk);
            }
        }
    }

    fn read(
        &mut self,
        hash: &str,
        (name, text): (&str, &str),
        others: &[Walked],
    ) -> Option<Arc<Playbook>> {
        // What it walks on the way belongs to it.
        let mut key = hash.to_owned();
        for one in others {
            key.push_str(&crate::document::sha256(&one.text));
        }
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let others: Vec<Source> = others
            .iter()
            .map(|one| Source::new(one.name.as_str(), one.text.as_str()))
            .collect();
        let compiled = compile(&Source::new(name, text), &others, &self.vocabulary);
        let playbook = compiled.playbook.map(Arc::new);
        self.known.insert(key, playbook.clone());
        playbook
    }

    fn walk(&mut self, walk: &Walk) {
        let rung = walk.playbook.rung;
        count(self.by_rung.entry(rung).or_default(), walk);
        if walk.healing {
            return;
        }
        count(&mut self.all, walk);
        let own = self.by_playbook.entry(walk.playbook.id.clone());
        count(own.or_default(), walk);
    }

    fn step(&mut self, playbook: &Playbook, step: &StepId) -> Option<&mut Steps> {
        if !self.wants(&playbook.id) {
            return None;
        }
        let known = playbook.step(&step.0)?;
        let key = (playbook.id.clone(), step.to_string());
        Some(self.steps.entry(key).or_insert_with(|| Steps {
            playbook: playbook.id.clone(),
            step: step.to_string(),
            title: known.title.clone(),
            kind: match known.kind {
                StepKind::Automated(_) => "automated",
                StepKind::Manual(_) => "manual",
                StepKind::Decision(_) => "decision",
                StepKind::Outcome(_) => "outcome",
                StepKind::Playbook(_) => "playbook",
            },
            reached: 0,
            prefetched_in_time: 0,
            failed: 0,
            skipped: 0,
            median_duration: None,
            estimate: known.estimate.map(|estimate| estimate.as_secs_f64()),
            durations: Vec::new(),
        }))
    }

    fn arrived(&mut self, playbook: &Playbook, step: &StepId) {
        if let Some(counted) = self.step(playbook, step) {
            counted.reached += 1;
        }
    }

    fn left(
        &mut self,
        playbook: &Playbook,
        step: &StepId,
        result: &VisitResult,
        (here, took): (Option<f64>, &HashMap<AttemptId, f64>),
    ) {
        let Some(counted) = self.step(playbook, step) else {
            return;
        };
        match result {
            VisitResult::Succeeded {
                attempt,
                prefetched,
            } => {
                counted.prefetched_in_time += usize::from(*prefetched);
                counted.durations.extend(took.get(attempt).copied());
            }
            VisitResult::Failed { .. } => counted.failed += 1,
            VisitResult::Confirmed { verdict } => {
                match verdict {
                    Verdict::Failed => counted.failed += 1,
                    Verdict::Skipped => counted.skipped += 1,
                    Verdict::Done => {}
                }
                // Of what was not done nobody knows how long it takes.
                counted
                    .durations
                    .extend(here.filter(|_| *verdict != Verdict::Skipped));
            }
            VisitResult::Branched { .. } => counted.durations.extend(here),
            VisitResult::Outcome { .. } => {}
        }
    }

    fn decided(&mut self, playbook: &Playbook, step: &StepId, taken: &str, recommended: &str) {
        if !self.wants(&playbook.id) {
            return;
        }
        let Some(StepKind::Decision(decision)) = playbook.step(&step.0).map(|known| &known.kind)
        else {
            return;
        };
        for branch in &decision.branches {
            let key = (playbook.id.clone(), step.to_string(), branch.label.clone());
            let counted = self.branches.entry(key).or_insert_with(|| Branches {
                playbook: playbook.id.clone(),
                step: step.to_string(),
                branch: branch.label.clone(),
                taken: 0,
                recommended: 0,
                overridden: 0,
            });
            counted.taken += usize::from(branch.label == taken);
            counted.recommended += usize::from(branch.label == recommended);
            counted.overridden += usize::from(branch.label == recommended && taken != recommended);
        }
    }

    pub fn finish(mut self) -> Statistics {
        for counted in std::iter::once(&mut self.all)
            .chain(self.by_playbook.values_mut())
            .chain(self.by_rung.values_mut())
        {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let rate = || counted.completed as f64 * 100.0 / counted.ended as f64;
            counted.success_rate = (counted.ended > 0).then(rate);
            counted.average_duration = mean(&counted.durations);
        }
        let [detect, acknowledge, mitigate, resolve] = &self.times;
        let incidents = Incidents {
            mean_time_to_detect: mean(detect),
            mean_time_to_acknowledge: mean(acknowledge),
            mean_time_to_mitigate: mean(mitigate),
            mean_time_to_resolve: mean(resolve),
            ..self.incidents
        };
        let steps = self.steps.into_values().map(|step| Steps {
            median_duration: median(&step.durations),
            ..step
        });
        let seen = self.alarms.seen();
        let problems: Vec<Problem> = self.alarms.problems();
        Statistics {
            since: self.wanted.since,
            playbooks: 0,
            executions: self.all,
            by_playbook: self.by_playbook,
            incidents,
            steps: steps.collect(),
            branches: self.branches.into_values().collect(),
            by_rung: self.by_rung,
            findings: Vec::new(),
            problems,
            seen,
            only: self.wanted.playbook,
        }
    }
}

fn count(counted: &mut Counted, walk: &Walk) {
    counted.executions += 1;
    let status = walk.ended.map(|(status, _)| status);
    let up = status == Some(ExecutionStatus::Escalated);
    counted.escalated += usize::from(walk.escalated || up);
    match status {
        None => counted.active += 1,
        Some(ExecutionStatus::Completed) => counted.completed += 1,
        Some(ExecutionStatus::Failed) => counted.failed += 1,
        Some(_) => {}
    }
    if let Some((_, at)) = walk.ended {
        counted.ended += 1;
        counted.durations.push(seconds(at - walk.began));
    }
}

/// The walk that a step belongs to: of those that go on, the one that began last and has it.
fn walk_of<'a>(walks: &'a mut [Walk], step: &StepId) -> Option<&'a mut Walk> {
    walks
        .iter_mut()
        .rev()
        .find(|walk| walk.ended.is_none() && walk.playbook.step(&step.0).is_some())
}
