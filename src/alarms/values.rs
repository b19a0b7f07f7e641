//! The latest values of alarms that somebody looks at.
//!
//! A datapoint older than the last three periods does not change any more: it is asked for once.
//! Values end with a whole minute: a sum over half of one looks like a fall. Between a minute's end
//! and the next there is little to ask for. In a rehearsal whose time runs faster, they end now.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::board::{Key, key};
use super::watched::{Part, Watched, asked_as};
use crate::aws::{Aws, AwsError, Class, Pages, Quota, describe};
use crate::incident::AlarmRef;

/// GetMetricData takes this many queries a call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const BATCH: usize = 500;
/// Datapoints in a sparkline.
const POINTS: i64 = 16;
/// Periods that may still change: the one that runs, and two before it.
const OPEN: i64 = 2;
/// Alarms are evaluated, and values looked at, up to the end of a minute.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
const MINUTE: i64 = 60;
/// A period's values are asked for so many times while it lasts.
const LOOKS: u32 = 6;
/// And so many times in a minute once the latest minute's value is there: it may still change.
const CHANGES: u32 = 2;
/// After CloudWatch has refused an alarm's query, it is not asked again for so long, in seconds.
const REFUSED: i64 = 300;
/// Series kept at most; those that nobody looked at longest go first.
const KEPT: usize = 2_000;

/// How long a metric is left alone between two looks.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    /// The least.
    pub least: Duration,
    /// How many scenario seconds pass in a second; 1 outside rehearsals.
    pub speed: f64,
}

impl Rest {
    /// In seconds: a metric by the hour needs no look every ten seconds.
    fn of(self, period: i64) -> i64 {
        self.share(period, LOOKS)
    }

    /// Up to when values are asked for.
    fn end(self, now: i64) -> i64 {
        if self.speed > 1.0 {
            now
        } else {
            floor(now, MINUTE)
        }
    }

    /// Up to when values of a period are asked for: one that is shorter than a minute ends sooner.
    fn end_of(self, now: i64, period: i64) -> i64 {
        if period < MINUTE && self.speed <= 1.0 {
            floor(now, period)
        } else {
            self.end(now)
        }
    }

    /// In seconds: what is there already needs fewer looks until the next minute has ended.
    fn of_known(self, period: i64) -> i64 {
        self.of(period).max(self.share(MINUTE, CHANGES))
    }

    fn share(self, period: i64, looks: u32) -> i64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "periods are days at most"
        )]
        let share = (period as f64 / f64::from(looks) / self.speed) as i64;
        share.max(i64::try_from(self.least.as_secs()).unwrap_or(i64::MAX))
    }
}

/// What is held of a metric.
#[derive(Debug, Default, Clone)]
struct Held {
    points: BTreeMap<i64, f64>,
    /// The band that the alarm compares with, period by period.
    band: BTreeMap<i64, (f64, f64)>,
    /// The period that ran when it was last asked for.
    asked: Option<i64>,
    /// When that was.
    at: i64,
    /// Why CloudWatch does not give it, and when it said so.
    failed: Option<(Arc<str>, i64)>,
}

/// A metric's latest values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Period by period, oldest first, to the newest there is; not a number where there is none.
    pub values: Arc<[f64]>,
    /// When the newest value's period ended or will end.
    pub until: Option<DateTime<Utc>>,
    /// The period, in seconds.
    pub period: i64,
    /// The band that the newest value is compared with, where the alarm has one: lower, upper.
    pub band: Option<(f64, f64)>,
    /// Why there are no values, where CloudWatch refuses them for this alarm.
    pub failed: Option<Arc<str>>,
}

impl Series {
    /// The newest value.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied()
    }

    /// How old the newest value is; nothing while its period runs.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        Some((now - self.until?).max(TimeDelta::zero()))
    }

    /// Whether the newest value says nothing of now: CloudWatch is two periods late at most.
    #[must_use]
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        let late = TimeDelta::seconds(self.period.saturating_mul(2)) + TimeDelta::minutes(1);
        self.age(now).is_some_and(|age| age > late)
    }

    fn of(held: &Held, period: i64) -> Option<Self> {
        let failed = held.failed.as_ref().map(|(why, _)| Arc::clone(why));
        let ends = held
            .points
            .first_key_value()
            .zip(held.points.last_key_value());
        let Some(((&first, _), (&last, _))) = ends else {
            let none = Self {
                period,
                failed,
                ..Self::default()
            };
            return none.failed.is_some().then_some(none);
        };
        let steps = (last - first) / period;
        let values = (0..=steps.min(POINTS)).map(|step| {
            let at = first + step * period;
            held.points.get(&at).copied().unwrap_or(f64::NAN)
        });
        Some(Self {
            values: values.collect(),
            until: DateTime::from_timestamp(last + period, 0),
            period,
            band: held.band.get(&last).copied(),
            failed,
        })
    }
}

/// An alarm whose values are wanted, and what it compares where that is not one statistic of one metric.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The alarm.
    pub alarm: Arc<AlarmRef>,
    /// What it compares.
    pub watched: Option<Arc<Watched>>,
}

impl Wanted {
    /// In seconds; at least what GetMetricData takes.
    fn period(&self) -> i64 {
        let watched = self.watched.as_ref().map(|watched| watched.period);
        watched.or(self.alarm.period).unwrap_or(60).max(1)
    }

    /// What GetMetricData is asked; nothing where there is no metric.
    fn queries(&self, index: usize) -> Vec<MetricDataQuery> {
        match &self.watched {
            Some(watched) => watched.queries(index, self.alarm.metric_account.as_deref()),
            None => query(index, &self.alarm).into_iter().collect(),
        }
    }

    /// Whether CloudWatch computes what is compared, an expression or a percentile, instead of looking
    /// it up.
    fn computes(&self) -> bool {
        let simple = |statistic: &str| {
            ["Average", "Sum", "Minimum", "Maximum", "SampleCount"].contains(&statistic)
        };
        self.watched
            .as_ref()
            .is_some_and(|watched| watched.is_expression())
            || self
                .alarm
                .statistic
                .as_deref()
                .is_some_and(|statistic| !simple(statistic))
    }

    /// Whether it has a metric of its own to ask for.
    #[must_use]
    pub fn has_values(&self) -> bool {
        !self.queries(0).is_empty()
    }

    /// Whose result an id is, and what it is.
    fn part(all: &[&Self], id: &str) -> Option<(usize, Part)> {
        if let Some((index, own)) = asked_as(id) {
            let watched = all.get(index)?.watched.as_ref()?;
            return Some((index, watched.part(own)?));
        }
        let index: usize = id.strip_prefix('m')?.parse().ok()?;
        (index < all.len()).then_some((index, Part::Value))
    }

    /// Of several series under one id, the value that is nearest to ALARM.
    fn worse(&self, one: f64, other: f64) -> f64 {
        let below = self
            .alarm
            .comparison
            .as_deref()
            .is_some_and(|comparison| comparison.starts_with("LessThan"));
        if below {
            one.min(other)
        } else {
            one.max(other)
        }
    }
}

/// The values that are held, and what has to be asked for.
#[derive(Debug, Default)]
pub struct Values {
    held: HashMap<Key, Held>,
}

impl Values {
    /// Asks for what is not held yet of some alarms' metrics, and returns the values of all of
    /// them that have any. Alarms without a metric of their own are passed over. `rest` says how long a
    /// metric is left alone between two looks.
    ///
    /// # Errors
    /// When CloudWatch cannot be asked.
    pub async fn fetch(
        &mut self,
        aws: &Aws,
        alarms: &[Wanted],
        rest: Rest,
    ) -> Result<Vec<(Key, Series)>, AwsError> {
        let now = aws.now().timestamp();
        // One call looks back as far for every query in it: alarms go with those of their period
        // that want as much. One that was refused is asked for alone, and seldom.
        // Those that compute nothing come first, and without the others: CloudWatch may fail to compute.
        let mut groups: BTreeMap<(bool, i64, i64), Vec<&Wanted>> = BTreeMap::new();
        let mut refused: Vec<(&Wanted, i64)> = Vec::new();
        for wanted in alarms.iter().filter(|wanted| wanted.has_values()) {
            let period = wanted.period();
            let key = key(&wanted.alarm);
            let failed = self.held.get(&key).and_then(|held| held.failed.as_ref());
            let Some(from) = self.from(&key, period, now, rest) else {
                continue;
            };
            match failed {
                Some((_, at)) if now - at < REFUSED => {}
                Some(_) => refused.push((wanted, from)),
                None => {
                    let group = (wanted.computes(), period, from);
                    groups.entry(group).or_default().push(wanted);
                }
            }
        }
        // Whether CloudWatch failed: failures on end would stop all calls, so the rest that may fail is left
        // for the next time.
        let mut failed = false;
        for ((computes, period, from), alarms) in groups {
            let window = from..rest.end_of(now, period);
            for batch in batches(&alarms) {
                if computes && failed {
                    continue;
                }
                match self.ask(aws, &batch, &window, now).await {
                    // Each is asked for alone after a while.
                    Err(error) if computes && error.class == Class::Server => {
                        self.fail(&batch, &error, now - REFUSED + MINUTE);
                        failed = true;
                    }
                    other => other?,
                }
            }
        }
        for (wanted, from) in refused {
            if failed {
                break;
            }
            let window = from..rest.end_of(now, wanted.period());
            match self.ask(aws, &[wanted], &window, now).await {
                Err(error) if error.class == Class::Server => {
                    self.fail(&[wanted], &error, now);
                    failed = true;
                }
                other => other?,
            }
        }
        self.forget();
        Ok(self.of(alarms))
    }

    /// What is held of some alarms' values, also after a [`Values::fetch`] that was given up.
    #[must_use]
    pub fn of(&self, alarms: &[Wanted]) -> Vec<(Key, Series)> {
        let held = |wanted: &Wanted| {
            let key = key(&wanted.alarm);
            let series = Series::of(self.held.get(&key)?, wanted.period())?;
            Some((key, series))
        };
        alarms.iter().filter_map(held).collect()
    }

    /// Whether CloudWatch has answered for an alarm, be it that there is nothing.
    #[must_use]
    pub fn has_asked(&self, wanted: &Wanted) -> bool {
        let held = self.held.get(&key(&wanted.alarm));
        held.is_some_and(|held| held.asked.is_some())
    }

    /// Asks for a batch. Where CloudWatch refuses it because of one member, the halves are asked for on
    /// their own, until that member alone is without a value, with the reason.
    async fn ask(
        &mut self,
        aws: &Aws,
        batch: &[&Wanted],
        window: &Range<i64>,
        now: i64,
    ) -> Result<(), AwsError> {
        let mut waiting = vec![batch.to_vec()];
        while let Some(part) = waiting.pop() {
            match self.ask_whole(aws, &part, window, now).await {
                Err(error) if error.class == Class::Invalid => match part.as_slice() {
                    [only] => self.fail(&[only], &error, now),
                    several => {
                        let (one, other) = several.split_at(several.len() / 2);
                        waiting.push(other.to_vec());
                        waiting.push(one.to_vec());
                    }
                },
                other => other?,
            }
        }
        Ok(())
    }

    /// Takes note that CloudWatch did not give the values of some alarms, and when it said so.
    fn fail(&mut self, alarms: &[&Wanted], error: &AwsError, at: i64) {
        let why: Arc<str> = error.to_string().into();
        for wanted in alarms {
            let held = self.held.entry(key(&wanted.alarm)).or_default();
            held.failed = Some((Arc::clone(&why), at));
            (held.asked, held.at) = (Some(floor(at, wanted.period())), at);
        }
    }

    /// From when on a metric has to be asked for; `None` while it needs not.
    fn from(&self, key: &Key, period: i64, now: i64, rest: Rest) -> Option<i64> {
        let running = floor(now, period);
        let newest = newest(rest.end_of(now, period), period);
        let whole = oldest(newest, period);
        let Some(held) = self.held.get(key) else {
            return Some(whole);
        };
        let Some(asked) = held.asked else {
            return Some(whole);
        };
        let known =
            held.points.contains_key(&newest) && floor(held.at, MINUTE) == floor(now, MINUTE);
        let wait = if asked != running {
            // A period has ended: its value is whole now.
            rest.of(MINUTE)
        } else if known {
            rest.of_known(period)
        } else {
            rest.of(period)
        };
        if now - held.at < wait {
            return None;
        }
        let open = running - OPEN * period;
        // After a pause, what was open at the last look may have changed since.
        let before = if running - asked > period {
            asked - OPEN * period
        } else {
            asked
        };
        Some(open.min(before).max(whole))
    }

    async fn ask_whole(
        &mut self,
        aws: &Aws,
        batch: &[&Wanted],
        window: &Range<i64>,
        now: i64,
    ) -> Result<(), AwsError> {
        let period = batch.first().map_or(60, |wanted| wanted.period());
        let queries: Vec<MetricDataQuery> = batch
            .iter()
            .enumerate()
            .flat_map(|(index, wanted)| wanted.queries(index))
            .collect();
        let mut found = Found::default();
        let mut token = None;
        let mut pages = Pages::default();
        loop {
            aws.pace(Quota::GetMetricData).await;
            let answer = aws
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(AwsTime::from_secs(window.start))
                .end_time(AwsTime::from_secs(window.end.max(window.start + 1)))
                .scan_by(ScanBy::TimestampDescending)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| describe("cloudwatch:GetMetricData", &error))?;
            for result in answer.metric_data_results() {
                found.take(batch, result);
            }
            token = pages.next("cloudwatch:GetMetricData", answer.next_token)?;
            if token.is_none() {
                break;
            }
        }
        let running = floor(now, period);
        let oldest = oldest(newest(window.end, period), period);
        for (index, wanted) in batch.iter().enumerate() {
            let held = self.held.entry(key(&wanted.alarm)).or_default();
            held.failed = found.refused.remove(&index).map(|why| (why.into(), now));
            // What CloudWatch failed to read is asked for again.
            if !found.missing.contains(&index) {
                (held.asked, held.at) = (Some(running), now);
            }
            if let Some(points) = found.points.remove(&index) {
                held.points.extend(points);
            }
            let edges = found.edges.remove(&index).unwrap_or_default();
            held.band.extend(edges.into_iter().map(|(at, all)| {
                let ends = all.iter().fold((f64::MAX, f64::MIN), |(low, high), value| {
                    (low.min(*value), high.max(*value))
                });
                (at, ends)
            }));
            held.points = held.points.split_off(&oldest);
            held.band = held.band.split_off(&oldest);
        }
        Ok(())
    }

    fn forget(&mut self) {
        if self.held.len() <= KEPT {
            return;
        }
        let mut looks: Vec<i64> = self.held.values().map(|held| held.at).collect();
        looks.sort_unstable();
        let oldest = looks[looks.len() - KEPT];
        self.held.retain(|_, held| held.at >= oldest);
    }
}

/// What an answer says of a batch, by the place of the alarm in it.
#[derive(Debug, Default)]
struct Found {
    points: HashMap<usize, BTreeMap<i64, f64>>,
    edges: HashMap<usize, BTreeMap<i64, Vec<f64>>>,
    missing: HashSet<usize>,
    refused: HashMap<usize, String>,
}

impl Found {
    fn take(&mut self, batch: &[&Wanted], result: &MetricDataResult) {
        let whose = result.id().and_then(|id| Wanted::part(batch, id));
        let Some((index, part)) = whose else { return };
        match result.status_code() {
            Some(StatusCode::InternalError) => {
                self.missing.insert(index);
            }
            Some(StatusCode::Complete | StatusCode::PartialData) | None => {}
            Some(status) => {
                let said = result
                    .messages()
                    .iter()
                    .filter_map(|message| message.value());
                let said: Vec<&str> = said.collect();
                let why = format!(
                    "CloudWatch answers {}: {}",
                    status.as_str(),
                    said.join("; ")
                );
                self.refused
                    .insert(index, why.trim_end_matches([':', ' ']).to_owned());
                return;
            }
        }
        for (at, value) in result.timestamps().iter().zip(result.values()) {
            let (at, value) = (at.secs(), *value);
            match part {
                Part::Value => {
                    let all = self.points.entry(index).or_default();
                    let known = all.get(&at).copied();
                    let value = known.map_or(value, |known| batch[index].worse(known, value));
                    all.insert(at, value);
                }
                Part::Band => {
                    let all = self.edges.entry(index).or_default();
                    all.entry(at).or_default().push(value);
                }
            }
        }
    }
}

/// As many alarms as a call has room for.
fn batches<'a>(alarms: &[&'a Wanted]) -> Vec<Vec<&'a Wanted>> {
    let mut all: Vec<Vec<&Wanted>> = vec![Vec::new()];
    let mut room = BATCH;
    for wanted in alarms {
        let size = wanted.queries(0).len();
        if size > room {
            all.push(Vec::new());
            room = BATCH;
        }
        room = room.saturating_sub(size);
        if let Some(last) = all.last_mut() {
            last.push(wanted);
        }
    }
    all
}

fn floor(at: i64, period: i64) -> i64 {
    at.div_euclid(period) * period
}

/// When the newest period began of which there is anything before an end.
fn newest(end: i64, period: i64) -> i64 {
    floor(end - 1, period)
}

/// When the oldest period began that is shown beside the newest.
fn oldest(newest: i64, period: i64) -> i64 {
    newest - (POINTS - 1) * period
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
    let period = i32::try_from(alarm.period.unwrap_or(60)).ok()?;
    let stat = MetricStat::builder()
        .metric(metric)
        .period(period)
        .stat(alarm.statistic.as_deref().unwrap_or("Average"))
        .build();
    Some(
        MetricDataQuery::builder()
            .id(format!("m{index}"))
            .set_account_id(alarm.metric_account.clone())
            .metric_stat(stat)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Rest = Rest {
        least: Duration::from_secs(10),
        speed: 1.0,
    };

    fn values(asked: i64, at: i64, points: &[i64]) -> (Values, Key) {
        let key: Key = (String::new(), String::new(), "a".into());
        let held = Held {
            asked: Some(asked),
            at,
            points: points.iter().map(|&point| (point, 1.0)).collect(),
            ..Held::default()
        };
        let values = Values {
            held: HashMap::from([(key.clone(), held)]),
        };
        (values, key)
    }

    #[test]
    fn only_the_last_three_periods_are_asked_for_again() {
        let (values, key) = values(6_000, 6_005, &[]);
        assert_eq!(values.from(&key, 60, 6_030, TEN), Some(6_000 - 120));
        assert_eq!(values.from(&key, 60, 6_065, TEN), Some(6_060 - 120));
        // After a pause everything that was open then.
        assert_eq!(values.from(&key, 60, 6_605, TEN), Some(6_000 - 120));
        // And never more than is shown.
        assert_eq!(values.from(&key, 60, 60_005, TEN), Some(60_000 - 960));
    }

    #[test]
    fn a_minute_that_is_there_is_looked_at_twice() {
        // 6,000 is a whole minute: what is missing of the one before it is asked for again at once.
        let (absent, key) = values(6_000, 6_005, &[5_880]);
        assert_eq!(absent.from(&key, 60, 6_014, TEN), None);
        assert!(absent.from(&key, 60, 6_015, TEN).is_some());
        let (there, key) = values(6_000, 6_005, &[5_940]);
        assert_eq!(there.from(&key, 60, 6_034, TEN), None);
        assert!(there.from(&key, 60, 6_035, TEN).is_some());
        let (late, key) = values(6_000, 6_050, &[5_940]);
        assert!(late.from(&key, 60, 6_060, TEN).is_some());
    }

    #[test]
    fn a_period_that_has_ended_is_asked_for_at_once() {
        // Looked at five minutes before the hour; what stands there is a part of it.
        let (values, key) = values(3_600, 6_900, &[3_600]);
        assert_eq!(values.from(&key, 3_600, 7_199, TEN), None);
        assert_eq!(
            values.from(&key, 3_600, 7_200, TEN),
            Some(7_200 - 2 * 3_600)
        );
    }

    #[test]
    fn where_time_runs_faster_values_end_now() {
        let fast = Rest { speed: 20.0, ..TEN };
        assert_eq!((fast.end(6_030), TEN.end(6_030)), (6_030, 6_000));
    }

    #[test]
    fn a_gap_is_a_gap_and_an_old_value_is_old() {
        let held = Held {
            points: BTreeMap::from([(60, 1.0), (240, 4.0)]),
            ..Held::default()
        };
        let series = Series::of(&held, 60).unwrap();
        let finite: Vec<bool> = series.values.iter().map(|one| one.is_finite()).collect();
        assert_eq!(finite, [true, false, false, true]);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(series.age(at(270)), Some(TimeDelta::zero()));
        assert!(!series.is_old(at(480)) && series.is_old(at(500)));
        assert_eq!(Series::of(&Held::default(), 60), None);
    }

    #[test]
    fn a_slow_metric_is_looked_at_six_times_a_period() {
        let (values, key) = values(6_000, 6_005, &[]);
        assert_eq!(values.from(&key, 300, 6_015, TEN), None);
        assert!(values.from(&key, 300, 6_060, TEN).is_some());
        let unknown = (String::new(), String::new(), "b".to_owned());
        assert_eq!(
            values.from(&unknown, 300, 6_015, TEN),
            Some(5_700 - 15 * 300)
        );
    }
}
