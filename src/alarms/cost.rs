//! What watching costs: calls, and what AWS charges for them.
//!
//! Prices are those of us-east-1 without the free million of requests a month:
//! <https://aws.amazon.com/cloudwatch/pricing/>. Which calls are counted as requests is published
//! for some only; here all of CloudWatch's are, so that the bill is rather lower.

use std::time::Duration;

use serde::Serialize;

/// Dollars for a thousand requests, and for a thousand metrics that GetMetricData is asked for.
const THOUSAND: f64 = 0.01;

/// What is watched.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Alarms, in all sources.
    pub alarms: usize,
    /// Those in ALARM.
    pub burning: usize,
    /// Those in view.
    pub visible: usize,
    /// Profiles and regions.
    pub sources: usize,
    /// From one refresh to the next.
    pub interval: Duration,
}

/// Calls of one kind in an hour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The IAM action.
    pub action: &'static str,
    /// How many.
    pub calls: f64,
    /// What they cost, in dollars.
    pub dollars: f64,
    /// How the number comes about.
    pub because: String,
}

/// What an hour costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// By kind of call.
    pub lines: Vec<Line>,
    /// All calls.
    pub calls: f64,
    /// All dollars.
    pub dollars: f64,
}

impl Cost {
    /// Computes the cost of an hour in which nothing happens.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "alarms are counted in thousands"
    )]
    pub fn of(watched: Watched) -> Self {
        let hour = 3600.0;
        let refreshes = hour / watched.interval.as_secs_f64().max(1.0);
        // The last page of each source is not full.
        let pages = |count: usize| (count.div_ceil(100).max(1) + watched.sources.max(1) - 1) as f64;
        let describe = refreshes * (pages(watched.alarms) + pages(watched.burning));
        let seen = (watched.visible.max(watched.burning)) as f64;
        let looks = refreshes;
        let metrics = looks * watched.visible as f64;
        let data = looks
            * (watched
                .visible
                .div_ceil(500)
                .max(usize::from(watched.visible > 0))) as f64;
        let line = |action, calls: f64, charged: f64, because: String| Line {
            action,
            calls,
            dollars: charged * THOUSAND / 1000.0,
            because,
        };
        let sources = watched.sources.max(1) as f64;
        let lines = vec![
            line(
                "cloudwatch:DescribeAlarms",
                describe,
                describe,
                format!(
                    "{refreshes:.0} refreshes of {} alarms, {} in ALARM",
                    watched.alarms, watched.burning
                ),
            ),
            line(
                "cloudwatch:GetMetricData",
                data,
                metrics,
                format!(
                    "{} metrics in view, {looks:.0} looks; charged by metric; fewer for periods above a minute, and where values come in time",
                    watched.visible
                ),
            ),
            line(
                "cloudwatch:ListTagsForResource",
                seen * 4.0,
                seen * 4.0,
                "what is in view or in ALARM, every 15 minutes".into(),
            ),
            line(
                "cloudwatch:DescribeAlarmHistory",
                seen,
                seen,
                "what is in view or in ALARM and changed within a day: once, and at each change"
                    .into(),
            ),
            line(
                "cloudwatch:ListAlarmMuteRules",
                60.0 * sources,
                60.0 * sources,
                "once a minute and source, and one more call for each active rule".into(),
            ),
            line(
                "ssm:DescribeMaintenanceWindows",
                12.0 * sources,
                0.0,
                "every 5 minutes, and one more call for each window; free".into(),
            ),
            line(
                "health:DescribeEvents",
                12.0 * sources,
                0.0,
                "every 5 minutes and profile; free where the support plan has it".into(),
            ),
        ];
        Self {
            calls: lines.iter().map(|line| line.calls).sum(),
            dollars: lines.iter().map(|line| line.dollars).sum(),
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_a_hundred_alarms() {
        let cost = Cost::of(Watched {
            alarms: 100,
            burning: 2,
            visible: 40,
            sources: 1,
            interval: Duration::from_secs(10),
        });
        assert!((cost.lines[0].calls - 720.0).abs() < 1e-9);
        assert!((cost.lines[1].calls - 360.0).abs() < 1e-9);
        assert!(
            (cost.lines[1].dollars - 0.144).abs() < 1e-9,
            "{:?}",
            cost.lines[1]
        );
    }
}
