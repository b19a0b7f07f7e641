//! Names of things, and the stamp that brings time and identity in.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The id of an incident, short enough to be typed: `20261120-4f3a9c`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId(pub Arc<str>);

impl IncidentId {
    /// Makes an id from the day and a random seed.
    #[must_use]
    pub fn new(stamp: &Stamp) -> Self {
        let tail = &stamp.seed.simple().to_string()[26..];
        Self(format!("{}-{tail}", stamp.at.format("%Y%m%d")).into())
    }
}

impl std::fmt::Display for IncidentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

uuid_id! {
    /// The id of one walk of a playbook.
    ExecutionId
    /// The id of one try of a step.
    AttemptId
    /// The id of one escalation.
    EscalationId
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The operating system's user name.
    pub user: String,
    /// The operating system's user id.
    pub uid: u32,
    /// The host's name.
    pub host: String,
    /// The AWS caller, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

impl Actor {
    /// Whoever it was, it cannot be read any more.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            user: "unknown".into(),
            uid: u32::MAX,
            host: "unknown".into(),
            arn: None,
        }
    }
}

/// Somebody else who agreed to a change, or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// The operating system's user name.
    pub user: String,
    /// The operating system's user id, which the system itself told.
    pub uid: u32,
    /// The AWS caller, where AWS itself told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether several people are known to use that caller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Approver {
    /// Who it is: to the operating system, and to AWS where it told.
    #[must_use]
    pub fn named(&self) -> String {
        match (&self.arn, self.shared) {
            (None, _) => self.user.clone(),
            (Some(arn), false) => format!("{} ({arn})", self.user),
            (Some(arn), true) => format!("{} ({arn}, a shared role)", self.user),
        }
    }
}

/// When a command was given, by whom, and the randomness its ids are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When. It never goes back within an incident, whatever the wall clock does.
    pub at: DateTime<Utc>,
    /// The time at AWS, by which it judges what is signed.
    pub at_aws: DateTime<Utc>,
    /// Who gave it.
    pub actor: Arc<Actor>,
    /// Random; every id that the command makes is derived from it.
    pub seed: Uuid,
}

impl Stamp {
    /// Derives the id numbered `ordinal` among those that this command makes.
    #[must_use]
    pub fn id(&self, ordinal: usize) -> Uuid {
        let digest = Sha256::new()
            .chain_update(self.seed.as_bytes())
            .chain_update(ordinal.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
