//! What others are told: written by the very transaction that records what it is about, and kept
//! until it has been sent.
//!
//! A message is told at least once. To one channel, what is about one incident is told in order.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;

use super::healing;
use super::schema::has_table;
use super::told::{Topic, about, telling};
use super::{Journal, JournalError};
use crate::incident::{Event, IncidentId};

/// The table; a store gets it with the first message.
const TABLE: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    incident TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    facts TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    taken_until INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER,
    error TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (channel, incident, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_unreported ON outbox (id) WHERE state = 'dead' AND tries = 0;
";
/// As long as this a message is one sender's to send, in seconds: longer than any send takes.
const TAKEN: i64 = 90;
/// After this long without success a message is given up.
const GIVEN_UP: TimeDelta = TimeDelta::hours(24);
/// The longest wait between two tries.
const SLOWEST: TimeDelta = TimeDelta::minutes(5);

/// A channel, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The channel's name.
    pub channel: String,
    /// What it is told.
    pub topics: Vec<Topic>,
}

/// Something to be told on one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Its number in this store.
    pub id: i64,
    /// The channel.
    pub channel: String,
    /// What it is about.
    pub topic: Topic,
    /// The incident.
    pub incident: IncidentId,
    /// The event that it tells.
    pub sequence: u64,
    /// When that happened.
    pub at: DateTime<Utc>,
    /// What is to be told.
    pub facts: Value,
    /// How often it was tried.
    pub tries: u32,
    /// Whether it was given up: it is sent again only when somebody asks for it.
    pub dead: bool,
    /// Why it could not be sent.
    pub error: Option<String>,
}

impl Message {
    /// What tells this message from every other: a receiver that has seen it ignores it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-{}-{}", self.incident, self.sequence, self.topic.name())
    }
}

/// Who is told of what is appended, and what they are told besides.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// The channels; none where nobody is ever told.
    pub channels: Option<&'a [Subscription]>,
    /// Says what all of them are told; it is asked where somebody is.
    pub facts: &'a dyn Fn() -> Value,
}

impl Told<'_> {
    /// Nobody is told.
    pub fn nobody() -> Self {
        Self {
            channels: None,
            facts: &|| Value::Null,
        }
    }
}

/// Puts what an event has to tell into the outbox.
pub(super) fn note(
    connection: &Connection,
    told: &Told<'_>,
    (incident, sequence): (&str, u64),
    event: &Event,
    at: i64,
) -> rusqlite::Result<()> {
    let Some(channels) = told.channels else {
        return Ok(());
    };
    for telling in telling(connection, incident, event, at)? {
        let wants = |one: &&Subscription| one.topics.contains(&telling.topic);
        let mut wanted: Vec<&str> = channels
            .iter()
            .filter(wants)
            .map(|one| one.channel.as_str())
            .chain(telling.channels.iter().map(String::as_str))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            continue;
        }
        connection.execute_batch(TABLE)?;
        let mut facts = about(connection, incident)?;
        facts["topic"] = telling.topic.name().into();
        facts["at"] = healing::time(at).to_rfc3339().into();
        // Where the incident is, so that the command in a message works as it stands.
        let store = connection.path().map(std::path::Path::new);
        if let Some(folder) = store.and_then(std::path::Path::parent) {
            facts["store"] = folder.display().to_string().into();
        }
        if let Value::Object(facts) = &mut facts {
            let more = [(told.facts)(), telling.facts];
            facts.extend(more.into_iter().flat_map(|more| match more {
                Value::Object(more) => more,
                _ => serde_json::Map::new(),
            }));
        }
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        for channel in wanted {
            let known = channels.iter().any(|one| one.channel == channel);
            let why = format!(
                "no channel is named {channel:?}: `escalation.toml` names it, the configuration does not"
            );
            connection.execute(
                "INSERT INTO outbox (incident, sequence, channel, topic, facts, at, next_at, state, error)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM outbox
                    WHERE incident = ?1 AND channel = ?3 AND at = ?6
                    AND (facts = ?5 OR (topic = 'acknowledged' AND ?4 = 'acknowledged')))",
                params![
                    incident,
                    sequence,
                    channel,
                    telling.topic.name(),
                    facts.to_string(),
                    at,
                    if known { "waiting" } else { "dead" },
                    (!known).then_some(why),
                ],
            )?;
        }
    }
    Ok(())
}

fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    has_table(connection, "outbox")
}

const COLUMNS: &str =
    "id, channel, topic, incident, sequence, at, facts, tries, state = 'dead', error";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    let topic: String = row.get(2)?;
    let known = Topic::ALL.iter().find(|(name, _)| *name == topic);
    let facts: String = row.get(6)?;
    Ok(Message {
        id: row.get(0)?,
        channel: row.get(1)?,
        topic: known.map_or(Topic::Opened, |(_, topic)| *topic),
        incident: IncidentId(row.get::<_, String>(3)?.into()),
        sequence: u64::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
        at: healing::time(row.get(5)?),
        facts: serde_json::from_str(&facts).unwrap_or_default(),
        tries: row.get(7)?,
        dead: row.get(8)?,
        error: row.get(9)?,
    })
}

impl Journal {
    /// Says which channels are told of what this journal records from now on.
    pub fn subscribe(&mut self, subscriptions: Vec<Subscription>) {
        self.subscriptions = Some(subscriptions);
    }

    /// Takes messages of some channels that are due, for this sender alone; each is sent, failed or
    /// given back before it is anybody else's.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn take_messages(
        &mut self,
        channels: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<Message>, JournalError> {
        if !is_there(self.connection())? {
            return Ok(Vec::new());
        }
        let nanos = now.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let until = nanos.saturating_add(TAKEN * 1_000_000_000);
        let transaction = self.transaction()?;
        let mut taken = Vec::new();
        for channel in channels {
            let mut query = transaction.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox o WHERE channel = ?1 AND state = 'waiting'
                    AND next_at <= ?2 AND taken_until <= ?2
                    AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.channel = ?1
                        AND e.incident = o.incident AND e.state = 'waiting' AND e.id < o.id
                        AND json_extract(e.facts, '$.recipients') IS NULL)
                 ORDER BY id LIMIT 20"
            ))?;
            let rows = query.query_map(params![channel, nanos], read)?;
            for message in rows {
                taken.push(message?);
            }
        }
        for message in &taken {
            transaction.execute(
                "UPDATE outbox SET taken_until = ?2 WHERE id = ?1",
                params![message.id, until],
            )?;
        }
        transaction.commit()?;
        Ok(taken)
    }

    /// Records that a message was sent.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn message_sent(&mut self, id: i64, now: DateTime<Utc>) -> Result<(), JournalError> {
        let nanos = now.timestamp_nanos_opt().unwrap_or(i64::MAX);
        self.connection().execute(
            "UPDATE outbox SET state = 'sent', sent_at = ?2, error = NULL, tries = tries + 1 WHERE id = ?1",
            params![id, nanos],
        )?;
        Ok(())
    }

    /// Records that a message could not be sent. It is tried again after a while, twice as long each
    /// time and at least `rest`, unless trying is of no use or a day has passed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn message_failed(
        &mut self,
        message: &Message,
        (why, lasting, rest): (&str, bool, TimeDelta),
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let wait = TimeDelta::seconds(1 << message.tries.min(9)).min(SLOWEST);
        let wait = wait.max(rest);
        let dead = lasting || now - message.at > GIVEN_UP;
        let next = (now + wait).timestamp_nanos_opt().unwrap_or(i64::MAX);
        self.connection().execute(
            "UPDATE outbox SET state = ?2, error = ?3, tries = tries + 1, next_at = ?4, taken_until = 0
             WHERE id = ?1",
            params![message.id, if dead { "dead" } else { "waiting" }, why, next],
        )?;
        Ok(())
    }

    /// Lets nothing be sent through a channel before a time: its receiver said so.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn rest_channel(
        &mut self,
        channel: &str,
        until: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let until = until.timestamp_nanos_opt().unwrap_or(i64::MAX);
        self.connection().execute(
            "UPDATE outbox SET next_at = max(next_at, ?2) WHERE channel = ?1 AND state = 'waiting'",
            params![channel, until],
        )?;
        Ok(())
    }

    /// Keeps a message for a recipient that did not take it while others did: it waits for nobody, and
    /// nothing waits for it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn message_left(
        &mut self,
        message: &Message,
        (recipient, why, lasting): (&str, &str, bool),
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let mut facts = message.facts.clone();
        facts["recipients"] = serde_json::json!([recipient]);
        let nanos = |at: DateTime<Utc>| at.timestamp_nanos_opt().unwrap_or(i64::MAX);
        self.connection().execute(
            "INSERT INTO outbox (incident, sequence, channel, topic, facts, at, next_at, state, tries, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9)",
            params![
                &*message.incident.0,
                i64::try_from(message.sequence).unwrap_or(i64::MAX),
                message.channel,
                message.topic.name(),
                facts.to_string(),
                nanos(message.at),
                nanos(now + TimeDelta::seconds(1)),
                if lasting { "dead" } else { "waiting" },
                why,
            ],
        )?;
        Ok(())
    }

    /// Takes the pages that no channel of this host can send, and that nobody has been told of.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn take_unreported(&mut self) -> Result<Vec<Message>, JournalError> {
        if !is_there(self.connection())? {
            return Ok(Vec::new());
        }
        let wanted = "state = 'dead' AND tries = 0 AND topic = 'escalated'";
        let transaction = self.transaction()?;
        let mut query = transaction.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE {wanted} ORDER BY id"
        ))?;
        let all: Vec<Message> = query
            .query_map([], read)?
            .collect::<rusqlite::Result<_>>()?;
        drop(query);
        if !all.is_empty() {
            transaction.execute(&format!("UPDATE outbox SET tries = 1 WHERE {wanted}"), [])?;
        }
        transaction.commit()?;
        Ok(all)
    }

    /// Gives messages back that were taken and not sent.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn give_back_messages(&mut self, ids: &[i64]) -> Result<(), JournalError> {
        for id in ids {
            self.connection()
                .execute("UPDATE outbox SET taken_until = 0 WHERE id = ?1", [id])?;
        }
        Ok(())
    }

    /// How many messages some sender has just taken.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn messages_in_flight(&self, now: DateTime<Utc>) -> Result<usize, JournalError> {
        if !is_there(self.connection())? {
            return Ok(0);
        }
        let nanos = now.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let query = "SELECT count(*) FROM outbox WHERE state = 'waiting' AND taken_until > ?1";
        let count: i64 = self
            .connection()
            .query_row(query, [nanos], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// What waits to be sent, and what was given up, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unsent_messages(&self) -> Result<Vec<Message>, JournalError> {
        if !is_there(self.connection())? {
            return Ok(Vec::new());
        }
        let mut query = self.connection().prepare(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE state <> 'sent' ORDER BY id"
        ))?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Lets a message be sent again that was given up; false when there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn resend_message(&mut self, id: i64, now: DateTime<Utc>) -> Result<bool, JournalError> {
        if !is_there(self.connection())? {
            return Ok(false);
        }
        let nanos = now.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let changed = self.connection().execute(
            "UPDATE outbox SET state = 'waiting', next_at = ?2, taken_until = 0, tries = 0
             WHERE id = ?1 AND state = 'dead'",
            params![id, nanos],
        )?;
        Ok(changed > 0)
    }
}
