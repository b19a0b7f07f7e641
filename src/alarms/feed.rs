//! Asks one source for its alarms, again and again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::board::{Board, Row, Seen, is_at};
use super::convert;
use super::details::Clerk;
use super::keeper::Updates;
use super::values::{Rest, Values, Wanted};
use super::watched::Watched;
use crate::aws::{Aws, AwsError, Class, Pages, Place, Pool, Quota, describe};
use crate::clock;
use crate::incident::AlarmRef;
use crate::redaction::Redactor;

/// The most alarms a page holds.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const PAGE: i32 = 100;
/// The longest wait between two refreshes of a source that is throttled or fails.
const SLOWEST: Duration = Duration::from_mins(2);
/// How often the interval is doubled at most while nobody answers.
const UNANSWERED: u32 = 2;
/// From one try to the next to come to credentials that were refused or are missing.
const ANEW: Duration = Duration::from_secs(15);
/// How long the rows in view must have stayed the same before their values are asked for.
const SETTLED: Duration = Duration::from_millis(150);
/// Tries of one page, each of which the SDK makes three of: a list of a hundred pages must come
/// to its end although one call in three fails.
const TRIES: u32 = 6;
/// The first wait between two tries of a page.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How often to ask.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// From one refresh to the next.
    pub interval: Duration,
    /// Masks secrets: anyone who may write alarms writes their texts.
    pub redactor: Redactor,
    /// How many scenario seconds pass in a second; 1 outside rehearsals.
    pub speed: f64,
}

impl FeedSettings {
    /// The shortest times between two looks at a metric: any, and one of a period of a minute.
    #[must_use]
    pub fn rest(&self) -> Rest {
        Rest {
            least: self.interval,
            speed: self.speed,
        }
    }
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            redactor: Redactor::default(),
            speed: 1.0,
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
) -> Result<Vec<Seen>, AwsError> {
    let mut all: Vec<Seen> = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    loop {
        let answer = ask(aws, state.as_ref(), token).await?;
        all.extend(convert::all(&answer, aws).map(|seen| masked(seen, redactor)));
        token = pages.next("cloudwatch:DescribeAlarms", answer.next_token)?;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// One page. What passes is tried again: the pages before it were not read for nothing.
async fn ask(
    aws: &Aws,
    state: Option<&StateValue>,
    token: Option<String>,
) -> Result<DescribeAlarmsOutput, AwsError> {
    let mut tries = 0;
    loop {
        aws.pace(Quota::DescribeAlarms).await;
        let answer = request(aws)
            .set_state_value(state.cloned())
            .max_records(PAGE)
            .set_next_token(token.clone())
            .send()
            .await
            .map_err(|error| describe("cloudwatch:DescribeAlarms", &error));
        tries += 1;
        match answer {
            Ok(answer) => return Ok(answer),
            // A first page that fails says so at once: the source is late from then on.
            Err(error) if token.is_some() && error.passes() && tries < TRIES => {
                sleep(jittered(FIRST_WAIT * 2_u32.pow(tries))).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// An alarm without the secrets in its texts.
fn masked(seen: Seen, redactor: &Redactor) -> Seen {
    Seen {
        alarm: seen.alarm.masked(|text| redactor.text(text).into_owned()),
        ..seen
    }
}

/// The alarm of a name, if there is one.
pub(super) async fn named(aws: &Aws, name: &str) -> Result<Option<Seen>, AwsError> {
    aws.pace(Quota::DescribeAlarms).await;
    let answer = request(aws)
        .alarm_names(name)
        .send()
        .await
        .map_err(|error| describe("cloudwatch:DescribeAlarms", &error).about(name))?;
    Ok(convert::all(&answer, aws).next())
}

/// Asks for alarms of all types: without the types, CloudWatch returns metric alarms only.
fn request(aws: &Aws) -> DescribeAlarmsFluentBuilder {
    aws.cloudwatch
        .describe_alarms()
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .alarm_types(AlarmType::LogAlarm)
}

/// A source, and what it is asked with.
#[derive(Clone)]
pub(super) struct Feed {
    pub pool: Arc<Pool>,
    /// What it was asked for as.
    pub asked: Place,
    /// What it turned out to be: the board knows it by this.
    pub place: Place,
    pub settings: FeedSettings,
    pub updates: Updates,
    pub visible: watch::Receiver<Vec<Arc<AlarmRef>>>,
    /// What is known already.
    pub boards: watch::Receiver<Arc<Board>>,
}

/// Alarms that are told at once at least: each time the board is made anew.
const BATCH: usize = 100;

impl Feed {
    /// Keeps a source up to date until nobody looks at the board.
    pub async fn run(mut self) {
        let mut values = Values::default();
        loop {
            match self.pool.at(&self.asked).await {
                Ok(aws) => {
                    self.known_as(Place::new(&aws.profile, &aws.region));
                    // Comes back when the credentials have to be looked for anew.
                    if self.watch(&aws, &mut values).await.is_none() {
                        return;
                    }
                    self.pool.forget(&self.asked);
                }
                Err(error) => {
                    if !self.failed(error.to_string(), true) {
                        return;
                    }
                }
            }
            tokio::select! {
                () = self.updates.closed() => return,
                () = sleep(jittered(ANEW)) => {}
            }
        }
    }

    fn known_as(&mut self, place: Place) {
        let before = std::mem::replace(&mut self.place, place.clone());
        self.updates.tell(move |board| {
            // Two entries can turn out to be one place: one of them is enough.
            if before != place && board.source(&place).is_some() {
                board.sources.retain(|source| source.place != before);
            } else if let Some(source) = board.source_mut(&before) {
                source.place = place;
            }
        });
    }

    fn failed(&self, reason: String, lost: bool) -> bool {
        let place = self.place.clone();
        self.updates
            .tell(move |board| board.fail(&place, clock::now(), reason, lost))
    }

    /// The list and what is in view are asked for side by side: neither keeps the other waiting.
    /// Comes back when the credentials have to be looked for anew, with nothing when nobody looks
    /// at the board any more.
    async fn watch(&self, aws: &Arc<Aws>, values: &mut Values) -> Option<()> {
        let clerk = Clerk::new(Arc::clone(aws), self.place.clone(), self.updates.clone());
        tokio::select! {
            polled = self.poll(aws) => polled,
            seen = self.see(aws, values, clerk) => seen,
        }
    }

    /// Asks for the list of alarms again and again.
    async fn poll(&self, aws: &Arc<Aws>) -> Option<()> {
        let mut slow = 0_u32;
        loop {
            let began = Instant::now();
            let failed = self.refresh(aws).await.err();
            slow = next_step(slow, failed.as_ref());
            let pause = self.pause(slow);
            if !self.report(aws, failed.as_ref(), slow, pause) {
                return None;
            }
            let refused = |error: &AwsError| error.class == Class::Credentials;
            if failed.as_ref().is_some_and(refused) {
                return Some(());
            }
            tokio::select! {
                () = sleep_until(began + pause) => {}
                () = self.updates.closed() => return None,
            }
        }
    }

    /// Asks for the values and details of what is in view: at once when that changes and the eye
    /// has come to rest, and once an interval.
    async fn see(&self, aws: &Arc<Aws>, values: &mut Values, mut clerk: Clerk) -> Option<()> {
        let mut visible = self.visible.clone();
        let mut slow = 0_u32;
        loop {
            while matches!(timeout(SETTLED, visible.changed()).await, Ok(Ok(()))) {}
            let all = visible.borrow_and_update().clone();
            let seen: Vec<Arc<AlarmRef>> =
                all.into_iter().filter(|alarm| self.mine(alarm)).collect();
            clerk.account();
            clerk.look(&seen);
            let failed = self.show(aws, values, &seen).await.err();
            slow = next_step(slow, failed.as_ref());
            let next = Instant::now() + self.pause(slow);
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.updates.closed() => return None,
                // While values cannot be had, a moving eye does not ask more often.
                changed = visible.changed(), if failed.is_none() => changed.ok()?,
            }
        }
    }

    fn mine(&self, alarm: &AlarmRef) -> bool {
        is_at(alarm, &self.place)
    }

    /// What is in ALARM is asked for first: one round trip, whatever else there is.
    async fn refresh(&self, aws: &Aws) -> Result<(), AwsError> {
        // What has left ALARM is shown as it was until the whole list says what became of it.
        self.read(aws, Some(StateValue::Alarm)).await?;
        let place = self.place.clone();
        self.updates.tell(move |board| {
            // The whole list says whether everything is as it is shown.
            if board.source(&place).is_some_and(|source| !source.complete) {
                board.live(&place, clock::now());
            }
        });
        let gone = self.read(aws, None).await?;
        let place = self.place.clone();
        self.updates.tell(move |board| {
            board.keep(&place, |alarm| !gone.contains(&alarm.name));
            board.live(&place, clock::now());
            if let Some(source) = board.source_mut(&place) {
                source.complete = true;
            }
        });
        Ok(())
    }

    /// Reads page by page, tells what is not on the board as it is, and returns the names of those
    /// on the board that were not read. Most alarms are as they were: of those nothing is kept.
    async fn read(
        &self,
        aws: &Aws,
        state: Option<StateValue>,
    ) -> Result<HashSet<String>, AwsError> {
        let board = Arc::clone(&self.boards.borrow());
        let known: HashMap<&str, &Row> = board
            .rows
            .iter()
            .filter(|row| self.mine(&row.alarm))
            .map(|row| (row.alarm.name.as_str(), row))
            .collect();
        let same = |seen: &Seen| {
            let row = known.get(seen.alarm.name.as_str());
            row.is_some_and(|row| *row.alarm == seen.alarm && *row.facts == seen.facts)
        };
        let mut unseen: HashSet<&str> = known.keys().copied().collect();
        let (mut changed, mut told): (Vec<Seen>, usize) = (Vec::new(), 0);
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            let answer = ask(aws, state.as_ref(), token).await?;
            for mut seen in convert::all(&answer, aws) {
                self.name(&mut seen.alarm);
                // What holds no secret is the same unmasked.
                if !same(&seen) {
                    seen = masked(seen, &self.settings.redactor);
                }
                unseen.remove(seen.alarm.name.as_str());
                if !same(&seen) {
                    changed.push(seen);
                }
            }
            token = pages.next("cloudwatch:DescribeAlarms", answer.next_token)?;
            // The first pages are news at once; of thousands, more are told together.
            if changed.len() >= BATCH.max(told) || token.is_none() {
                told += changed.len();
                self.found(std::mem::take(&mut changed));
            }
            if token.is_none() {
                return Ok(unseen.into_iter().map(str::to_owned).collect());
            }
        }
    }

    fn found(&self, changed: Vec<Seen>) {
        if changed.is_empty() {
            return;
        }
        let place = self.place.clone();
        self.updates
            .tell(move |board| board.take(&place, changed, |_| false));
    }

    /// Alarms know the source by the name it has on the board.
    fn name(&self, alarm: &mut AlarmRef) {
        alarm.profile.clone_from(&self.place.profile);
        alarm.region.clone_from(&self.place.region);
    }

    async fn show(
        &self,
        aws: &Aws,
        values: &mut Values,
        seen: &[Arc<AlarmRef>],
    ) -> Result<(), AwsError> {
        if seen.is_empty() {
            return Ok(());
        }
        let place = self.place.clone();
        let wanted = self.wanted(seen);
        match values.fetch(aws, &wanted, self.settings.rest()).await {
            Ok(found) => {
                self.updates.tell(move |board| {
                    board.set_values(found);
                    board.missing(&place, "values", None);
                });
                Ok(())
            }
            Err(error) => {
                let text = format!("values could not be read: {error}");
                self.updates
                    .tell(move |board| board.missing(&place, "values", Some(text)));
                Err(error)
            }
        }
    }

    /// What the alarms in view compare, as the list said.
    fn wanted(&self, seen: &[Arc<AlarmRef>]) -> Vec<Wanted> {
        let board = Arc::clone(&self.boards.borrow());
        let names: HashSet<&str> = seen.iter().map(|alarm| alarm.name.as_str()).collect();
        let rows = board.rows.iter().filter(|row| self.mine(&row.alarm));
        let watched: HashMap<&str, &Arc<Watched>> = rows
            .filter(|row| names.contains(row.alarm.name.as_str()))
            .filter_map(|row| Some((row.alarm.name.as_str(), row.facts.watched.as_ref()?)))
            .collect();
        let of = |alarm: &Arc<AlarmRef>| Wanted {
            watched: watched.get(alarm.name.as_str()).map(|one| Arc::clone(one)),
            alarm: Arc::clone(alarm),
        };
        seen.iter().map(of).collect()
    }

    fn report(&self, aws: &Aws, error: Option<&AwsError>, slow: u32, pause: Duration) -> bool {
        let place = self.place.clone();
        let slowed = (slow > 0).then_some(pause);
        let clock = aws.clock_difference();
        // Asking again will not help; somebody has to renew or to allow something.
        let failure = error.map(|error| {
            let lost = matches!(error.class, Class::AccessDenied | Class::Credentials);
            (error.brief(), lost)
        });
        self.updates.tell(move |board| {
            if let Some((reason, lost)) = failure {
                board.fail(&place, clock::now(), reason, lost);
            }
            if let Some(source) = board.source_mut(&place) {
                source.slowed = slowed;
                source.clock = clock;
            }
        })
    }

    /// The interval, doubled for each step that it was slowed down, less up to a quarter at random.
    fn pause(&self, slow: u32) -> Duration {
        let interval = self.settings.interval;
        if slow == 0 {
            return interval;
        }
        jittered((interval * 2_u32.pow(slow)).min(SLOWEST.max(interval)))
    }
}

/// How often the interval is doubled after a look. Where AWS asked to slow down, it goes on to do
/// so step by step, and comes back step by step; where nobody answered, a look costs nobody
/// anything, and what is back is shown at once.
fn next_step(slow: u32, failed: Option<&AwsError>) -> u32 {
    match failed {
        Some(error) if error.class == Class::Throttled => (slow + 1).min(8),
        Some(_) => (slow + 1).min(slow.max(UNANSWERED)),
        None if slow <= UNANSWERED => 0,
        None => slow - 1,
    }
}

/// A wait, less up to a quarter at random: many consoles shall not ask at the same moment.
fn jittered(full: Duration) -> Duration {
    let random = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    full.saturating_sub(full * random / 4 / 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_outage_the_first_answer_brings_everything_back() {
        let error = |class| AwsError {
            class,
            ..AwsError::garbled("x", String::new())
        };
        let (gone, full) = (error(Class::Unreachable), error(Class::Throttled));
        let after = |errors: &[&AwsError]| {
            let step = |slow, error: &&AwsError| next_step(slow, Some(error));
            errors.iter().fold(0, step)
        };
        assert_eq!(after(&[&gone; 9]), 2);
        assert_eq!(next_step(after(&[&gone; 9]), None), 0);
        assert_eq!(after(&[&full; 9]), 8);
        assert_eq!(next_step(8, None), 7);
        assert_eq!(after(&[&full, &full, &full, &gone]), 3);
    }
}
