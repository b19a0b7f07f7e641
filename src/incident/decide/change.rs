//! A change on its way: turn by turn, with a pause and a check between them, and verified at the
//! end. Where something is not as it should be, the responder decides.

use chrono::TimeDelta;

use super::{Draft, attempts, give_up};
use crate::incident::{
    Attempt, AttemptOrigin, AttemptResult, AttemptStatus, Change, Event, Refusal, VisitResult,
    changed_nothing, stands,
};
use crate::playbook::{StepId, StepKind};

/// What follows from the end of an attempt that changes something, or that looks at what was
/// changed.
pub(super) fn follow(draft: &mut Draft<'_>, attempt: &Attempt, result: &AttemptResult) {
    // Whether the system was changed is for the responder to find out: the step stands.
    let first = draft.state.walking().is_none_or(changed_nothing);
    if result.status == AttemptStatus::Unknown || (result.not_started && first) {
        return;
    }
    let change = draft
        .state
        .walking()
        .and_then(|execution| execution.change.clone());
    let Some(change) = change.filter(|change| change.step == attempt.step) else {
        // It was made before changes were followed like this.
        attempts::leave_here(draft, attempt, result);
        return;
    };
    if change.intent.undoes.is_some() {
        return undone(draft, &change, result);
    }
    if result.status == AttemptStatus::Succeeded {
        if attempt.origin == AttemptOrigin::Verify {
            return verified(draft, &change);
        }
        return made(draft, &change);
    }
    let standing = draft
        .state
        .walking()
        .is_some_and(|execution| stands(execution).is_some());
    if !standing {
        attempts::leave_here(draft, attempt, result);
    }
}

fn waves(change: &Change) -> u32 {
    u32::try_from(change.intent.waves().len()).unwrap_or(u32::MAX)
}

/// A turn is over.
fn made(draft: &mut Draft<'_>, change: &Change) {
    if change.next.is_some() || change.stopped {
        return;
    }
    if change.wave < waves(change) {
        let pause = pause(draft, change);
        draft.emit(Event::WaveScheduled {
            step: change.step.clone(),
            visit: change.visit,
            wave: change.wave + 1,
            at: draft.stamp.at + pause,
        });
    } else if verifies(draft, &change.step) {
        verify(draft, &change.step);
    } else {
        done(draft, change);
    }
}

/// How long to wait between two turns; a rehearsal's time runs faster.
fn pause(draft: &Draft<'_>, change: &Change) -> TimeDelta {
    let seconds = change.intent.terms.as_ref().map_or(0, |terms| terms.pause);
    let incident = draft.state.incident.as_ref();
    let speed = incident
        .and_then(|incident| incident.rehearsal.as_ref())
        .map_or(1.0, |rehearsal| rehearsal.speed.max(0.1));
    let pause = std::time::Duration::from_secs(seconds).div_f64(speed);
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX)
}

fn verifies(draft: &Draft<'_>, step: &StepId) -> bool {
    draft
        .state
        .walking()
        .and_then(|execution| execution.playbook.step(&step.0))
        .and_then(|step| step.remediation())
        .is_some_and(|remediation| remediation.verify.is_some())
}

fn verify(draft: &mut Draft<'_>, step: &StepId) {
    attempts::begin(draft, step, 1, AttemptOrigin::Verify);
}

/// What was to hold holds: the next turn begins, or the change is done.
fn verified(draft: &mut Draft<'_>, change: &Change) {
    if change.wave < waves(change) {
        begin_wave(draft, change);
    } else {
        done(draft, change);
    }
}

fn begin_wave(draft: &mut Draft<'_>, change: &Change) {
    let wave = change.wave + 1;
    let attempt = change.intent.attempt_id(&change.digest, wave);
    draft.emit(Event::WaveBegun {
        step: change.step.clone(),
        visit: change.visit,
        wave,
        attempt,
        signed_at: draft.stamp.at_aws,
    });
    draft.emit(Event::AttemptStarted {
        attempt,
        step: change.step.clone(),
        number: wave,
        origin: AttemptOrigin::Approval,
    });
}

fn done(draft: &mut Draft<'_>, change: &Change) {
    let Some(attempt) = change.attempt else {
        return;
    };
    draft.emit(Event::StepEnded {
        step: change.step.clone(),
        visit: change.visit,
        result: VisitResult::Succeeded {
            attempt,
            prefetched: false,
        },
    });
    let next = draft
        .state
        .walking()
        .and_then(|execution| execution.playbook.step(&change.step.0))
        .and_then(|step| match &step.kind {
            StepKind::Automated(automated) => Some(automated.next.clone()),
            _ => None,
        });
    if let Some(next) = next {
        super::walk::arrive(draft, &next);
    }
}

/// The change was taken back, or that failed: either way the step did not do what it should.
fn undone(draft: &mut Draft<'_>, change: &Change, result: &AttemptResult) {
    let error = if result.status == AttemptStatus::Succeeded {
        "it did not have its effect, and was taken back".to_owned()
    } else {
        let why = result.error.as_deref().unwrap_or(result.name());
        format!("it did not have its effect, and could not be taken back: {why}")
    };
    give_up(draft, &change.step, change.visit, &error);
}

/// Begins a turn whose pause is over: after a look, where there is something to look at.
pub(super) fn wave_due(draft: &mut Draft<'_>) {
    let due = draft
        .state
        .walking()
        .and_then(|execution| execution.change.clone())
        .filter(|change| change.next.is_some_and(|at| at <= draft.stamp.at));
    let Some(change) = due else {
        return;
    };
    let looked = draft.state.walking().and_then(|execution| {
        let latest = execution.latest_attempt(&change.step)?;
        let looks = latest.origin == AttemptOrigin::Verify;
        looks.then(|| latest.end.as_ref().map(|(result, _)| result.status))
    });
    match looked {
        // What was to hold held when the next turn could not begin yet.
        Some(Some(AttemptStatus::Succeeded)) => return begin_wave(draft, &change),
        Some(_) => return,
        None => {}
    }
    if verifies(draft, &change.step) {
        verify(draft, &change.step);
    } else {
        begin_wave(draft, &change);
    }
}

/// Lets no further turn begin.
pub(super) fn stop_turns(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let execution = draft.walking()?;
    let change = execution
        .change
        .clone()
        .filter(|change| change.next.is_some())
        .ok_or(Refusal::NothingRunning)?;
    draft.emit(Event::TurnsStopped {
        step: change.step,
        visit: change.visit,
        wave: change.wave,
    });
    Ok(())
}

/// Looks again, because the responder says so.
pub(super) fn verify_again(
    draft: &mut Draft<'_>,
    step: &StepId,
    visit: u32,
) -> Result<(), Refusal> {
    let execution = draft.walking()?;
    let may = stands(execution).is_some_and(|standing| standing.can_verify);
    if !may || !execution.is_at(step, visit) {
        return Err(Refusal::NothingRunning);
    }
    verify(draft, step);
    Ok(())
}
