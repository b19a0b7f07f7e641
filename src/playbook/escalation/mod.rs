//! Escalation: who is asked next, after how long, at which hours; and who agrees to what.

mod hours;
mod read;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Severity, glob};

pub use hours::{Hours, end_of};

/// A path: levels of contacts, asked one after the other. An incident keeps it as it was when the
/// escalation was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationPath {
    /// Its name.
    pub name: String,
    /// Its levels, first asked first.
    pub levels: Vec<EscalationLevel>,
    /// How often it begins anew after its last level.
    #[serde(default)]
    pub repeat: u32,
    /// When nobody is woken for what is not grave.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// After how long an unanswered question about a critical incident escalates by itself, in
    /// seconds.
    pub countdown: u64,
}

/// One level of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationLevel {
    /// Whom to reach.
    pub contacts: Vec<Contact>,
    /// Channels that are told whoever is on duty.
    #[serde(default)]
    pub channels: Vec<String>,
    /// How long to wait for an acknowledgement, in seconds.
    pub wait: u64,
}

impl EscalationLevel {
    /// Whether any channel reaches the level, or one of its contacts.
    #[must_use]
    pub fn has_channel(&self) -> bool {
        self.channels().next().is_some()
    }

    /// The channels of the level and of its contacts.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        let own = self.contacts.iter().flat_map(|contact| &contact.channels);
        self.channels.iter().chain(own).map(String::as_str)
    }
}

/// Somebody to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who, in words.
    pub name: String,
    /// The channels that reach them.
    #[serde(default)]
    pub channels: Vec<String>,
    /// When they are on duty; always, where nothing is said.
    #[serde(default)]
    pub hours: Vec<Hours>,
}

impl Contact {
    /// Whether they are on duty.
    #[must_use]
    pub fn on_duty(&self, at: DateTime<Utc>) -> bool {
        self.hours.is_empty() || self.hours.iter().any(|hours| hours.hold(at))
    }
}

/// When nobody is woken, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// When.
    pub hours: Vec<Hours>,
    /// For incidents of these severities.
    pub severities: Vec<Severity>,
}

/// Those whose agreement a change needs, by their group of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvers {
    /// The group.
    pub group: String,
    /// The Automation documents that it may agree to; `*` and `?` stand for any.
    pub documents: Vec<String>,
    /// The channels that ask them.
    pub channels: Vec<String>,
}

impl Approvers {
    /// Whether the group may agree to a change by this document.
    #[must_use]
    pub fn may(&self, document: &str) -> bool {
        self.documents.iter().any(|known| glob(known, document))
    }
}

/// What `escalation.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EscalationPaths {
    /// The paths.
    pub paths: Vec<EscalationPath>,
    /// Who agrees to what; a group that is not named here may agree to anything.
    pub approvers: Vec<Approvers>,
    /// Whether a file said so.
    pub decided: bool,
    /// Whether a file could not be read: who may agree to what is not known.
    pub unreadable: bool,
}

impl EscalationPaths {
    /// After how long an unanswered question about a critical incident escalates by itself, where
    /// nothing else is written.
    pub const COUNTDOWN: Duration = Duration::from_mins(2);

    /// Finds a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&EscalationPath> {
        self.paths.iter().find(|path| path.name == name)
    }

    /// Finds a group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Approvers> {
        self.approvers.iter().find(|one| one.group == name)
    }

    /// The channels that are named somewhere, each once.
    #[must_use]
    pub fn channels(&self) -> Vec<&str> {
        let levels = self.paths.iter().flat_map(|path| &path.levels);
        let mut all: Vec<&str> = levels
            .flat_map(|level| {
                let contacts = level.contacts.iter().flat_map(|one| &one.channels);
                level.channels.iter().chain(contacts)
            })
            .chain(self.approvers.iter().flat_map(|one| &one.channels))
            .map(String::as_str)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
