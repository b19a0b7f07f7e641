//! The walk: from step to step, as the playbook and the responder say.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Draft, attempts, escalation};
use crate::document::Source;
use crate::expression::to_json;
use crate::incident::question::{branches, undoable};
use crate::incident::{
    AttemptId, AttemptOrigin, AttemptResult, AttemptStatus, Event, ExecutionId, ExecutionStatus,
    HealingRun, IncidentStatus, Proposed, Refusal, Verdict, VisitResult, Walked, can_be_asked_anew,
    has_not_started, scope, stands,
};
use crate::playbook::{
    Input, InputSource, Manual, OnFailure, Outcome, Playbook, Step, StepId, StepKind, compile,
};

pub(super) fn start(
    draft: &mut Draft<'_>,
    (name, text): (String, String),
    others: Vec<Walked>,
    (trusted, unattended): (bool, bool),
    healing: Option<Box<HealingRun>>,
) -> Result<(), Refusal> {
    // A healing begins in between; one at a time.
    let walking = draft.state.walking();
    if walking.is_some_and(|walk| healing.is_none() || walk.healing.is_some()) {
        return Err(Refusal::Walking);
    }
    let compiled = compile(
        &Source::new(name.as_str(), text.as_str()),
        &Walked::sources(&others),
        &draft.state.vocabulary,
    );
    let Some(playbook) = compiled.playbook else {
        return Err(Refusal::Playbook(compiled.id.unwrap_or(name)));
    };
    let execution = ExecutionId(draft.id());
    draft.emit(Event::ExecutionStarted {
        execution,
        playbook: playbook.id.clone(),
        hash: playbook.hash.clone(),
        name,
        text,
        others,
        unattended,
        trusted,
        healing,
    });
    resolve_inputs(draft, &playbook)?;
    begin_when_ready(draft);
    Ok(())
}

/// Puts a healing before the responder, once for each time that an alarm fires, and not again
/// while it waits there.
pub(super) fn propose(draft: &mut Draft<'_>, run: HealingRun, rule: Proposed) {
    if !draft.state.has_dealt_with(&run) {
        draft.emit(Event::HealingProposed { run, rule });
    }
}

/// Takes a healing back that waits for the responder: what set it off holds no longer. It may be
/// proposed again.
pub(super) fn lapse(draft: &mut Draft<'_>, run: HealingRun, reason: String) {
    if draft.state.waiting().any(|one| one.run.is_same(&run)) {
        draft.emit(Event::HealingLapsed {
            run,
            reason,
            again: true,
        });
    }
}

/// Once a playbook has come to its outcome, or the incident is mitigated, nothing is proposed that
/// was before.
pub(super) fn lapse_after_the_end(draft: &mut Draft<'_>) {
    let reason = draft.events.iter().find_map(|event| match event {
        Event::ExecutionEnded {
            status: ExecutionStatus::Completed,
            ..
        } if draft.state.walking().is_none() => {
            let last = draft.state.execution()?;
            let playbook = last.healing.is_none();
            playbook.then(|| format!("the playbook {} ended", last.playbook.id))
        }
        Event::StatusChanged { to, .. } if *to >= IncidentStatus::Mitigated => {
            Some(format!("the incident is {}", to.name()))
        }
        _ => None,
    });
    let Some(reason) = reason else {
        return;
    };
    let waiting: Vec<HealingRun> = draft.state.waiting().map(|one| one.run.clone()).collect();
    for run in waiting {
        draft.emit(Event::HealingLapsed {
            run,
            reason: reason.clone(),
            again: false,
        });
    }
}

/// Walks the healing that was put before the responder.
pub(super) fn accept(draft: &mut Draft<'_>, rule: &str, resource: &str) -> Result<(), Refusal> {
    let waiting = draft.state.proposed().cloned();
    let waiting = waiting.filter(|one| one.run.rule == rule && one.run.resource == resource);
    let Some((run, rule)) = waiting.and_then(|one| Some((one.run, one.rule?))) else {
        return Err(Refusal::NoHealing);
    };
    let trust = (rule.trusted, false);
    start(
        draft,
        (rule.name, rule.text),
        Vec::new(),
        trust,
        Some(Box::new(run)),
    )
}

/// Takes each input from the first source that has a value for it; what only the responder
/// knows stays open.
fn resolve_inputs(draft: &mut Draft<'_>, playbook: &Playbook) -> Result<(), Refusal> {
    let scope = scope(&draft.state, draft.stamp.at);
    for input in &playbook.inputs {
        let found = input.from.iter().find_map(|source| match source {
            InputSource::Expression(expression) => {
                let value = to_json(&expression.evaluate(&scope).ok()?);
                // A value of the wrong shape is no value: the next source is asked.
                Some((input.accept(&value).ok()?, expression.source().to_owned()))
            }
            InputSource::Ask => None,
        });
        let found = found.or_else(|| {
            let default = input.default.clone().filter(|_| !input.may_ask())?;
            Some((default, "default".to_owned()))
        });
        match found {
            Some((value, from)) => {
                draft.emit(Event::InputProvided {
                    name: input.name.clone(),
                    value,
                    from,
                });
            }
            None if input.may_ask() => {}
            None => return Err(Refusal::MissingInput(input.name.clone())),
        }
    }
    Ok(())
}

pub(super) fn provide_input(
    draft: &mut Draft<'_>,
    name: String,
    text: &str,
) -> Result<(), Refusal> {
    let execution = draft.walking()?;
    let input: Input = execution
        .missing_input()
        .filter(|input| input.name == name)
        .cloned()
        .ok_or_else(|| Refusal::UnknownInput(name.clone()))?;
    let (value, from) = match (&input.default, text.trim().is_empty()) {
        (Some(default), true) => (default.clone(), "default"),
        _ => (input.parse(text)?, "ask"),
    };
    draft.emit(Event::InputProvided {
        name,
        value,
        from: from.into(),
    });
    begin_when_ready(draft);
    Ok(())
}

/// A responder is there: the walk begins, with what ran ahead of them.
pub(super) fn attend(draft: &mut Draft<'_>) {
    if draft.state.walking().is_some_and(|walk| walk.unattended) {
        draft.emit(Event::ExecutionAttended);
        begin_when_ready(draft);
    }
}

fn begin_when_ready(draft: &mut Draft<'_>) {
    let Some(execution) = draft.state.walking().filter(|walk| !walk.unattended) else {
        return;
    };
    if execution.missing_input().is_none() && execution.visits.is_empty() {
        let first = execution.playbook.start.clone();
        arrive(draft, &first);
    }
}

/// Comes to a step, and passes through every step that needs nobody.
pub(super) fn arrive(draft: &mut Draft<'_>, step: &StepId) {
    let Some(execution) = draft.state.walking() else {
        return;
    };
    let visit = execution.visits_of(step) + 1;
    let kind = execution
        .playbook
        .step(&step.0)
        .map(|step| step.kind.clone());
    draft.emit(Event::StepArrived {
        step: step.clone(),
        visit,
    });
    match kind {
        Some(StepKind::Automated(_)) => attempts::arrived(draft, step, visit),
        Some(StepKind::Outcome(outcome)) => {
            if outcome == Outcome::Escalated {
                escalation::outcome(draft);
            }
            // A question whether to escalate is answered before anything is called resolved.
            let stands = draft.state.pending_escalation().is_some();
            if !stands || matches!(outcome, Outcome::Escalated | Outcome::Stop) {
                conclude(draft, step, visit, outcome);
            }
        }
        Some(StepKind::Manual(_) | StepKind::Decision(_) | StepKind::Playbook(_)) | None => {}
    }
}

/// Ends the walk at the outcome where the responder stands, once no escalation waits for an answer.
pub(super) fn conclude_here(draft: &mut Draft<'_>) {
    if draft.state.pending_escalation().is_some() {
        return;
    }
    let here = draft.state.walking().and_then(|walk| {
        let visit = walk.current()?;
        match walk.playbook.step(&visit.step.0)?.kind {
            StepKind::Outcome(outcome) => Some((visit.step.clone(), visit.number, outcome)),
            _ => None,
        }
    });
    if let Some((step, visit, outcome)) = here {
        conclude(draft, &step, visit, outcome);
    }
}

fn conclude(draft: &mut Draft<'_>, step: &StepId, visit: u32, outcome: Outcome) {
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Outcome { outcome },
    });
    let status = match outcome {
        Outcome::Resolved | Outcome::Mitigated | Outcome::HandedOff => ExecutionStatus::Completed,
        Outcome::Escalated => ExecutionStatus::Escalated,
        Outcome::Stop => ExecutionStatus::Failed,
    };
    end(
        draft,
        Event::ExecutionEnded {
            status,
            outcome: Some(outcome),
            reason: None,
        },
    );
}

/// Ends the walk. What still reads for it is stopped; a change goes on at AWS, and is followed to
/// its end.
fn end(draft: &mut Draft<'_>, ended: Event) {
    let reading: Vec<AttemptId> = draft
        .state
        .walking()
        .into_iter()
        .flat_map(crate::incident::Execution::running)
        .filter(|attempt| attempt.intent.is_none())
        .map(|attempt| attempt.id)
        .collect();
    draft.emit(ended);
    for attempt in reading {
        let result = AttemptResult::ended(AttemptStatus::Cancelled, "the walk ended", None);
        draft.emit(Event::AttemptEnded { attempt, result });
    }
}

/// Does what the playbook says follows a failure.
pub(super) fn fail(draft: &mut Draft<'_>, step: &StepId, error: &str) {
    let Some(failed) = draft
        .state
        .walking()
        .and_then(|execution| execution.playbook.step(&step.0))
        .cloned()
    else {
        return;
    };
    let next = match &failed.kind {
        StepKind::Automated(automated) => Some(&automated.next),
        StepKind::Manual(manual) => Some(&manual.next),
        // A decision's branches are the responder's alone.
        StepKind::Decision(_) | StepKind::Outcome(_) | StepKind::Playbook(_) => None,
    };
    let (to, escalates) = match (&failed.on_failure, next) {
        (OnFailure::Step(id), _) => (Some(id), false),
        (OnFailure::Continue, next) => (next, false),
        (OnFailure::Escalate, next) => (next, true),
        (OnFailure::Stop, _) => (None, false),
    };
    if escalates {
        escalation::step_failed(draft, step, error);
    }
    match to {
        Some(to) if may_visit(draft, to).is_ok() => arrive(draft, to),
        Some(to) => {
            // The way on is used up, and nobody stands here who could take another.
            let reason =
                format!("step {step} failed, and step {to} has been visited as often as it may be");
            escalation::step_failed(draft, step, &reason);
            end(
                draft,
                Event::ExecutionEnded {
                    status: ExecutionStatus::Failed,
                    outcome: None,
                    reason: Some(reason),
                },
            );
        }
        None => {
            let reason = Some(format!("step {step} failed: {error}"));
            end(
                draft,
                Event::ExecutionEnded {
                    status: ExecutionStatus::Failed,
                    outcome: None,
                    reason,
                },
            );
        }
    }
}

/// Returns the step if the responder stands at this very visit of it.
fn current(draft: &Draft<'_>, step: &StepId, visit: u32) -> Result<Step, Refusal> {
    let execution = draft.walking()?;
    execution
        .current()
        .filter(|current| current.step == *step && current.number == visit)
        .and_then(|current| execution.playbook.step(&current.step.0))
        .cloned()
        .ok_or_else(|| Refusal::NotCurrent(step.clone()))
}

/// Refuses a way whose first step has been visited as often as it may be.
fn may_visit(draft: &Draft<'_>, id: &StepId) -> Result<(), Refusal> {
    let execution = draft.walking()?;
    let visits = execution.visits_of(id);
    match execution.playbook.step(&id.0) {
        Some(step) if visits >= step.max_visits => Err(Refusal::VisitsUsedUp {
            step: id.clone(),
            visits,
        }),
        _ => Ok(()),
    }
}

pub(super) fn confirm(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    verdict: Verdict,
    note: Option<String>,
    answers: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let at = current(draft, step, visit)?;
    // What became of a change is open; the responder has looked.
    let open = draft.walking().is_ok_and(|execution| {
        let free = execution.approval.is_none() && execution.survey.is_none();
        let said = |verdict| verdict == Verdict::Failed || !has_not_started(execution, step);
        let asked = can_be_asked_anew(execution, step) && said(verdict);
        free && (asked || stands(execution).is_some())
    });
    let next = match (&at.kind, verdict) {
        (StepKind::Manual(manual), Verdict::Done | Verdict::Skipped) => Some(&manual.next),
        (StepKind::Automated(automated), _) if open => match (verdict, &at.on_failure) {
            (Verdict::Failed, OnFailure::Step(id)) => Some(id),
            (Verdict::Failed, _) => None,
            _ => Some(&automated.next),
        },
        (StepKind::Manual(_) | StepKind::Decision(_), Verdict::Failed) => match &at.on_failure {
            OnFailure::Step(id) => Some(id),
            _ => None,
        },
        _ => return Err(Refusal::WrongKind(step.clone())),
    };
    if let Some(next) = next {
        may_visit(draft, next)?;
    }
    let undecided = matches!(
        (&at.kind, &at.on_failure),
        (
            StepKind::Decision(_),
            OnFailure::Escalate | OnFailure::Continue
        )
    );
    if undecided {
        // Nobody decides for the responder: the question stays, and help is asked for.
        let error = note.unwrap_or_else(|| "the responder cannot decide".into());
        draft.emit(Event::NoteAdded {
            text: format!("{step} cannot be decided: {error}"),
            step: Some(step.clone()),
        });
        escalation::step_failed(draft, step, &error);
        return Ok(());
    }
    let next = next.cloned();
    let answers = match (&at.kind, verdict) {
        (StepKind::Manual(manual), Verdict::Done) => read_answers(manual, answers)?,
        _ => Map::new(),
    };
    draft.emit(Event::StepConfirmed {
        step: step.clone(),
        visit,
        verdict,
        note: note.clone(),
        answers,
    });
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Confirmed { verdict },
    });
    match (verdict, next) {
        (Verdict::Failed, _) => {
            let error = note.unwrap_or_else(|| "the responder could not do it".into());
            fail(draft, step, &error);
        }
        (_, Some(next)) => arrive(draft, &next),
        (_, None) => {}
    }
    Ok(())
}

fn read_answers(
    manual: &Manual,
    typed: &BTreeMap<String, String>,
) -> Result<Map<String, Value>, Refusal> {
    manual
        .ask
        .iter()
        .map(|input| {
            let text = typed.get(&input.name).map_or("", |text| text.trim());
            let value = match (&input.default, text.is_empty()) {
                (Some(default), true) => default.clone(),
                (None, true) => return Err(Refusal::Unanswered(input.name.clone())),
                (_, false) => input.parse(text)?,
            };
            Ok((input.name.clone(), value))
        })
        .collect()
}

pub(super) fn take_branch(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
    branch: usize,
    reason: Option<String>,
) -> Result<(), Refusal> {
    let at = current(draft, step, visit)?;
    let StepKind::Decision(decision) = &at.kind else {
        return Err(Refusal::WrongKind(step.clone()));
    };
    let views = branches(decision, &scope(&draft.state, draft.stamp.at));
    let taken = views.get(branch).ok_or(Refusal::NoBranch(branch + 1))?;
    let recommended = views.iter().find(|view| view.recommended);
    let recommended = recommended.map_or("", |view| view.branch.label.as_str());
    let recommended = recommended.to_owned();
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    if !taken.recommended && reason.is_none() {
        return Err(Refusal::ReasonNeeded { recommended });
    }
    may_visit(draft, &taken.branch.next)?;
    let evidence = views
        .iter()
        .filter_map(|view| view.explanation.as_ref())
        .flat_map(|explanation| explanation.evidence.clone())
        .fold(Vec::new(), |mut all, one| {
            if !all.contains(&one) {
                all.push(one);
            }
            all
        });
    let excluded = views
        .iter()
        .filter(|view| view.verdict() == Some(crate::expression::Verdict::False))
        .map(|view| view.branch.label.clone())
        .collect();
    let next = taken.branch.next.clone();
    let label = taken.branch.label.clone();
    draft.emit(Event::BranchTaken {
        step: step.clone(),
        visit,
        branch: label.clone(),
        recommended,
        evidence,
        overridden_because: reason.filter(|_| !taken.recommended),
    });
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Branched {
            branch: label,
            excluded,
        },
    });
    arrive(draft, &next);
    Ok(())
}

/// Takes back the branch that was taken a moment ago. What a person did since then, and what was
/// sent or asked of others, cannot be taken back.
pub(super) fn undo_branch(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let (step, visit) = undoable(&draft.state, draft.stamp.at)?;
    let reading: Vec<AttemptId> = draft
        .walking()
        .into_iter()
        .flat_map(crate::incident::Execution::running)
        .filter(|attempt| attempt.intent.is_none() && attempt.origin != AttemptOrigin::Prefetch)
        .map(|attempt| attempt.id)
        .collect();
    draft.emit(Event::BranchUndone { step, visit });
    for attempt in reading {
        let result = AttemptResult::ended(AttemptStatus::Cancelled, "the branch was undone", None);
        draft.emit(Event::AttemptEnded { attempt, result });
    }
    Ok(())
}

pub(super) fn stop(draft: &mut Draft<'_>, reason: String) -> Result<(), Refusal> {
    draft.walking()?;
    if reason.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    end(
        draft,
        Event::ExecutionEnded {
            status: ExecutionStatus::Failed,
            outcome: None,
            reason: Some(reason),
        },
    );
    Ok(())
}
