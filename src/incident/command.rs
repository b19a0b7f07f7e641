//! What someone or something asks of an incident.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AlarmRef, AlarmState, Approver, AttemptId, AttemptResult, EscalationId, HealingRun,
    IncidentStatus, Plan, Proposed, Rehearsal, Remote, Review, Walked,
};
use crate::playbook::{Entry, Severity, StepId};

/// A request. [`super::decide`] grants or refuses it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open the incident.
    Open {
        /// Its title.
        title: String,
        /// How bad it is.
        severity: Severity,
        /// The alarm it answers; an incident can be opened without one.
        alarm: Option<AlarmRef>,
        /// The rehearsal it belongs to.
        rehearsal: Option<Rehearsal>,
    },
    /// Add an alarm.
    AttachAlarm(AlarmRef),
    /// An alarm's state was seen.
    AlarmSeen {
        /// The alarm's name.
        name: String,
        /// Its state.
        state: AlarmState,
        /// Why, in CloudWatch's words.
        reason: String,
    },
    /// Move the incident to a status.
    SetStatus(IncidentStatus),
    /// Change how bad it is.
    Regrade(Severity),
    /// Write something down.
    Note(String),
    /// Begin to walk a playbook.
    Start {
        /// The name of its file, for messages.
        name: String,
        /// Its text; the execution keeps it.
        text: String,
        /// The playbooks that it walks on the way.
        others: Vec<Walked>,
        /// Whether only its owner can write it, so that what it permits counts.
        trusted: bool,
    },
    /// Answer the question for an input.
    ProvideInput {
        /// The input.
        name: String,
        /// What was typed.
        text: String,
    },
    /// Say what became of a manual step.
    Confirm {
        /// The step, and which visit of it: what was on the screen.
        step: StepId,
        /// Counted from 1.
        visit: u32,
        /// What became of it.
        verdict: Verdict,
        /// A note.
        note: Option<String>,
        /// Values it asked for, as typed.
        answers: BTreeMap<String, String>,
    },
    /// Take a branch of a decision.
    TakeBranch {
        /// The step, and which visit of it.
        step: StepId,
        /// Counted from 1.
        visit: u32,
        /// The branch, counted from 0.
        branch: usize,
        /// Why, when it is not the recommended one.
        reason: Option<String>,
    },
    /// Take back the branch that was taken a moment ago.
    UndoBranch,
    /// Read these steps again, with new attempts.
    ReadAgain(Vec<StepId>),
    /// An attempt came to its end.
    AttemptEnded {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        result: AttemptResult,
    },
    /// Say yes to the change that is described on the screen.
    Approve {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// SHA-256 of what was on the screen.
        digest: String,
        /// What the responder typed: [`super::Intent::confirmation`].
        typed: String,
        /// Why; others, and a closed calendar, want to know.
        reason: Option<String>,
    },
    /// AWS said what a change would do, and to what; or why that could not be found out.
    Surveyed {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// The nonce of what was asked about.
        nonce: uuid::Uuid,
        /// What was found.
        result: Result<Box<Found>, String>,
    },
    /// Let a change touch more than its playbook allows.
    RaiseCeiling {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// SHA-256 of what was on the screen.
        digest: String,
        /// Why.
        reason: String,
    },
    /// Somebody else agreed to a change, as the operating system says.
    Agree {
        /// SHA-256 of what they saw.
        digest: String,
        /// Who.
        approver: Approver,
    },
    /// Somebody else did not.
    Disagree {
        /// SHA-256 of what they saw.
        digest: String,
        /// Who.
        approver: Approver,
        /// Why.
        reason: String,
    },
    /// What claims to be somebody else's agreement does not count.
    RefuseAgreement {
        /// SHA-256 of what it is about.
        digest: String,
        /// Whose it claims to be, or the file it stands in.
        from: String,
        /// Why it does not count.
        reason: String,
    },
    /// Take a change back whose effect is not what it was to be.
    Undo {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
    },
    /// Look again whether a change had its effect.
    VerifyAgain {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
    },
    /// Say no to it.
    Decline {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
        /// Why.
        reason: String,
    },
    /// Ask anew for the approval of a change of which nobody knows whether it was made.
    RequestAgain {
        /// The step.
        step: StepId,
        /// Which visit of it.
        visit: u32,
    },
    /// AWS named what an attempt runs there.
    AttemptIdentified {
        /// The attempt.
        attempt: AttemptId,
        /// Which of the step's runs.
        run: String,
        /// What runs there.
        remote: Remote,
    },
    /// Nobody knows whether AWS accepted an attempt.
    AttemptUncertain {
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        reason: String,
        /// From when on, by AWS's clock, finding nothing means that it was not accepted.
        conclusive_at: DateTime<Utc>,
    },
    /// An attempt came to its end at a console that is not the writer any more. It is recorded,
    /// and the writer goes on from it.
    LateResult {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        result: AttemptResult,
    },
    /// Stop what the current step is running.
    CancelCurrent,
    /// Answer a step of a document that waits for an approval of its own.
    AnswerGate {
        /// The attempt that runs it.
        attempt: AttemptId,
        /// The document's step.
        gate: String,
        /// Whether it is approved.
        approved: bool,
        /// Why.
        reason: String,
    },
    /// Escalate now.
    Escalate {
        /// Why.
        reason: String,
    },
    /// Agree to an escalation that was asked for.
    ApproveEscalation {
        /// Which.
        escalation: EscalationId,
        /// A note.
        note: Option<String>,
    },
    /// Put an escalation off.
    PostponeEscalation {
        /// Which.
        escalation: EscalationId,
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Say that somebody has the escalations that go from level to level; and the incident, where
    /// nobody has it yet.
    AcknowledgeEscalation {
        /// What they say; or who answered, where the one who asked writes it down.
        note: Option<String>,
    },
    /// A channel accepted a page, or the page was given up.
    PageEnded {
        /// The escalation.
        escalation: EscalationId,
        /// The level.
        level: u32,
        /// The pass along the path, counted from 0.
        round: u32,
        /// The channel.
        channel: String,
        /// What the receiver answered, or why the page was given up.
        result: Result<String, String>,
    },
    /// Tell those who wait for the end of the incident how it stands.
    Update {
        /// What they are told.
        text: String,
        /// In how many seconds the next one follows.
        next: Option<u64>,
    },
    /// Hand the responder's picture over to others.
    GiveCard {
        /// Who has the incident open.
        writer: Option<String>,
    },
    /// Write down what was learned.
    Review(Review),
    /// End the walk without an outcome.
    StopExecution {
        /// Why.
        reason: String,
    },
    /// Begin to walk a playbook where nobody is: what may run ahead runs, and nothing else.
    Prepare {
        /// The file's name.
        name: String,
        /// Its text.
        text: String,
        /// The playbooks that it walks on the way.
        others: Vec<Walked>,
        /// Whether only its owner can write it, so that what it permits counts.
        trusted: bool,
    },
    /// Begin to walk a healing rule, before whatever is walked goes on.
    Heal {
        /// The file's name.
        name: String,
        /// Its text.
        text: String,
        /// Whether only its owner can write it.
        trusted: bool,
        /// What it does.
        run: HealingRun,
    },
    /// Put a healing rule that was set off before the responder.
    ProposeHealing {
        /// What it would do.
        run: HealingRun,
        /// Its text.
        rule: Proposed,
    },
    /// Begin to walk the healing rule that was put before the responder.
    AcceptHealing {
        /// The rule.
        rule: String,
        /// What it would act upon.
        resource: String,
    },
    /// Takes a healing back that waits for the responder: what set it off holds no longer.
    LapseHealing {
        /// What it would have done.
        run: HealingRun,
        /// Why not.
        reason: String,
    },
    /// Notes that a healing rule was set off, and does not act.
    SkipHealing {
        /// What it would have done.
        run: HealingRun,
        /// Why not.
        reason: String,
    },
    /// A responder is there: a walk that nobody attended begins.
    Attend,
    /// Time has passed.
    Tick,
    /// A console took the incident up: what ran where it was before is no longer followed.
    TakeUp,
}

impl Command {
    /// Opens an incident for an alarm that a playbook answers: as bad as the alarm is graded,
    /// and where nothing grades it, as bad as the playbook says.
    #[must_use]
    pub fn open_for(
        entry: &Entry,
        alarm: Option<AlarmRef>,
        grade: Option<Severity>,
        rehearsal: Option<Rehearsal>,
    ) -> Self {
        let usual = entry.playbook.severities.first().copied();
        Self::Open {
            title: entry.playbook.name.clone(),
            severity: grade.or(usual).unwrap_or(Severity::High),
            alarm,
            rehearsal,
        }
    }

    /// Runs ahead what a playbook of the catalog reads, where nobody is.
    #[must_use]
    pub fn prepare(entry: &Entry) -> Self {
        Self::Prepare {
            name: entry.source.name.to_string(),
            text: entry.source.text.to_string(),
            others: entry.others.iter().map(Walked::from).collect(),
            trusted: entry.trusted,
        }
    }

    /// Begins to walk a healing rule of the catalog.
    #[must_use]
    pub fn heal(entry: &Entry, run: HealingRun) -> Self {
        Self::Heal {
            name: entry.source.name.to_string(),
            text: entry.source.text.to_string(),
            trusted: entry.trusted,
            run,
        }
    }

    /// Puts a healing rule of the catalog before the responder.
    #[must_use]
    pub fn propose(entry: &Entry, run: HealingRun) -> Self {
        Self::ProposeHealing {
            run,
            rule: Proposed {
                name: entry.source.name.to_string(),
                title: entry.playbook.name.clone(),
                text: entry.source.text.to_string(),
                trusted: entry.trusted,
            },
        }
    }

    /// Begins to walk a playbook of the catalog.
    #[must_use]
    pub fn start(entry: &Entry) -> Self {
        Self::Start {
            name: entry.source.name.to_string(),
            text: entry.source.text.to_string(),
            others: entry.others.iter().map(Walked::from).collect(),
            trusted: entry.trusted,
        }
    }
}

/// What AWS said of a change before it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What would run, on what.
    pub plan: Plan,
    /// What is to be verified afterwards, as it was now.
    pub before: Option<serde_json::Value>,
}

/// What the responder says became of a manual step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was done.
    Done,
    /// It did not work, or cannot be decided.
    Failed,
    /// It was not needed.
    Skipped,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Why a command was not granted. Each says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no incident yet.
    #[error("there is no incident yet; open one first")]
    NotOpen,
    /// There is one already.
    #[error("the incident is open already")]
    AlreadyOpen,
    /// The incident is closed.
    #[error("the incident is closed; open a new one")]
    Closed,
    /// The status cannot follow the present one.
    #[error("an incident that is {from} cannot become {to}; {instead}")]
    Status {
        /// The present status.
        from: &'static str,
        /// The wanted one.
        to: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A playbook is being walked.
    #[error("a playbook is being walked; finish it, or stop it first")]
    Walking,
    /// No playbook is being walked.
    #[error("no playbook is being walked; start one first")]
    NotWalking,
    /// The playbook cannot be used.
    #[error("the playbook {0} cannot be used; run `standdown check` to see why")]
    Playbook(String),
    /// An input has no value, and the responder may not be asked.
    #[error(
        "the input `{0}` has no value for this alarm, and the playbook does not ask for it; start it on another alarm, or add \"ask\" to its `from`"
    )]
    MissingInput(String),
    /// An input is not wanted, or not any more.
    #[error("nobody asks for `{0}` now")]
    UnknownInput(String),
    /// A value does not fit.
    #[error("{0}")]
    InvalidInput(#[from] crate::playbook::InvalidInput),
    /// A value that the step asks for is missing.
    #[error("`{0}` is still to be answered")]
    Unanswered(String),
    /// The step is not where the responder stands.
    #[error("step {0} is no longer the current one; nothing was recorded")]
    NotCurrent(StepId),
    /// The step does not take this.
    #[error("step {0} cannot be answered that way")]
    WrongKind(StepId),
    /// There is no such branch.
    #[error("there is no branch {0}")]
    NoBranch(usize),
    /// Taking a branch that is not recommended wants a reason.
    #[error("{}", reason_needed(.recommended))]
    ReasonNeeded {
        /// The recommended branch; empty where none is.
        recommended: String,
    },
    /// No branch was taken.
    #[error("no branch has been taken; there is nothing to undo")]
    NoBranchToUndo,
    /// It was taken too long ago.
    #[error("a branch can be undone for {} seconds after it was taken", super::UNDO.num_seconds())]
    TooLateToUndo,
    /// Something followed from it that cannot be undone.
    #[error(
        "the branch can no longer be undone: a step was confirmed, a change was sent, or others were asked or paged"
    )]
    BranchActedOn,
    /// The step changes the system.
    #[error("step {0} changes the system; it is not run again like a read")]
    Changes(StepId),
    /// No step can be read again.
    #[error("nothing here can be read again: no read has been made, or it is running")]
    NothingToRead,
    /// The step has been visited as often as it may be.
    #[error("step {step} has been visited {visits} times, as often as it may be; take another way")]
    VisitsUsedUp {
        /// The step.
        step: StepId,
        /// How often.
        visits: u32,
    },
    /// No escalation waits for somebody to have it.
    #[error("nothing waits to be acknowledged")]
    NothingToAcknowledge,
    /// Who asked for help does not have it by saying so.
    #[error("you asked for help yourself: write down who answered")]
    WhoAnswered,
    /// No change waits for a yes there.
    #[error("nothing waits for approval at step {0}")]
    NothingToApprove(StepId),
    /// What was on the screen is not what waits.
    #[error("what was on the screen is no longer what would be done; read it again")]
    OtherDigest,
    /// What was typed does not confirm it.
    #[error("type {wanted:?} to approve this; nothing was done")]
    NotConfirmed {
        /// What has to be typed.
        wanted: String,
    },
    /// The request has ended.
    #[error("what was on the screen was described too long ago; it is described again")]
    Expired,
    /// It is over its ceiling.
    #[error("this is over the playbook's ceiling: {0}; raise it, or change fewer")]
    OverCeiling(String),
    /// The change calendar is closed.
    #[error("{0}; say why it cannot wait")]
    CalendarClosed(String),
    /// Somebody has to know why.
    #[error("say why: it is recorded, and others read it")]
    WhyNeeded,
    /// Others were asked already.
    #[error("{0} of the group {1} have to agree; they were asked")]
    Sought(usize, String),
    /// Who may agree to what is not known.
    #[error(
        "an `escalation.toml` cannot be read, so that nobody knows who may agree to this; `standdown check` says what is wrong"
    )]
    ApproversUnknown,
    /// The group may not agree to this.
    #[error(
        "the group {0} may not agree to {1}: `escalation.toml` says what it may; ask for another group's agreement in the playbook"
    )]
    NotTheirs(String, String),
    /// Nobody agrees to their own request.
    #[error("{0} asked for this, and cannot agree to it as well")]
    OwnRequest(String),
    /// Who asked and who agrees are one caller to AWS.
    #[error(
        "AWS knows who asked and who agrees as one and the same, {0}; use credentials of your own, or list the role under `shared_roles`"
    )]
    SameCaller(String),
    /// It cannot be said what would be done.
    #[error("what would be done cannot be said: {0}")]
    Undescribed(String),
    /// No healing waits.
    #[error("no healing waits for you")]
    NoHealing,
    /// It cannot be taken back here.
    #[error("nothing at step {0} can be taken back")]
    NothingToUndo(StepId),
    /// Nothing is running.
    #[error("nothing is running at this step")]
    NothingRunning,
    /// The attempt is not known.
    #[error("attempt {0} is not known")]
    UnknownAttempt(AttemptId),
    /// The escalation is not waiting for an answer.
    #[error("this escalation is not waiting for an answer")]
    NoEscalation,
    /// A text is empty.
    #[error("nothing was written; nothing was recorded")]
    Empty,
    /// The alarm is there already.
    #[error("alarm {0} belongs to the incident already")]
    AlarmAttached(String),
    /// An incident holds a limited number of alarms.
    #[error("an incident holds at most {0} alarms")]
    TooManyAlarms(usize),
}

fn reason_needed(recommended: &str) -> String {
    if recommended.is_empty() {
        "no branch is recommended; say why you take this one".to_owned()
    } else {
        format!("\"{recommended}\" is recommended; say why you take another branch")
    }
}
