//! Who writes an incident: one holder at a time, who renews the lease while it lives.
//!
//! No clock is trusted. A lease counts as stale when its holder's process is gone, or when its
//! beat has not moved while the observer itself waited [`Lease::LIFE`].

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Journal, JournalError, list::json};
use crate::incident::{Actor, IncidentId};

/// A process that holds a lease, or wants to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Made anew for each opening of an incident.
    pub token: Uuid,
    /// Who.
    pub actor: Actor,
    /// The process.
    pub pid: u32,
    /// When the process began, in the kernel's clock ticks: ids of processes come again.
    pub started: u64,
    /// The boot of the machine and the process namespace, within which `pid` means something.
    pub place: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}@{} (process {})",
            self.actor.user, self.actor.host, self.pid
        )
    }
}

impl Holder {
    /// This process, as a holder of its own.
    #[must_use]
    pub fn this_process(actor: &Actor) -> Self {
        let pid = std::process::id();
        Self {
            token: Uuid::new_v4(),
            actor: actor.clone(),
            pid,
            started: match process(pid) {
                Process::Began(at) => at,
                Process::Gone | Process::Hidden => 0,
            },
            place: place(),
        }
    }

    /// Tells whether the process is known to run, which only a process beside it can.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.place == place() && !self.is_gone()
    }

    /// Tells whether the process is known to be gone. One on another machine, or in another
    /// container, is not known to be.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        if self.place.is_empty() || self.place != place() {
            return false;
        }
        match process(self.pid) {
            Process::Gone => true,
            Process::Began(at) => at != self.started,
            // Others' processes may be hidden: a lease that does not move any more tells.
            Process::Hidden => false,
        }
    }
}

/// The boot and the process namespace, from the kernel; empty where it does not tell.
fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = std::fs::read_link("/proc/self/ns/pid");
    match (boot, namespace) {
        (Ok(boot), Ok(namespace)) => format!("{} {}", boot.trim(), namespace.display()),
        _ => String::new(),
    }
}

/// What is known of a process.
enum Process {
    /// There is none; a zombie does nothing any more, and counts as none.
    Gone,
    /// When it began.
    Began(u64),
    /// There is one, or there is not: it is not shown.
    Hidden,
}

/// Looks a process up: field 22 of `/proc/PID/stat`, see proc(5).
fn process(pid: u32) -> Process {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        let id = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX));
        return match nix::sys::signal::kill(id, None) {
            Err(nix::errno::Errno::ESRCH) => Process::Gone,
            _ => Process::Hidden,
        };
    };
    // The name in parentheses may hold anything.
    let Some((_, rest)) = stat.rsplit_once(") ") else {
        return Process::Hidden;
    };
    let mut fields = rest.split(' ');
    if fields.next() == Some("Z") {
        return Process::Gone;
    }
    fields
        .nth(18)
        .and_then(|began| began.parse().ok())
        .map_or(Process::Hidden, Process::Began)
}

/// A lease as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: Holder,
    /// How often it has been renewed.
    pub beat: i64,
    /// Who asks for it.
    pub wanted: Option<Holder>,
}

impl Lease {
    /// How long a lease is good for after it was renewed, by the clock of whoever looks.
    pub const LIFE: Duration = Duration::from_secs(6);
}

fn read(connection: &Connection, incident: &IncidentId) -> rusqlite::Result<Option<Lease>> {
    connection
        .prepare_cached("SELECT holder, beat, wanted FROM lease WHERE incident = ?1")?
        .query_row(params![&*incident.0], |row| {
            let parsed = |text: String| {
                serde_json::from_str(&text).map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(
                        0,
                        rusqlite::types::Type::Text,
                        error.into(),
                    )
                })
            };
            Ok(Lease {
                holder: parsed(row.get(0)?)?,
                beat: row.get(1)?,
                wanted: row.get::<_, Option<String>>(2)?.map(parsed).transpose()?,
            })
        })
        .optional()
}

/// Whether a token holds the lease, within a transaction.
pub(super) fn holds(
    connection: &Connection,
    incident: &IncidentId,
    token: Uuid,
) -> rusqlite::Result<bool> {
    let holder: Option<String> = connection
        .prepare_cached("SELECT token FROM lease WHERE incident = ?1")?
        .query_row(params![&*incident.0], |row| row.get(0))
        .optional()?;
    Ok(holder.is_some_and(|holder| holder == token.to_string()))
}

pub(super) fn give(
    connection: &Connection,
    incident: &IncidentId,
    to: &Holder,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO lease (incident, token, holder, beat) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (incident) DO UPDATE SET token = ?2, holder = ?3, beat = 0, wanted = NULL",
        )?
        .execute(params![&*incident.0, to.token.to_string(), json(to)?])?;
    Ok(())
}

impl Journal {
    /// The lease on an incident, if somebody holds one.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn lease(&self, incident: &IncidentId) -> Result<Option<Lease>, JournalError> {
        Ok(read(&self.connection, incident)?)
    }

    /// Takes the lease if nobody holds it, if its holder is gone, or if it still is the one that
    /// the caller means to end. Returns the lease that stands in the way otherwise.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn take(
        &mut self,
        incident: &IncidentId,
        holder: &Holder,
        ending: Option<&Lease>,
    ) -> Result<Result<(), Box<Lease>>, JournalError> {
        let transaction = self.transaction()?;
        if let Some(lease) = read(&transaction, incident)? {
            let meant = ending.is_some_and(|ending| {
                ending.holder.token == lease.holder.token && ending.beat == lease.beat
            });
            if !meant && !lease.holder.is_gone() && lease.holder.token != holder.token {
                return Ok(Err(Box::new(lease)));
            }
        }
        give(&transaction, incident, holder)?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// Renews the lease and returns it; `None` when it is no longer the caller's.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn renew(
        &mut self,
        incident: &IncidentId,
        token: Uuid,
    ) -> Result<Option<Lease>, JournalError> {
        self.casually(|connection| {
            let renewed = connection
                .prepare_cached(
                    "UPDATE lease SET beat = beat + 1 WHERE incident = ?1 AND token = ?2",
                )?
                .execute(params![&*incident.0, token.to_string()])?;
            if renewed == 0 {
                return Ok(None);
            }
            read(connection, incident)
        })
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn release(&mut self, incident: &IncidentId, token: Uuid) -> Result<(), JournalError> {
        self.casually(|connection| {
            connection.execute(
                "DELETE FROM lease WHERE incident = ?1 AND token = ?2",
                params![&*incident.0, token.to_string()],
            )
        })?;
        Ok(())
    }

    /// Asks the holder for the lease, or takes the question back.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn want(&mut self, incident: &IncidentId, by: Option<&Holder>) -> Result<(), JournalError> {
        let by = by.map(json).transpose()?;
        self.casually(|connection| {
            connection.execute(
                "UPDATE lease SET wanted = ?2 WHERE incident = ?1",
                params![&*incident.0, by],
            )
        })?;
        Ok(())
    }

    /// Hands the lease to whoever asks for it.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn hand_over(&mut self, incident: &IncidentId, token: Uuid) -> Result<bool, JournalError> {
        let transaction = self.transaction()?;
        let wanted = read(&transaction, incident)?
            .filter(|lease| lease.holder.token == token)
            .and_then(|lease| lease.wanted);
        let Some(to) = wanted else {
            return Ok(false);
        };
        give(&transaction, incident, &to)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Writes without waiting for the disk: a lease is worth nothing after a power cut.
    fn casually<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        if self.is_moved() {
            return Err(JournalError::Moved);
        }
        self.connection
            .pragma_update(None, "synchronous", "normal")?;
        let done = work(&self.connection);
        self.connection.pragma_update(None, "synchronous", "full")?;
        Ok(done?)
    }
}
