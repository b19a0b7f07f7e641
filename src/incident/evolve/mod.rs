//! Folds an event into the state. Total: an event that makes no sense changes nothing.

mod change;
mod escalation;
mod values;

use std::sync::Arc;

use super::{
    Attempt, AttemptOrigin, Event, Execution, ExecutionStatus, Incident, IncidentStatus, Note,
    Output, Override, Recorded, Retry, SetOff, State, Uncertain, Update, Verdict, Visit,
    VisitResult, Walked,
};
use crate::document::Source;
use crate::expression::from_json;
use crate::playbook::{StepId, StepKind, compile};

/// Folds one event in.
#[must_use]
pub fn evolve(mut state: State, recorded: &Recorded) -> State {
    state.sequence = recorded.sequence;
    match &recorded.event {
        Event::ExecutionStarted {
            execution,
            text,
            name,
            others,
            unattended,
            trusted,
            healing,
            ..
        } => {
            let source = Source::new(name.as_str(), text.as_str());
            if let Some(playbook) =
                compile(&source, &Walked::sources(others), &state.vocabulary).playbook
            {
                state.executions.push_back(Execution {
                    id: *execution,
                    playbook: Arc::new(playbook),
                    status: ExecutionStatus::InProgress,
                    started_at: recorded.at,
                    ended_at: None,
                    outcome: None,
                    inputs: Default::default(),
                    input_sources: Default::default(),
                    survey: None,
                    change: None,
                    visits: Default::default(),
                    attempts: Default::default(),
                    latest: Default::default(),
                    retries: Default::default(),
                    outputs: Default::default(),
                    approval: None,
                    signed: None,
                    escalations: Default::default(),
                    escalated: false,
                    failed_steps: 0,
                    overrides: imbl::Vector::new(),
                    unattended: *unattended,
                    trusted: *trusted,
                    healing: healing.as_ref().map(|run| Arc::new((**run).clone())),
                });
            }
        }
        event if about_incident(event) => {
            incident(&mut state.incident, recorded);
            if matches!(event, Event::StatusChanged { to, .. } if *to >= IncidentStatus::Mitigated)
            {
                for execution in &mut state.executions {
                    for escalation in &mut execution.escalations {
                        escalation.over = true;
                    }
                }
            }
        }
        Event::AttemptEnded { attempt, .. }
        | Event::AttemptIdentified { attempt, .. }
        | Event::AttemptUncertain { attempt, .. }
        | Event::AttemptReattached { attempt }
        | Event::CancelRequested { attempt } => {
            let holder = state
                .executions
                .iter_mut()
                .find(|execution| execution.attempts.contains_key(attempt));
            if let Some(execution) = holder {
                walk(execution, recorded);
            }
        }
        Event::Unreadable { .. } => {
            state.unreadable = state.unreadable.or(Some(recorded.sequence));
        }
        Event::HealingProposed { run, rule } => state.set_off.push_back(SetOff {
            run: run.clone(),
            at: recorded.at,
            rule: Some(rule.clone()),
            skipped: None,
        }),
        Event::HealingSkipped { run, reason } => skip(&mut state, run, reason, recorded),
        Event::HealingLapsed {
            run, again: true, ..
        } => state.set_off.retain(|one| !one.run.is_same(run)),
        Event::HealingLapsed { run, reason, .. } => skip(&mut state, run, reason, recorded),
        event => {
            if let Some(execution) = walk_of(&mut state, event) {
                walk(execution, recorded);
            }
        }
    }
    values::recompute(&mut state, recorded);
    state
}

/// What waited for the responder waits no longer; what did not is noted all the same.
fn skip(state: &mut State, run: &super::HealingRun, reason: &str, recorded: &Recorded) {
    let known = state.set_off.iter_mut().find(|one| one.run.is_same(run));
    if let Some(known) = known {
        known.skipped = Some(reason.to_owned());
    } else {
        state.set_off.push_back(SetOff {
            run: run.clone(),
            at: recorded.at,
            rule: None,
            skipped: Some(reason.to_owned()),
        });
    }
}

/// The walk that an event belongs to: the one that has its step, or the one in progress that began
/// last.
fn walk_of<'a>(state: &'a mut State, event: &Event) -> Option<&'a mut Execution> {
    let goes_on = |execution: &Execution| execution.status == ExecutionStatus::InProgress;
    let asked = match event {
        Event::EscalationApproved { escalation, .. }
        | Event::EscalationHeld { escalation, .. }
        | Event::EscalationLevelAsked { escalation, .. }
        | Event::EscalationAcknowledged { escalation, .. }
        | Event::EscalationExhausted { escalation, .. }
        | Event::PageAccepted { escalation, .. }
        | Event::PageGivenUp { escalation, .. }
        | Event::EscalationPostponed { escalation, .. } => Some(*escalation),
        _ => None,
    };
    let raised = |one: &Execution| one.escalations.iter().any(|known| Some(known.id) == asked);
    let position = event
        .step()
        .and_then(|step| {
            state
                .executions
                .iter()
                .rposition(|one| one.is_walking(step))
        })
        .or_else(|| state.executions.iter().position(raised))
        .or_else(|| state.executions.iter().rposition(goes_on))
        .or_else(|| state.executions.len().checked_sub(1))?;
    state.executions.get_mut(position)
}

fn about_incident(event: &Event) -> bool {
    matches!(
        event,
        Event::IncidentOpened { .. }
            | Event::AlarmAttached { .. }
            | Event::AlarmStateChanged { .. }
            | Event::StatusChanged { .. }
            | Event::SeverityChanged { .. }
            | Event::NoteAdded { .. }
            | Event::UpdateGiven { .. }
            | Event::HandedOver { .. }
            | Event::ReviewWritten { .. }
    )
}

fn incident(slot: &mut Option<Incident>, recorded: &Recorded) {
    if let Event::IncidentOpened {
        incident,
        title,
        severity,
        rehearsal,
    } = &recorded.event
    {
        *slot = Some(Incident {
            id: incident.clone(),
            title: title.clone(),
            severity: *severity,
            status: IncidentStatus::Open,
            opened_at: recorded.at,
            alarms: Default::default(),
            notes: Default::default(),
            rehearsal: rehearsal.clone(),
            reached: Default::default(),
            alarm_since: None,
            updates: Default::default(),
            next_update: None,
            review: None,
        });
        return;
    }
    let Some(incident) = slot else {
        return;
    };
    match &recorded.event {
        Event::AlarmAttached { alarm } => {
            if incident.alarms.is_empty() {
                incident.alarm_since = alarm.since.filter(|since| *since <= incident.opened_at);
            }
            incident.alarms.push_back(alarm.clone());
        }
        Event::AlarmStateChanged {
            name, to, reason, ..
        } => {
            if let Some(alarm) = incident.alarms.iter_mut().find(|alarm| alarm.name == *name) {
                alarm.state = *to;
                alarm.reason.clone_from(reason);
                alarm.since = Some(recorded.at);
            }
        }
        Event::StatusChanged { to, .. } => {
            incident.status = *to;
            if *to >= IncidentStatus::Resolved {
                incident.next_update = None;
            }
            incident.reached.push_back((*to, recorded.at));
        }
        Event::SeverityChanged { to, .. } => incident.severity = *to,
        Event::NoteAdded { text, .. } => incident.notes.push_back(Note {
            text: text.clone(),
            at: recorded.at,
            by: recorded.by.user.clone(),
        }),
        Event::UpdateGiven { text, next } => {
            incident.next_update = *next;
            incident.updates.push_back(Update {
                text: text.clone(),
                at: recorded.at,
                by: recorded.by.user.clone(),
            });
        }
        Event::ReviewWritten { review } => incident.review = Some(Arc::new(review.clone())),
        _ => {}
    }
}

fn walk(execution: &mut Execution, recorded: &Recorded) {
    match &recorded.event {
        Event::InputProvided { name, value, from } => {
            execution.inputs.insert(name.clone(), value.clone());
            execution.input_sources.insert(name.clone(), from.clone());
        }
        Event::StepArrived { step, visit } => execution.visits.push_back(Visit {
            step: step.clone(),
            number: *visit,
            arrived_at: recorded.at,
            result: None,
            ended_at: None,
        }),
        Event::StepEnded {
            step,
            visit,
            result,
        } => {
            leave(execution, step, *visit, result.clone(), recorded);
            match result {
                VisitResult::Succeeded { .. } => verified(execution, step, true),
                VisitResult::Failed { .. } => verified(execution, step, false),
                VisitResult::Confirmed { .. }
                | VisitResult::Branched { .. }
                | VisitResult::Outcome { .. } => {}
            }
        }
        Event::StepConfirmed {
            step,
            visit,
            verdict,
            note,
            answers,
        } => {
            if let (Verdict::Done, Some(reason)) = (verdict, note)
                && was_not_met(execution, step)
            {
                execution.overrides.push_back(Override {
                    step: step.clone(),
                    visit: *visit,
                    what: "went on as if the change had worked".to_owned(),
                    reason: reason.clone(),
                });
            }
            let mut answers = answers.clone();
            answers.insert(
                "verdict".into(),
                serde_json::to_value(verdict).unwrap_or_default(),
            );
            if let Some(name) = execution.playbook.output_of(&step.0) {
                set_output(execution, name, answers.into(), step, recorded);
            }
        }
        Event::AttemptStarted {
            attempt,
            step,
            number,
            origin,
        } => {
            execution.retries.remove(step);
            execution.latest.insert(step.clone(), *attempt);
            let changes = *origin == AttemptOrigin::Approval;
            let intended = execution
                .change
                .as_ref()
                .filter(|change| changes && change.step == *step)
                .map(|change| Arc::clone(&change.intent));
            if changes {
                execution.approval = None;
            }
            if let Some(change) = execution.change.as_mut().filter(|_| changes) {
                change.wave = *number;
                change.attempt = Some(*attempt);
                change.next = None;
            }
            execution.attempts.insert(
                *attempt,
                Attempt {
                    id: *attempt,
                    step: step.clone(),
                    number: *number,
                    origin: *origin,
                    intent: intended,
                    signed_at: execution.signed.take(),
                    remotes: Default::default(),
                    uncertain: None,
                    cancelling: false,
                    started_at: recorded.at,
                    end: None,
                    used: matches!(
                        origin,
                        AttemptOrigin::Arrival | AttemptOrigin::Approval | AttemptOrigin::Verify
                    ),
                },
            );
        }
        Event::SurveyStarted { .. }
        | Event::SurveyFailed { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalSought { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalRefused { .. }
        | Event::ApprovalExpired { .. }
        | Event::ApprovalGranted { .. }
        | Event::ApprovalDeclined { .. }
        | Event::WaveScheduled { .. }
        | Event::TurnsStopped { .. }
        | Event::WaveBegun { .. } => change::change(execution, recorded),
        Event::AttemptIdentified {
            attempt,
            run,
            remote,
        } => {
            if let Some(attempt) = execution.attempts.get_mut(attempt) {
                attempt.remotes.insert(run.clone(), remote.clone());
                attempt.uncertain = None;
            }
        }
        Event::AttemptUncertain {
            attempt,
            reason,
            conclusive_at,
        } => {
            if let Some(attempt) = execution.attempts.get_mut(attempt) {
                attempt.uncertain = Some(Uncertain {
                    reason: reason.clone(),
                    since: recorded.at,
                    conclusive_at: *conclusive_at,
                });
            }
        }
        Event::ExecutionAttended => execution.unattended = false,
        Event::CancelRequested { attempt } => {
            if let Some(attempt) = execution.attempts.get_mut(attempt) {
                attempt.cancelling = true;
            }
        }
        Event::AttemptEnded { attempt, result } => {
            let Some(ended) = execution
                .attempts
                .get_mut(attempt)
                .filter(|ended| ended.end.is_none())
            else {
                return;
            };
            ended.end = Some((result.clone(), recorded.at));
            let (id, step, origin) = (ended.id, ended.step.clone(), ended.origin);
            change::ended(execution, (id, origin), result, recorded);
            let Some(name) = execution.playbook.output_of(&step.0) else {
                return;
            };
            match change::output(execution, origin, result) {
                Some(output) if is_known(execution, &step, origin, result) => {
                    set_output(execution, name, output, &step, recorded);
                }
                // What was read before is not what is there now.
                _ => {
                    execution.outputs.remove(&name);
                }
            }
        }
        Event::RetryScheduled { step, number, at } => {
            execution.retries.insert(
                step.clone(),
                Retry {
                    number: *number,
                    at: *at,
                },
            );
        }
        Event::EscalationRaised { .. }
        | Event::EscalationApproved { .. }
        | Event::EscalationPostponed { .. }
        | Event::EscalationHeld { .. }
        | Event::EscalationLevelAsked { .. }
        | Event::EscalationAcknowledged { .. }
        | Event::PageAccepted { .. }
        | Event::PageGivenUp { .. }
        | Event::EscalationExhausted { .. } => escalation::fold(execution, recorded),
        Event::ExecutionEnded {
            status, outcome, ..
        } => {
            execution.status = *status;
            execution.outcome = *outcome;
            execution.ended_at = Some(recorded.at);
            execution.approval = None;
            execution.survey = None;
            execution.retries.clear();
        }
        Event::BranchUndone { step, visit } => undo_branch(execution, step, *visit),
        Event::BranchTaken {
            step,
            visit,
            branch,
            recommended,
            overridden_because: Some(reason),
            ..
        } => {
            let against = if recommended.is_empty() {
                "nothing was recommended".to_owned()
            } else {
                format!("{recommended:?} was recommended")
            };
            execution.overrides.push_back(Override {
                step: step.clone(),
                visit: *visit,
                what: format!("took {branch:?} although {against}"),
                reason: reason.clone(),
            });
        }
        // A branch is followed by the step's end; a late result changes nothing.
        _ => {}
    }
}

/// Whether the latest look at a change found that it did not have its effect.
fn was_not_met(execution: &Execution, step: &StepId) -> bool {
    let latest = execution.latest_attempt(step);
    latest.is_some_and(|attempt| {
        let end = attempt.end.as_ref();
        attempt.origin == AttemptOrigin::Verify
            && end.is_some_and(|(result, _)| result.verified() == Some(false))
    })
}

/// Takes the walk back to a decision. What was read since then stays in the record, and is used
/// again where it is fresh enough.
fn undo_branch(execution: &mut Execution, step: &StepId, visit: u32) {
    let decision = execution
        .visits
        .iter()
        .rposition(|one| one.step == *step && one.number == visit);
    let Some(decision) = decision else { return };
    let undone = execution.visits.split_off(decision + 1);
    for one in &undone {
        let attempt = execution.latest.get(&one.step);
        if let Some(attempt) = attempt.and_then(|id| execution.attempts.get_mut(id)) {
            attempt.used = false;
        }
        let failed = matches!(one.result, Some(VisitResult::Failed { .. }));
        execution.failed_steps = execution.failed_steps.saturating_sub(failed.into());
        execution.retries.remove(&one.step);
    }
    if let Some(decision) = execution.visits.get_mut(decision) {
        decision.result = None;
        decision.ended_at = None;
    }
    let stays = |one: &Override| one.step != *step || one.visit != visit;
    execution.overrides.retain(stays);
    execution.approval = None;
    execution.survey = None;
    execution.change = None;
    execution.status = ExecutionStatus::InProgress;
    execution.outcome = None;
    execution.ended_at = None;
}

fn leave(
    execution: &mut Execution,
    step: &StepId,
    visit: u32,
    result: VisitResult,
    recorded: &Recorded,
) {
    if matches!(
        result,
        VisitResult::Failed { .. }
            | VisitResult::Confirmed {
                verdict: super::Verdict::Failed
            }
    ) {
        execution.failed_steps += 1;
    }
    execution.retries.remove(step);
    execution
        .approval
        .take_if(|approval| approval.step == *step);
    execution.survey.take_if(|survey| survey.step == *step);
    execution.change.take_if(|change| change.step == *step);
    // Whatever the step was left with has been used: another visit is another attempt.
    if let Some(attempt) = execution
        .latest
        .get(step)
        .and_then(|id| execution.attempts.get_mut(id))
    {
        attempt.used = true;
    }
    let left = execution
        .visits
        .iter_mut()
        .find(|left| left.step == *step && left.number == visit);
    if let Some(left) = left {
        left.result = Some(result);
        left.ended_at = Some(recorded.at);
    }
}

/// Tells the manual steps that a step verifies how that ended: each of them once, so that what is done
/// later does not count for it.
fn verified(execution: &mut Execution, by: &StepId, held: bool) {
    let playbook = Arc::clone(&execution.playbook);
    let done = playbook.steps.iter().filter(|step| match &step.kind {
        StepKind::Manual(manual) => manual.verified_by.as_ref() == Some(by),
        _ => false,
    });
    for step in done {
        let name = playbook.output_of(&step.id.0);
        let output = name.and_then(|name| execution.outputs.get_mut(&name));
        let Some(output) = output.filter(|output| output.json.get("verified").is_none()) else {
            continue;
        };
        let mut json = (*output.json).clone();
        json["verified"] = held.into();
        output.value = from_json(&json);
        output.json = Arc::new(json);
    }
}

/// Whether what an attempt captured can be read by conditions: all of it was read, or each of
/// several runs says for itself whether it failed. What a change captured is always known.
fn is_known(
    execution: &Execution,
    step: &StepId,
    origin: AttemptOrigin,
    result: &super::AttemptResult,
) -> bool {
    let each_for_itself = execution
        .playbook
        .automated(&step.0)
        .is_some_and(|automated| automated.named_runs || automated.for_each.is_some());
    let changes = matches!(origin, AttemptOrigin::Approval | AttemptOrigin::Verify);
    result.is_read() || each_for_itself || changes
}

fn set_output(
    execution: &mut Execution,
    name: String,
    json: serde_json::Value,
    step: &StepId,
    recorded: &Recorded,
) {
    let value = match execution.playbook.automated(&step.0) {
        Some(automated) => from_json(&automated.readable(&json)),
        None => from_json(&json),
    };
    execution.outputs.insert(
        name,
        Output {
            json: Arc::new(json),
            value,
            step: step.clone(),
            at: recorded.at,
        },
    );
}
