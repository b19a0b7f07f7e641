//! What is known of an alarm beyond its state.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use regex::Regex;
use serde::Serialize;

use super::HistoryEntry;
use super::watched::Watched;

/// The type of an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On a metric, an expression or a query.
    #[default]
    Metric,
    /// On other alarms.
    Composite,
    /// On a scheduled query of logs.
    Log,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Composite => "composite",
            Self::Log => "log",
        }
    }
}

/// What DescribeAlarms says of an alarm, beside its state.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// Its type.
    pub kind: Kind,
    /// Whether its actions run when its state changes.
    pub actions_enabled: bool,
    /// Why it cannot be evaluated in full: `PARTIAL_DATA`, `EVALUATION_ERROR`, `EVALUATION_FAILURE`.
    pub evaluation: Option<String>,
    /// A composite alarm's rule.
    pub rule: Option<String>,
    /// The alarm that suppresses a composite alarm's actions, by name or ARN.
    pub suppressor: Option<String>,
    /// What suppresses its actions now: `Alarm`, `WaitPeriod` or `ExtensionPeriod`.
    pub suppressed_by: Option<String>,
    /// Whether it watches several series, each of which may be in ALARM.
    pub several: bool,
    /// What it compares, where that is not one statistic of one metric.
    #[serde(skip)]
    pub watched: Option<Arc<Watched>>,
    /// The unit that its metric is read in, where it names one.
    pub unit: Option<String>,
}

/// What is said of most alarms, kept once.
static USUAL: LazyLock<Arc<Facts>> = LazyLock::new(|| {
    Arc::new(Facts {
        actions_enabled: true,
        ..Facts::default()
    })
});
/// What is known of an alarm that nothing was asked about, kept once.
static UNKNOWN: LazyLock<Arc<Details>> = LazyLock::new(Arc::default);

impl Facts {
    /// The same, shared with all alarms of which nothing else is said.
    pub(super) fn shared(self) -> Arc<Self> {
        if self == **USUAL {
            Arc::clone(&USUAL)
        } else {
            Arc::new(self)
        }
    }
}

static CHILD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|([^"()\s]+))\s*\)"#)
        .unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
});

/// The alarms that a composite alarm's rule names, in order, each once.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html>
#[must_use]
pub fn children(rule: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for captures in CHILD.captures_iter(rule) {
        let written = captures.get(1).or(captures.get(2));
        // An ARN ends with the alarm's name.
        let name = written.map(|written| {
            let text = written.as_str();
            text.split_once(":alarm:").map_or(text, |(_, name)| name)
        });
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

/// What is asked for alarm by alarm: only for those in view, or in ALARM.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Details {
    /// Its tags; `None` while they are not known.
    pub tags: Option<BTreeMap<String, String>>,
    /// When its state changed in the last day, in time order; `None` while that is not known.
    #[serde(skip)]
    pub history: Option<Arc<[HistoryEntry]>>,
    /// The series that are in ALARM.
    pub contributors: Vec<BTreeMap<String, String>>,
}

/// Tags that name who keeps something.
const OWNER: [&str; 4] = ["owner", "team", "squad", "contact"];
/// Tags that name what something belongs to.
const SERVICE: [&str; 5] = ["service", "application", "app", "component", "project"];
/// Tags that grade.
const SEVERITY: [&str; 4] = ["severity", "priority", "sev", "criticality"];

impl Details {
    /// Nothing, as long as nothing was asked.
    pub(super) fn unknown() -> Arc<Self> {
        Arc::clone(&UNKNOWN)
    }

    fn tag(&self, names: &[&str]) -> Option<&str> {
        let tags = self.tags.as_ref()?;
        names.iter().find_map(|name| {
            tags.iter()
                .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty())
                .map(|(_, value)| value.as_str())
        })
    }

    /// Who keeps it, from its tags.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.tag(&OWNER)
    }

    /// What it belongs to, from its tags.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.tag(&SERVICE)
    }

    /// How bad it is, from its tags.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        self.tag(&SEVERITY)
    }

    /// How often its state changed in the last hour.
    #[must_use]
    pub fn changes(&self, now: DateTime<Utc>) -> usize {
        self.history
            .iter()
            .flat_map(|history| history.iter())
            .filter(|entry| matches!(entry, HistoryEntry::State { .. }))
            .filter(|entry| now - entry.at() <= chrono::Duration::hours(1))
            .count()
    }

    /// Tells whether it goes to and fro.
    #[must_use]
    pub fn is_flapping(&self, now: DateTime<Utc>) -> bool {
        let changes = self.history.iter().flat_map(|history| history.iter());
        super::is_flapping(
            changes
                .filter(|entry| matches!(entry, HistoryEntry::State { .. }))
                .map(HistoryEntry::at),
            now,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_read_from_a_rule() {
        let rule = r#"(ALARM("cpu high") OR ALARM(disk)) AND NOT OK("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:net:in") AND ALARM("cpu high")"#;
        assert_eq!(children(rule), ["cpu high", "disk", "net:in"]);
        assert_eq!(children("TRUE"), Vec::<&str>::new());
    }

    #[test]
    fn tags_are_found_however_they_are_spelled() {
        let details = Details {
            tags: Some(BTreeMap::from([
                ("Team".to_owned(), "payments".to_owned()),
                ("APPLICATION".to_owned(), "shop".to_owned()),
                ("Owner".to_owned(), String::new()),
            ])),
            ..Details::default()
        };
        assert_eq!(
            (details.owner(), details.service()),
            (Some("payments"), Some("shop"))
        );
        assert_eq!(details.severity(), None);
    }
}
