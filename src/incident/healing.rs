//! A healing in an incident: which rule acts upon what, and because of which alarm.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AlarmRef;
use crate::breaker::Policy;
use crate::expression::Scope;
use crate::playbook::{Action, Healing, Layer, Mode, Playbook};

/// A rule that acts, or wants to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealingRun {
    /// The rule.
    pub rule: String,
    /// Where it heals.
    pub layer: Layer,
    /// What it does.
    pub action: Action,
    /// What it acts upon.
    pub resource: String,
    /// Where that is: account and region. The same name elsewhere is another thing.
    #[serde(default)]
    pub place: String,
    /// Whether it acts by itself.
    pub mode: Mode,
    /// When the alarm came to its state.
    pub transition: DateTime<Utc>,
    /// Which run because of that, counted from 1.
    pub ordinal: u32,
    /// How long it leaves the resource alone afterwards, in seconds.
    pub cooldown: u64,
    /// How often it acts upon the resource within the window.
    pub attempts: u32,
    /// The window, in seconds.
    pub window: u64,
    /// How often all rules together act within an hour.
    pub per_hour: u32,
    /// When a resource that a rule fails to heal is left alone, and for how long.
    #[serde(default)]
    pub breaker: Policy,
}

/// What holds all rules back, as it is configured.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How often all rules together act within an hour.
    pub per_hour: u32,
    /// When a resource that a rule fails to heal is left alone, and for how long.
    pub breaker: Policy,
}

impl HealingRun {
    /// What a rule would do because of the alarm in a scope; `None` where it is not set off.
    #[must_use]
    pub fn of(
        playbook: &Playbook,
        healing: &Healing,
        scope: &Scope,
        (alarm, transition): (&AlarmRef, DateTime<Utc>),
        limits: Limits,
    ) -> Option<Self> {
        Some(Self {
            rule: playbook.id.clone(),
            layer: healing.layer,
            action: healing.action,
            resource: healing.set_off(scope)?,
            place: format!("{}/{}", alarm.account, alarm.region),
            mode: healing.mode,
            transition,
            ordinal: 1,
            cooldown: healing.cooldown.as_secs(),
            attempts: healing.attempts,
            window: healing.window.as_secs(),
            per_hour: limits.per_hour,
            breaker: limits.breaker,
        })
    }

    /// Whether both are the same rule on the same thing because of the same alarm.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_alike(other) && self.transition == other.transition
    }

    /// Whether both are the same rule on the same thing, because of whatever alarm.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        (&self.rule, &self.resource, &self.place) == (&other.rule, &other.resource, &other.place)
    }
}

/// What became of a rule that was set off, before it could act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetOff {
    /// The rule.
    pub run: HealingRun,
    /// When.
    pub at: DateTime<Utc>,
    /// What would be walked, where it waits for the responder.
    #[serde(skip)]
    pub rule: Option<Proposed>,
    /// Why it does not act.
    pub skipped: Option<String>,
}

/// The text of a rule that waits for the responder: what was proposed is what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// The file it came from.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Whether only its owner can write it.
    #[serde(default)]
    pub trusted: bool,
}
