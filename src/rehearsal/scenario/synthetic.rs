//! Alarms by the thousand, for measuring: the same ones for the same number.

use std::collections::BTreeMap;

use super::{Alarm, AlarmRule, Metric, Scenario};
use crate::incident::AlarmState;

/// Seconds from one change of a changing alarm to its next.
const TURN: f64 = 10.0;
/// Of a hundred alarms, so many are in ALARM, and so many without data.
const BURNING: u64 = 2;
const SILENT: u64 = 1;

const SERVICES: [&str; 12] = [
    "orders", "checkout", "search", "billing", "identity", "catalog", "shipping", "media",
    "pricing", "sessions", "reports", "gateway",
];
/// What is measured: namespace, metric, dimension, and the value around which it wavers.
const MEASURED: [(&str, &str, &str, f64); 4] = [
    ("AWS/EC2", "CPUUtilization", "InstanceId", 40.0),
    (
        "AWS/ApplicationELB",
        "TargetResponseTime",
        "LoadBalancer",
        0.4,
    ),
    (
        "AWS/RDS",
        "DatabaseConnections",
        "DBInstanceIdentifier",
        80.0,
    ),
    (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        20.0,
    ),
];

/// The most alarms that are served: a region holds 5,000 unless AWS raises the quota.
pub const MOST_SYNTHETIC: u32 = 200_000;

impl Scenario {
    /// A world in which nothing happens.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            id: "synthetic".into(),
            title: "Alarms by the thousand".into(),
            summary: "Nothing happens here; it serves alarms to measure with.".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            ..Self::default()
        }
    }

    /// Adds alarms, each over a metric of its own. A share of them, from 0 to 1, changes its state
    /// every ten seconds.
    #[must_use]
    pub fn with_synthetic(mut self, count: u32, changing: f64) -> Self {
        for number in 0..count {
            let service = SERVICES[number as usize % SERVICES.len()];
            let (namespace, metric, dimension, level) =
                MEASURED[number as usize / SERVICES.len() % MEASURED.len()];
            let resource = format!("{service}-{:08x}", scatter(number.into()) >> 32);
            self.metrics.push(Metric {
                namespace: namespace.into(),
                name: metric.into(),
                dimensions: BTreeMap::from([(dimension.into(), resource)]),
                noise: level / 4.0,
                points: vec![(0.0, level)],
                after: Vec::new(),
            });
            self.alarms.push(Alarm {
                name: format!("{service}-{}-{number:05}", metric.to_lowercase()),
                description: format!("{metric} of a resource of the service {service}"),
                rule: AlarmRule::Synthetic {
                    number,
                    metric: self.metrics.len() - 1,
                    threshold: level * 2.0,
                    changes: f64::from(number % 1000) < changing * 1000.0,
                },
                tags: BTreeMap::from([("service".into(), service.into())]),
                log: false,
                actions: true,
                suppressor: None,
                evaluation: None,
                contributors: Vec::new(),
            });
        }
        self
    }
}

/// The state of a synthetic alarm, and since when.
pub(in crate::rehearsal) fn state(number: u32, changes: bool, at: f64) -> (AlarmState, f64) {
    if changes {
        let turn = (at / TURN).floor();
        let odd = (turn + f64::from(number)).rem_euclid(2.0) >= 1.0;
        let state = if odd {
            AlarmState::Alarm
        } else {
            AlarmState::Ok
        };
        return (state, turn * TURN);
    }
    let since = -60.0 - f64::from(number % 5000);
    let state = match scatter(number.into()) % 100 {
        part if part < BURNING => AlarmState::Alarm,
        part if part < BURNING + SILENT => AlarmState::InsufficientData,
        _ => AlarmState::Ok,
    };
    (state, since)
}

/// Spreads numbers evenly: the finalizer of `SplitMix64` (Steele, Lea and Flood, 2014).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_changes_does_and_the_rest_does_not() {
        let scenario = Scenario::quiet().with_synthetic(10_000, 0.2);
        let moved = |from: f64, to: f64| {
            let rules = scenario.alarms.iter().map(|alarm| &alarm.rule);
            rules
                .filter(|rule| match rule {
                    AlarmRule::Synthetic {
                        number, changes, ..
                    } => state(*number, *changes, from).0 != state(*number, *changes, to).0,
                    _ => false,
                })
                .count()
        };
        assert_eq!((moved(100.0, 110.0), moved(100.0, 109.9)), (2000, 0));
        let names: std::collections::BTreeSet<&str> = scenario
            .alarms
            .iter()
            .map(|alarm| alarm.name.as_str())
            .collect();
        assert_eq!(names.len(), 10_000);
    }
}
