//! The one question that stands before the responder.

use chrono::{DateTime, Utc};

use super::{
    Approval, Attempt, AttemptOrigin, AttemptStatus, Change, Escalation, Execution,
    ExecutionStatus, IncidentStatus, State, Survey, scope,
};
use crate::expression::{Explanation, Scope, Verdict};
use crate::playbook::{Branch, Decision, Input, Step, StepId, StepKind};

/// What the responder is asked now. Screens, plain mode and the bot all read this.
#[derive(Debug, Clone)]
pub enum Question<'a> {
    /// No playbook was started.
    StartPlaybook,
    /// An input has no value.
    Input(&'a Input),
    /// An escalation waits for an answer.
    Escalation(&'a Escalation),
    /// The console works; nothing is asked.
    Working(&'a Step),
    /// A change waits for a yes.
    Approval(&'a Approval),
    /// What a change would do could not be found out; the responder decides what follows.
    Undescribed(&'a Survey),
    /// A change was made, and something is not as it should be; the responder decides what follows.
    Standing {
        /// The step.
        step: &'a Step,
        /// The change.
        change: &'a Change,
        /// What is not as it should be.
        standing: Standing,
    },
    /// Nobody knows whether a change was made; the responder decides what follows.
    Unknown {
        /// The step.
        step: &'a Step,
        /// Which visit of it.
        visit: u32,
        /// The attempt of which nobody knows.
        attempt: &'a Attempt,
    },
    /// A manual step.
    Manual {
        /// The step.
        step: &'a Step,
        /// Which visit of it.
        visit: u32,
    },
    /// A decision.
    Decision {
        /// The step.
        step: &'a Step,
        /// Which visit of it.
        visit: u32,
        /// Its branches, one of them recommended.
        branches: Vec<BranchView<'a>>,
    },
    /// The walk has ended; the incident may want a new status.
    Ended,
    /// The incident is closed.
    Closed,
}

/// A branch as it stands now.
#[derive(Debug, Clone)]
pub struct BranchView<'a> {
    /// The branch.
    pub branch: &'a Branch,
    /// Whether it is the recommended one.
    pub recommended: bool,
    /// Whether its condition holds, and why; `None` for the branch taken otherwise.
    pub explanation: Option<Explanation>,
    /// Why, with values, in the playbook's words.
    pub because: Option<String>,
}

/// Finds the question.
#[must_use]
pub fn question(state: &State, now: DateTime<Utc>) -> Question<'_> {
    if state
        .incident
        .as_ref()
        .is_some_and(|incident| incident.status == IncidentStatus::Closed)
    {
        return Question::Closed;
    }
    let Some(execution) = state.execution() else {
        return Question::StartPlaybook;
    };
    if let Some(escalation) = state.pending_escalation() {
        return Question::Escalation(escalation);
    }
    if execution.status != ExecutionStatus::InProgress {
        return Question::Ended;
    }
    let Some(visit) = execution.current() else {
        return execution
            .missing_input()
            .map_or(Question::Ended, Question::Input);
    };
    let Some(step) = execution.playbook.step(&visit.step.0) else {
        return Question::Ended;
    };
    match &step.kind {
        StepKind::Automated(_) => automated(execution, step, visit.number),
        StepKind::Manual(_) => Question::Manual {
            step,
            visit: visit.number,
        },
        StepKind::Decision(decision) => Question::Decision {
            step,
            visit: visit.number,
            branches: branches(decision, &scope(state, now)),
        },
        StepKind::Outcome(_) | StepKind::Playbook(_) => Question::Ended,
    }
}

fn automated<'a>(execution: &'a Execution, step: &'a Step, visit: u32) -> Question<'a> {
    if let Some(approval) = &execution.approval {
        return Question::Approval(approval);
    }
    if let Some(survey) = &execution.survey {
        return match &survey.failed {
            Some(_) => Question::Undescribed(survey),
            None => Question::Working(step),
        };
    }
    if let Some(attempt) = unknown(execution, &step.id) {
        return Question::Unknown {
            step,
            visit,
            attempt,
        };
    }
    match (stands(execution), &execution.change) {
        (Some(standing), Some(change)) => Question::Standing {
            step,
            change,
            standing,
        },
        _ => Question::Working(step),
    }
}

/// What is not as it should be after a change, and what can be done about it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is not as it should be.
    pub reason: String,
    /// Whether it can be taken back.
    pub can_undo: bool,
    /// Whether it can be looked at again.
    pub can_verify: bool,
}

/// Finds out whether a change stands that did not have its effect, or was not made to its end.
pub(super) fn stands(execution: &Execution) -> Option<Standing> {
    let change = execution.change.as_ref()?;
    let current = execution.current()?;
    if current.step != change.step || current.number != change.visit {
        return None;
    }
    let latest = execution.latest_attempt(&change.step)?;
    let (result, _) = latest.end.as_ref()?;
    let remediation = execution.playbook.step(&change.step.0)?.remediation()?;
    if change.stopped && change.intent.undoes.is_none() {
        return Some(Standing {
            reason: format!(
                "you stopped it after turn {} of {}",
                change.wave,
                change.intent.waves().len()
            ),
            can_undo: remediation.undo.is_some(),
            can_verify: false,
        });
    }
    let why = || {
        let why = result.error.clone();
        why.unwrap_or_else(|| result.status.name().into())
    };
    if matches!(
        result.status,
        AttemptStatus::Succeeded | AttemptStatus::Unknown
    ) || change.intent.undoes.is_some()
    {
        return None;
    }
    let looked = latest.origin == AttemptOrigin::Verify;
    let waves = change.intent.waves().len();
    let reason = match (looked, waves) {
        (true, 1) => why(),
        (true, _) => format!("after turn {} of {waves}: {}", change.wave, why()),
        (false, 1) => why(),
        (false, _) => format!("turn {} of {waves} failed: {}", change.wave, why()),
    };
    let can_undo = remediation.undo.is_some();
    // One turn that failed has no part that stands, unless it can be taken back.
    let stands = looked || can_undo || change.wave > 1;
    stands.then_some(Standing {
        reason,
        can_undo,
        can_verify: looked,
    })
}

/// The step's latest attempt, if it was to change something and nobody knows whether it did.
fn unknown<'a>(execution: &'a Execution, step: &StepId) -> Option<&'a Attempt> {
    execution.latest_attempt(step).filter(|attempt| {
        attempt.intent.is_some()
            && attempt
                .end
                .as_ref()
                .is_some_and(|(result, _)| result.status == AttemptStatus::Unknown)
    })
}

/// Tells whether nobody knows what became of a step's latest change.
pub(super) fn is_unknown(execution: &Execution, step: &StepId) -> bool {
    unknown(execution, step).is_some()
}

/// Evaluates the branches: the first whose condition holds is recommended, or the one taken
/// otherwise.
pub(super) fn branches<'a>(decision: &'a Decision, scope: &Scope) -> Vec<BranchView<'a>> {
    let mut views: Vec<BranchView<'a>> = decision
        .branches
        .iter()
        .map(|branch| BranchView {
            branch,
            recommended: false,
            explanation: branch.when.as_ref().map(|when| when.explain(scope)),
            because: branch.because.as_ref().map(|because| because.show(scope)),
        })
        .collect();
    let recommended = views
        .iter()
        .position(|view| {
            view.explanation
                .as_ref()
                .is_some_and(|why| why.verdict == Verdict::True)
        })
        .or_else(|| views.iter().position(|view| view.branch.when.is_none()));
    if let Some(view) = recommended.and_then(|index| views.get_mut(index)) {
        view.recommended = true;
    }
    views
}
