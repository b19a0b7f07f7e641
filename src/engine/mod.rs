//! The one writer of an incident: decide, append, evolve, publish, act.
//!
//! One task per open incident. Screens, plain mode, the bot and the watcher talk to it through
//! a [`Handle`]; none of them owns state. An event is on the disk before its effect starts.

mod attempt;
mod handle;
mod recorder;
mod writer;

use std::sync::Arc;

use tokio::sync::watch;

use crate::actions::programs::Programs;
use crate::aws::Aws;
use crate::incident::Actor;
use crate::playbook::Vocabulary;

pub use handle::{Handle, Recording, Snapshot, Unanswered};
pub use recorder::{Gone as RecorderGone, Recorder};
pub use writer::{OpenError, open, resume};

/// Whether AWS can be asked.
#[derive(Debug, Clone)]
pub enum AwsState {
    /// Credentials and region are being looked up.
    Connecting,
    /// It can.
    Ready(Arc<Aws>),
    /// It cannot, and why.
    Missing(String),
}

/// What an engine works with.
#[derive(Clone)]
pub struct Settings {
    /// The kinds of action.
    pub vocabulary: Vocabulary,
    /// AWS.
    pub aws: watch::Receiver<AwsState>,
    /// Local programs.
    pub programs: Arc<dyn Programs>,
    /// Who works here.
    pub actor: Actor,
    /// How many scenario seconds pass in a second; 1 outside rehearsals. It shortens the waits
    /// between two looks, never a time-out.
    pub speed: f64,
}

/// Finds out who works here, from the operating system and never from the environment.
#[must_use]
pub fn actor() -> Actor {
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map(|user| user.name);
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    Actor {
        user: user.unwrap_or_else(|| uid.to_string()),
        uid: uid.as_raw(),
        host: host.unwrap_or_else(|| "unknown".into()),
        arn: None,
    }
}
