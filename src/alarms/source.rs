//! Where alarms come from: one profile in one region, and how far it can be trusted.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::aws::Place;

/// How far a source can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing was answered yet.
    Connecting,
    /// The last answer came in time.
    Live {
        /// When.
        at: DateTime<Utc>,
    },
    /// The last request failed; what is shown is from before.
    Delayed {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Nothing can be had until somebody does something.
    Lost {
        /// Since when.
        since: DateTime<Utc>,
        /// What.
        reason: String,
    },
}

impl Freshness {
    /// Tells whether data older than that must be said to be old.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>, interval: Duration) -> bool {
        match self {
            Self::Live { at } => (now - *at).to_std().unwrap_or_default() > interval * 2,
            _ => true,
        }
    }
}

/// A profile in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub place: Place,
    /// What the configuration calls it; empty where it has no name.
    pub alias: String,
    /// Whether it is production, as the configuration says.
    pub production: bool,
    /// The account, once it is known.
    pub account: String,
    /// The caller's ARN, once it is known.
    pub identity: String,
    /// How far its alarms can be trusted.
    pub freshness: Freshness,
    /// Whether every page was read once.
    pub complete: bool,
    /// Why values, tags or the like are missing; the alarms may be live all the same.
    pub missing: Vec<String>,
    /// What is not read because the account or its rights do not allow it: no trouble, and no news.
    pub unread: Vec<String>,
    /// How long it waits between two refreshes, where it was slowed down.
    pub slowed: Option<Duration>,
    /// Whether it was asked which of its alarms rules mute.
    pub mutes_asked: bool,
    /// When its credentials end, where that is known.
    pub expires: Option<DateTime<Utc>>,
    /// By how many seconds AWS's clock is ahead of this machine's, where that matters.
    pub clock: Option<i64>,
}

impl Source {
    /// A source that was not asked yet.
    #[must_use]
    pub fn new(place: Place, alias: String, production: bool) -> Self {
        Self {
            place,
            alias,
            production,
            account: String::new(),
            identity: String::new(),
            freshness: Freshness::Connecting,
            complete: false,
            missing: Vec::new(),
            unread: Vec::new(),
            slowed: None,
            mutes_asked: false,
            expires: None,
            clock: None,
        }
    }

    /// What to call it.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.alias.as_str(), self.account.as_str()) {
            ("", _) if !self.place.profile.is_empty() => {
                format!("{} {}", self.place.profile, self.place.region)
            }
            ("", "") => self.place.to_string(),
            ("", account) => format!("{account} {}", self.place.region),
            (alias, _) => format!("{alias} {}", self.place.region),
        }
        .trim()
        .to_owned()
    }

    /// What is wrong with it, in a line; nothing while all is well.
    #[must_use]
    pub fn trouble(&self, now: DateTime<Utc>, interval: Duration) -> Option<String> {
        let slowed = self.slowed.map(|every| {
            format!(
                "; slowed to one refresh in {}",
                humantime::format_duration(Duration::from_secs(every.as_secs().max(1)))
            )
        });
        let slowed = slowed.unwrap_or_default();
        match &self.freshness {
            Freshness::Connecting => None,
            Freshness::Live { at } if self.freshness.is_late(now, interval) => {
                Some(format!("not refreshed for {}{slowed}", age(now - *at)))
            }
            Freshness::Live { .. } => {
                let clock = self.clock.map(|ahead| {
                    let (way, seconds) = if ahead > 0 { ("behind", ahead) } else { ("ahead of", -ahead) };
                    // To the minute: an answer is dated in whole seconds, and took some time.
                    let minutes = (seconds.unsigned_abs() + 30) / 60;
                    let far = humantime::format_duration(Duration::from_secs(minutes * 60));
                    format!("this machine's clock is {far} {way} AWS's; set it, or AWS will refuse what it signs")
                });
                let ends = self
                    .expires
                    .filter(|at| *at - now < chrono::Duration::minutes(15));
                let ends = ends.map(|at| {
                    if at > now {
                        format!(
                            "the credentials end in {}; renew them: aws sso login{}",
                            age(at - now),
                            self.profile_option()
                        )
                    } else {
                        format!(
                            "the credentials have ended; renew them: aws sso login{}",
                            self.profile_option()
                        )
                    }
                });
                let slow = (!slowed.is_empty()).then(|| format!("AWS throttles or fails{slowed}"));
                clock.or(ends).or(slow)
            }
            Freshness::Delayed { since, reason } => Some(format!(
                "delayed for {}: {reason}{slowed}",
                age(now - *since)
            )),
            Freshness::Lost { since, reason } => {
                Some(format!("lost for {}: {reason}", age(now - *since)))
            }
        }
    }

    /// The option that names the profile on the AWS CLI's command line.
    #[must_use]
    pub fn profile_option(&self) -> String {
        if self.place.profile.is_empty() {
            String::new()
        } else {
            format!(" --profile {}", self.place.profile)
        }
    }
}

fn age(age: chrono::Duration) -> String {
    let seconds = age.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
