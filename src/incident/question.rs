//! The one question that stands before the responder.

use chrono::{DateTime, Utc};

use super::{
    Approval, Attempt, AttemptStatus, Escalation, Execution, ExecutionStatus, IncidentStatus,
    State, scope,
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
    if let Some(escalation) = execution.pending_escalation() {
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
        StepKind::Automated(_) => match (&execution.approval, unknown(execution, &step.id)) {
            (Some(approval), _) => Question::Approval(approval),
            (None, Some(attempt)) => Question::Unknown {
                step,
                visit: visit.number,
                attempt,
            },
            (None, None) => Question::Working(step),
        },
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
