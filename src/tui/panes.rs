//! What the panes beside the board and the incident show, as data.

use chrono::{DateTime, Utc};

use crate::approvals::Sent;
use crate::incident::IncidentId;
use crate::journal::{HealingRecord, Switch, Tally};
use crate::playbook::{Action, Layer, Mode};

/// What others ask this user to agree to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    /// What waits, what ends first above.
    pub asked: Vec<Asked>,
    /// Files that do not count, and why.
    pub broken: Vec<(String, String)>,
    /// Why nothing can be read.
    pub error: Option<String>,
    /// Whether the folder was configured: that it cannot be used is said everywhere then.
    pub configured: bool,
}

/// A request of somebody's.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What it says.
    pub sent: Sent,
    /// Who asks.
    pub from: String,
    /// Whether that is this user.
    pub own: bool,
}

impl Asked {
    /// Whether it can be agreed to still.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        now < self.sent.request.until
    }
}

/// The healing rules, and what they have done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Healings {
    /// The rules, by layer and order.
    pub rules: Vec<Rule>,
    /// What they have done, the latest first.
    pub runs: Vec<HealingRecord>,
    /// The same, counted.
    pub tally: Tally,
    /// What somebody has switched.
    pub switches: Vec<Switch>,
    /// Why nothing can be read.
    pub error: Option<String>,
}

/// A healing rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it heals.
    pub layer: Layer,
    /// What it does.
    pub action: Action,
    /// Whether it acts by itself.
    pub mode: Mode,
    /// The rung of the ladder that it declares.
    pub rung: u8,
    /// What sets it off.
    pub trigger: String,
    /// How long it leaves a resource alone afterwards, in seconds.
    pub cooldown: u64,
    /// How often it acts upon a resource within its window.
    pub attempts: u32,
    /// The window, in seconds.
    pub window: u64,
    /// Whether its file lets it count.
    pub enabled: bool,
}

/// What is read line by line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    /// What happened when.
    pub timeline: Listing,
    /// What the record says about playbooks.
    pub statistics: Listing,
    /// What ended earlier incidents of the alarm, the latest first.
    pub earlier: Vec<String>,
    /// The incident that they are earlier than.
    pub of: Option<IncidentId>,
    /// What became of a journal that was found damaged when a list was read.
    pub recovered: Option<String>,
}

/// Lines, and what is missing among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// The lines.
    pub lines: Vec<ListLine>,
    /// What is missing, and why.
    pub notes: Vec<String>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLine {
    /// When that was, where it is about a moment.
    pub at: Option<DateTime<Utc>>,
    /// What it says.
    pub text: String,
    /// Whether it is pointed out.
    pub marked: bool,
}
