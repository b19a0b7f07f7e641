//! Asks for alarms, again and again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::board::{Board, Freshness};
use super::convert::{self, Place};
use super::values;
use crate::aws::{Aws, AwsError, Class, describe};
use crate::clock;
use crate::incident::AlarmRef;
use crate::redaction::Redactor;

/// The most alarms a page holds.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const PAGE: i32 = 100;
/// The longest wait between two requests while they fail.
const SLOWEST: Duration = Duration::from_mins(2);

/// How long the rows in view must have stayed the same before their values are asked for.
const SETTLED: Duration = Duration::from_millis(150);

/// How often to ask.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// From one refresh to the next.
    pub interval: Duration,
    /// Masks secrets: anyone who may write alarms writes their texts.
    pub redactor: Redactor,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            redactor: Redactor::default(),
        }
    }
}

/// Asks for all alarms, or for those in one state, page by page.
///
/// # Errors
/// When a page cannot be had.
pub async fn fetch(
    aws: &Aws,
    state: Option<StateValue>,
    redactor: &Redactor,
) -> Result<Vec<AlarmRef>, AwsError> {
    let place = Place {
        region: &aws.region,
        profile: &aws.profile,
    };
    let mut all: Vec<AlarmRef> = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = aws
            .cloudwatch
            .describe_alarms()
            // Without the types, CloudWatch returns metric alarms only.
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .alarm_types(AlarmType::LogAlarm)
            .set_state_value(state.clone())
            .max_records(PAGE)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudwatch:DescribeAlarms", &error))?;
        all.extend(
            page.metric_alarms()
                .iter()
                .map(|alarm| convert::metric(alarm, &place)),
        );
        all.extend(
            page.composite_alarms()
                .iter()
                .map(|alarm| convert::composite(alarm, &place)),
        );
        all.extend(
            page.log_alarms()
                .iter()
                .map(|alarm| convert::log(alarm, &place)),
        );
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            let mask = |text: &str| redactor.text(text).into_owned();
            return Ok(all.into_iter().map(|alarm| alarm.masked(mask)).collect());
        }
    }
}

/// Keeps a board up to date until nobody looks at it. `visible` says whose values to fetch.
pub async fn watch(
    aws: Arc<Aws>,
    settings: FeedSettings,
    boards: watch::Sender<Arc<Board>>,
    mut visible: watch::Receiver<Vec<Arc<AlarmRef>>>,
) {
    let mut failures = 0_u32;
    loop {
        let began = Instant::now();
        match refresh(&aws, &boards, &settings.redactor).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                change(&boards, |board| fail(board, &error));
            }
        }
        let next = began + pause(settings.interval, failures);
        // Values follow the eye: what comes into view is asked for at once, the rest waits.
        loop {
            if failures == 0 {
                let seen = visible.borrow_and_update().clone();
                show_values(&aws, &boards, &seen).await;
            }
            tokio::select! {
                () = sleep_until(next) => break,
                () = boards.closed() => return,
                changed = visible.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // While the eye is still moving, nothing is asked for.
                    sleep(SETTLED).await;
                }
            }
        }
    }
}

async fn refresh(
    aws: &Aws,
    boards: &watch::Sender<Arc<Board>>,
    redactor: &Redactor,
) -> Result<(), AwsError> {
    // What is in ALARM is asked for first: one round trip, whatever else there is.
    let burning = fetch(aws, Some(StateValue::Alarm), redactor).await?;
    change(boards, |board| board.replace(burning, false, clock::now()));
    let all = fetch(aws, None, redactor).await?;
    change(boards, |board| board.replace(all, true, clock::now()));
    Ok(())
}

async fn show_values(aws: &Aws, boards: &watch::Sender<Arc<Board>>, seen: &[Arc<AlarmRef>]) {
    if seen.is_empty() {
        return;
    }
    match values::fetch(aws, seen).await {
        Ok(found) => change(boards, |board| board.set_values(&found)),
        Err(error) => change(boards, |board| {
            board.values_missing = Some(error.to_string());
        }),
    }
}

/// Changes the board beside the one that is shown, and puts it in its place: whoever reads the
/// board never waits for this. The feed is its only writer.
fn change(boards: &watch::Sender<Arc<Board>>, change: impl FnOnce(&mut Board)) {
    let mut board = Board::clone(&boards.borrow());
    change(&mut board);
    boards.send_replace(Arc::new(board));
}

fn fail(board: &mut Board, error: &AwsError) {
    match error.class {
        // Asking again will not help; somebody has to renew or to allow something.
        Class::AccessDenied | Class::Credentials if board.rows.is_empty() => {
            board.freshness = Freshness::Lost {
                reason: error.to_string(),
            };
        }
        _ => board.delay(clock::now(), error.to_string()),
    }
}

/// The interval, doubled with every failure in a row, less up to a quarter at random.
fn pause(interval: Duration, failures: u32) -> Duration {
    if failures == 0 {
        return interval;
    }
    let full = (interval * 2_u32.pow(failures.min(8) - 1)).min(SLOWEST);
    let random = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    full.saturating_sub(full * random / 4 / 256)
}
