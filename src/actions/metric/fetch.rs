//! Asks GetMetricData, page by page.

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode,
};

use super::{Part, Request};
use crate::actions::ActionError;
use crate::aws::{Aws, Pages, Quota, describe};

/// From when to when, in epoch seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub from: i64,
    pub to: i64,
}

/// What a time series is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A statistic of what was asked for.
    Statistic(String),
    /// The lower edge of the anomaly detection band, then its upper edge.
    Band,
}

/// One time series of the answer, in time order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub meaning: Meaning,
    /// CloudWatch's name for it.
    pub label: String,
    pub points: Vec<(i64, f64)>,
    /// How many of the points are the playbook's `missing`, and no datapoints.
    pub filled: usize,
    /// What CloudWatch says is missing.
    pub messages: Vec<String>,
}

/// Asks for everything a request wants over a window.
pub(super) async fn lines(
    aws: &Aws,
    request: &Request,
    window: Window,
) -> Result<Vec<Line>, ActionError> {
    let (queries, meanings) = queries(request);
    let mut lines: Vec<(String, Line)> = Vec::new();
    let mut token = None;
    let mut pages = Pages::default();
    loop {
        aws.pace(Quota::GetMetricData).await;
        let page = aws
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(AwsTime::from_secs(window.from))
            .end_time(AwsTime::from_secs(window.to))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudwatch:GetMetricData", &error))?;
        for result in page.metric_data_results() {
            let id = result.id().unwrap_or_default();
            let Some((_, meaning)) = meanings.iter().find(|(known, _)| known == id) else {
                continue;
            };
            let mut messages: Vec<String> = result
                .messages()
                .iter()
                .filter_map(|message| message.value().or(message.code()).map(str::to_owned))
                .collect();
            match result.status_code() {
                Some(StatusCode::InternalError) => messages.push("CloudWatch failed".into()),
                Some(StatusCode::Forbidden) => {
                    return Err(ActionError::failed(
                        "cloudwatch:GetMetricData may not read this metric in its account",
                    ));
                }
                _ => {}
            }
            let label = result.label().unwrap_or_default();
            // A series goes on on the next page, under the same id and label.
            let edge = *meaning == Meaning::Band;
            let known = lines.iter_mut().find(|(other, line)| {
                other == id && (line.label == label) && (!edge || page_goes_on(line, result))
            });
            let points = result
                .timestamps()
                .iter()
                .map(AwsTime::secs)
                .zip(result.values().iter().copied());
            if let Some((_, line)) = known {
                line.messages.extend(messages);
                line.points.extend(points);
            } else {
                let line = Line {
                    meaning: meaning.clone(),
                    label: label.to_owned(),
                    points: points.collect(),
                    messages,
                    filled: 0,
                };
                lines.push((id.to_owned(), line));
            }
        }
        token = pages.next("cloudwatch:GetMetricData", page.next_token)?;
        if token.is_none() {
            break;
        }
    }
    let over = window.to - request.period();
    for (_, line) in &mut lines {
        line.points.sort_by_key(|(at, _)| *at);
        line.points.dedup_by_key(|(at, _)| *at);
        if let Meaning::Statistic(name) = &line.meaning
            && request.counts(name)
        {
            line.points.retain(|(at, _)| *at <= over);
        }
    }
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// Both edges of a band come under one id and may have one label: an edge goes on with later times.
fn page_goes_on(line: &Line, result: &aws_sdk_cloudwatch::types::MetricDataResult) -> bool {
    let last = line.points.last().map_or(i64::MIN, |(at, _)| *at);
    result
        .timestamps()
        .first()
        .is_some_and(|first| first.secs() > last)
}

/// The queries, and what each of their ids is for.
fn queries(request: &Request) -> (Vec<MetricDataQuery>, Vec<(String, Meaning)>) {
    let period = i32::try_from(request.period()).unwrap_or(60);
    let mut queries = Vec::new();
    let mut meanings = Vec::new();
    let quoted = |text: &str| text.replace('\'', "\"");
    for (index, statistic) in request.asked().into_iter().enumerate() {
        let id = format!("sd_{index}");
        let query = MetricDataQuery::builder().id(&id);
        let query = match (&request.search, &request.expression) {
            (Some(search), _) => query.expression(format!(
                "SEARCH('{}', '{statistic}', {period})",
                quoted(search)
            )),
            // An expression says itself which statistics it reads.
            (None, Some(expression)) => {
                if index > 0 {
                    continue;
                }
                query.expression(expression).period(period)
            }
            (None, None) => query.metric_stat(stat(
                &Part {
                    namespace: request.namespace.clone().unwrap_or_default(),
                    name: request.name.clone().unwrap_or_default(),
                    dimensions: request.dimensions.clone(),
                    statistic: statistic.to_owned(),
                },
                period,
            )),
        };
        queries.push(query.build());
        meanings.push((id, Meaning::Statistic(statistic.to_owned())));
    }
    for (id, part) in &request.metrics {
        let query = MetricDataQuery::builder().id(id).return_data(false);
        queries.push(query.metric_stat(stat(part, period)).build());
    }
    if let Some(width) = request.band {
        let band = MetricDataQuery::builder()
            .id("sd_band")
            .expression(format!("ANOMALY_DETECTION_BAND(sd_0, {width})"))
            .build();
        queries.push(band);
        meanings.push(("sd_band".into(), Meaning::Band));
    }
    (queries, meanings)
}

fn stat(part: &Part, period: i32) -> MetricStat {
    let dimensions = part
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    let metric = Metric::builder()
        .namespace(&part.namespace)
        .metric_name(&part.name)
        .set_dimensions(Some(dimensions))
        .build();
    MetricStat::builder()
        .metric(metric)
        .period(period)
        .stat(&part.statistic)
        .build()
}
