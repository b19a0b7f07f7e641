//! Which events others are told of, and what of them.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Value, json};

use super::healing::{self, HealingStatus};
use super::schema::has_table;
use crate::incident::{Event, IncidentStatus};

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $name:literal),* $(,)?) => {
        /// What a message is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Topic {
            $($(#[$doc])* $topic),*
        }

        impl Topic {
            /// All topics, by name.
            pub const ALL: &[(&str, Self)] = &[$(($name, Self::$topic)),*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$topic => $name),*
                }
            }
        }
    };
}

topics! {
    /// An incident was opened.
    Opened = "opened",
    /// Somebody has the incident.
    Acknowledged = "acknowledged",
    /// It was escalated.
    Escalated = "escalated",
    /// The effect is gone.
    Mitigated = "mitigated",
    /// The cause is gone.
    Resolved = "resolved",
    /// Those who wait were told how it stands.
    Update = "update",
    /// The incident was handed over.
    HandOver = "hand_over",
    /// Others are asked to agree to a change.
    Approval = "approval",
    /// A healing rule has acted, or has not.
    Healing = "healing",
}

/// Something to be told.
pub(super) struct Telling {
    /// What it is about.
    pub topic: Topic,
    /// What is known of it.
    pub facts: Value,
    /// Channels that are told whatever they subscribed to.
    pub channels: Vec<String>,
}

impl Telling {
    fn of(topic: Topic, facts: Value) -> Self {
        Self {
            topic,
            facts,
            channels: Vec::new(),
        }
    }

    fn on(self, channels: &[String]) -> Self {
        Self {
            channels: channels.to_vec(),
            ..self
        }
    }
}

/// What everybody wants to know of an incident.
pub(super) fn about(connection: &Connection, incident: &str) -> rusqlite::Result<Value> {
    connection.query_row(
        "SELECT title, severity, status FROM incident WHERE id = ?1",
        [incident],
        |row| {
            Ok(json!({
                "incident": incident, "title": row.get::<_, String>(0)?,
                "severity": row.get::<_, String>(1)?, "status": row.get::<_, String>(2)?,
            }))
        },
    )
}

/// What an event has to tell.
pub(super) fn telling(
    connection: &Connection,
    incident: &str,
    event: &Event,
    at: i64,
) -> rusqlite::Result<Vec<Telling>> {
    let one = match event {
        Event::IncidentOpened { .. } => Telling::of(Topic::Opened, json!({})),
        Event::StatusChanged { to, .. } => {
            let topic = match to {
                IncidentStatus::Acknowledged => Topic::Acknowledged,
                IncidentStatus::Mitigated => Topic::Mitigated,
                IncidentStatus::Resolved => Topic::Resolved,
                IncidentStatus::Open | IncidentStatus::Closed => return Ok(Vec::new()),
            };
            Telling::of(topic, json!({})).on(&called(connection, incident)?)
        }
        Event::EscalationLevelAsked {
            escalation,
            round,
            level,
            contacts,
            channels,
            next_at,
            picture,
        } => {
            let facts = json!({
                "escalation": escalation, "round": round, "level": level, "contacts": contacts, "answer_until": next_at.to_rfc3339(),
                "picture": picture,
            });
            Telling::of(Topic::Escalated, facts).on(channels)
        }
        Event::EscalationExhausted { asked, .. } => {
            let facts = json!({ "exhausted": true, "level": asked });
            Telling::of(Topic::Escalated, facts).on(&called(connection, incident)?)
        }
        Event::EscalationAcknowledged { note, .. } => {
            let facts = json!({ "note": note });
            Telling::of(Topic::Acknowledged, facts).on(&called(connection, incident)?)
        }
        Event::UpdateGiven { text, next } => {
            let next = next.map(|at| at.to_rfc3339());
            Telling::of(
                Topic::Update,
                json!({ "update": text, "next_update": next }),
            )
        }
        Event::HandedOver { card } => Telling::of(Topic::HandOver, json!({ "picture": card })),
        Event::ApprovalSought {
            step,
            digest,
            reason,
            until,
            channels,
            ..
        } => {
            let request = digest.get(..16).unwrap_or(digest);
            let facts = json!({
                "step": step.0, "request": request, "reason": reason, "until": until.to_rfc3339(),
            });
            Telling::of(Topic::Approval, facts).on(channels)
        }
        Event::ExecutionEnded { .. }
        | Event::HealingSkipped { .. }
        | Event::AttemptEnded { .. }
        | Event::LateResult { .. } => return ended(connection, incident, at),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![one])
}

/// The channels that an escalation called somebody on: they are told who has it, and that it is over.
fn called(connection: &Connection, incident: &str) -> rusqlite::Result<Vec<String>> {
    if !has_table(connection, "outbox")? {
        return Ok(Vec::new());
    }
    let mut query = connection.prepare_cached(
        "SELECT DISTINCT channel FROM outbox WHERE incident = ?1 AND topic = 'escalated'",
    )?;
    let channels = query.query_map([incident], |row| row.get(0))?;
    channels.collect()
}

/// The healings that have ended just now.
fn ended(connection: &Connection, incident: &str, at: i64) -> rusqlite::Result<Vec<Telling>> {
    let all = healing::ended_at(connection, incident, at)?;
    let told = all.into_iter().map(|one| {
        let healed = one.status == HealingStatus::Completed;
        let facts = json!({
            "id": format!("{incident}-{}", one.attempt), "rule": one.rule,
            "layer": one.layer, "action": one.action, "resource": one.resource,
            "place": one.place, "healing": one.status.name(), "attempt": one.attempt,
            "set_off_at": one.at.to_rfc3339(),
            "started_at": one.started_at.map(|at| at.to_rfc3339()),
            "ended_at": one.ended_at.map(|at| at.to_rfc3339()),
            "error": one.error, "healed": healed, "automated": true,
        });
        Telling::of(Topic::Healing, facts)
    });
    Ok(told.collect())
}
