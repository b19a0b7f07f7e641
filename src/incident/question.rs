//! The one question that stands before the responder.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::missing::missing;
use super::{
    Absence, Approval, Attempt, AttemptOrigin, AttemptStatus, Change, Escalation, Execution,
    ExecutionStatus, IncidentStatus, Missing, Refusal, State, Survey, Visit, VisitResult, scope,
};
use crate::expression::{Explanation, Expression, Scope, Template, Verdict};
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
    /// A change was approved and is certain not to have begun; the responder may ask for it anew.
    NotStarted {
        /// The step.
        step: &'a Step,
        /// Which visit of it.
        visit: u32,
        /// The attempt that did not begin.
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
        /// Its branches; at most one is recommended.
        branches: Vec<BranchView<'a>>,
        /// What has to be known before one can be recommended; empty where one is.
        missing: Vec<Missing>,
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
    /// Whether its condition is met, and why; `None` for the branch taken otherwise.
    pub explanation: Option<Explanation>,
    /// Why it is to be taken, in the playbook's words: only where that is so, and where every value
    /// in it was read.
    pub because: Option<String>,
}

impl BranchView<'_> {
    /// What became of its condition; the branch taken otherwise has none.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.explanation.as_ref().map(|why| why.verdict)
    }
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
        StepKind::Decision(decision) => {
            let branches = branches(decision, &scope(state, now));
            Question::Decision {
                step,
                visit: visit.number,
                missing: undecided(state, step.frame, &branches),
                branches,
            }
        }
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
    if let Some(attempt) = not_started(execution, &step.id) {
        return Question::NotStarted {
            step,
            visit,
            attempt,
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
    /// What happened.
    pub fault: Fault,
}

/// What is not as it should be after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The responder stopped it between two turns.
    Stopped,
    /// The change, or one of its turns, failed.
    Failed,
    /// It was applied, and the verification found that it did not have its effect.
    VerificationFailed,
    /// It was applied, and could not be verified: nothing is known against it.
    NotVerified,
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
            fault: Fault::Stopped,
        });
    }
    let why = || {
        let why = result.error.clone();
        why.unwrap_or_else(|| result.name().into())
    };
    if matches!(
        result.status,
        AttemptStatus::Succeeded | AttemptStatus::Unknown
    ) || (result.not_started && changed_nothing(execution))
        || change.intent.undoes.is_some()
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
    let not_verified = looked && result.verified().is_none();
    let reason = if not_verified {
        format!("not verified: {reason}")
    } else {
        reason
    };
    // What nobody verified is no reason to roll a change back.
    let can_undo = remediation.undo.is_some() && !not_verified;
    // One turn that failed has no part that stands, unless it can be taken back.
    let stands = looked || can_undo || change.wave > 1;
    stands.then_some(Standing {
        reason,
        can_undo,
        can_verify: looked,
        fault: match (looked, not_verified) {
            (_, true) => Fault::NotVerified,
            (true, false) => Fault::VerificationFailed,
            (false, false) => Fault::Failed,
        },
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

/// The step's latest attempt, if it was to change something and is certain not to have begun.
fn not_started<'a>(execution: &'a Execution, step: &StepId) -> Option<&'a Attempt> {
    execution.latest_attempt(step).filter(|attempt| {
        let end = attempt.end.as_ref();
        attempt.intent.is_some()
            && end.is_some_and(|(result, _)| result.not_started)
            && changed_nothing(execution)
    })
}

/// Whether the change that is under way has changed nothing before its latest attempt: it is its first
/// turn, and takes no other change back.
pub(super) fn changed_nothing(execution: &Execution) -> bool {
    execution
        .change
        .as_ref()
        .is_none_or(|change| change.wave <= 1 && change.intent.undoes.is_none())
}

/// Tells whether a step's latest change can be asked for again: it was not started, or nobody knows
/// what became of it.
pub(super) fn can_be_asked_anew(execution: &Execution, step: &StepId) -> bool {
    has_not_started(execution, step) || unknown(execution, step).is_some()
}

/// Tells whether a step's latest change is certain not to have begun.
pub(super) fn has_not_started(execution: &Execution, step: &StepId) -> bool {
    not_started(execution, step).is_some()
}

/// Evaluates the branches. The first whose condition is met is recommended, provided that every
/// condition above it is known not to be met; the branch taken otherwise is the last. Below an unknown
/// condition nothing is recommended, unless the playbook says that it may be passed over.
pub(super) fn branches<'a>(decision: &'a Decision, scope: &Scope) -> Vec<BranchView<'a>> {
    let mut views: Vec<BranchView<'a>> = decision
        .branches
        .iter()
        .map(|branch| BranchView {
            branch,
            recommended: false,
            explanation: branch.when.as_ref().map(|when| when.explain(scope)),
            because: None,
        })
        .collect();
    let deciding = views.iter_mut().find(|view| match view.verdict() {
        None | Some(Verdict::True) => true,
        Some(Verdict::False) => false,
        Some(Verdict::Unknown) => !view.branch.skip_unknown,
    });
    if let Some(view) = deciding.filter(|view| view.verdict() != Some(Verdict::Unknown)) {
        view.recommended = true;
    }
    for view in &mut views {
        if view.recommended || view.verdict() == Some(Verdict::True) {
            let because = view.branch.because.as_ref();
            view.because = because.and_then(|because| because.state(scope));
        }
    }
    views
}

/// What keeps a branch from being recommended.
fn undecided(state: &State, frame: usize, views: &[BranchView<'_>]) -> Vec<Missing> {
    if views.iter().any(|view| view.recommended) {
        return Vec::new();
    }
    let unknown = views
        .iter()
        .find(|view| view.verdict() == Some(Verdict::Unknown) && !view.branch.skip_unknown);
    let Some(why) = unknown.and_then(|view| view.explanation.as_ref()) else {
        return Vec::new();
    };
    if let Some(fault) = &why.error {
        let when = unknown.and_then(|view| view.branch.when.as_ref());
        return vec![Missing {
            name: when.map_or_else(String::new, |when| when.source().to_owned()),
            step: None,
            why: Absence::Fault(fault.clone()),
        }];
    }
    why.unknown()
        .map(|name| missing(state, frame, name))
        .collect()
}

/// The steps that a decision reads and that can be read again.
#[must_use]
pub fn read_by(execution: &Execution, decision: &Step) -> Vec<StepId> {
    let StepKind::Decision(branches) = &decision.kind else {
        return Vec::new();
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for branch in &branches.branches {
        names.extend(branch.when.iter().flat_map(Expression::variables));
        let because = branch.because.iter().flat_map(Template::expressions);
        names.extend(because.flat_map(Expression::variables));
    }
    let steps = execution.playbook.steps.iter();
    steps
        .filter(|step| step.frame == decision.frame && step.reads())
        .filter(|step| step.output().is_some_and(|output| names.contains(output)))
        .filter(|step| execution.latest.contains_key(&step.id))
        .map(|step| step.id.clone())
        .collect()
}

/// How long a branch can be undone after it was taken.
pub const UNDO: TimeDelta = TimeDelta::seconds(10);

/// The decision whose branch can be undone now, and its visit.
///
/// # Errors
/// Why nothing can be undone.
pub fn undoable(state: &State, now: DateTime<Utc>) -> Result<(StepId, u32), Refusal> {
    let execution = state.execution().ok_or(Refusal::NotWalking)?;
    let taken = |visit: &Visit| matches!(visit.result, Some(VisitResult::Branched { .. }));
    let at = execution
        .visits
        .iter()
        .rposition(taken)
        .ok_or(Refusal::NoBranchToUndo)?;
    let decision = execution.visits.get(at).ok_or(Refusal::NoBranchToUndo)?;
    let since = decision.ended_at.ok_or(Refusal::NoBranchToUndo)?;
    let closed = state
        .incident
        .as_ref()
        .is_some_and(|incident| incident.status == IncidentStatus::Closed);
    if closed || now - since > UNDO {
        return Err(Refusal::TooLateToUndo);
    }
    let confirmed = execution
        .visits
        .iter()
        .skip(at + 1)
        .any(|visit| matches!(visit.result, Some(VisitResult::Confirmed { .. })));
    let sent = execution
        .attempts
        .values()
        .any(|attempt| attempt.intent.is_some() && attempt.started_at >= since);
    let asked = execution
        .approval
        .as_ref()
        .is_some_and(|approval| approval.sought.is_some());
    let raised = execution
        .escalations
        .iter()
        .any(|escalation| escalation.raised_at >= since);
    if confirmed || sent || asked || raised {
        return Err(Refusal::BranchActedOn);
    }
    Ok((decision.step.clone(), decision.number))
}
