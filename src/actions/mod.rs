//! What an automated step can run. One file per kind: its keys, its output, how it runs.
//!
//! An action gets its parameters filled in, and gives one typed result. It knows nothing of
//! steps, retries or journals. Everything here reads, but for [`automation`]: a change is made
//! there alone, and only by the engine, once it is approved and recorded.

mod alarm_history;
pub mod automation;
mod aws_cli;
mod capture;
mod changes;
mod exec;
mod logs;
mod logs_insights;
mod metric;
mod probes;
pub mod programs;
mod read_only;
mod remotes;
mod ssm_command;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::Instant;

use crate::aws::{Aws, AwsError, Class, Reach};
use crate::expression::Verdict;
use crate::incident::AttemptStatus;
use crate::playbook::{SecretSource, Vocabulary};
use crate::redaction::Redactor;
pub use changes::{Change, names, writes};
pub use logs::{Cluster, Clusters, Grouped, Level, Tailing, is_of_pattern};
pub use probes::{Probe, Probing};
use programs::Programs;
pub use read_only::is_read;
pub use remotes::{Remotes, Report};

/// The kinds of action there are.
pub const VOCABULARY: Vocabulary = Vocabulary {
    kinds: &[
        metric::KIND,
        alarm_history::KIND,
        logs::KIND,
        logs_insights::KIND,
        changes::KIND,
        ssm_command::KIND,
        automation::KIND,
        aws_cli::KIND,
        exec::KIND,
        probes::KINDS[0],
        probes::KINDS[1],
        probes::KINDS[2],
        probes::KINDS[3],
    ],
};

/// What an action works with.
#[derive(Clone)]
pub struct Context {
    /// How to come to AWS.
    pub aws: Reach,
    /// Where the secrets are that local programs may get.
    pub secrets: Arc<[(String, SecretSource)]>,
    /// Local programs.
    pub programs: Arc<dyn Programs>,
    /// Masks secrets, before anything is taken out of an output.
    pub redactor: Redactor,
    /// When the attempt has to have ended.
    pub deadline: Instant,
    /// How many scenario seconds pass in a second; 1 outside rehearsals.
    pub speed: f64,
    /// What is older does not count: it tells of before a change.
    pub since: Option<DateTime<Utc>>,
    /// What the attempt runs at AWS.
    pub remotes: Remotes,
    /// Which of the attempt's runs this is.
    pub run: String,
}

impl Context {
    async fn aws(&self) -> Result<Arc<Aws>, ActionError> {
        self.aws.aws().await.map_err(ActionError::failed)
    }
}

/// Why an action did not succeed, and what it captured all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionError {
    /// How it ended.
    pub status: AttemptStatus,
    /// Why, in a sentence.
    pub message: String,
    /// What it captured.
    pub output: Option<Value>,
    /// Whether AWS refused the credentials: they have to be looked for anew.
    pub refused: bool,
    /// Whether it found out what it was to find out, as a probe does that finds a port closed: what
    /// the condition then came to.
    pub read: Option<Verdict>,
    /// Whether what it asked about does not exist: the same question finds the same.
    pub missing: bool,
}

impl ActionError {
    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            status: AttemptStatus::Failed,
            message: message.into(),
            output: None,
            refused: false,
            read: None,
            missing: false,
        }
    }

    /// It took too long.
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self {
            status: AttemptStatus::TimedOut,
            ..Self::failed(message)
        }
    }

    fn with(mut self, output: Value) -> Self {
        self.output = Some(output);
        self
    }

    /// It is what was to be found out: conditions may read the output.
    fn found(mut self, output: Value) -> Self {
        self.read = Some(Verdict::False);
        self.with(output)
    }
}

impl From<AwsError> for ActionError {
    fn from(error: AwsError) -> Self {
        Self {
            status: if error.class == Class::TimedOut {
                AttemptStatus::TimedOut
            } else {
                AttemptStatus::Failed
            },
            refused: error.class == Class::Credentials,
            missing: error.class == Class::NotFound,
            ..Self::failed(error.to_string())
        }
    }
}

/// Runs an action to its one end.
///
/// # Errors
/// When it fails, or takes too long.
pub async fn run(kind: &str, parameters: Value, context: &Context) -> Result<Value, ActionError> {
    let result = perform(kind, parameters, context).await;
    if result.as_ref().is_err_and(|error| error.refused) {
        // Somebody may have renewed them in a file, which is read once.
        context.aws.forget();
    }
    result
}

async fn perform(kind: &str, parameters: Value, context: &Context) -> Result<Value, ActionError> {
    match kind {
        "metric" => metric::run(read(parameters)?, context).await,
        "alarm_history" => alarm_history::run(read(parameters)?, context).await,
        "logs_insights" => logs_insights::run(read(parameters)?, context).await,
        "changes" => changes::run(read(parameters)?, context).await,
        "http" | "tcp" | "tls" | "dns" => probes::run(kind, parameters, context).await,
        "logs" => logs::run(read(parameters)?, context).await,
        "ssm_automation" => automation::run(read(parameters)?, context).await,
        "ssm_command" => ssm_command::run(read(parameters)?, context).await,
        "aws" => aws_cli::run(read(parameters)?, context).await,
        "exec" => exec::run(read(parameters)?, context).await,
        other => Err(ActionError::failed(format!("there is no action `{other}`"))),
    }
}

fn read<T: serde::de::DeserializeOwned>(parameters: Value) -> Result<T, ActionError> {
    serde_json::from_value(parameters).map_err(|error| {
        ActionError::failed(format!(
            "a parameter does not fit once it is filled in: {error}"
        ))
    })
}

/// No rules beyond types.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every check")]
fn unchecked(_: &Value) -> Result<(), (&'static str, String)> {
    Ok(())
}

/// A duration as playbooks write it.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = humantime::DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_duration(&text).map(Self)
    }
}

impl Context {
    /// The time a window begins; not before what counts.
    fn from(&self, now: DateTime<Utc>, window: Span) -> DateTime<Utc> {
        let began = began(now, window);
        self.since.map_or(began, |since| began.max(since.min(now)))
    }
}

/// The time a window began.
fn began(now: DateTime<Utc>, window: Span) -> DateTime<Utc> {
    now - chrono::Duration::from_std(window.0).unwrap_or(chrono::Duration::days(400))
}
