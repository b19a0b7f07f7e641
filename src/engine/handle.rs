//! How everybody else talks to the engine.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use imbl::{OrdMap, Vector};
use tokio::sync::{mpsc, oneshot, watch};

use crate::incident::{AttemptId, Command, IncidentId, Recorded, Refusal, State};
use crate::journal::{Broken, Hash, Holder};

/// How long leaving may take: longer than a disk that answers, shorter than a responder's patience.
const PATIENCE: Duration = Duration::from_secs(3);

/// The incident as it is now.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The fold of the events.
    pub state: State,
    /// All events, oldest first.
    pub events: Vector<Arc<Recorded>>,
    /// Whether events reach the disk.
    pub recording: Recording,
    /// Who writes the incident.
    pub role: Role,
    /// How far what runs at AWS has come: lines, by attempt. It is not recorded.
    pub progress: OrdMap<AttemptId, Arc<[String]>>,
    /// Steps of documents that wait for an approval of their own, by attempt. It is not recorded.
    pub gates: OrdMap<AttemptId, String>,
    /// Why others cannot see what they were asked to agree to.
    pub unpublished: Option<String>,
    /// The hash of the last event on the disk.
    pub head: Hash,
    /// The first place where the record does not hold.
    pub broken: Option<Broken>,
}

/// Whether events reach the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// They do.
    Yes,
    /// They do not: they are kept in memory, in order, until they do.
    No {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
        /// How many are kept.
        kept: u64,
    },
}

impl Recording {
    /// How many events are not on the disk.
    #[must_use]
    pub fn kept(&self) -> u64 {
        match self {
            Self::Yes => 0,
            Self::No { kept, .. } => *kept,
        }
    }
}

/// Who writes the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// This console does.
    Writer {
        /// Who asks to take over.
        asked: Option<Holder>,
    },
    /// Another console does; this one follows.
    Follower {
        /// Who; nobody, when the last one has left.
        writer: Option<Holder>,
        /// Whether that console has gone silent.
        stale: bool,
        /// Whether this console has asked to take over.
        asking: bool,
    },
    /// Nobody does: it was recorded elsewhere.
    Imported,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It would change the system, and this console may not.
    #[error(
        "this console is read-only: it approves nothing; start it without --read-only to change something"
    )]
    ReadOnly,
    /// It would change the system, and could not be recorded.
    #[error("it could not be recorded, and was not done: {0}")]
    NotRecorded(String),
    /// Another console writes the incident.
    #[error("this console only follows: {0} writes the incident; take over first")]
    Following(String),
    /// A healing may not begin.
    #[error("the healing does not act: {0}")]
    NotHealed(String),
    /// The incident was recorded elsewhere.
    #[error("the incident was imported: it can be read, and not continued")]
    Imported,
    /// The engine has ended.
    #[error("the incident's engine has ended; open the incident again with `standdown resume`")]
    Gone,
}

/// What is asked of the engine itself, and not of the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Become the writer: at once when nobody is, and by asking when somebody is.
    TakeOver,
    /// Become the writer although somebody is.
    TakeOverNow,
    /// Give the incident to whoever asks for it.
    HandOver,
    /// Keep it.
    KeepIt,
    /// End: what is not on the disk yet is written, and the lease is given back.
    Leave,
}

#[expect(clippy::large_enum_variant, reason = "a handful a second at most")]
pub(super) enum Ask {
    Command {
        command: Command,
        answer: oneshot::Sender<Result<(), Unanswered>>,
    },
    Control {
        control: Control,
        answer: oneshot::Sender<Result<(), Unanswered>>,
    },
}

/// A connection to an incident's engine.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The incident.
    pub id: IncidentId,
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command { command, .. } => command.fmt(f),
            Self::Control { control, .. } => control.fmt(f),
        }
    }
}

impl Handle {
    /// Asks for something, and waits until it is recorded or refused.
    ///
    /// # Errors
    /// When it was not carried out.
    pub async fn ask(&self, command: Command) -> Result<(), Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(Ask::Command { command, answer })
            .await
            .map_err(|_| Unanswered::Gone)?;
        answered.await.map_err(|_| Unanswered::Gone)?
    }

    /// Asks for something now, in order with what was asked before; the answer is awaited later.
    ///
    /// # Errors
    /// When the engine has ended, or does not keep up.
    pub fn submit(
        &self,
        command: Command,
    ) -> Result<oneshot::Receiver<Result<(), Unanswered>>, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .try_send(Ask::Command { command, answer })
            .map_err(|_| Unanswered::Gone)?;
        Ok(answered)
    }

    /// Asks something of the engine itself.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn control(&self, control: Control) -> Result<(), Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(Ask::Control { control, answer })
            .await
            .map_err(|_| Unanswered::Gone)?;
        answered.await.map_err(|_| Unanswered::Gone)?
    }

    /// Ends the engine in order: the lease is given back, and what could not be recorded is tried
    /// once more. Returns the incident as it then is.
    pub async fn leave(&self) -> Arc<Snapshot> {
        // An engine that does not answer in time is left behind; the journal has what it has.
        let _ = tokio::time::timeout(PATIENCE, self.control(Control::Leave)).await;
        self.snapshot()
    }

    /// Whether the engine has ended.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.asks.is_closed()
    }

    /// The incident as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// A receiver that sees every change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }
}
