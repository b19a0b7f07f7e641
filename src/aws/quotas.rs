//! How often AWS may be asked: the one place that knows.
//!
//! Each number is the default quota of an account in a region. This console keeps to a share of it,
//! so that others, and the account's own programs, can work beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The share of a quota that one console uses at most.
const SHARE: f64 = 0.5;

/// What is rationed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quota {
    /// `cloudwatch:DescribeAlarms`
    DescribeAlarms,
    /// `cloudwatch:DescribeAlarmContributors`
    DescribeAlarmContributors,
    /// `cloudwatch:DescribeAlarmHistory`
    DescribeAlarmHistory,
    /// `cloudwatch:GetMetricData`
    GetMetricData,
    /// `cloudwatch:ListTagsForResource`
    ListTagsForResource,
    /// `cloudwatch:ListAlarmMuteRules`
    ListAlarmMuteRules,
    /// `logs:FilterLogEvents`
    FilterLogEvents,
    /// `logs:StartQuery`
    StartQuery,
    /// `logs:GetQueryResults`
    GetQueryResults,
    /// `logs:GetLogEvents`
    GetLogEvents,
    /// `cloudtrail:LookupEvents`
    LookupEvents,
    /// Any operation of Systems Manager.
    Ssm,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::DescribeAlarms,
        Self::DescribeAlarmContributors,
        Self::DescribeAlarmHistory,
        Self::GetMetricData,
        Self::ListTagsForResource,
        Self::ListAlarmMuteRules,
        Self::FilterLogEvents,
        Self::StartQuery,
        Self::GetQueryResults,
        Self::GetLogEvents,
        Self::LookupEvents,
        Self::Ssm,
    ];

    /// The IAM action.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::DescribeAlarms => "cloudwatch:DescribeAlarms",
            Self::DescribeAlarmContributors => "cloudwatch:DescribeAlarmContributors",
            Self::DescribeAlarmHistory => "cloudwatch:DescribeAlarmHistory",
            Self::GetMetricData => "cloudwatch:GetMetricData",
            Self::ListTagsForResource => "cloudwatch:ListTagsForResource",
            Self::ListAlarmMuteRules => "cloudwatch:ListAlarmMuteRules",
            Self::FilterLogEvents => "logs:FilterLogEvents",
            Self::StartQuery => "logs:StartQuery",
            Self::GetQueryResults => "logs:GetQueryResults",
            Self::GetLogEvents => "logs:GetLogEvents",
            Self::LookupEvents => "cloudtrail:LookupEvents",
            Self::Ssm => "ssm",
        }
    }

    /// Calls a second, in an account and region, unless AWS has raised it.
    ///
    /// `CloudWatch`: <https://docs.aws.amazon.com/general/latest/gr/cw_region.html>.
    /// `CloudWatch` Logs, of which the lowest of all regions is taken:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>.
    /// `CloudTrail`: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>.
    /// Systems Manager publishes a number for GetParameter alone, which is taken for all:
    /// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>.
    #[must_use]
    pub const fn per_second(self) -> f64 {
        match self {
            Self::DescribeAlarms | Self::DescribeAlarmContributors => 9.0,
            Self::DescribeAlarmHistory => 20.0,
            Self::GetMetricData => 500.0,
            Self::ListTagsForResource => 10.0,
            Self::ListAlarmMuteRules => 50.0,
            Self::FilterLogEvents => 5.0,
            Self::StartQuery | Self::GetQueryResults | Self::GetLogEvents => 10.0,
            Self::LookupEvents => 2.0,
            Self::Ssm => 40.0,
        }
    }

    /// Whether nobody else can be expected to ask: then all of it may be used.
    const fn alone(self) -> bool {
        matches!(self, Self::LookupEvents)
    }

    /// Calls a second that one console makes at most.
    fn ours(self) -> f64 {
        self.per_second() * if self.alone() { 1.0 } else { SHARE }
    }

    fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.ours())
    }

    /// Calls that may leave at once after a rest: those of a second.
    fn burst(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "quotas are small and positive"
        )]
        let second = self.ours() as u32;
        if self.alone() { 1 } else { second.max(1) }
    }
}

/// Lets calls through no faster than the quotas allow. Clones share the count.
#[derive(Debug, Default, Clone)]
pub(super) struct Pace {
    next: Arc<Mutex<HashMap<Quota, Instant>>>,
    /// Whether nobody rations.
    free: bool,
}

impl Pace {
    /// Lets everything through: a simulated account has no quotas.
    pub fn free() -> Self {
        Self {
            free: true,
            ..Self::default()
        }
    }

    /// Waits until the next call may leave.
    pub async fn wait(&self, quota: Quota) {
        if self.free {
            return;
        }
        let interval = quota.interval();
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let rested = now
                .checked_sub(interval * (quota.burst() - 1))
                .unwrap_or(now);
            let slot = next.get(&quota).copied().unwrap_or(rested).max(rested);
            next.insert(quota, slot + interval);
            slot
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_two_lookups_leave_in_a_second() {
        let pace = Pace::default();
        let began = Instant::now();
        for _ in 0..7 {
            pace.wait(Quota::LookupEvents).await;
        }
        assert!(
            began.elapsed() >= Duration::from_millis(2990),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_some_leave_at_once() {
        let pace = Pace::default();
        let began = Instant::now();
        for _ in 0..Quota::DescribeAlarms.burst() {
            pace.wait(Quota::DescribeAlarms).await;
        }
        assert!(began.elapsed() < Duration::from_millis(1));
        pace.wait(Quota::DescribeAlarms).await;
        assert!(began.elapsed() > Duration::from_millis(100));
    }
}
