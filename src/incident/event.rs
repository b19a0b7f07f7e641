//! What happened: the journal's record.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Actor, AlarmRef, AlarmState, Approver, AttemptId, AttemptOrigin, AttemptResult, EscalationId,
    ExecutionId, ExecutionStatus, HealingRun, IncidentId, IncidentStatus, Intent, Proposed,
    Rehearsal, Remote, Review, Verdict, VisitResult,
};
use crate::document::Source;
use crate::expression::Evidence;
use crate::playbook::{EscalationPath, Outcome, Severity, StepId};

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Counted from 1 within the incident.
    pub sequence: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Arc<Actor>,
    /// What.
    pub event: Event,
}

/// The text of a playbook that is walked on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    /// The file it came from.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Walked {
    pub(super) fn sources(all: &[Self]) -> Vec<Source> {
        all.iter()
            .map(|one| Source::new(one.name.as_str(), one.text.as_str()))
            .collect()
    }
}

impl From<&Source> for Walked {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.to_string(),
            text: source.text.to_string(),
        }
    }
}

/// What happened. Names are in the past tense; nothing here can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The incident was opened.
    IncidentOpened {
        /// Its id.
        incident: IncidentId,
        /// Its title.
        title: String,
        /// How bad it is.
        severity: Severity,
        /// The rehearsal it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rehearsal: Option<Rehearsal>,
    },
    /// An alarm was added.
    AlarmAttached {
        /// The alarm, as it was then.
        alarm: AlarmRef,
    },
    /// An alarm's state was seen to have changed.
    AlarmStateChanged {
        /// The alarm's name.
        name: String,
        /// Its state before.
        from: AlarmState,
        /// Its state now.
        to: AlarmState,
        /// Why, in CloudWatch's words.
        reason: String,
    },
    /// The status changed.
    StatusChanged {
        /// Before.
        from: IncidentStatus,
        /// Now.
        to: IncidentStatus,
    },
    /// The severity changed.
    SeverityChanged {
        /// Before.
        from: Severity,
        /// Now.
        to: Severity,
    },
    /// Someone wrote something down.
    NoteAdded {
        /// What.
        text: String,
        /// The step at which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
    },
    /// A playbook's walk began.
    ExecutionStarted {
        /// The walk.
        execution: ExecutionId,
        /// The playbook's id.
        playbook: String,
        /// SHA-256 of its text.
        hash: String,
        /// The file it came from.
        name: String,
        /// Its text.
        text: String,
        /// The playbooks that it walks on the way.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Walked>,
        /// Whether nobody is there: what may run ahead runs, and no step is arrived at.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unattended: bool,
        /// Whether only its owner can write it, so that what it permits counts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        trusted: bool,
        /// The healing that it is, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        healing: Option<Box<HealingRun>>,
    },
    /// A healing rule was set off, and waits for the responder.
    HealingProposed {
        /// What it would do.
        run: HealingRun,
        /// Its text.
        rule: Proposed,
    },
    /// A healing rule was set off, and does not act.
    HealingSkipped {
        /// What it would have done.
        run: HealingRun,
        /// Why not.
        reason: String,
    },
    /// A healing rule that waited for the responder waits no longer.
    HealingLapsed {
        /// What it would have done.
        run: HealingRun,
        /// Why not.
        reason: String,
        /// Whether it may be proposed again because of the same alarm: its condition may hold again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// A responder came to a walk that nobody attended.
    ExecutionAttended,
    /// An input got its value.
    InputProvided {
        /// The input.
        name: String,
        /// Its value.
        value: Value,
        /// Where it came from: `alarm…`, `ask` or `default`.
        from: String,
    },
    /// The walk came to a step.
    StepArrived {
        /// The step.
        step: StepId,
        /// Which visit of it, counted from 1.
        visit: u32,
    },
    /// The walk left a step.
    StepEnded {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// How.
        result: VisitResult,
    },
    /// The responder said what became of a manual step.
    StepConfirmed {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What became of it.
        verdict: Verdict,
        /// A note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Values it asked for.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        answers: serde_json::Map<String, Value>,
    },
    /// A channel accepted the page of an escalation level.
    PageAccepted {
        /// The escalation.
        escalation: EscalationId,
        /// The level.
        level: u32,
        /// The pass along the path, counted from 0.
        #[serde(default)]
        round: u32,
        /// The channel.
        channel: String,
        /// What the receiver answered.
        answer: String,
    },
    /// The page of an escalation level was given up: it reached nobody.
    PageGivenUp {
        /// The escalation.
        escalation: EscalationId,
        /// The level.
        level: u32,
        /// The pass along the path, counted from 0.
        #[serde(default)]
        round: u32,
        /// The channel.
        channel: String,
        /// Why.
        why: String,
    },
    /// The responder took a branch back, at once: the walk is at the decision again.
    BranchUndone {
        /// The decision.
        step: StepId,
        /// Its visit, counted from 1.
        visit: u32,
    },
    /// The responder took a branch.
    BranchTaken {
        /// The decision.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// The branch's label.
        branch: String,
        /// The recommended branch's label; empty where none was recommended.
        recommended: String,
        /// What the recommendation stood on.
        evidence: Vec<Evidence>,
        /// Why another one was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overridden_because: Option<String>,
    },
    /// An attempt began.
    AttemptStarted {
        /// The attempt.
        attempt: AttemptId,
        /// Its step.
        step: StepId,
        /// Which try, counted from 1.
        number: u32,
        /// Why it runs.
        origin: AttemptOrigin,
    },
    /// AWS is asked what exactly a change would do, and to what.
    SurveyStarted {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What the playbook says of it.
        intent: Intent,
    },
    /// It could not be found out.
    SurveyFailed {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// Why.
        reason: String,
    },
    /// A change to the system was described, and waits for a yes.
    ApprovalRequested {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What will be done, and nothing else.
        intent: Intent,
        /// SHA-256 of it.
        digest: String,
        /// What is to be verified afterwards, as it was before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Value>,
        /// The time at AWS.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_aws: Option<DateTime<Utc>>,
    },
    /// The responder raised the ceiling that a change is over. It is described anew.
    CeilingRaised {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was over it.
        digest: String,
        /// Why.
        reason: String,
    },
    /// The responder confirmed it, and asks others to agree.
    ApprovalSought {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What is to be approved.
        digest: String,
        /// Why.
        reason: String,
        /// Until when it can be.
        until: DateTime<Utc>,
        /// The same, by the clock of AWS.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_aws: Option<DateTime<Utc>>,
        /// The channels that tell them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        channels: Vec<String>,
    },
    /// One of the others agreed.
    ApprovalGiven {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was approved.
        digest: String,
        /// Who.
        approver: Approver,
    },
    /// What claims to be an agreement does not count.
    ApprovalRefused {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was to be approved.
        digest: String,
        /// Whose it claims to be, or the file it stands in.
        from: String,
        /// Why it does not count.
        reason: String,
    },
    /// Nobody agreed in time.
    ApprovalExpired {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was to be approved.
        digest: String,
    },
    /// Somebody said yes. The attempt is intended by the same append.
    ApprovalGranted {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was approved.
        digest: String,
        /// The attempt it is for.
        attempt: AttemptId,
        /// The time at AWS, with which the one request is signed, whenever it is sent:
        /// AWS refuses it five minutes later.
        signed_at: DateTime<Utc>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The next targets of a change have their turn after a pause.
    WaveScheduled {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// Which turn, counted from 1.
        wave: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// The responder stopped a change between two of its turns.
    TurnsStopped {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// The turn that came last.
        wave: u32,
    },
    /// They have it. Their attempt is intended by the same append.
    WaveBegun {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// Which turn, counted from 1.
        wave: u32,
        /// The attempt it is for.
        attempt: AttemptId,
        /// As of [`Event::ApprovalGranted`].
        signed_at: DateTime<Utc>,
    },
    /// Somebody said no.
    ApprovalDeclined {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// What was declined.
        digest: String,
        /// Why.
        reason: String,
        /// Which of the others, where it was one of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<Approver>,
    },
    /// AWS named what the attempt runs there.
    AttemptIdentified {
        /// The attempt.
        attempt: AttemptId,
        /// Which of the step's runs.
        run: String,
        /// What runs there.
        remote: Remote,
    },
    /// Nobody knows whether AWS accepted the request; it is looked up.
    AttemptUncertain {
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        reason: String,
        /// From when on, by AWS's clock, finding nothing means that it was not accepted.
        conclusive_at: DateTime<Utc>,
    },
    /// A console took up what still runs elsewhere.
    AttemptReattached {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The responder answered a step of the document that waits for an approval of its own.
    GateAnswered {
        /// The attempt.
        attempt: AttemptId,
        /// The document's step.
        gate: String,
        /// Whether it was approved.
        approved: bool,
        /// Why.
        reason: String,
    },
    /// AWS was asked to stop it. It goes on until AWS says that it ended.
    CancelRequested {
        /// The attempt.
        attempt: AttemptId,
    },
    /// An attempt ended: exactly once.
    AttemptEnded {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        result: AttemptResult,
    },
    /// A result came for an attempt that had ended already. It changes nothing.
    LateResult {
        /// The attempt.
        attempt: AttemptId,
        /// What came.
        result: AttemptResult,
    },
    /// A failed attempt will be tried again.
    RetryScheduled {
        /// The step.
        step: StepId,
        /// Which try it will be.
        number: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// An escalation was asked for.
    EscalationRaised {
        /// The escalation.
        escalation: EscalationId,
        /// Why.
        causes: Vec<Cause>,
        /// The path to take.
        path: String,
        /// The path as it is written; none where there is no such path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Arc<EscalationPath>>,
    },
    /// The responder agreed.
    EscalationApproved {
        /// The escalation.
        escalation: EscalationId,
        /// A note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Whether nobody answered in time, so that it escalated by itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unanswered: bool,
    },
    /// It waits for the end of the quiet hours.
    EscalationHeld {
        /// The escalation.
        escalation: EscalationId,
        /// When they end.
        until: DateTime<Utc>,
    },
    /// A level was asked to help.
    EscalationLevelAsked {
        /// The escalation.
        escalation: EscalationId,
        /// Which level, counted from 1.
        level: u32,
        /// How often the path began anew.
        #[serde(default)]
        round: u32,
        /// Who is asked.
        contacts: Vec<String>,
        /// The channels that tell them.
        channels: Vec<String>,
        /// When the next one is asked, unless somebody has it before.
        next_at: DateTime<Utc>,
        /// The responder's picture, handed over.
        picture: Vec<String>,
    },
    /// Somebody who was asked has it.
    EscalationAcknowledged {
        /// The escalation.
        escalation: EscalationId,
        /// What they said, or who they are where another wrote it down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// All levels were asked, and nobody had it.
    EscalationExhausted {
        /// The escalation.
        escalation: EscalationId,
        /// The last level that was asked; 0 where nobody could be, as there is no such path.
        #[serde(default)]
        asked: u32,
    },
    /// Those who wait for the end of the incident were told how it stands.
    UpdateGiven {
        /// What they were told.
        text: String,
        /// When the next one is promised.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<DateTime<Utc>>,
    },
    /// The responder's picture was handed over.
    HandedOver {
        /// It.
        card: Vec<String>,
    },
    /// What was learned was written down, in place of what was before.
    ReviewWritten {
        /// It.
        review: Review,
    },
    /// The responder put it off.
    EscalationPostponed {
        /// The escalation.
        escalation: EscalationId,
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// An event that this program cannot read. It is never written.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// The walk ended.
    ExecutionEnded {
        /// How.
        status: ExecutionStatus,
        /// At which outcome.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
        /// Why, when there is no outcome.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Event {
    /// The step that it is about.
    #[must_use]
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::StepArrived { step, .. }
            | Self::StepEnded { step, .. }
            | Self::StepConfirmed { step, .. }
            | Self::BranchTaken { step, .. }
            | Self::BranchUndone { step, .. }
            | Self::AttemptStarted { step, .. }
            | Self::SurveyStarted { step, .. }
            | Self::SurveyFailed { step, .. }
            | Self::ApprovalRequested { step, .. }
            | Self::CeilingRaised { step, .. }
            | Self::ApprovalSought { step, .. }
            | Self::ApprovalGiven { step, .. }
            | Self::ApprovalRefused { step, .. }
            | Self::ApprovalExpired { step, .. }
            | Self::ApprovalGranted { step, .. }
            | Self::ApprovalDeclined { step, .. }
            | Self::WaveScheduled { step, .. }
            | Self::TurnsStopped { step, .. }
            | Self::WaveBegun { step, .. }
            | Self::RetryScheduled { step, .. } => Some(step),
            _ => None,
        }
    }
}

/// Why an escalation was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A trigger of the playbook fired.
    Trigger {
        /// Its condition.
        condition: String,
        /// The values that made it true.
        evidence: Vec<Evidence>,
    },
    /// A step failed whose failure escalates.
    StepFailed {
        /// The step.
        step: StepId,
        /// Why it failed.
        error: String,
    },
    /// The responder asked for it.
    Responder {
        /// Why.
        reason: String,
    },
}

impl Cause {
    /// Says it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Trigger {
                condition,
                evidence,
            } => {
                let values: Vec<String> = evidence
                    .iter()
                    .filter_map(|evidence| {
                        Some(format!("{} = {}", evidence.name, evidence.value.as_ref()?))
                    })
                    .collect();
                if values.is_empty() {
                    condition.clone()
                } else {
                    format!("{condition} ({})", values.join(", "))
                }
            }
            Self::StepFailed { step, error } => format!("step {step} failed: {error}"),
            Self::Responder { reason } => reason.clone(),
        }
    }
}
