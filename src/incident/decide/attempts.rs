//! Attempts: started ahead or on arrival, judged, tried again, cut off.

use chrono::{DateTime, Duration, Utc};

use super::{Draft, change, survey, walk};
use crate::expression::Verdict;
use crate::incident::{
    Attempt, AttemptId, AttemptOrigin, AttemptResult, AttemptStatus, Event, ExecutionStatus,
    Refusal, Remote, VisitResult, prefetch as plan, scope_of,
};
use crate::playbook::{Automated, StepId, StepKind};

/// The longest wait between two tries, in seconds.
const LONGEST_BACKOFF: i64 = 30;

pub(super) fn automated<'a>(draft: &'a Draft<'_>, step: &StepId) -> Option<&'a Automated> {
    match &draft.state.execution()?.playbook.step(&step.0)?.kind {
        StepKind::Automated(automated) => Some(automated),
        _ => None,
    }
}

pub(super) fn begin(draft: &mut Draft<'_>, step: &StepId, number: u32, origin: AttemptOrigin) {
    let attempt = AttemptId(draft.id());
    draft.emit(Event::AttemptStarted {
        attempt,
        step: step.clone(),
        number,
        origin,
    });
}

/// Starts what can run ahead.
pub(super) fn prefetch(draft: &mut Draft<'_>) {
    for step in plan::plan(&draft.state, draft.stamp.at) {
        begin(draft, &step, 1, AttemptOrigin::Prefetch);
    }
}

/// Uses what ran ahead if it is fresh, waits for it if it still runs, or starts an attempt. A
/// failure ahead counts as the step's only now that the responder has arrived.
pub(super) fn arrived(draft: &mut Draft<'_>, step: &StepId, visit: u32) {
    let (Some(automated), Some(execution)) = (automated(draft, step), draft.state.walking()) else {
        return;
    };
    if automated.mutating() {
        survey::begin(draft, step, visit);
        return;
    }
    let retrying = execution.retries.contains_key(step);
    let latest = execution
        .latest_attempt(step)
        .filter(|attempt| !attempt.used && !retrying);
    let Some(attempt) = latest.cloned() else {
        // Standing here is reason enough not to wait for a retry's time.
        begin(draft, step, 1, AttemptOrigin::Arrival);
        return;
    };
    let Some((result, ended_at)) = &attempt.end else {
        return;
    };
    let age = (draft.stamp.at - *ended_at).to_std().unwrap_or_default();
    let says_something = matches!(
        result.status,
        AttemptStatus::Succeeded | AttemptStatus::Failed | AttemptStatus::TimedOut
    );
    if says_something && age <= automated.max_age {
        leave(draft, &attempt, visit, result);
    } else {
        begin(draft, step, 1, AttemptOrigin::Arrival);
    }
}

/// Leaves the step with an attempt's result, if the responder stands there.
pub(super) fn leave_here(draft: &mut Draft<'_>, attempt: &Attempt, result: &AttemptResult) {
    let visit = draft
        .state
        .walking()
        .and_then(|execution| execution.current())
        .filter(|visit| visit.step == attempt.step)
        .map(|visit| visit.number);
    if let Some(visit) = visit {
        leave(draft, attempt, visit, result);
    }
}

/// Leaves the step with an attempt's result.
fn leave(draft: &mut Draft<'_>, attempt: &Attempt, visit: u32, result: &AttemptResult) {
    let step = &attempt.step;
    let next = automated(draft, step).map(|automated| automated.next.clone());
    if let (AttemptStatus::Succeeded, Some(next)) = (result.status, next) {
        let prefetched = attempt.origin == AttemptOrigin::Prefetch;
        draft.emit(Event::StepEnded {
            step: step.clone(),
            visit,
            result: VisitResult::Succeeded {
                attempt: attempt.id,
                prefetched,
            },
        });
        walk::arrive(draft, &next);
        return;
    }
    let error = result.error.clone().unwrap_or_else(|| result.name().into());
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Failed {
            error: error.clone(),
        },
    });
    walk::fail(draft, step, &error);
}

pub(super) fn ended(
    draft: &mut Draft<'_>,
    id: AttemptId,
    result: AttemptResult,
) -> Result<(), Refusal> {
    let attempt = draft
        .state
        .executions
        .iter()
        .find_map(|execution| execution.attempts.get(&id))
        .cloned()
        .ok_or(Refusal::UnknownAttempt(id))?;
    if attempt.end.is_some() {
        draft.emit(Event::LateResult {
            attempt: id,
            result,
        });
        return Ok(());
    }
    let present = draft.state.attempt(id).is_some_and(|(walk, _)| {
        walk.status == ExecutionStatus::InProgress
            || draft
                .state
                .execution()
                .is_some_and(|last| last.id == walk.id)
    });
    // The end of an attempt of an earlier walk is recorded as it is: nothing follows from it.
    let result = if present {
        judge(draft, &attempt, result)
    } else {
        result
    };
    draft.emit(Event::AttemptEnded {
        attempt: id,
        result: result.clone(),
    });
    if draft.state.walking().is_some() && is_latest(draft, &attempt) {
        follow(draft, &attempt, &result);
    }
    Ok(())
}

fn is_latest(draft: &Draft<'_>, attempt: &Attempt) -> bool {
    draft
        .state
        .execution()
        .and_then(|execution| execution.latest.get(&attempt.step))
        .is_some_and(|latest| *latest == attempt.id)
}

/// Computes the step's values, and lets its `success` condition decide.
fn judge(draft: &Draft<'_>, attempt: &Attempt, mut result: AttemptResult) -> AttemptResult {
    let step = &attempt.step;
    if attempt.origin == AttemptOrigin::Verify {
        // It has a condition of its own.
        return result;
    }
    let walk = draft.state.attempt(attempt.id).map(|(walk, _)| walk);
    let own = walk.and_then(|walk| match &walk.playbook.step(&step.0)?.kind {
        StepKind::Automated(automated) => Some(automated),
        _ => None,
    });
    let Some(automated) = own else {
        return result;
    };
    let Some(output) = result.output.take() else {
        return result;
    };
    let mut scope = scope_of(&draft.state, draft.stamp.at, step);
    let output = automated.complete(output, &mut scope);
    let may_judge = matches!(
        result.status,
        AttemptStatus::Succeeded | AttemptStatus::Failed
    );
    if let (Some(success), true) = (&automated.success, may_judge) {
        let why = success.explain(&scope);
        if why.verdict == Verdict::True {
            result.status = AttemptStatus::Succeeded;
            // What failed on the way is said in its place in the output.
            result.error = None;
        } else {
            result.judged = result.is_read().then_some(why.verdict);
            result.status = AttemptStatus::Failed;
            let values: Vec<String> = why
                .evidence
                .iter()
                .map(|one| {
                    format!(
                        "{} is {}",
                        one.name,
                        one.value.as_deref().unwrap_or("unknown")
                    )
                })
                .collect();
            let judged = format!("{} is not met: {}", success.source(), values.join(", "));
            result.error = Some(
                result
                    .error
                    .map_or(judged.clone(), |error| format!("{error}; {judged}")),
            );
        }
    }
    result.output = Some(output);
    result
}

/// Reads steps again that only read, wherever the responder stands; the record keeps what was
/// read before.
pub(super) fn read_again(draft: &mut Draft<'_>, steps: &[StepId]) -> Result<(), Refusal> {
    draft.walking()?;
    let mut began = false;
    for step in steps {
        let Some(own) = automated(draft, step) else {
            continue;
        };
        if own.mutating() {
            return Err(Refusal::Changes(step.clone()));
        }
        let execution = draft.walking()?;
        let latest = execution.latest_attempt(step);
        let running = latest.is_some_and(|attempt| attempt.end.is_none());
        let waits = execution.current().is_some_and(|here| here.step == *step);
        // What was never read has inputs that are not known yet, or is read on arrival.
        if latest.is_none() || running || waits {
            continue;
        }
        begin(draft, step, 1, AttemptOrigin::Reread);
        began = true;
    }
    if began {
        Ok(())
    } else {
        Err(Refusal::NothingToRead)
    }
}

/// Moves on from an attempt's end: tries again, or leaves the step if the responder is there.
fn follow(draft: &mut Draft<'_>, attempt: &Attempt, result: &AttemptResult) {
    let step = &attempt.step;
    let Some(automated) = automated(draft, step) else {
        return;
    };
    if automated.mutating() {
        change::follow(draft, attempt, result);
        return;
    }
    let again = matches!(
        result.status,
        AttemptStatus::Failed | AttemptStatus::TimedOut
    ) && attempt.number <= automated.retries
        && !result.missing;
    if again {
        let number = attempt.number + 1;
        let at = draft.stamp.at + backoff(attempt);
        draft.emit(Event::RetryScheduled {
            step: step.clone(),
            number,
            at,
        });
        return;
    }
    leave_here(draft, attempt, result);
}

/// Doubles from one second, with up to a quarter taken off at random so that retries of many
/// steps do not come together. The randomness is the attempt's id: the same journal, the same
/// times.
fn backoff(attempt: &Attempt) -> Duration {
    let full = (1_i64 << (attempt.number - 1).min(10)).min(LONGEST_BACKOFF) * 1000;
    let jitter = i64::from(attempt.id.0.as_bytes()[15]) * full / 4 / 256;
    Duration::milliseconds(full - jitter)
}

pub(super) fn retry_due(draft: &mut Draft<'_>) {
    let Some(execution) = draft.state.walking() else {
        return;
    };
    let due: Vec<(StepId, u32)> = execution
        .retries
        .iter()
        .filter(|(_, retry)| retry.at <= draft.stamp.at)
        .map(|(step, retry)| (step.clone(), retry.number))
        .collect();
    for (step, number) in due {
        begin(draft, &step, number, AttemptOrigin::Retry);
    }
}

pub(super) fn cancel_current(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let execution = draft.walking()?;
    let step = execution
        .current()
        .map(|visit| visit.step.clone())
        .ok_or(Refusal::NothingRunning)?;
    let waiting = execution.retries.contains_key(&step);
    let running = execution
        .latest_attempt(&step)
        .filter(|attempt| attempt.end.is_none())
        .cloned();
    match running {
        Some(attempt) if attempt.intent.is_some() => {
            // It is AWS that says when a change has ended.
            draft.emit(Event::CancelRequested {
                attempt: attempt.id,
            });
            Ok(())
        }
        Some(attempt) => {
            let result =
                AttemptResult::ended(AttemptStatus::Cancelled, "stopped by the responder", None);
            draft.emit(Event::AttemptEnded {
                attempt: attempt.id,
                result: result.clone(),
            });
            follow(draft, &attempt, &result);
            Ok(())
        }
        None if waiting => {
            let visit = execution.current().map_or(1, |visit| visit.number);
            let error = "stopped by the responder before the next try".to_owned();
            draft.emit(Event::StepEnded {
                step: step.clone(),
                visit,
                result: VisitResult::Failed {
                    error: error.clone(),
                },
            });
            walk::fail(draft, &step, &error);
            Ok(())
        }
        None => change::stop_turns(draft),
    }
}

/// AWS named what an attempt runs there. Whoever learns it, and however often, it is said once.
pub(super) fn identified(
    draft: &mut Draft<'_>,
    id: AttemptId,
    run: String,
    remote: Remote,
) -> Result<(), Refusal> {
    let (_, attempt) = draft.state.attempt(id).ok_or(Refusal::UnknownAttempt(id))?;
    match attempt.remotes.get(&run) {
        None => draft.emit(Event::AttemptIdentified {
            attempt: id,
            run,
            remote,
        }),
        Some(known) if *known == remote => {}
        Some(known) => {
            let text = format!(
                "attempt {id} is known at AWS as {} and as {}: look at both",
                known.id(),
                remote.id()
            );
            draft.emit(Event::NoteAdded { text, step: None });
        }
    }
    Ok(())
}

pub(super) fn uncertain(
    draft: &mut Draft<'_>,
    id: AttemptId,
    reason: String,
    conclusive_at: DateTime<Utc>,
) -> Result<(), Refusal> {
    let (_, attempt) = draft.state.attempt(id).ok_or(Refusal::UnknownAttempt(id))?;
    if attempt.end.is_none() && attempt.remotes.is_empty() && attempt.uncertain.is_none() {
        draft.emit(Event::AttemptUncertain {
            attempt: id,
            reason,
            conclusive_at,
        });
    }
    Ok(())
}

/// A result from a console that is not the writer any more: recorded, and nothing more.
pub(super) fn late(
    draft: &mut Draft<'_>,
    id: AttemptId,
    result: AttemptResult,
) -> Result<(), Refusal> {
    let (_, attempt) = draft.state.attempt(id).ok_or(Refusal::UnknownAttempt(id))?;
    let event = if attempt.end.is_some() {
        Event::LateResult {
            attempt: id,
            result,
        }
    } else {
        Event::AttemptEnded {
            attempt: id,
            result: judge(draft, attempt, result),
        }
    };
    draft.emit(event);
    Ok(())
}

/// Goes on from an end that somebody else recorded.
pub(super) fn settle(draft: &mut Draft<'_>) {
    let Some(execution) = draft.state.walking() else {
        return;
    };
    let Some(current) = execution.current() else {
        return;
    };
    let step = current.step.clone();
    if execution.retries.contains_key(&step) || automated(draft, &step).is_none() {
        return;
    }
    let ended = execution
        .latest_attempt(&step)
        .filter(|attempt| attempt.started_at >= current.arrived_at || !attempt.used)
        .cloned();
    if let Some(attempt) = ended
        && let Some((result, _)) = attempt.end.clone()
    {
        follow(draft, &attempt, &result);
    }
}

/// Whatever ran when the console went away is no longer followed. What runs at AWS is taken up
/// where it is; what was read here ended then, nobody knows how, and is read again.
pub(super) fn take_up(draft: &mut Draft<'_>) {
    let cut: Vec<Attempt> = draft
        .state
        .executions
        .iter()
        .flat_map(|execution| execution.running().cloned())
        .collect();
    let walking = draft.state.walking().is_some();
    for attempt in cut {
        let present = draft
            .state
            .attempt(attempt.id)
            .is_some_and(|(walk, _)| walk.status == ExecutionStatus::InProgress);
        let elsewhere = !attempt.remotes.is_empty() && walking && present;
        if attempt.intent.is_some() || elsewhere {
            draft.emit(Event::AttemptReattached {
                attempt: attempt.id,
            });
            continue;
        }
        let result = AttemptResult::ended(
            AttemptStatus::Unknown,
            "the console ended while it ran",
            None,
        );
        draft.emit(Event::AttemptEnded {
            attempt: attempt.id,
            result,
        });
        let latest = draft.state.walk_of(&attempt.step);
        let latest = latest.and_then(|walk| walk.latest.get(&attempt.step));
        if walking && present && latest == Some(&attempt.id) {
            let origin = match attempt.origin {
                AttemptOrigin::Verify => AttemptOrigin::Verify,
                _ => AttemptOrigin::TakeUp,
            };
            begin(draft, &attempt.step, attempt.number, origin);
        }
    }
    survey::take_up(draft);
    settle(draft);
    retry_due(draft);
    super::escalation::ask_again(draft);
}
