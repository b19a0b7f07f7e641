//! Asks for what has to be asked alarm by alarm: tags, history, contributors. Only for what is in
//! view, or in ALARM.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};

use super::board::{Board, Key, Row, key};
use super::facts::Details;
use super::history::history;
use super::keeper::Updates;
use crate::aws::{Aws, AwsError, Class, Pages, Place, Quota, describe};
use crate::clock;
use crate::incident::{AlarmRef, AlarmState};

/// Tags rarely change.
const TAGS: Duration = Duration::from_mins(15);
/// Whether rules mute alarms is asked so often.
const MUTES: Duration = Duration::from_mins(1);
/// Credentials are looked at so often.
const CREDENTIALS: Duration = Duration::from_mins(5);
/// The contributors of an alarm are asked for so often.
const CONTRIBUTORS: Duration = Duration::from_mins(1);

/// Alarms that are asked for in one go: what comes into view meanwhile goes first after it.
const BATCH: usize = 20;
/// What failed for one alarm is tried again after this.
const FAILED: Duration = Duration::from_mins(1);
/// What is not allowed is tried again after this: somebody may have allowed it.
const DENIED: Duration = Duration::from_mins(5);

/// What was asked already.
#[derive(Debug, Default)]
struct Known {
    /// What is not allowed, and until when it is not asked for.
    denied: HashMap<&'static str, Instant>,
    /// What failed for an alarm, and until when it is not asked for.
    failed: HashMap<(&'static str, Key), Instant>,
    tags: HashMap<Key, Instant>,
    /// Since when the alarm was in its state when its history was read.
    history: HashMap<Key, Option<DateTime<Utc>>>,
    contributors: HashMap<Key, Instant>,
}

/// Asks on behalf of one source.
pub(super) struct Clerk {
    aws: Arc<Aws>,
    place: Place,
    updates: Updates,
    known: Arc<tokio::sync::Mutex<Known>>,
    working: Option<JoinHandle<()>>,
    mutes: Option<Instant>,
    credentials: Option<Instant>,
    identity: Option<JoinHandle<()>>,
}

impl Drop for Clerk {
    fn drop(&mut self) {
        if let Some(working) = self.working.take() {
            working.abort();
        }
    }
}

impl Clerk {
    pub fn new(aws: Arc<Aws>, place: Place, updates: Updates) -> Self {
        Self {
            aws,
            place,
            updates,
            known: Arc::default(),
            working: None,
            mutes: None,
            credentials: None,
            identity: None,
        }
    }

    /// Finds out whose account this is: STS is asked until it has said so, and its answer is kept.
    fn identify(&mut self) {
        let asking = self
            .identity
            .as_ref()
            .is_some_and(|asked| !asked.is_finished());
        if asking || self.aws.known_arn().is_some() && self.identity.is_some() {
            return;
        }
        let (aws, place, updates) = (
            Arc::clone(&self.aws),
            self.place.clone(),
            self.updates.clone(),
        );
        self.identity = Some(tokio::spawn(async move {
            // Without an answer the alarms are shown all the same.
            if let Ok(identity) = aws.identity().await {
                updates.tell(move |board| {
                    if let Some(source) = board.source_mut(&place) {
                        source.account = identity.account;
                        source.identity = identity.arn;
                    }
                });
            }
        }));
    }

    /// What concerns the account as a whole.
    pub fn account(&mut self) {
        self.identify();
        let due =
            |last: Option<Instant>, every: Duration| last.is_none_or(|at| at.elapsed() >= every);
        if due(self.credentials, CREDENTIALS) {
            self.credentials = Some(Instant::now());
            let (place, expires) = (self.place.clone(), self.aws.expires());
            self.updates.tell(move |board| {
                if let Some(source) = board.source_mut(&place) {
                    source.expires = expires;
                }
            });
        }
        if due(self.mutes, MUTES) {
            self.mutes = Some(Instant::now());
            let (aws, place, updates) = (
                Arc::clone(&self.aws),
                self.place.clone(),
                self.updates.clone(),
            );
            tokio::spawn(async move {
                let found = muted(&aws).await;
                updates.tell(move |board| match found {
                    Ok(muted) => {
                        board.set_muted(&place, muted);
                        board.missing(&place, "mute rules", None);
                    }
                    Err(error) => {
                        let text = format!("mute rules could not be read: {error}");
                        board.missing(&place, "mute rules", Some(text));
                        if let Some(source) = board.source_mut(&place) {
                            source.mutes_asked = true;
                        }
                    }
                });
            });
        }
    }

    /// Asks for the details of what is in view, and of what is in ALARM, unless it still asks.
    pub fn look(&mut self, seen: &[Arc<AlarmRef>]) {
        if self
            .working
            .as_ref()
            .is_some_and(|working| !working.is_finished())
        {
            return;
        }
        let (answer, asked) = tokio::sync::oneshot::channel();
        let place = self.place.clone();
        let mut wanted: Vec<Key> = seen.iter().map(|alarm| key(alarm)).collect();
        self.updates.tell(move |board| {
            let mine =
                |row: &&Row| row.alarm.profile == place.profile && row.alarm.region == place.region;
            let burning = board.rows.iter().filter(mine);
            wanted.extend(
                burning
                    .filter(|row| row.alarm.state == AlarmState::Alarm)
                    .map(|row| key(&row.alarm)),
            );
            let rows: Vec<Row> = rows(board, &wanted);
            // Nobody waits for it any more once the source is gone.
            let _ = answer.send(rows);
        });
        let (aws, updates, known) = (
            Arc::clone(&self.aws),
            self.updates.clone(),
            Arc::clone(&self.known),
        );
        let place = self.place.clone();
        self.working = Some(tokio::spawn(async move {
            let Ok(rows) = asked.await else { return };
            let mut known = known.lock().await;
            let mut failed: BTreeMap<&str, AwsError> = BTreeMap::new();
            let now = Instant::now();
            known.failed.retain(|_, until| *until > now);
            known.denied.retain(|_, until| *until > now);
            // An alarm that was not asked for in so long is asked for again when it comes back.
            known.tags.retain(|_, at| at.elapsed() < TAGS * 2);
            known
                .contributors
                .retain(|_, at| at.elapsed() < CONTRIBUTORS * 2);
            let mut asked = 0;
            for row in rows {
                let (called, errors) = ask(&aws, &row, &mut known, &updates).await;
                for (kind, error) in errors {
                    if error.class == Class::AccessDenied {
                        known.denied.insert(kind, now + DENIED);
                    } else {
                        let which = (kind, key(&row.alarm));
                        known.failed.insert(which, now + FAILED);
                    }
                    failed.entry(kind).or_insert(error);
                }
                asked += usize::from(called);
                if asked >= BATCH {
                    break;
                }
            }
            let still: Vec<&str> = known.denied.keys().copied().collect();
            let waiting: Vec<&str> = known.failed.keys().map(|(kind, _)| *kind).collect();
            updates.tell(move |board| {
                for kind in ["tags", "history", "contributors"] {
                    let text = failed
                        .get(kind)
                        .map(|error| format!("{kind} could not be read: {error}"));
                    // What is not asked for again yet is still missing.
                    if text.is_some() || !(still.contains(&kind) || waiting.contains(&kind)) {
                        board.missing(&place, kind, text);
                    }
                }
            });
        }));
    }
}

/// The rows of some alarms, in the order in which they are wanted.
fn rows(board: &Board, wanted: &[Key]) -> Vec<Row> {
    let mut place: HashMap<&Key, usize> = HashMap::new();
    for (index, key) in wanted.iter().enumerate() {
        place.entry(key).or_insert(index);
    }
    let mut found: Vec<(usize, Row)> = board
        .rows
        .iter()
        .filter_map(|row| Some((*place.get(&key(&row.alarm))?, row.clone())))
        .collect();
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, row)| row).collect()
}

impl Known {
    /// Whether something may be asked for: what was refused or failed lately is left alone.
    fn may_ask(&self, kind: &'static str, key: &Key) -> bool {
        !self.denied.contains_key(kind) && !self.failed.contains_key(&(kind, key.clone()))
    }
}

/// Reads what is due for one alarm; what fails keeps nothing else back. Tells whether anything was
/// asked for, and what failed.
async fn ask(
    aws: &Aws,
    row: &Row,
    known: &mut Known,
    updates: &Updates,
) -> (bool, Vec<(&'static str, AwsError)>) {
    let mut failed = Vec::new();
    let mut called = false;
    let alarm = &row.alarm;
    let key = key(alarm);
    let now = clock::now();
    let mut details = Details::clone(&row.details);
    let due = |last: Option<&Instant>, every| last.is_none_or(|at| at.elapsed() >= every);
    let stale = details.tags.is_none() || due(known.tags.get(&key), TAGS);
    if stale && !alarm.arn.is_empty() && known.may_ask("tags", &key) {
        called = true;
        match tags(aws, alarm).await {
            Ok(tags) => {
                details.tags = Some(tags);
                known.tags.insert(key.clone(), Instant::now());
            }
            Err(error) => failed.push(("tags", error)),
        }
    }
    // Only a state that changed lately can have changed often.
    let lately = alarm
        .since
        .is_some_and(|since| now - since < chrono::Duration::days(1));
    let changed = lately && known.history.get(&key) != Some(&alarm.since);
    if changed && known.may_ask("history", &key) {
        called = true;
        let day = aws.now() - chrono::Duration::days(1);
        match history(aws, &alarm.name, day, aws.now()).await {
            Ok(found) => {
                details.history = Some(found.entries.into());
                known.history.insert(key.clone(), alarm.since);
            }
            Err(error) => failed.push(("history", error)),
        }
    }
    if row.facts.several && alarm.state == AlarmState::Alarm {
        if due(known.contributors.get(&key), CONTRIBUTORS) && known.may_ask("contributors", &key) {
            called = true;
            match contributors(aws, alarm).await {
                Ok(found) => {
                    details.contributors = found;
                    known.contributors.insert(key.clone(), Instant::now());
                }
                Err(error) => failed.push(("contributors", error)),
            }
        }
    } else {
        details.contributors.clear();
    }
    if details != *row.details {
        updates.tell(move |board| board.set_details(&key, Arc::new(details)));
    }
    (called, failed)
}

/// The tags of an alarm: one call each.
///
/// # Errors
/// When CloudWatch cannot be asked, or does not allow it.
pub async fn tags(aws: &Aws, alarm: &AlarmRef) -> Result<BTreeMap<String, String>, AwsError> {
    aws.pace(Quota::ListTagsForResource).await;
    let answer = aws
        .cloudwatch
        .list_tags_for_resource()
        .resource_arn(&alarm.arn)
        .send()
        .await
        .map_err(|error| describe("cloudwatch:ListTagsForResource", &error).about(&alarm.name))?;
    Ok(answer
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect())
}

async fn contributors(
    aws: &Aws,
    alarm: &AlarmRef,
) -> Result<Vec<BTreeMap<String, String>>, AwsError> {
    aws.pace(Quota::DescribeAlarmContributors).await;
    // The first page holds more than anybody reads.
    let answer = aws
        .cloudwatch
        .describe_alarm_contributors()
        .alarm_name(&alarm.name)
        .send()
        .await
        .map_err(|error| {
            describe("cloudwatch:DescribeAlarmContributors", &error).about(&alarm.name)
        })?;
    Ok(answer
        .alarm_contributors()
        .iter()
        .map(|one| {
            let attributes = one.contributor_attributes().into_iter().flatten();
            attributes
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        })
        .collect())
}

/// The alarms that rules mute now, by name, and the rules' names.
async fn muted(aws: &Aws) -> Result<HashMap<String, Vec<String>>, AwsError> {
    use aws_sdk_cloudwatch::types::AlarmMuteRuleStatus;
    let mut muted: HashMap<String, Vec<String>> = HashMap::new();
    let mut token = None;
    let mut pages = Pages::default();
    loop {
        aws.pace(Quota::ListAlarmMuteRules).await;
        let page = aws
            .cloudwatch
            .list_alarm_mute_rules()
            .statuses(AlarmMuteRuleStatus::Active)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| describe("cloudwatch:ListAlarmMuteRules", &error))?;
        for rule in page.alarm_mute_rule_summaries() {
            // The summary has no name; its ARN ends with it.
            let name = rule
                .alarm_mute_rule_arn()
                .and_then(|arn| arn.rsplit(':').next());
            let Some(name) = name else { continue };
            aws.pace(Quota::ListAlarmMuteRules).await;
            let rule = aws
                .cloudwatch
                .get_alarm_mute_rule()
                .alarm_mute_rule_name(name)
                .send()
                .await
                .map_err(|error| describe("cloudwatch:GetAlarmMuteRule", &error))?;
            let targets = rule
                .mute_targets()
                .map(aws_sdk_cloudwatch::types::MuteTargets::alarm_names);
            for alarm in targets.into_iter().flatten() {
                muted
                    .entry(alarm.clone())
                    .or_default()
                    .push(name.to_owned());
            }
        }
        token = pages.next("cloudwatch:ListAlarmMuteRules", page.next_token)?;
        if token.is_none() {
            return Ok(muted);
        }
    }
}
