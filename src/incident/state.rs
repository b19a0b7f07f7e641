//! What is known of an incident: the fold of its events.
//!
//! Collections are persistent, so that a snapshot costs the same after ten events and after a
//! hundred thousand.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dimensions::Dimensions;
use super::{
    Actor, Approver, AttemptId, Cause, EscalationId, ExecutionId, HealingRun, IncidentId, Intent,
    Remote, SetOff, Verdict,
};
use crate::playbook::{
    EscalationPath, EscalationPaths, Outcome, Playbook, Severity, StepId, Vocabulary,
};

/// An incident and everything in it.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    #[serde(skip)]
    pub(super) vocabulary: Vocabulary,
    /// Whom to ask next; an escalation keeps the path that it takes.
    #[serde(skip)]
    pub(super) escalation: Arc<EscalationPaths>,
    /// The last event folded in, counted from 1; 0 before the first.
    pub sequence: u64,
    /// The first event that this version cannot read.
    #[serde(skip)]
    pub unreadable: Option<u64>,
    /// The incident, once it is open.
    pub incident: Option<Incident>,
    /// The walks. A healing begins while a playbook is walked, which goes on after it.
    pub executions: Vector<Execution>,
    /// Healing rules that were set off.
    pub set_off: Vector<SetOff>,
}

impl State {
    /// The state before the first event.
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Self {
        Self {
            vocabulary,
            escalation: Arc::default(),
            sequence: 0,
            unreadable: None,
            incident: None,
            executions: Vector::new(),
            set_off: Vector::new(),
        }
    }

    /// The same, where it is known whom to ask next.
    #[must_use]
    pub fn escalating(self, escalation: Arc<EscalationPaths>) -> Self {
        Self { escalation, ..self }
    }

    /// A step's title, as the walk says that began last and has it; its id, where none has.
    #[must_use]
    pub fn title_of(&self, step: &StepId) -> String {
        let mut walks = self.executions.iter().rev();
        let title = walks.find_map(|walk| Some(walk.playbook.step(&step.0)?.title.clone()));
        title.unwrap_or_else(|| step.to_string())
    }

    /// An escalation of any walk.
    #[must_use]
    pub fn escalation(&self, id: EscalationId) -> Option<&Escalation> {
        self.escalations().find(|known| known.id == id)
    }

    /// All escalations, those of the walk that began first at the beginning.
    #[must_use]
    pub fn escalations(&self) -> impl DoubleEndedIterator<Item = &Escalation> {
        let walks = self.executions.iter();
        walks.flat_map(|execution| execution.escalations.iter())
    }

    /// Those that go from level to level until somebody has them.
    #[must_use]
    pub fn chases(&self) -> impl DoubleEndedIterator<Item = &Escalation> {
        self.escalations().filter(|one| one.is_open())
    }

    /// Whether the incident is a rehearsal: nobody outside is paged.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.incident
            .as_ref()
            .is_some_and(|incident| incident.rehearsal.is_some())
    }

    /// The levels at which nobody was paged, of escalations that nobody has acknowledged: the page
    /// of the latest level counts, and where the path has ended, of all of them.
    #[must_use]
    pub fn nobody_paged(&self) -> Vec<(&Escalation, Option<&Asked>)> {
        if self.is_rehearsal() {
            return Vec::new();
        }
        let open = self.escalations().filter(|one| one.is_unanswered());
        open.filter_map(|one| {
            if one.asked.is_empty() {
                return one.exhausted.then_some((one, None));
            }
            let reached = one.asked.iter().any(|asked| asked.reach() != Reach::Nobody);
            let last = one.asked.last()?;
            (!reached || last.reach() == Reach::Nobody).then_some((one, Some(last)))
        })
        .collect()
    }

    /// What a time that was written down for the real world takes here: a rehearsal is quicker.
    #[must_use]
    pub fn paced(&self, seconds: u64) -> TimeDelta {
        let rehearsal = self
            .incident
            .as_ref()
            .and_then(|one| one.rehearsal.as_ref());
        let speed = rehearsal.map_or(1.0, |rehearsal| rehearsal.speed.max(1.0));
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "hours, not ages"
        )]
        TimeDelta::milliseconds((seconds as f64 * 1000.0 / speed) as i64)
    }

    /// The walk that is in progress; of several, the one that began last.
    #[must_use]
    pub fn walking(&self) -> Option<&Execution> {
        self.executions
            .iter()
            .rev()
            .find(|execution| execution.status == ExecutionStatus::InProgress)
    }

    /// The walk in progress that a step belongs to; of several, the one that began last.
    #[must_use]
    pub fn walk_of(&self, step: &StepId) -> Option<&Execution> {
        let mut walks = self.executions.iter().rev();
        walks.find(|execution| execution.is_walking(step))
    }

    /// An attempt of any walk, and the walk it belongs to.
    #[must_use]
    pub fn attempt(&self, id: AttemptId) -> Option<(&Execution, &Attempt)> {
        self.executions
            .iter()
            .rev()
            .find_map(|execution| Some((execution, execution.attempts.get(&id)?)))
    }

    /// The walk in progress; where there is none, the one that ended last.
    #[must_use]
    pub fn execution(&self) -> Option<&Execution> {
        let last = || self.executions.iter().max_by_key(|one| one.ended_at);
        self.walking().or_else(last)
    }

    /// An escalation that waits for an answer, of any walk: one outlives the walk that asked.
    #[must_use]
    pub fn pending_escalation(&self) -> Option<&Escalation> {
        self.executions
            .iter()
            .find_map(Execution::pending_escalation)
    }

    /// The healing rule that waits for the responder.
    #[must_use]
    pub fn proposed(&self) -> Option<&SetOff> {
        self.waiting().next()
    }

    /// The healing rules that wait for the responder, in the order in which they were proposed.
    pub fn waiting(&self) -> impl Iterator<Item = &SetOff> {
        self.set_off.iter().filter(|one| self.waits(one))
    }

    fn waits(&self, one: &SetOff) -> bool {
        one.skipped.is_none() && !self.has_acted(&one.run)
    }

    /// Whether a rule has acted or was put before the responder because of an alarm's transition,
    /// or waits there already for the same thing: an alarm that flaps is one question.
    #[must_use]
    pub fn has_dealt_with(&self, run: &HealingRun) -> bool {
        let known =
            |one: &SetOff| one.run.is_same(run) || (self.waits(one) && one.run.is_alike(run));
        self.has_acted(run) || self.set_off.iter().any(known)
    }

    /// Whether a rule has acted here because of an alarm's transition, or acts.
    #[must_use]
    pub fn has_acted(&self, run: &HealingRun) -> bool {
        let mut healings = self
            .executions
            .iter()
            .filter_map(|execution| execution.healing.as_deref());
        healings.any(|known| known.is_same(run))
    }
}

/// What the incident as a whole is.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Its title.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub status: IncidentStatus,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Its alarms, the first one it was opened for first.
    pub alarms: Vector<AlarmRef>,
    /// What was written down.
    pub notes: Vector<Note>,
    /// The rehearsal it belongs to.
    pub rehearsal: Option<Rehearsal>,
    /// When it reached each status.
    pub reached: Vector<(IncidentStatus, DateTime<Utc>)>,
    /// Since when its first alarm had been in ALARM when it was attached.
    pub alarm_since: Option<DateTime<Utc>>,
    /// What those were told who wait for it, the latest last.
    pub updates: Vector<Update>,
    /// When the next one is promised.
    pub next_update: Option<DateTime<Utc>>,
    /// What was learned from it.
    pub review: Option<Arc<Review>>,
}

/// What those were told who wait for the end of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// What.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
}

/// What was learned from an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// What it did to those who use the system, in words.
    #[serde(default)]
    pub impact: String,
    /// What contributed to it, in words.
    #[serde(default)]
    pub causes: String,
    /// What is to be done.
    #[serde(default)]
    pub actions: Vec<ActionItem>,
    /// What else was written below that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub more: String,
}

/// Something to be done because of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionItem {
    /// What; who does it and until when, where somebody wrote so.
    pub text: String,
    /// Whether it was done.
    #[serde(default)]
    pub done: bool,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// Nobody has it yet.
    Open,
    /// Someone has it.
    Acknowledged,
    /// The effect is gone.
    Mitigated,
    /// The cause is gone.
    Resolved,
    /// Nothing more is to be done.
    Closed,
}

impl IncidentStatus {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// An alarm as the incident knows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlarmRef {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its state when last seen.
    pub state: AlarmState,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// What it is for, in its author's words.
    pub description: String,
    /// The metric's namespace.
    pub namespace: Option<String>,
    /// The metric's name.
    pub metric: Option<String>,
    /// The metric's dimensions.
    pub dimensions: Dimensions,
    /// The threshold.
    pub threshold: Option<f64>,
    /// How it is compared, in CloudWatch's words.
    pub comparison: Option<String>,
    /// The statistic, or the percentile.
    pub statistic: Option<String>,
    /// The period, in seconds.
    pub period: Option<i64>,
    /// How many datapoints of how many put it into ALARM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints: Option<DatapointsToAlarm>,
    /// The account of the metric, where it is another than the alarm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_account: Option<String>,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The profile through which it was seen.
    pub profile: String,
    /// Since when it has been in its state.
    pub since: Option<DateTime<Utc>>,
}

impl AlarmRef {
    /// Whether both are one alarm: the same name can stand for others in other accounts.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        if self.arn.is_empty() || other.arn.is_empty() {
            let place = (&self.region, &self.profile) == (&other.region, &other.profile);
            self.name == other.name && place
        } else {
            self.arn == other.arn
        }
    }

    /// What a playbook is looked for by.
    #[must_use]
    pub fn subject(&self) -> crate::playbook::Subject<'_> {
        crate::playbook::Subject {
            namespace: self.namespace.as_deref(),
            metric: self.metric.as_deref(),
            name: &self.name,
            comparison: self.comparison.as_deref(),
        }
    }

    /// The same alarm with every text passed through `mask`.
    #[must_use]
    pub fn masked(self, mask: impl Fn(&str) -> String) -> Self {
        Self {
            name: mask(&self.name),
            arn: mask(&self.arn),
            reason: mask(&self.reason),
            description: mask(&self.description),
            namespace: self.namespace.as_deref().map(&mask),
            metric: self.metric.as_deref().map(&mask),
            dimensions: self
                .dimensions
                .iter()
                .map(|(name, value)| (mask(name), mask(value)))
                .collect(),
            ..self
        }
    }
}

/// How many datapoints of how many have to breach the threshold: M out of N.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatapointsToAlarm {
    /// M: the datapoints that breach.
    pub to_alarm: i32,
    /// N: the datapoints that are evaluated.
    pub evaluated: i32,
}

/// An alarm's state, in CloudWatch's words.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum AlarmState {
    /// The condition holds.
    #[serde(rename = "ALARM")]
    Alarm,
    /// There is not enough data to tell.
    #[default]
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
    /// The condition does not hold.
    #[serde(rename = "OK")]
    Ok,
}

impl AlarmState {
    /// All of them, what burns first.
    pub const ALL: [Self; 3] = [Self::Alarm, Self::InsufficientData, Self::Ok];

    /// Its name, as CloudWatch spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// Something written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
}

/// The rehearsal an incident belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The scenario's id.
    pub scenario: String,
    /// When the scenario began, in real time.
    pub began: DateTime<Utc>,
    /// How many scenario seconds pass in a second.
    pub speed: f64,
}

/// One walk of a playbook.
#[derive(Debug, Clone, Serialize)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The playbook, as it was when the walk began.
    #[serde(serialize_with = "playbook_id")]
    pub playbook: Arc<Playbook>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The outcome it reached.
    pub outcome: Option<Outcome>,
    /// Inputs that have a value.
    pub inputs: OrdMap<String, Value>,
    /// Steps arrived at, in order; the last one is where the responder stands.
    pub visits: Vector<Visit>,
    /// Every attempt.
    pub attempts: OrdMap<AttemptId, Attempt>,
    /// The latest attempt of each step.
    pub latest: OrdMap<StepId, AttemptId>,
    /// Retries that are due at some time.
    pub retries: OrdMap<StepId, Retry>,
    /// Outputs by name.
    pub outputs: OrdMap<String, Output>,
    /// Where each of them came from.
    pub input_sources: OrdMap<String, String>,
    /// The change that AWS is asked about.
    pub survey: Option<Survey>,
    /// The change that waits for a yes.
    pub approval: Option<Approval>,
    /// The change that is made, verified or taken back at the current step.
    pub change: Option<Change>,
    /// When the change was signed whose attempt starts next: in the same append.
    pub(super) signed: Option<DateTime<Utc>>,
    /// Escalations, the latest last.
    pub escalations: Vector<Escalation>,
    /// Whether one was approved.
    pub escalated: bool,
    /// Steps arrived at that failed.
    pub failed_steps: u32,
    /// Whether no responder has come to it yet: only what may run ahead runs.
    pub unattended: bool,
    /// Whether its file can be written by its owner alone, so that what it permits counts.
    pub trusted: bool,
    /// The healing that it is, where it is one.
    pub healing: Option<Arc<HealingRun>>,
    /// Where a person decided otherwise than the console recommended or read.
    pub overrides: Vector<Override>,
}

/// A person's decision against what the console recommended or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Override {
    /// The step.
    pub step: StepId,
    /// Which visit of it.
    pub visit: u32,
    /// What was done.
    pub what: String,
    /// Why.
    pub reason: String,
}

fn playbook_id<S: serde::Serializer>(
    playbook: &Arc<Playbook>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&playbook.id)
}

impl Execution {
    /// Where the responder stands.
    #[must_use]
    pub fn current(&self) -> Option<&Visit> {
        self.visits.last().filter(|visit| visit.result.is_none())
    }

    /// Tells whether it goes on, and has this step.
    #[must_use]
    pub fn is_walking(&self, step: &StepId) -> bool {
        self.status == ExecutionStatus::InProgress && self.playbook.step(&step.0).is_some()
    }

    /// Tells whether the responder stands at this very visit of a step.
    #[must_use]
    pub fn is_at(&self, step: &StepId, visit: u32) -> bool {
        self.current()
            .is_some_and(|current| current.step == *step && current.number == visit)
    }

    /// How often a step has been arrived at.
    #[must_use]
    pub fn visits_of(&self, step: &StepId) -> u32 {
        let count = self
            .visits
            .iter()
            .filter(|visit| visit.step == *step)
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The latest attempt of a step.
    #[must_use]
    pub fn latest_attempt(&self, step: &StepId) -> Option<&Attempt> {
        self.latest.get(step).and_then(|id| self.attempts.get(id))
    }

    /// Attempts that have not ended.
    pub fn running(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .values()
            .filter(|attempt| attempt.end.is_none())
    }

    /// The escalation that waits for an answer.
    #[must_use]
    pub fn pending_escalation(&self) -> Option<&Escalation> {
        self.escalations
            .iter()
            .find(|escalation| escalation.answer == EscalationAnswer::Pending)
    }

    /// What the walk did to the system, for a walk that has ended or goes on.
    #[must_use]
    pub fn effect(&self) -> ChangeEffect {
        let of = |origin: AttemptOrigin| {
            let mut all = self.attempts.values();
            move |wanted: &dyn Fn(&AttemptResult) -> bool| {
                all.any(|attempt| {
                    let ended = attempt
                        .end
                        .as_ref()
                        .is_some_and(|(result, _)| wanted(result));
                    attempt.origin == origin && ended
                })
            }
        };
        let succeeded = |result: &AttemptResult| result.status == AttemptStatus::Succeeded;
        let sent = self.attempts.values().any(|attempt| {
            let end = attempt.end.as_ref();
            let not_started = end.is_some_and(|(result, _)| result.began_nothing());
            attempt.origin == AttemptOrigin::Approval && !not_started
        });
        if !sent {
            ChangeEffect::Nothing
        } else if !of(AttemptOrigin::Approval)(&succeeded) {
            ChangeEffect::NotApplied
        } else if of(AttemptOrigin::Verify)(&succeeded) {
            ChangeEffect::Verified
        } else {
            ChangeEffect::Applied
        }
    }

    /// The first input that the responder must be asked for.
    #[must_use]
    pub fn missing_input(&self) -> Option<&crate::playbook::Input> {
        self.playbook
            .inputs
            .iter()
            .find(|input| !self.inputs.contains_key(&input.name))
    }
}

/// What a walk did to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeEffect {
    /// No change was sent.
    Nothing,
    /// A change was sent, and none was applied to its end.
    NotApplied,
    /// A change was applied, and not verified.
    Applied,
    /// A change was applied and verified.
    Verified,
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// It has not begun.
    NotStarted,
    /// It is going on.
    InProgress,
    /// It reached an outcome.
    Completed,
    /// It was handed up.
    Escalated,
    /// It ended without help.
    Failed,
}

impl ExecutionStatus {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Escalated => "escalated",
            Self::Failed => "failed",
        }
    }
}

/// One arrival at a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Visit {
    /// The step.
    pub step: StepId,
    /// Which visit of it, counted from 1.
    pub number: u32,
    /// When.
    pub arrived_at: DateTime<Utc>,
    /// How it was left; `None` while the responder stands there.
    pub result: Option<VisitResult>,
    /// When it was left.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How a step was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum VisitResult {
    /// An automated step succeeded.
    Succeeded {
        /// The attempt whose output counts.
        attempt: AttemptId,
        /// Whether it ran ahead of the responder.
        prefetched: bool,
    },
    /// It failed.
    Failed {
        /// Why.
        error: String,
    },
    /// The responder confirmed it.
    Confirmed {
        /// What became of it.
        verdict: Verdict,
    },
    /// A branch was taken.
    Branched {
        /// The branch's label.
        branch: String,
        /// The branches whose conditions were known not to be met.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        excluded: Vec<String>,
    },
    /// The walk ended here.
    Outcome {
        /// The outcome.
        outcome: Outcome,
    },
}

/// One try of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Its step.
    pub step: StepId,
    /// Which try, counted from 1.
    pub number: u32,
    /// Why it runs.
    pub origin: AttemptOrigin,
    /// What it changes; none for one that only reads.
    pub intent: Option<Arc<Intent>>,
    /// When the request for the change was signed, by the clock of AWS.
    pub signed_at: Option<DateTime<Utc>>,
    /// What runs for it at AWS, by the step's run.
    pub remotes: OrdMap<String, Remote>,
    /// Why nobody knows whether AWS accepted it, and when that will be known.
    pub uncertain: Option<Uncertain>,
    /// Whether AWS was asked to stop it.
    pub cancelling: bool,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How it ended, and when.
    pub end: Option<(AttemptResult, DateTime<Utc>)>,
    /// Whether a visit has used its result.
    pub used: bool,
}

/// Why an attempt runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOrigin {
    /// Ahead of the responder.
    Prefetch,
    /// The responder stands there.
    Arrival,
    /// The one before failed.
    Retry,
    /// The one before was cut off.
    TakeUp,
    /// The responder approved it.
    Approval,
    /// It reads what a change has done.
    Verify,
    /// The responder asked for it: the step had been read before.
    Reread,
}

/// What is not known of an attempt that changes the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncertain {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// From when on, by AWS's clock, finding nothing means that it was not accepted.
    pub conclusive_at: DateTime<Utc>,
}

/// A change that waits for a yes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Approval {
    /// The step.
    pub step: StepId,
    /// Which visit of it.
    pub visit: u32,
    /// What will be done.
    pub intent: Arc<Intent>,
    /// SHA-256 of it.
    pub digest: String,
    /// What is to be verified afterwards, as it was before.
    pub before: Option<Arc<Value>>,
    /// When it was described.
    pub asked_at: DateTime<Utc>,
    /// Until when it can be approved.
    pub until: DateTime<Utc>,
    /// The same, by the clock of AWS: this machine's may be set back.
    pub until_aws: Option<DateTime<Utc>>,
    /// Whether others were asked, by whom and why.
    pub sought: Option<Sought>,
    /// Those who agreed.
    pub given: Vector<Approver>,
    /// What does not count: whose it claims to be, and why it does not.
    pub refused: Vector<(String, String)>,
}

impl Approval {
    /// Whether it has ended by either clock. The incident's own never goes back.
    #[must_use]
    pub fn has_ended(&self, at: DateTime<Utc>, at_aws: DateTime<Utc>) -> bool {
        at >= self.until || self.until_aws.is_some_and(|until| at_aws >= until)
    }
}

/// That others were asked to agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sought {
    /// By whom.
    pub by: Arc<Actor>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A change that AWS is asked about before anybody can agree to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survey {
    /// The step.
    pub step: StepId,
    /// Which visit of it.
    pub visit: u32,
    /// What the playbook says of it.
    pub intent: Arc<Intent>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why it could not be found out.
    pub failed: Option<String>,
}

/// A change that was approved, until its step is left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The step.
    pub step: StepId,
    /// Which visit of it.
    pub visit: u32,
    /// What is done.
    pub intent: Arc<Intent>,
    /// SHA-256 of it.
    pub digest: String,
    /// Which turn came last, counted from 1; 0 before the first.
    pub wave: u32,
    /// Its attempt.
    pub attempt: Option<AttemptId>,
    /// When the next turn is.
    pub next: Option<DateTime<Utc>>,
    /// Whether the responder stopped it between two turns.
    pub stopped: bool,
    /// When the last turn ended, by the clock of AWS.
    pub ended_at: Option<DateTime<Utc>>,
    /// What is to be verified, as it was before.
    pub before: Option<Arc<Value>>,
    /// The same, as it was when it was last looked at.
    pub after: Option<Arc<Value>>,
}

impl Attempt {
    /// What this turn of a change acts upon.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        let Some(intent) = &self.intent else {
            return Vec::new();
        };
        let mut waves = intent.waves();
        let turn = usize::try_from(self.number).unwrap_or(1).saturating_sub(1);
        if turn < waves.len() {
            waves.swap_remove(turn)
        } else {
            intent.targets()
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptResult {
    /// In exactly one of these ways.
    pub status: AttemptStatus,
    /// What it captured; a failed attempt can have captured something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the playbook's own condition came to, where everything was read and the condition made
    /// a failure of it. What was captured is then known; of any other failure it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<crate::expression::Verdict>,
    /// Whether it is certain that nothing was begun: nothing was sent, or AWS did not take it for a
    /// reason that passes. A change can then be asked for again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_started: bool,
    /// Whether it is certain that nothing was begun, for a reason that does not pass by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Whether what it asked about does not exist: the same question finds the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

impl AttemptResult {
    /// It succeeded.
    #[must_use]
    pub fn succeeded(output: Value) -> Self {
        Self {
            status: AttemptStatus::Succeeded,
            output: Some(output),
            error: None,
            judged: None,
            not_started: false,
            refused: false,
            missing: false,
        }
    }

    /// It ended otherwise.
    pub fn ended(status: AttemptStatus, error: impl Into<String>, output: Option<Value>) -> Self {
        Self {
            status,
            output,
            error: Some(error.into()),
            judged: None,
            not_started: false,
            refused: false,
            missing: false,
        }
    }

    /// Nothing was begun, and that is certain.
    pub fn not_started(why: impl Into<String>) -> Self {
        Self {
            not_started: true,
            ..Self::ended(AttemptStatus::Failed, why, None)
        }
    }

    /// Nothing was begun, and that is certain; what kept it back does not pass by itself.
    pub fn refused(why: impl Into<String>) -> Self {
        Self {
            refused: true,
            ..Self::ended(AttemptStatus::Failed, why, None)
        }
    }

    /// Whether it is certain that nothing was begun.
    #[must_use]
    pub fn began_nothing(&self) -> bool {
        self.not_started || self.refused
    }

    /// How it ended, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.began_nothing() {
            "not started"
        } else {
            self.status.name()
        }
    }

    /// Whether what it captured was read whole.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.status == AttemptStatus::Succeeded || self.judged.is_some()
    }

    /// Whether a verification was made, and what it found: `None` where it could not be made.
    #[must_use]
    pub fn verified(&self) -> Option<bool> {
        match (self.status, self.judged) {
            (AttemptStatus::Succeeded, _) => Some(true),
            (_, Some(crate::expression::Verdict::False)) => Some(false),
            _ => None,
        }
    }
}

/// The ways an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It was stopped.
    Cancelled,
    /// Nobody knows.
    Unknown,
}

impl AttemptStatus {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// A try that is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Which try it will be.
    pub number: u32,
    /// When.
    pub at: DateTime<Utc>,
}

/// A captured output.
#[derive(Debug, Clone, Serialize)]
pub struct Output {
    /// As JSON.
    pub json: Arc<Value>,
    /// As expressions read it.
    #[serde(skip)]
    pub value: cel::Value,
    /// The step that made it.
    pub step: StepId,
    /// When.
    pub at: DateTime<Utc>,
}

/// An escalation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// Its id.
    pub id: EscalationId,
    /// Why.
    pub causes: Vec<Cause>,
    /// The path to take.
    pub path: String,
    /// When it was asked for.
    pub raised_at: DateTime<Utc>,
    /// What the responder said.
    pub answer: EscalationAnswer,
    /// The path as it was then; none where it is not known.
    pub route: Option<Arc<EscalationPath>>,
    /// Which level was asked last, counted from 1; 0 before the first.
    pub level: u32,
    /// How often the path began anew.
    pub round: u32,
    /// Who was asked, and when.
    pub asked: Vector<Asked>,
    /// When the next level is asked.
    pub next_at: Option<DateTime<Utc>>,
    /// Whether it waits for the end of the quiet hours.
    pub held: bool,
    /// Who said yes; nobody, where it escalated by itself.
    pub asked_by: Option<Arc<Actor>>,
    /// Who has it, since when, and what was said.
    pub acknowledged: Option<Acknowledged>,
    /// Whether all levels were asked in vain.
    pub exhausted: bool,
    /// Whether the incident was mitigated since.
    pub over: bool,
}

/// A level of an escalation path that was paged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The level.
    pub level: u32,
    /// The pass along the path, counted from 0.
    pub round: u32,
    /// The contacts of the level.
    pub contacts: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// One page for each channel; none where the level has no channel.
    pub pages: Vec<Page>,
}

impl Asked {
    /// What became of the level as a whole.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let any =
            |wanted: fn(&PageState) -> bool| self.pages.iter().any(|page| wanted(&page.state));
        if any(|state| matches!(state, PageState::Accepted { .. })) {
            Reach::Paged
        } else if any(|state| matches!(state, PageState::Sending)) {
            Reach::Sending
        } else {
            Reach::Nobody
        }
    }

    /// Where nobody was paged: a level above the first is named.
    #[must_use]
    pub fn at_level(&self) -> String {
        if self.level > 1 {
            format!(" at level {}", self.level)
        } else {
            String::new()
        }
    }

    /// The channels that accepted a page.
    #[must_use]
    pub fn through(&self) -> String {
        let accepted = self
            .pages
            .iter()
            .filter(|page| matches!(page.state, PageState::Accepted { .. }));
        accepted
            .map(|page| page.channel.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Why nobody was paged.
    #[must_use]
    pub fn why_nobody(&self) -> String {
        let contacts = self.contacts.join(", ");
        if self.pages.is_empty() {
            return format!("no channel for {contacts}");
        }
        let failed = self.pages.iter().filter_map(|page| match &page.state {
            PageState::GivenUp { why, .. } => Some(format!("{}: {why}", page.channel)),
            PageState::Sending | PageState::Accepted { .. } => None,
        });
        failed.collect::<Vec<_>>().join("; ")
    }
}

/// Whether a level was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// A channel accepted a page.
    Paged,
    /// No channel has accepted a page yet, and at least one is still being tried.
    Sending,
    /// There is no channel, or every page was given up.
    Nobody,
}

/// A page of a level through one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The channel.
    pub channel: String,
    /// What became of it.
    pub state: PageState,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// It waits to be sent, or is tried again.
    Sending,
    /// The channel accepted it.
    Accepted {
        /// When.
        at: DateTime<Utc>,
        /// What the receiver answered.
        answer: String,
    },
    /// It was given up.
    GivenUp {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: String,
    },
}

/// Who has an escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// Who said so.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    pub note: Option<String>,
}

impl Escalation {
    /// Whether it goes from level to level.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answer == EscalationAnswer::Approved
            && self.acknowledged.is_none()
            && !self.exhausted
            && !self.over
            && self.next_at.is_some()
    }

    /// Whether somebody was asked for help, and nobody has said that they come.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.answer == EscalationAnswer::Approved && self.acknowledged.is_none() && !self.over
    }

    /// When it escalates by itself, unless it is answered: one about a critical incident does.
    #[must_use]
    pub fn by_itself_at(&self, state: &State) -> Option<DateTime<Utc>> {
        let critical = |incident: &Incident| incident.severity == Severity::Critical;
        let route = self.route.as_ref()?;
        let waits = self.answer == EscalationAnswer::Pending
            && !self.over
            && state.incident.as_ref().is_some_and(critical);
        waits.then(|| self.raised_at + state.paced(route.countdown))
    }
}

/// What the responder said to an escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationAnswer {
    /// Nothing yet.
    Pending,
    /// Yes.
    Approved,
    /// Not before then.
    Postponed {
        /// When to ask again.
        until: DateTime<Utc>,
    },
    /// It was asked again, as another escalation.
    AskedAgain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_of_the_same_name_in_another_account_is_another_alarm() {
        let alarm = |account: &str| AlarmRef {
            name: "cpu".into(),
            region: "eu-central-1".into(),
            arn: format!("arn:aws:cloudwatch:eu-central-1:{account}:alarm:cpu"),
            state: AlarmState::Ok,
            ..AlarmRef::default()
        };
        let (one, other) = (alarm("111122223333"), alarm("444455556666"));
        assert!(one.is_same(&one.clone()) && !one.is_same(&other));
    }
}
