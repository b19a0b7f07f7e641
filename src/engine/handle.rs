//! How everybody else talks to the engine.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::Vector;
use tokio::sync::{mpsc, oneshot, watch};

use crate::incident::{Command, IncidentId, Recorded, Refusal, State};

/// The incident as it is now.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The fold of the events.
    pub state: State,
    /// All events, oldest first.
    pub events: Vector<Arc<Recorded>>,
    /// Whether events reach the disk.
    pub recording: Recording,
}

/// Whether events reach the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// They do.
    Yes,
    /// They do not.
    No {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
    },
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be recorded, so nothing was done.
    #[error("it could not be recorded, and was not done: {0}")]
    NotRecorded(String),
    /// The engine has ended.
    #[error("the incident's engine has ended; open the incident again with `standdown`")]
    Gone,
}

pub(super) struct Ask {
    pub command: Command,
    pub answer: oneshot::Sender<Result<(), Unanswered>>,
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
        self.command.fmt(f)
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
            .send(Ask { command, answer })
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
            .try_send(Ask { command, answer })
            .map_err(|_| Unanswered::Gone)?;
        Ok(answered)
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
