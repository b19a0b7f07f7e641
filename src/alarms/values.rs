//! The latest values of alarms that somebody looks at.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};

use crate::aws::{Aws, AwsError, describe};
use crate::incident::AlarmRef;

/// GetMetricData takes this many queries a call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const BATCH: usize = 500;
/// Datapoints in a sparkline.
pub(super) const POINTS: i64 = 16;

/// Asks for the metrics of some alarms; those without a metric of their own are passed over.
///
/// # Errors
/// When `CloudWatch` cannot be asked.
pub async fn fetch(
    aws: &Aws,
    alarms: &[Arc<AlarmRef>],
) -> Result<Vec<(Arc<AlarmRef>, Arc<[f64]>)>, AwsError> {
    let mut all = Vec::new();
    let askable: Vec<&Arc<AlarmRef>> = alarms
        .iter()
        .filter(|alarm| query(0, alarm).is_some())
        .collect();
    // One call looks back as far for every query in it: alarms go with those of their period.
    let mut by_period: BTreeMap<i64, Vec<&Arc<AlarmRef>>> = BTreeMap::new();
    for alarm in askable {
        by_period
            .entry(alarm.period.unwrap_or(60).max(60))
            .or_default()
            .push(alarm);
    }
    for (period, alarms) in by_period {
        for batch in alarms.chunks(BATCH) {
            let now = aws.now().timestamp();
            let queries = batch
                .iter()
                .enumerate()
                .filter_map(|(index, alarm)| query(index, alarm))
                .collect();
            let answer = aws
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(queries))
                .start_time(AwsTime::from_secs(now - period * POINTS))
                .end_time(AwsTime::from_secs(now))
                .scan_by(ScanBy::TimestampDescending)
                .send()
                .await
                .map_err(|error| describe("cloudwatch:GetMetricData", &error))?;
            for result in answer.metric_data_results() {
                let index: Option<usize> = result
                    .id()
                    .and_then(|id| id.strip_prefix('m')?.parse().ok());
                if let Some(alarm) = index.and_then(|index| batch.get(index)) {
                    let values: Vec<f64> = result.values().iter().rev().copied().collect();
                    all.push((Arc::clone(alarm), values.into()));
                }
            }
        }
    }
    Ok(all)
}

fn query(index: usize, alarm: &AlarmRef) -> Option<MetricDataQuery> {
    let dimensions = alarm
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    let metric = Metric::builder()
        .namespace(alarm.namespace.as_ref()?)
        .metric_name(alarm.metric.as_ref()?)
        .set_dimensions(Some(dimensions))
        .build();
    let period = i32::try_from(alarm.period.unwrap_or(60)).ok()?.max(60);
    let stat = MetricStat::builder()
        .metric(metric)
        .period(period)
        .stat(alarm.statistic.as_deref().unwrap_or("Average"))
        .build();
    Some(
        MetricDataQuery::builder()
            .id(format!("m{index}"))
            .metric_stat(stat)
            .build(),
    )
}
