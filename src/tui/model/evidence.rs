//! Evidence on the whole screen: what is read, and where in it.

use serde_json::Value;

use super::{Model, Screen};
use crate::commands::Place;
use crate::incident::{Execution, Question, read_by};
use crate::playbook::{Run, Step, StepId, StepKind};

/// Where the responder reads.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Which piece of evidence.
    pub at: usize,
    /// Lines scrolled down.
    pub scroll: usize,
    /// Whether long lines are cut, and not broken.
    pub cut: bool,
    /// What is searched.
    pub search: String,
    /// The datapoint that is read, from the first; the last one unless chosen.
    pub cursor: Option<usize>,
    /// The selected pattern of messages.
    pub pattern: usize,
    /// Whether its messages are shown.
    pub samples: bool,
    /// The messages that were read on demand.
    pub tail: Tail,
}

/// Messages of a log group that were read on demand.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// Whose: the step, and the name of the run.
    pub of: Option<(StepId, String)>,
    /// The messages, the oldest first, each with its time in milliseconds.
    pub lines: Vec<(i64, String)>,
    /// Whether new ones are read as they come.
    pub following: bool,
    /// How reading them goes.
    pub status: String,
}

/// A piece of evidence: what one run of a step found.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The step.
    pub step: &'a Step,
    /// What ran.
    pub run: &'a Run,
    /// The item that it ran for, where there are several.
    pub item: &'a str,
    /// What it found.
    pub value: &'a Value,
}

impl Piece<'_> {
    /// The name under which the run's messages are kept.
    #[must_use]
    pub fn key(&self) -> (StepId, String) {
        (self.step.id.clone(), self.run.name.clone())
    }
}

/// What a step found, piece by piece.
fn of_step<'a>(execution: &'a Execution, step: &'a Step) -> Vec<Piece<'a>> {
    let StepKind::Automated(automated) = &step.kind else {
        return Vec::new();
    };
    let result = execution
        .latest_attempt(&step.id)
        .and_then(|attempt| attempt.end.as_ref());
    let Some(output) = result.and_then(|(result, _)| result.output.as_ref()) else {
        return Vec::new();
    };
    let own = |name: &str| automated.values.iter().any(|(own, _)| own == name);
    let items: Vec<(&str, &Value)> = if automated.for_each.is_some() {
        let all = output.as_object().into_iter().flatten();
        all.filter(|(name, value)| value.is_object() && !own(name))
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    } else {
        vec![("", output)]
    };
    let mut pieces = Vec::new();
    for (item, value) in items {
        for run in &automated.runs {
            let value = if run.name.is_empty() {
                value
            } else {
                &value[&run.name]
            };
            if !value.is_null() {
                pieces.push(Piece {
                    step,
                    run,
                    item,
                    value,
                });
            }
        }
    }
    pieces
}

impl Model {
    fn execution(&self) -> Option<&Execution> {
        self.incident.as_ref()?.state.execution()
    }

    /// The steps that read what the screen shows, and that can be read again: of the evidence on the
    /// screen, of the step that is read, of the decision that is open, or else the one that was read
    /// last.
    #[must_use]
    pub fn shown_steps(&self) -> Vec<StepId> {
        let Some(execution) = self.execution() else {
            return Vec::new();
        };
        if self.screen == Screen::Evidence {
            let piece = self.piece();
            return piece
                .map(|piece| piece.step.id.clone())
                .into_iter()
                .collect();
        }
        let reads = |id: &StepId| execution.playbook.step(&id.0).is_some_and(Step::reads);
        let chosen = self.tree_step.as_ref().filter(|_| self.tree);
        if let Some(id) = self.reading.as_ref().or(chosen) {
            return Some(id.clone()).filter(reads).into_iter().collect();
        }
        if let Some(Question::Decision { step, .. }) = self.question() {
            return read_by(execution, step);
        }
        let visits = execution.visits.iter().rev();
        let last = visits.map(|visit| &visit.step).find(|id| reads(id));
        last.cloned().into_iter().collect()
    }

    /// All evidence, in the playbook's order.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let Some(execution) = self.execution() else {
            return Vec::new();
        };
        let steps = execution.playbook.steps.iter();
        steps.flat_map(|step| of_step(execution, step)).collect()
    }

    /// The piece that is read.
    #[must_use]
    pub fn piece(&self) -> Option<Piece<'_>> {
        let pieces = self.pieces();
        let last = pieces.len().checked_sub(1)?;
        pieces.get(self.evidence.at.min(last)).copied()
    }

    /// Opens the evidence of the step that is read, of the current one, or the latest there is.
    pub fn open_evidence(&mut self) -> bool {
        let Some(execution) = self.execution() else {
            return false;
        };
        let visited = execution.visits.iter().rev().map(|visit| &visit.step);
        let wanted: Vec<&StepId> = self.reading.iter().chain(visited).collect();
        let pieces = self.pieces();
        let found = wanted
            .iter()
            .find_map(|step| pieces.iter().position(|piece| piece.step.id == **step));
        let Some(at) = found.or((!pieces.is_empty()).then_some(0)) else {
            return false;
        };
        self.evidence = Reading {
            at,
            tail: std::mem::take(&mut self.evidence.tail),
            ..Reading::default()
        };
        self.screen = Screen::Evidence;
        true
    }

    /// The width in which evidence is broken into lines, in columns: none where it is cut.
    #[must_use]
    pub fn evidence_width(&self) -> usize {
        if self.evidence.cut {
            usize::MAX
        } else {
            self.size.0.into()
        }
    }

    /// The places that belong to the kind of evidence that is read.
    pub(super) fn evidence_places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        if !self.evidence.search.is_empty() {
            places.push(Place::Searched);
        }
        match self.piece().map(|piece| piece.run.kind) {
            Some("metric") => places.push(Place::Chart),
            Some("logs") => places.push(Place::Logs),
            _ => {}
        }
        places.push(Place::Evidence);
        places
    }
}
