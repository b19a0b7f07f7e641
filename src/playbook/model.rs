//! What a playbook is once it has been read.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Healing, Input, Parameter, Remediation};
use crate::expression::{Expression, Scope, Template};

/// The id of a step, unique in its playbook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId(pub Arc<str>);

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The business stands still.
    Critical,
    /// Customers notice.
    High,
    /// Some customers may notice.
    Medium,
    /// Nobody notices yet.
    Low,
}

impl Severity {
    /// All severities with their names, gravest first.
    pub const ALL: [(&'static str, Self); 4] = [
        ("critical", Self::Critical),
        ("high", Self::High),
        ("medium", Self::Medium),
        ("low", Self::Low),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What a diagnostic looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnostic {
    /// Is it up?
    SystemHealth,
    /// Is it fast?
    Performance,
    /// Can it be reached?
    Connectivity,
    /// What does it use?
    ResourceUsage,
    /// What does it say?
    LogAnalysis,
}

impl Diagnostic {
    /// All types with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("system_health", Self::SystemHealth),
        ("performance", Self::Performance),
        ("connectivity", Self::Connectivity),
        ("resource_usage", Self::ResourceUsage),
        ("log_analysis", Self::LogAnalysis),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What follows when a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnFailure {
    /// Ask the responder to escalate, then go on with the next step.
    Escalate,
    /// Go on with the next step.
    Continue,
    /// End the execution as failed.
    Stop,
    /// Go to that step.
    Step(StepId),
}

/// How an execution ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The cause is gone.
    Resolved,
    /// The effect is gone, the cause is not.
    Mitigated,
    /// Somebody else goes on.
    HandedOff,
    /// Somebody with more means goes on.
    Escalated,
    /// The playbook could not help.
    Stop,
}

impl Outcome {
    /// All outcomes with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("resolved", Self::Resolved),
        ("mitigated", Self::Mitigated),
        ("handed_off", Self::HandedOff),
        ("escalated", Self::Escalated),
        ("stop", Self::Stop),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A playbook that has been read without errors.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// Its id, unique in a catalog.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The team that keeps it.
    pub owner: String,
    /// Business impact of what it answers: 1 stops the business … 4 nobody notices.
    pub impact: u8,
    /// Rung of the ladder: 1 human, 2 automated diagnosis, 3 automated fix, 4 preemptive.
    pub rung: u8,
    /// When it was last reviewed.
    pub reviewed: Option<NaiveDate>,
    /// How often it wants to be reviewed.
    pub review_every: Option<Duration>,
    /// Severities it is meant for; the first is the one an incident opens with.
    pub severities: Vec<Severity>,
    /// Kinds of incident it is meant for.
    pub incident_types: Vec<String>,
    /// What must be in place for it to work.
    pub prerequisites: Vec<String>,
    /// Programs its steps use.
    pub tools: Vec<String>,
    /// Named links.
    pub links: Vec<(String, String)>,
    /// Alarms it answers; any entry may match.
    pub answers: Vec<Answer>,
    /// What it needs to know before it can run, in order.
    pub inputs: Vec<Input>,
    /// When to escalate, and to whom.
    pub escalation: Option<EscalationPlan>,
    /// What makes it a healing rule, where it is one.
    pub healing: Option<Healing>,
    /// The step it starts with.
    pub start: StepId,
    /// Its steps, in the order written; those of playbooks it walks on the way among them.
    pub steps: Vec<Step>,
    /// Itself, and the playbooks it walks on the way.
    pub frames: Vec<Frame>,
    /// SHA-256 of the file's text, in hex; of all texts, where it walks other playbooks.
    pub hash: String,
}

/// What the steps of one playbook see: a walk can lead through several.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The playbook's id.
    pub playbook: String,
    /// The title of the step that leads into it; empty for the walk's own playbook.
    pub title: String,
    /// What stands before the ids of its steps and the names of its outputs.
    pub prefix: String,
    /// The frame of the step that leads into it.
    pub parent: usize,
    /// What that step hands over, by input.
    pub with: Vec<(String, Parameter)>,
    /// What the playbook needs to know.
    pub inputs: Vec<Input>,
    /// Values by where the alarm is; the first that matches counts.
    pub environments: Vec<Environment>,
    /// Secrets for local programs, by name.
    pub secrets: Vec<(String, SecretSource)>,
}

/// Values for the alarms of one environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The accounts; any, when there are none.
    pub accounts: Vec<String>,
    /// The regions; any, when there are none.
    pub regions: Vec<String>,
    /// The profiles through which the alarm was seen; any, when there are none.
    pub profiles: Vec<String>,
    /// Patterns over the alarm's name; any, when there are none.
    pub alarms: Vec<String>,
    /// The values, as `env.NAME`.
    pub values: serde_json::Map<String, serde_json::Value>,
}

/// Where a secret is read, at the moment a local program needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A parameter of Parameter Store, decrypted.
    Ssm(String),
    /// A variable of the console's own environment.
    Env(String),
    /// A file, without the line break at its end.
    File(String),
}

impl Playbook {
    /// Returns a step.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| &*step.id.0 == id)
    }

    /// Returns what a step does that is an automated one.
    #[must_use]
    pub fn automated(&self, id: &str) -> Option<&Automated> {
        match &self.step(id)?.kind {
            StepKind::Automated(automated) => Some(automated),
            _ => None,
        }
    }

    /// Whether it answers an alarm, by any of its `answers`.
    #[must_use]
    pub fn answers_to(&self, alarm: &super::Subject<'_>) -> bool {
        self.answers.iter().any(|answer| answer.matches(alarm))
    }

    /// Until when it wants to be reviewed again.
    #[must_use]
    pub fn review_due(&self) -> Option<NaiveDate> {
        let every = chrono::TimeDelta::from_std(self.review_every?).ok()?;
        self.reviewed?.checked_add_signed(every)
    }

    /// Tells whether somebody agreed to one of its changes beforehand.
    #[must_use]
    pub fn is_preapproved(&self) -> bool {
        self.steps.iter().any(|step| {
            step.remediation()
                .is_some_and(|remediation| remediation.preapproved.is_some())
        })
    }

    /// Tells whether any of its actions is trusted to change nothing because the file says so.
    #[must_use]
    pub fn declares_read_only(&self) -> bool {
        self.steps.iter().any(|step| match &step.kind {
            StepKind::Automated(automated) => automated.runs.iter().any(|run| match run.kind {
                "ssm_command" => true,
                "ssm_automation" => !run.mutating,
                _ => false,
            }),
            _ => false,
        })
    }

    /// What a step sees.
    #[must_use]
    pub fn frame_of(&self, step: &str) -> usize {
        self.step(step).map_or(0, |step| step.frame)
    }

    /// The full name of an output that a step writes.
    #[must_use]
    pub fn output_of(&self, step: &str) -> Option<String> {
        let step = self.step(step)?;
        let name = match &step.kind {
            StepKind::Automated(automated) => automated.output.as_deref(),
            StepKind::Manual(manual) => manual.output.as_deref(),
            _ => None,
        }?;
        let prefix = self
            .frames
            .get(step.frame)
            .map_or("", |frame| frame.prefix.as_str());
        Some(format!("{prefix}{name}"))
    }

    /// Returns an input.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name == name)
    }
}

/// A pattern over alarms. Each field that is given must match; `*` and `?` are wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The metric's namespace.
    pub namespace: Option<String>,
    /// The metric's name.
    pub metric: Option<String>,
    /// The alarm's name.
    pub name: Option<String>,
    /// The direction in which the alarm compares; any, where it is not given.
    pub comparison: Option<Direction>,
}

/// The direction in which an alarm compares its value with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It fires when the value is too high.
    Above,
    /// It fires when the value is too low.
    Below,
    /// It fires when the value leaves a band in either direction.
    Outside,
}

impl Direction {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("above", Self::Above),
        ("below", Self::Below),
        ("outside", Self::Outside),
    ];
}

/// When to escalate, and along which path.
#[derive(Debug, Clone)]
pub struct EscalationPlan {
    /// The path's name.
    pub path: String,
    /// Conditions; each one that becomes true asks the responder once.
    pub triggers: Vec<Expression>,
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Its title.
    pub title: String,
    /// Why it is there and how to do it; may hold `{{ }}`.
    pub description: Template,
    /// What follows when it fails.
    pub on_failure: OnFailure,
    /// How long it is expected to take.
    pub estimate: Option<Duration>,
    /// How often one execution may arrive here.
    pub max_visits: u32,
    /// Which of [`Playbook::frames`] it belongs to.
    pub frame: usize,
    /// What kind of node it is.
    pub kind: StepKind,
}

impl Step {
    /// What belongs to its change, if it makes one.
    #[must_use]
    pub fn remediation(&self) -> Option<&Remediation> {
        match &self.kind {
            StepKind::Automated(automated) => automated.remediation.as_deref(),
            _ => None,
        }
    }

    /// The name under which its output can be read, within its playbook.
    #[must_use]
    pub fn output(&self) -> Option<&str> {
        match &self.kind {
            StepKind::Automated(automated) => automated.output.as_deref(),
            StepKind::Manual(manual) => manual.output.as_deref(),
            StepKind::Decision(_) | StepKind::Outcome(_) | StepKind::Playbook(_) => None,
        }
    }

    /// Whether it is automated and changes nothing.
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(&self.kind, StepKind::Automated(automated) if !automated.mutating())
    }

    /// The values that it computes from its output.
    #[must_use]
    pub fn values(&self) -> &[(String, Expression)] {
        match &self.kind {
            StepKind::Automated(automated) => &automated.values,
            _ => &[],
        }
    }
}

/// The kinds of node.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The console runs it.
    Automated(Box<Automated>),
    /// The responder does it.
    Manual(Manual),
    /// The responder chooses.
    Decision(Decision),
    /// The walk ends here.
    Outcome(Outcome),
    /// Another playbook is walked here. It is gone once the playbooks are linked.
    Playbook(Call),
}

/// A step that walks another playbook.
#[derive(Debug, Clone)]
pub struct Call {
    /// The playbook's id.
    pub playbook: String,
    /// What it is given, by input.
    pub with: Vec<(String, Parameter)>,
    /// Where each of its outcomes leads.
    pub on: Vec<(Outcome, StepId)>,
    /// Where the outcomes lead that `on` does not name.
    pub next: Option<StepId>,
}

/// A step that the console runs.
#[derive(Debug, Clone)]
pub struct Automated {
    /// What it looks at.
    pub diagnostic: Option<Diagnostic>,
    /// What a healthy or telling result looks like; shown beside the output.
    pub expect: Template,
    /// The name under which its output can be read.
    pub output: Option<String>,
    /// Values computed from the output, added to it.
    pub values: Vec<(String, Expression)>,
    /// The variables that its values read.
    pub reads: BTreeSet<String>,
    /// Holds when the step succeeded; without it, every run must succeed.
    pub success: Option<Expression>,
    /// The longest one attempt may take.
    pub timeout: Duration,
    /// How often a failed attempt is tried again.
    pub retries: u32,
    /// The oldest prefetched result that is good enough on arrival.
    pub max_age: Duration,
    /// IAM permissions it needs.
    pub permissions: Vec<String>,
    /// What to do by hand when it fails; may hold `{{ }}`.
    pub manual: Option<Template>,
    /// The step after it.
    pub next: StepId,
    /// What it runs, side by side.
    pub runs: Vec<Run>,
    /// Whether `runs` was written (its output is a map by name) or `run` (it is the output).
    pub named_runs: bool,
    /// The list it runs for each item of.
    pub for_each: Option<Expression>,
    /// How many items at a time.
    pub max_parallel: usize,
    /// Runs again until this holds.
    pub until: Option<Expression>,
    /// How long to wait between two runs.
    pub every: Duration,
    /// Whether it may run ahead of the responder.
    pub prefetch: bool,
    /// What belongs to a change, where it makes one.
    pub remediation: Option<Box<Remediation>>,
}

/// One action of a step.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name within the step; empty for a single `run`.
    pub name: String,
    /// The run that must have ended before, whose output this one reads.
    pub after: Option<String>,
    /// The kind of action.
    pub kind: &'static str,
    /// Whether it changes the system.
    pub mutating: bool,
    /// Whether it runs ahead of the responder unless the step says otherwise.
    pub prefetched: bool,
    /// The IAM permissions it needs.
    pub permissions: Vec<String>,
    /// Its parameters.
    pub parameters: Parameter,
    /// The profile it runs with, where it is not the alarm's.
    pub profile: Option<Parameter>,
    /// The region it runs in, where it is not the alarm's.
    pub region: Option<Parameter>,
}

impl Run {
    /// The Automation document that it starts, where its name is written down.
    #[must_use]
    pub fn document(&self) -> Option<&str> {
        let Parameter::Map(all) = &self.parameters else {
            return None;
        };
        let named = all.iter().find(|(name, _)| name == "document")?;
        match &named.1 {
            Parameter::Plain(serde_json::Value::String(name)) => Some(name),
            _ => None,
        }
    }

    /// The profile and the region that it names for itself, where it does.
    ///
    /// # Errors
    /// When one of them has no value, or is no name.
    pub fn at(&self, scope: &Scope) -> Result<(Option<String>, Option<String>), String> {
        let name = |parameter: &Option<Parameter>| match parameter {
            Some(parameter) => match parameter.render(scope) {
                Ok(serde_json::Value::String(name)) => {
                    Ok(Some(name).filter(|name| !name.is_empty()))
                }
                Ok(other) => Err(format!("`at` is {other}, not a name")),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(None),
        };
        Ok((name(&self.profile)?, name(&self.region)?))
    }

    /// Lists all its expressions.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expression> {
        self.profile
            .iter()
            .chain(&self.region)
            .chain([&self.parameters])
            .flat_map(Parameter::expressions)
            .collect()
    }
}

impl Automated {
    /// Whether the step changes the system: then it runs once, on arrival, after approval.
    #[must_use]
    pub fn mutating(&self) -> bool {
        self.runs.iter().any(|run| run.mutating)
    }
}

/// A step that the responder does.
#[derive(Debug, Clone)]
pub struct Manual {
    /// Commands to copy; may hold `{{ }}`.
    pub commands: Vec<Template>,
    /// Values the responder is asked for.
    pub ask: Vec<Input>,
    /// The name under which the answers can be read.
    pub output: Option<String>,
    /// The step that verifies what was done here: how it ends becomes the output's `verified`.
    pub verified_by: Option<StepId>,
    /// The step after it.
    pub next: StepId,
}

/// A step at which the responder chooses.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The edges, in the order written; the last is the `otherwise`.
    pub branches: Vec<Branch>,
}

/// An edge out of a decision.
#[derive(Debug, Clone)]
pub struct Branch {
    /// What it says on the screen.
    pub label: String,
    /// When it is recommended; `None` for the branch taken otherwise.
    pub when: Option<Expression>,
    /// Why, with values.
    pub because: Option<Template>,
    /// Whether the branches below it may be recommended while its condition is unknown.
    pub skip_unknown: bool,
    /// Where it leads.
    pub next: StepId,
}

/// Values of a resolved input, by name.
pub type Inputs = BTreeMap<String, serde_json::Value>;
