//! Playbooks that walk other playbooks: put together into one graph before the walk begins.
//!
//! The steps of a playbook that is walked on the way stand among the walk's own, with the id of
//! the step that leads there before theirs; its outcomes become edges back. What they read is
//! told by their [`Frame`].

use std::collections::HashMap;

use super::model::{Call, Frame, OnFailure, Outcome, Playbook, Step, StepId, StepKind};
use super::parse::{self, Compiled};
use super::{InputSource, Vocabulary};
use crate::document::{Level, Located, Problem, Source, nearest, sha256};

/// How deep playbooks may walk one another.
const DEEPEST: usize = 4;
/// Problems beyond these are of the same kind.
const MOST_PROBLEMS: usize = 20;
/// More steps than this are nobody's tree, wherever they come from.
const MOST_STEPS: usize = 1000;

/// Reads format 1. `others` holds the texts of the playbooks that this one may walk on the way.
#[must_use]
pub fn compile(source: &Source, others: &[Source], vocabulary: &Vocabulary) -> Compiled {
    let compiled = parse::compile(source, vocabulary);
    if compiled.calls.is_empty() {
        return compiled;
    }
    let known: Vec<Compiled> = others
        .iter()
        .map(|other| parse::compile(other, vocabulary))
        .collect();
    let known: Vec<&Compiled> = known.iter().collect();
    link(compiled, &known)
}

/// Puts the playbooks in that one walks on the way.
pub(super) fn link(mut compiled: Compiled, known: &[&Compiled]) -> Compiled {
    if compiled.calls.is_empty() {
        return compiled;
    }
    let Some(root) = compiled.playbook.take() else {
        return compiled;
    };
    let mut linker = Linker {
        known,
        steps: Vec::new(),
        frames: Vec::new(),
        moved: HashMap::new(),
        problems: Vec::new(),
        calls: &compiled.calls,
        walked: Vec::new(),
        too_many: false,
    };
    let own = root.frames.first().cloned().unwrap_or_default();
    linker.embed(&root, own, None, &mut vec![root.id.clone()], None);
    let Linker {
        steps,
        frames,
        moved,
        problems,
        mut walked,
        ..
    } = linker;
    compiled.problems.extend(problems);
    if !compiled
        .problems
        .iter()
        .any(|one| one.level == Level::Error)
    {
        let mut playbook = Playbook {
            start: lead(&moved, &root.start),
            steps,
            frames,
            ..root
        };
        for step in &mut playbook.steps {
            step.retarget(&|id| lead(&moved, id));
        }
        walked.sort();
        walked.dedup();
        playbook.hash = sha256(&format!("{}{}", playbook.hash, walked.concat()));
        compiled.playbook = Some(playbook);
    }
    compiled
}

struct Linker<'a> {
    known: &'a [&'a Compiled],
    steps: Vec<Step>,
    frames: Vec<Frame>,
    /// Steps that are gone, and what stands in their place.
    moved: HashMap<StepId, StepId>,
    problems: Vec<Problem>,
    calls: &'a [(StepId, Located<String>)],
    /// The hashes of the texts that were put in.
    walked: Vec<String>,
    /// Whether there are more steps than [`MOST_STEPS`], or problems than [`MOST_PROBLEMS`]; then
    /// no more are put in.
    too_many: bool,
}

impl Linker<'_> {
    /// Puts a playbook's steps in. `back` says where its outcomes lead; `place` is where the walk's
    /// own text names it.
    fn embed(
        &mut self,
        playbook: &Playbook,
        frame: Frame,
        back: Option<&Call>,
        stack: &mut Vec<String>,
        place: Option<&Located<String>>,
    ) {
        let number = self.frames.len();
        let prefix = frame.prefix.clone();
        self.frames.push(frame);
        let named = |id: &StepId| StepId::from(format!("{prefix}{id}").as_str());
        for step in &playbook.steps {
            // Counted as they come: five small playbooks could make a million of them.
            if self.too_many {
                return;
            }
            match &step.kind {
                StepKind::Playbook(call) => {
                    let mut call = call.clone();
                    for (_, next) in &mut call.on {
                        *next = named(next);
                    }
                    call.next = call.next.as_ref().map(named);
                    let own = || self.calls.iter().find(|(id, _)| *id == step.id);
                    let place = place.or_else(|| own().map(|(_, place)| place)).cloned();
                    self.enter(step, &call, &named(&step.id), number, stack, place.as_ref());
                }
                StepKind::Outcome(outcome) if back.is_some() => {
                    let to = back.and_then(|call| leads_to(call, *outcome));
                    match to {
                        Some(to) => drop(self.moved.insert(named(&step.id), to)),
                        None => self.problem(
                            place,
                            format!(
                                "playbook \"{}\" can end as `{}`, and nothing says where that leads",
                                playbook.id,
                                outcome.name()
                            ),
                            "name it in `on`, or give a `next` for all others",
                        ),
                    }
                }
                _ => {
                    let mut step = step.clone();
                    step.id = named(&step.id);
                    step.frame = number;
                    step.retarget(&named);
                    self.steps.push(step);
                }
            }
        }
        if !self.too_many && self.steps.len() + self.frames.len() + self.moved.len() > MOST_STEPS {
            self.too_many = true;
            self.problem(
                place,
                format!("together these playbooks have more than {MOST_STEPS} steps"),
                "hand over with an outcome instead",
            );
        }
    }

    fn enter(
        &mut self,
        step: &Step,
        call: &Call,
        id: &StepId,
        parent: usize,
        stack: &mut Vec<String>,
        place: Option<&Located<String>>,
    ) {
        if stack.contains(&call.playbook) || stack.len() > DEEPEST {
            let message = format!(
                "the playbooks walk one another: {} → {}",
                stack.join(" → "),
                call.playbook
            );
            return self.problem(place, message, "hand over with an outcome instead");
        }
        let named = |one: &&&Compiled| one.id.as_deref() == Some(&call.playbook);
        let Some(found) = self.known.iter().find(named) else {
            let ids = self.known.iter().filter_map(|one| one.id.as_deref());
            let help = nearest(&call.playbook, ids).map_or_else(
                || "put its file beside this one, or into a folder that is searched".to_owned(),
                |id| format!("did you mean \"{id}\"?"),
            );
            return self.problem(
                place,
                format!("there is no playbook \"{}\"", call.playbook),
                &help,
            );
        };
        let Some(playbook) = &found.playbook else {
            return self.problem(
                place,
                format!("playbook \"{}\" cannot be used", call.playbook),
                "`standdown check` says what is wrong with it",
            );
        };
        for (name, _) in &call.with {
            if playbook.input(name).is_none() {
                let inputs = playbook.inputs.iter().map(|input| input.name.as_str());
                let help = nearest(name, inputs.clone()).map_or_else(
                    || format!("it has: {}", inputs.collect::<Vec<_>>().join(", ")),
                    |known| format!("did you mean `{known}`?"),
                );
                self.problem(
                    place,
                    format!("playbook \"{}\" has no input `{name}`", playbook.id),
                    &help,
                );
            }
        }
        for input in &playbook.inputs {
            let given = call.with.iter().any(|(name, _)| *name == input.name);
            let known = input.default.is_some()
                || input
                    .from
                    .iter()
                    .any(|source| matches!(source, InputSource::Expression(_)));
            if !given && !known {
                self.problem(
                    place,
                    format!("playbook \"{}\" needs `{}`", playbook.id, input.name),
                    &format!("hand it over: with = {{ {} = … }}", input.name),
                );
            }
        }
        let prefix = format!("{id}/");
        self.moved.insert(
            id.clone(),
            StepId::from(format!("{prefix}{}", playbook.start).as_str()),
        );
        self.walked.push(playbook.hash.clone());
        let own = playbook.frames.first().cloned().unwrap_or_default();
        let frame = Frame {
            title: step.title.clone(),
            prefix,
            parent,
            with: call.with.clone(),
            ..own
        };
        stack.push(call.playbook.clone());
        self.embed(playbook, frame, Some(call), stack, place);
        stack.pop();
    }

    fn problem(&mut self, place: Option<&Located<String>>, message: String, help: &str) {
        let mut problem = Problem::error(message).help(help);
        if let Some(place) = place {
            problem = problem.at(place.span.clone());
        }
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        self.too_many |= self.problems.len() >= MOST_PROBLEMS;
    }
}

fn leads_to(call: &Call, outcome: Outcome) -> Option<StepId> {
    call.on
        .iter()
        .find(|(known, _)| *known == outcome)
        .map(|(_, to)| to)
        .or(call.next.as_ref())
        .cloned()
}

/// Where an id leads once steps that are gone have been passed.
fn lead(moved: &HashMap<StepId, StepId>, id: &StepId) -> StepId {
    let mut id = id;
    // Each step can be passed once: a playbook that begins with its outcome leads on from there.
    for _ in 0..=moved.len() {
        match moved.get(id) {
            Some(to) => id = to,
            None => break,
        }
    }
    id.clone()
}

impl Step {
    /// Leads every edge out of it somewhere else.
    fn retarget(&mut self, to: &impl Fn(&StepId) -> StepId) {
        if let OnFailure::Step(id) = &mut self.on_failure {
            *id = to(id);
        }
        match &mut self.kind {
            StepKind::Automated(automated) => automated.next = to(&automated.next),
            StepKind::Manual(manual) => {
                manual.next = to(&manual.next);
                manual.verified_by = manual.verified_by.as_ref().map(to);
            }
            StepKind::Decision(decision) => {
                for branch in &mut decision.branches {
                    branch.next = to(&branch.next);
                }
            }
            StepKind::Outcome(_) | StepKind::Playbook(_) => {}
        }
    }
}
