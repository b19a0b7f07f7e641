//! The tree as a graph: what can follow what.

use std::collections::{HashMap, HashSet, VecDeque};

use super::model::{OnFailure, Playbook, Step, StepId, StepKind};
use super::parse::Draft;
use crate::document::Problem;

impl Step {
    /// Lists the steps that can follow this one, the usual one first.
    #[must_use]
    pub fn successors(&self) -> Vec<&StepId> {
        let mut all: Vec<&StepId> = match &self.kind {
            StepKind::Automated(automated) => vec![&automated.next],
            StepKind::Manual(manual) => vec![&manual.next],
            StepKind::Decision(decision) => decision
                .branches
                .iter()
                .map(|branch| &branch.next)
                .collect(),
            StepKind::Playbook(call) => call
                .on
                .iter()
                .map(|(_, next)| next)
                .chain(&call.next)
                .collect(),
            StepKind::Outcome(_) => return Vec::new(),
        };
        if let OnFailure::Step(id) = &self.on_failure {
            all.push(id);
        }
        let mut seen = HashSet::new();
        all.retain(|id| seen.insert(*id));
        all
    }

    /// Tells whether a person stands at this step.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self.kind, StepKind::Manual(_) | StepKind::Decision(_))
    }
}

impl Playbook {
    /// Lists the steps that can be reached from one without passing more than `decisions`
    /// decisions, nearest first, itself included.
    #[must_use]
    pub fn within(&self, from: &StepId, decisions: usize) -> Vec<&Step> {
        let mut best: HashMap<&StepId, usize> = HashMap::new();
        let mut order = Vec::new();
        let mut queue = VecDeque::from([(from, 0_usize)]);
        while let Some((id, passed)) = queue.pop_front() {
            let Some(step) = self.step(&id.0) else {
                continue;
            };
            match best.get(&step.id) {
                Some(before) if *before <= passed => continue,
                Some(_) => {}
                None => order.push(step),
            }
            best.insert(&step.id, passed);
            let passed = passed + usize::from(matches!(step.kind, StepKind::Decision(_)));
            if passed <= decisions {
                queue.extend(step.successors().into_iter().map(|next| (next, passed)));
            }
        }
        order
    }
}

pub(super) fn check(playbook: &Playbook, draft: &Draft<'_>) {
    if playbook.step(&playbook.start.0).is_none() {
        return; // reported as a dangling name; nothing is reachable from nowhere
    }
    let places = draft.ids.borrow();
    let place = |id: &StepId| {
        places
            .iter()
            .find(|(other, _)| other == id)
            .map_or(0..0, |(_, span)| span.clone())
    };
    let reachable: HashSet<&StepId> = playbook
        .within(&playbook.start, usize::MAX - 1)
        .into_iter()
        .map(|step| &step.id)
        .collect();
    let finishing = finishing(playbook);
    for step in &playbook.steps {
        if !reachable.contains(&step.id) {
            draft.problems.push(
                Problem::error(format!("nothing leads to step \"{}\"", step.id))
                    .at(place(&step.id))
                    .help("lead a step to it, or remove it"),
            );
        } else if !finishing.contains(&step.id)
            && step
                .successors()
                .iter()
                .all(|next| playbook.step(&next.0).is_some())
        {
            draft.problems.push(
                Problem::error(format!(
                    "no path from step \"{}\" ends in an outcome",
                    step.id
                ))
                .at(place(&step.id))
                .help("lead it to a step of kind `outcome`; a cycle needs a way out"),
            );
        }
    }
    for cycle in unattended_cycles(playbook) {
        let names: Vec<&str> = cycle.iter().map(|id| &*id.0).collect();
        draft.problems.push(
            Problem::error(format!(
                "these steps run in a cycle without asking anybody: {}",
                names.join(" → ")
            ))
            .at(cycle.first().map_or(0..0, |id| place(id)))
            .help(
                "an edge back runs only through a decision or a manual step; use `until` to wait",
            ),
        );
    }
}

/// The steps from which an outcome can be reached.
fn finishing(playbook: &Playbook) -> HashSet<&StepId> {
    let mut finishing: HashSet<&StepId> = HashSet::new();
    loop {
        let before = finishing.len();
        for step in &playbook.steps {
            let ends = matches!(step.kind, StepKind::Outcome(_));
            if ends
                || step
                    .successors()
                    .iter()
                    .any(|next| finishing.contains(next))
            {
                finishing.insert(&step.id);
            }
        }
        if finishing.len() == before {
            return finishing;
        }
    }
}

/// Cycles made of automated steps alone, each once, starting with its first step as written.
fn unattended_cycles(playbook: &Playbook) -> Vec<Vec<&StepId>> {
    let mut cycles = Vec::new();
    let mut reported: HashSet<&StepId> = HashSet::new();
    for start in playbook.steps.iter().filter(|step| !step.asks()) {
        if reported.contains(&start.id) {
            continue;
        }
        let mut from: HashMap<&StepId, &StepId> = HashMap::new();
        let mut queue = VecDeque::from([&start.id]);
        while let Some(id) = queue.pop_front() {
            let Some(step) = playbook.step(&id.0).filter(|step| !step.asks()) else {
                continue;
            };
            for next in step.successors() {
                if *next == start.id {
                    let mut path = vec![&step.id];
                    while let Some(before) = path.last().and_then(|id| from.get(*id)) {
                        path.push(before);
                    }
                    path.reverse();
                    if path.first() != Some(&&start.id) {
                        path.insert(0, &start.id);
                    }
                    path.dedup();
                    reported.extend(path.iter().copied());
                    path.push(&start.id);
                    cycles.push(path);
                    queue.clear();
                    break;
                }
                if *next != start.id && !from.contains_key(next) {
                    from.insert(next, &step.id);
                    queue.push_back(next);
                }
            }
        }
    }
    cycles
}
