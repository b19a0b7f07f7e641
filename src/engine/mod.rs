//! The one writer of an incident: decide, append, evolve, publish, act.
//!
//! One task per open incident. Screens, plain mode, the bot and the watcher talk to it through
//! a [`Handle`]; none of them owns state. An event is on the disk before its effect starts. Where
//! the disk fails, what only reads goes on and what it finds is kept in order; what changes the
//! system is refused.

mod aside;
mod attempt;
mod callers;
mod change;
mod door;
mod effects;
mod handle;
mod moments;
mod outbox;
mod record;
mod recorder;
mod requests;
mod role;
mod survey;
mod tail;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::actions::programs::Programs;
use crate::aws::Pool;
use crate::incident::Actor;
use crate::playbook::{Catalog, Vocabulary};
use crate::redaction::Redactor;

pub use aside::{AsideError, add};
pub use handle::{Control, Handle, Recording, Role, Snapshot, Unanswered};
pub use moments::{BEFORE, DELIVERY, Found, outside};
pub use outbox::{Sender, subscriptions};
pub use recorder::{Damage, Recorder};
pub use tail::{Messages, tail};
pub use writer::{OpenError, open, resume};

/// What an engine works with.
#[derive(Clone)]
pub struct Settings {
    /// The kinds of action.
    pub vocabulary: Vocabulary,
    /// AWS.
    pub aws: Arc<Pool>,
    /// Local programs.
    pub programs: Arc<dyn Programs>,
    /// Who works here.
    pub actor: Actor,
    /// How many scenario seconds pass in a second; 1 outside rehearsals. It shortens the waits
    /// between two looks and the life of a signed request, never a time-out.
    pub speed: f64,
    /// Masks secrets.
    pub redactor: Redactor,
    /// What changes are held against.
    pub changes: Changes,
    /// The playbooks, and whom to ask next; they are read while the console begins.
    pub catalog: watch::Receiver<Arc<Catalog>>,
}

/// What changes are held against, and who may agree to them.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Whether nothing may be changed from here.
    pub read_only: bool,
    /// SHA-256 of the reviewed Automation documents, by name.
    pub reviewed: Arc<crate::actions::automation::Reviewed>,
    /// The change calendars that are asked, by name or ARN.
    pub calendars: Vec<String>,
    /// The folder through which others agree.
    pub approvals: Option<PathBuf>,
    /// Roles that several people are known to use, by ARN.
    pub shared_roles: Vec<String>,
    /// Whether who agrees has to prove who calls AWS.
    pub require_caller: bool,
}

/// What stands behind the name of whoever watches without a screen.
const WATCHES: &str = " (watch)";

/// Who works where nobody looks: the same, said to be a watcher.
#[must_use]
pub fn watcher() -> Actor {
    let actor = actor();
    Actor {
        user: format!("{}{WATCHES}", actor.user),
        ..actor
    }
}

/// Whether a writer is a watcher, which hands over to any console.
#[must_use]
pub fn is_watcher(writer: &str) -> bool {
    writer.contains(WATCHES)
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
