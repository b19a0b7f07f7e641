//! Simulated Run Command: what was sent, and how far each instance has come.

use serde::{Deserialize, Serialize};

use super::ledger::Entry;
use super::wire::Failure;
use super::world::{World, lock};
use crate::playbook::glob;
use crate::rehearsal::scenario::Reply;

/// An invocation is not there before this many scenario seconds after sending.
const APPEARS: f64 = 0.5;
/// When an instance whose agent does not answer is given up, in scenario seconds.
const GIVEN_UP: f64 = 30.0;

/// A command that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    pub document: String,
    pub instances: Vec<String>,
    pub lines: String,
    pub comment: String,
    /// In scenario seconds.
    pub at: f64,
    pub cancelled: Option<f64>,
}

/// How far a command has come on an instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Invocation {
    pub status: &'static str,
    pub detail: &'static str,
    pub exit_code: i64,
    pub output: String,
    pub error: String,
}

impl World {
    pub(super) fn send(&self, sent: Sent) -> Result<String, Failure> {
        let id = uuid::Uuid::new_v4().to_string();
        self.keep(&Entry::Sent {
            id: id.clone(),
            command: sent.clone(),
        })?;
        lock(&self.commands).insert(id.clone(), sent);
        Ok(id)
    }

    pub(super) fn sent(&self, id: &str) -> Option<Sent> {
        lock(&self.commands).get(id).cloned()
    }

    pub(super) fn cancel(&self, id: &str) -> Result<bool, Failure> {
        let at = self.now();
        let mut commands = lock(&self.commands);
        let Some(sent) = commands.get_mut(id) else {
            return Ok(false);
        };
        self.keep(&Entry::Cancelled {
            id: id.to_owned(),
            at,
        })?;
        sent.cancelled.get_or_insert(at);
        Ok(true)
    }

    /// The state of a command on an instance now; `None` while it is not there yet, or never
    /// was sent there.
    pub(super) fn invocation(&self, sent: &Sent, instance: &str) -> Option<Invocation> {
        let now = self.now();
        if !sent.instances.iter().any(|id| id == instance) || now < sent.at + APPEARS {
            return None;
        }
        let unfinished = |status| Invocation {
            status,
            detail: status,
            exit_code: -1,
            output: String::new(),
            error: String::new(),
        };
        let online = self
            .scenario
            .instances
            .iter()
            .any(|known| known.id == instance && known.online);
        let reply = self.reply(
            &self.scenario.commands,
            &sent.lines,
            Some(instance),
            sent.at,
        );
        let lost = !online || reply.is_some_and(|reply| reply.lost);
        let takes = if lost {
            reply.map_or(GIVEN_UP, |reply| reply.delay.max(APPEARS))
        } else {
            reply.map_or(1.0, |reply| reply.delay)
        };
        if let Some(cancelled) = sent.cancelled.filter(|at| *at < sent.at + takes) {
            return (now >= cancelled).then(|| unfinished("Cancelled"));
        }
        if now < sent.at + takes {
            return Some(unfinished(if lost { "Pending" } else { "InProgress" }));
        }
        if lost {
            return Some(Invocation {
                detail: "DeliveryTimedOut",
                ..unfinished("TimedOut")
            });
        }
        Some(match reply {
            Some(reply) => {
                let status = if reply.exit_code == 0 {
                    "Success"
                } else {
                    "Failed"
                };
                Invocation {
                    status,
                    detail: status,
                    exit_code: reply.exit_code,
                    output: reply.output.clone(),
                    error: reply.error.clone(),
                }
            }
            None => Invocation {
                exit_code: 127,
                error: "the scenario has no answer to this command".into(),
                ..unfinished("Failed")
            },
        })
    }

    /// The last reply that fits: later ones refine earlier ones.
    pub(super) fn reply<'a>(
        &self,
        replies: &'a [Reply],
        text: &str,
        instance: Option<&str>,
        at: f64,
    ) -> Option<&'a Reply> {
        replies.iter().rev().find(|reply| {
            glob(&reply.matches, text)
                && (reply.instances.is_empty()
                    || instance.is_some_and(|id| reply.instances.iter().any(|known| known == id)))
                && reply
                    .after
                    .as_ref()
                    .is_none_or(|fix| self.fixed(fix, at).is_some())
        })
    }
}
