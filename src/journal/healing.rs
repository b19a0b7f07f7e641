//! What healing rules have done, over all incidents of the store: kept by the very transaction that
//! appends an event, so that two consoles never heal one thing at once.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use super::schema::has_table;
use super::{Journal, JournalError};
use crate::breaker::Breaker;
use crate::incident::{AlarmState, AttemptOrigin, Event, ExecutionStatus, HealingRun, IncidentId};
use crate::playbook::Outcome;

/// The tables; a store that has none yet gets them when the first rule is set off or switched.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS healing (
    rule TEXT NOT NULL,
    layer TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    place TEXT NOT NULL,
    transition INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    incident TEXT NOT NULL,
    status TEXT NOT NULL,
    at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    error TEXT,
    running TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS healing_of ON healing (resource, place, rule, at);
CREATE TABLE IF NOT EXISTS healing_switch (
    rule TEXT PRIMARY KEY,
    enabled INTEGER NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
";

/// The name under which all rules together are switched.
pub const ALL: &str = "*";

/// Where a healing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealingStatus {
    /// It waits for an approval.
    Pending,
    /// It acts.
    InProgress,
    /// It was applied, and a verification or the alarm says that it helped.
    Completed,
    /// It acted, and that was not.
    Failed,
    /// It did not act.
    Skipped,
    /// It was applied, and nothing has verified that it helped.
    Applied,
}

impl HealingStatus {
    const WORDS: [(&'static str, Self); 6] = [
        ("pending", Self::Pending),
        ("in_progress", Self::InProgress),
        ("completed", Self::Completed),
        ("failed", Self::Failed),
        ("skipped", Self::Skipped),
        ("applied", Self::Applied),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    fn of(word: &str) -> Self {
        let known = Self::WORDS.iter().find(|(name, _)| *name == word);
        known.map_or(Self::Skipped, |(_, status)| *status)
    }
}

/// One healing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealingRecord {
    /// The rule.
    pub rule: String,
    /// Where it heals.
    pub layer: String,
    /// What it does.
    pub action: String,
    /// What it acts upon.
    pub resource: String,
    /// Where that is: account and region.
    pub place: String,
    /// Where it stands.
    pub status: HealingStatus,
    /// The incident.
    pub incident: IncidentId,
    /// Which run because of the alarm, counted from 1.
    pub attempt: u32,
    /// When it was set off.
    pub at: DateTime<Utc>,
    /// When it began to act.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed, or did not act.
    pub error: Option<String>,
}

/// Whether a rule counts, as somebody has switched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// The rule, or [`ALL`].
    pub rule: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Who switched it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl std::fmt::Display for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = &self.rule;
        match (rule == ALL, self.enabled) {
            (true, true) => f.write_str("rules may act again"),
            (true, false) => {
                f.write_str("no rule acts any longer; `standdown healing stop-all --off` lets them")
            }
            (false, true) => write!(f, "{rule} counts again"),
            (false, false) => write!(f, "{rule} counts no longer"),
        }
    }
}

pub(super) fn time(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    has_table(connection, "healing")
}

/// Takes note of an event. A healing that may not begin is refused with its reason, and with it
/// the whole append.
pub(super) fn remember(
    connection: &Connection,
    incident: &str,
    event: &Event,
    at: i64,
) -> rusqlite::Result<Result<(), String>> {
    if let Event::ExecutionStarted {
        healing: Some(run), ..
    } = event
    {
        connection.execute_batch(TABLES)?;
        if let Some(reason) = forbidden(connection, run, at)? {
            return Ok(Err(reason));
        }
    }
    // What somebody stopped meanwhile does not begin to act.
    if matches!(event, Event::ApprovalGranted { .. }) && is_there(connection)? {
        let waiting: Option<String> = connection
            .query_row(
                "SELECT rule FROM healing WHERE incident = ?1 AND status = 'pending'",
                [incident],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(rule) = waiting
            && let Some(reason) = switched_off(connection, &rule)?
        {
            return Ok(Err(reason));
        }
    }
    note(connection, incident, event, at).map(Ok)
}

/// Takes note of an event that has happened, whatever may be thought of it.
pub(super) fn note(
    connection: &Connection,
    incident: &str,
    event: &Event,
    at: i64,
) -> rusqlite::Result<()> {
    match event {
        Event::ExecutionStarted {
            healing: Some(run), ..
        } => {
            connection.execute_batch(TABLES)?;
            let status = (HealingStatus::Pending, at);
            insert(connection, incident, run, status, None)?;
        }
        Event::HealingSkipped { run, reason } => {
            connection.execute_batch(TABLES)?;
            let status = (HealingStatus::Skipped, at);
            insert(connection, incident, run, status, Some(reason))?;
        }
        Event::ApprovalGranted { .. } if is_there(connection)? => {
            connection.execute(
                "UPDATE healing SET status = 'in_progress', started_at = ?2
                 WHERE incident = ?1 AND status = 'pending'",
                params![incident, at],
            )?;
        }
        Event::ApprovalDeclined {
            reason, approver, ..
        } if is_there(connection)? => {
            let by = approver.as_ref().map(|one| format!(" by {}", one.user));
            let why = format!("not approved{}: {reason}", by.unwrap_or_default());
            connection.execute(
                "UPDATE healing SET error = ?2 WHERE incident = ?1 AND status = 'pending'",
                params![incident, why],
            )?;
        }
        Event::AttemptStarted {
            attempt,
            origin: AttemptOrigin::Approval,
            ..
        } if is_there(connection)? => {
            connection.execute(
                "UPDATE healing SET running = ?2 WHERE incident = ?1 AND status = 'in_progress'",
                params![incident, attempt.to_string()],
            )?;
        }
        // What was stopped while it acted has ended only now.
        Event::AttemptEnded { attempt, .. } | Event::LateResult { attempt, .. }
            if is_there(connection)? =>
        {
            connection.execute(
                "UPDATE healing SET running = NULL,
                    ended_at = CASE WHEN error IS NULL THEN NULL ELSE ?3 END,
                    status = CASE WHEN error IS NULL THEN status ELSE 'failed' END
                 WHERE incident = ?1 AND running = ?2",
                params![incident, attempt.to_string(), at],
            )?;
        }
        Event::ExecutionEnded {
            status,
            outcome,
            reason,
        } if is_there(connection)? => {
            let healed = *status == ExecutionStatus::Completed
                && matches!(outcome, Some(Outcome::Resolved | Outcome::Mitigated));
            let ended = match healed {
                true if verified(connection, incident)? => "completed",
                true => "applied",
                false => "failed",
            };
            let error = (!healed).then(|| {
                reason
                    .clone()
                    .unwrap_or_else(|| "it did not have its effect".into())
            });
            connection.execute(
                "UPDATE healing SET ended_at = ?2,
                    error = CASE status WHEN 'pending' THEN coalesce(error, 'not approved') ELSE ?4 END,
                    status = CASE status WHEN 'pending' THEN 'skipped' ELSE ?3 END
                 WHERE incident = ?1 AND status IN ('pending', 'in_progress') AND running IS NULL",
                params![incident, at, ended, error],
            )?;
            // The walk was stopped, and what it runs goes on: until that ends, it is in the hands
            // of nobody else.
            connection.execute(
                "UPDATE healing SET error = coalesce(?2, 'it was stopped')
                 WHERE incident = ?1 AND running IS NOT NULL",
                params![incident, error],
            )?;
        }
        // The alarm itself says that what was applied helped.
        Event::AlarmStateChanged {
            to: AlarmState::Ok, ..
        } if is_there(connection)? => {
            connection.execute(
                "UPDATE healing SET status = 'completed' WHERE incident = ?1 AND status = 'applied'",
                params![incident],
            )?;
        }
        _ => {}
    }
    Ok(())
}

/// Whether the healing of an incident that acts now was verified, or its alarm has gone back to OK since.
fn verified(connection: &Connection, incident: &str) -> rusqlite::Result<bool> {
    let since: Option<i64> = connection.query_row(
        "SELECT min(started_at) FROM healing WHERE incident = ?1 AND status = 'in_progress'",
        [incident],
        |row| row.get(0),
    )?;
    let mut query = connection
        .prepare("SELECT payload FROM event WHERE incident = ?1 AND at >= ?2 ORDER BY sequence")?;
    let events = query.query_map(params![incident, since], |row| row.get::<_, String>(0))?;
    let mut verifying: Vec<serde_json::Value> = Vec::new();
    for payload in events {
        let event: serde_json::Value = serde_json::from_str(&payload?).unwrap_or_default();
        let (began, ended) = (&event["attempt_started"], &event["attempt_ended"]);
        if began["origin"] == "verify" {
            verifying.push(began["attempt"].clone());
        }
        let succeeded = ended["result"]["status"] == "succeeded";
        if succeeded && verifying.contains(&ended["attempt"])
            || event["alarm_state_changed"]["to"] == "OK"
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn insert(
    connection: &Connection,
    incident: &str,
    run: &HealingRun,
    (status, at): (HealingStatus, i64),
    error: Option<&str>,
) -> rusqlite::Result<()> {
    let ended = error.map(|_| at);
    connection.execute(
        "INSERT INTO healing (rule, layer, action, resource, transition, ordinal, incident, status, at, ended_at, error, place)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            run.rule,
            run.layer.name(),
            run.action.name(),
            run.resource,
            run.transition.timestamp_millis(),
            run.ordinal,
            incident,
            status.name(),
            at,
            ended,
            error,
            run.place
        ],
    )?;
    Ok(())
}

/// Who has switched a rule off, or all of them.
fn switched_off(connection: &Connection, rule: &str) -> rusqlite::Result<Option<String>> {
    let off = |name: &str| {
        connection
            .query_row(
                "SELECT by FROM healing_switch WHERE rule = ?1 AND enabled = 0",
                [name],
                |row| row.get::<_, String>(0),
            )
            .optional()
    };
    if let Some(by) = off(ALL)? {
        return Ok(Some(format!("all healing was stopped by {by}")));
    }
    Ok(off(rule)?.map(|by| format!("disabled by {by}")))
}

/// Why a healing may not begin.
fn forbidden(
    connection: &Connection,
    run: &HealingRun,
    at: i64,
) -> rusqlite::Result<Option<String>> {
    let now = time(at);
    if let Some(reason) = switched_off(connection, &run.rule)? {
        return Ok(Some(reason));
    }
    // What has waited for an approval for a day waits no more: its console was killed.
    let day = (now - TimeDelta::days(1)).timestamp_nanos_opt();
    let holder: Option<String> = connection
        .query_row(
            "SELECT rule || ' in ' || incident FROM healing
             WHERE resource = ?1 AND place = ?2
                AND (status = 'in_progress' OR (status = 'pending' AND at > ?3))",
            params![run.resource, run.place, day],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(holder) = holder {
        return Ok(Some(format!(
            "{} is being healed by {holder}",
            run.resource
        )));
    }
    let transition = run.transition.timestamp_millis();
    let acted: i64 = connection.query_row(
        "SELECT count(*) FROM healing WHERE rule = ?1 AND resource = ?2 AND transition = ?3
            AND ordinal >= ?4 AND place = ?5 AND status IN ('completed', 'applied', 'failed')",
        params![run.rule, run.resource, transition, run.ordinal, run.place],
        |row| row.get(0),
    )?;
    if acted > 0 {
        return Ok(Some(
            "the rule has acted already because of this alarm".into(),
        ));
    }
    let mut ended = connection.prepare(
        "SELECT ended_at, status FROM healing WHERE rule = ?1 AND resource = ?2 AND place = ?3
            AND status IN ('completed', 'applied', 'failed') ORDER BY ended_at DESC LIMIT 200",
    )?;
    let ended: Vec<(i64, String)> = ended
        .query_map(params![run.rule, run.resource, run.place], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if let Some((last, _)) = ended.first() {
        let mut breaker = Breaker::new(run.breaker);
        for (at, status) in ended.iter().rev() {
            // One that was open let this one through on trial.
            let _ = breaker.allows(time(*at));
            if status == "failed" {
                breaker.failed(time(*at));
            } else {
                breaker.succeeded(time(*at));
            }
        }
        if let Err(until) = breaker.allows(now) {
            return Ok(Some(format!(
                "breaker open until {}",
                until.format("%Y-%m-%d %H:%M:%SZ")
            )));
        }
        let until = time(*last) + seconds(run.cooldown);
        if now < until {
            return Ok(Some(format!(
                "cooldown until {}",
                until.format("%Y-%m-%d %H:%M:%SZ")
            )));
        }
    }
    let since = |span: TimeDelta| (now - span).timestamp_nanos_opt().unwrap_or(i64::MIN);
    let within: i64 = connection.query_row(
        "SELECT count(*) FROM healing WHERE rule = ?1 AND resource = ?2 AND started_at > ?3
            AND place = ?4",
        params![
            run.rule,
            run.resource,
            since(seconds(run.window)),
            run.place
        ],
        |row| row.get(0),
    )?;
    if within >= i64::from(run.attempts) {
        return Ok(Some(format!(
            "attempts used up: {within} within {} s",
            run.window
        )));
    }
    let all: i64 = connection.query_row(
        "SELECT count(*) FROM healing WHERE started_at > ?1
            OR (status = 'pending' AND at > ?1)",
        [since(TimeDelta::hours(1))],
        |row| row.get(0),
    )?;
    if all >= i64::from(run.per_hour) {
        return Ok(Some(format!(
            "{all} healing actions in the last hour, which is the most there may be"
        )));
    }
    Ok(None)
}

/// What has ended in an incident at a moment.
pub(super) fn ended_at(
    connection: &Connection,
    incident: &str,
    at: i64,
) -> rusqlite::Result<Vec<HealingRecord>> {
    let which = "WHERE incident = ?1 AND ended_at = ?2 ORDER BY rowid";
    records(connection, which, params![incident, at])
}

fn records(
    connection: &Connection,
    which: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<HealingRecord>> {
    if !is_there(connection)? {
        return Ok(Vec::new());
    }
    let mut query = connection.prepare(&format!(
        "SELECT rule, layer, action, resource, status, incident, ordinal, at, started_at, ended_at, error, place
         FROM healing {which}"
    ))?;
    let moment = |nanos: Option<i64>| nanos.map(time);
    let rows = query.query_map(parameters, |row| {
        Ok(HealingRecord {
            rule: row.get(0)?,
            layer: row.get(1)?,
            action: row.get(2)?,
            resource: row.get(3)?,
            status: HealingStatus::of(&row.get::<_, String>(4)?),
            incident: IncidentId(row.get::<_, String>(5)?.into()),
            attempt: row.get(6)?,
            at: time(row.get(7)?),
            started_at: moment(row.get(8)?),
            ended_at: moment(row.get(9)?),
            error: row.get(10)?,
            place: row.get(11)?,
        })
    })?;
    rows.collect()
}

pub(super) fn switches(connection: &Connection) -> rusqlite::Result<Vec<Switch>> {
    if !is_there(connection)? {
        return Ok(Vec::new());
    }
    let mut query =
        connection.prepare("SELECT rule, enabled, by, at FROM healing_switch ORDER BY rule")?;
    let rows = query.query_map([], |row| {
        Ok(Switch {
            rule: row.get(0)?,
            enabled: row.get(1)?,
            by: row.get(2)?,
            at: time(row.get(3)?),
        })
    })?;
    rows.collect()
}

fn seconds(seconds: u64) -> TimeDelta {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000);
    TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::days(3650))
}

impl Journal {
    /// What healing rules have done, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn healings(&self) -> Result<Vec<HealingRecord>, JournalError> {
        Ok(records(
            self.connection(),
            "ORDER BY at DESC, rowid DESC",
            [],
        )?)
    }

    /// The rules that somebody has switched.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn healing_switches(&self) -> Result<Vec<Switch>, JournalError> {
        Ok(switches(self.connection())?)
    }

    /// Switches a rule, or [`ALL`] of them.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn switch_healing(&mut self, switch: &Switch) -> Result<(), JournalError> {
        let transaction = self.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute(
            "INSERT INTO healing_switch (rule, enabled, by, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (rule) DO UPDATE SET enabled = ?2, by = ?3, at = ?4",
            params![
                switch.rule,
                switch.enabled,
                switch.by,
                switch.at.timestamp_nanos_opt().unwrap_or_default()
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }
}
