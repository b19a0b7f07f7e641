//! Who writes: taking the lease, keeping it, handing it over, and following when it is another's.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::handle::{Control, Recording, Role, Unanswered};
use super::writer::Writer;
use crate::incident::Command;
use crate::journal::{JournalError, Lease};

/// Another console's lease, as it was last seen to move.
#[derive(Debug, Default)]
pub(super) struct Watched {
    lease: Option<Lease>,
    since: Option<Instant>,
}

impl Watched {
    /// Takes note of the lease, and tells whether its holder has gone silent.
    fn see(&mut self, lease: &Lease) -> bool {
        let same = self.lease.as_ref().is_some_and(|known| {
            known.holder.token == lease.holder.token && known.beat == lease.beat
        });
        if !same {
            self.since = Some(Instant::now());
        }
        self.lease = Some(lease.clone());
        lease.holder.is_gone()
            || self
                .since
                .is_some_and(|since| since.elapsed() > Lease::LIFE)
    }
}

impl Writer {
    /// Becomes the writer where nobody else is; follows otherwise.
    pub async fn take_place(&mut self) -> Result<(), JournalError> {
        let (id, holder) = (self.id.clone(), self.holder.clone());
        let imported = self.recorder.call(move |journal| journal.is_imported(&id));
        if imported.await? {
            self.role = Role::Imported;
            self.publish();
            return Ok(());
        }
        let id = self.id.clone();
        match self
            .recorder
            .call(move |journal| journal.take(&id, &holder, None))
            .await
        {
            Ok(Ok(())) => self.begin_to_write().await,
            Ok(Err(lease)) => {
                self.step_down(Some(*lease));
            }
            Err(error) => self.without_a_lease(&error).await,
        }
        Ok(())
    }

    /// The store can be read, and not written. Where another console is known to write, this one
    /// follows; elsewhere what is found out now is kept until it can be written.
    async fn without_a_lease(&mut self, error: &JournalError) {
        let id = self.id.clone();
        let lease = self.recorder.call(move |journal| journal.lease(&id)).await;
        match lease {
            Ok(Some(lease)) if !lease.holder.is_gone() => self.step_down(Some(lease)),
            _ => {
                self.role = Role::Writer { asked: None };
                self.not_recording(&error.to_string());
                self.take_up().await;
            }
        }
    }

    /// Where the store was replaced, it lacks what this console has recorded: it gets it back.
    async fn give_back_what_was_lost(&mut self) {
        let id = self.id.clone();
        let head = self.recorder.call(move |journal| journal.head(&id)).await;
        if let Ok((found, _)) = head
            && found < self.recorded
        {
            self.restore(found).await;
        }
    }

    /// Goes on from where the console before stood. What cannot be recorded is kept; neither of
    /// the two is ever refused.
    async fn take_up(&mut self) {
        let _ = self.carry_out(Command::TakeUp).await;
        if !super::is_watcher(&self.settings.actor.user) {
            let _ = self.carry_out(Command::Attend).await;
        }
    }

    async fn begin_to_write(&mut self) {
        self.role = Role::Writer { asked: None };
        self.leaving.store(false, Ordering::SeqCst);
        self.lease_until
            .send_replace(Some(Instant::now() + Lease::LIFE));
        self.give_back_what_was_lost().await;
        if let Err(error) = self.catch_up().await {
            self.not_recording(&error.to_string());
        }
        self.take_up().await;
        let retries = self
            .state
            .walking()
            .into_iter()
            .flat_map(|execution| execution.retries.values().map(|retry| retry.at));
        let postponed = self.state.walking().into_iter().flat_map(|execution| {
            execution
                .escalations
                .iter()
                .filter_map(|escalation| match escalation.answer {
                    crate::incident::EscalationAnswer::Postponed { until } => Some(until),
                    _ => None,
                })
        });
        let waits = self.state.walking().into_iter().flat_map(|execution| {
            let next = execution.change.as_ref().and_then(|change| change.next);
            next.into_iter()
                .chain(execution.approval.as_ref().map(|approval| approval.until))
        });
        let wakes: Vec<_> = retries.chain(postponed).chain(waits).collect();
        self.wakes.extend(wakes);
        self.publish_requests();
        self.publish();
    }

    /// Another console writes from now on. What reads stops here: that console has taken it up.
    /// A change that is being sent is waited for: what AWS answers belongs into the record.
    pub fn step_down(&mut self, lease: Option<Lease>) {
        self.lease_until.send_replace(None);
        self.leaving.store(true, Ordering::SeqCst);
        let state = &self.state;
        self.running.retain(|id, task| {
            let sending = state.attempt(*id).is_some_and(|(_, attempt)| {
                attempt.intent.is_some() && attempt.remotes.is_empty() && attempt.end.is_none()
            });
            if !sending {
                task.abort.abort();
            }
            sending
        });
        self.wakes.clear();
        self.watched = Watched::default();
        let silent = lease.as_ref().is_none_or(|lease| self.watched.see(lease));
        self.role = Role::Follower {
            writer: lease.map(|lease| lease.holder),
            stale: silent,
            asking: false,
        };
        self.publish();
    }

    /// Renews the lease, or looks at the other console's.
    pub async fn keep_place(&mut self) {
        let id = self.id.clone();
        match self.role.clone() {
            Role::Imported => {}
            Role::Writer { asked } => {
                let token = self.holder.token;
                let began = Instant::now();
                match self
                    .recorder
                    .call(move |journal| journal.renew(&id, token))
                    .await
                {
                    Ok(Some(lease)) => {
                        self.lease_until.send_replace(Some(began + Lease::LIFE));
                        // The store takes writes, and nothing waits for it.
                        if self.state.sequence == self.recorded && self.recording != Recording::Yes
                        {
                            self.recording = Recording::Yes;
                            self.publish();
                        }
                        if lease.wanted != asked {
                            self.role = Role::Writer {
                                asked: lease.wanted,
                            };
                            self.publish();
                        }
                    }
                    Ok(None) => self.lost().await,
                    // A lease that cannot be renewed runs out; what is kept waits for the disk.
                    Err(_) => {}
                }
            }
            Role::Follower {
                writer,
                stale,
                asking,
            } => {
                let lease = match self.recorder.call(move |journal| journal.lease(&id)).await {
                    Ok(lease) => lease,
                    Err(error) => return self.not_recording(&error.to_string()),
                };
                if self.recorded == self.state.sequence {
                    self.recording = Recording::Yes;
                }
                match lease {
                    Some(lease) if lease.holder.token == self.holder.token => {
                        self.begin_to_write().await;
                    }
                    Some(lease) => {
                        let now = self.watched.see(&lease);
                        let same = writer.as_ref() == Some(&lease.holder);
                        let heard = lease
                            .wanted
                            .as_ref()
                            .is_some_and(|by| by.token == self.holder.token);
                        // A writer that was asked and no longer knows of it has said no.
                        let (was, asking) = (asking, asking && (heard || !same));
                        if asking && !same {
                            let (id, holder) = (self.id.clone(), self.holder.clone());
                            let _ = self
                                .recorder
                                .call(move |journal| journal.want(&id, Some(&holder)))
                                .await;
                        }
                        if asking && now {
                            let _ = self.take(Some(lease)).await;
                        } else if now != stale || was != asking || !same {
                            self.role = Role::Follower {
                                writer: Some(lease.holder),
                                stale: now,
                                asking,
                            };
                            self.publish();
                        }
                    }
                    None if asking => {
                        let _ = self.take(None).await;
                    }
                    None if writer.is_some() || !stale => {
                        self.role = Role::Follower {
                            writer: None,
                            stale: true,
                            asking,
                        };
                        self.publish();
                    }
                    None => {}
                }
            }
        }
    }

    /// The lease is not this console's any more. Where the store was replaced and has none, it is
    /// taken again.
    async fn lost(&mut self) {
        let (id, holder) = (self.id.clone(), self.holder.clone());
        match self
            .recorder
            .call(move |journal| journal.take(&id, &holder, None))
            .await
        {
            // Somebody else may have written meanwhile, and left things running.
            Ok(Ok(())) => self.begin_to_write().await,
            Ok(Err(lease)) => {
                self.step_down(Some(*lease));
                self.flush().await;
            }
            Err(error) => self.not_recording(&error.to_string()),
        }
    }

    async fn take(&mut self, ending: Option<Lease>) -> Result<(), Unanswered> {
        let (id, holder) = (self.id.clone(), self.holder.clone());
        let taken = self
            .recorder
            .call(move |journal| journal.take(&id, &holder, ending.as_ref()))
            .await;
        match taken {
            Ok(Ok(())) => {
                self.begin_to_write().await;
                Ok(())
            }
            Ok(Err(lease)) => Err(Unanswered::Following(lease.holder.to_string())),
            Err(error) => Err(Unanswered::NotRecorded(error.to_string())),
        }
    }

    pub async fn control(&mut self, control: Control) -> Result<(), Unanswered> {
        let failed = |error: JournalError| Unanswered::NotRecorded(error.to_string());
        let (id, token) = (self.id.clone(), self.holder.token);
        match (control, self.role.clone()) {
            (
                Control::TakeOver,
                Role::Follower {
                    stale: false,
                    writer,
                    ..
                },
            ) => {
                let holder = self.holder.clone();
                self.recorder
                    .call(move |journal| journal.want(&id, Some(&holder)))
                    .await
                    .map_err(failed)?;
                self.role = Role::Follower {
                    writer,
                    stale: false,
                    asking: true,
                };
                self.publish();
                Ok(())
            }
            (Control::TakeOver | Control::TakeOverNow, Role::Follower { .. }) => {
                let lease = self
                    .recorder
                    .call(move |journal| journal.lease(&id))
                    .await
                    .map_err(failed)?;
                self.take(lease).await
            }
            (Control::HandOver, Role::Writer { .. }) => {
                self.flush().await;
                if !self.kept().is_empty() {
                    let reason = "what is kept in memory has to be written first";
                    return Err(Unanswered::NotRecorded(reason.into()));
                }
                let given = self
                    .recorder
                    .call(move |journal| journal.hand_over(&id, token))
                    .await
                    .map_err(failed)?;
                if given {
                    let id = self.id.clone();
                    let lease = self
                        .recorder
                        .call(move |journal| journal.lease(&id))
                        .await
                        .map_err(failed)?;
                    self.step_down(lease);
                }
                Ok(())
            }
            (Control::KeepIt, Role::Writer { .. }) => {
                self.recorder
                    .call(move |journal| journal.want(&id, None))
                    .await
                    .map_err(failed)?;
                self.role = Role::Writer { asked: None };
                self.publish();
                Ok(())
            }
            (_, Role::Imported) => Err(Unanswered::Imported),
            _ => Ok(()),
        }
    }

    pub async fn give_back(&mut self) {
        if matches!(self.role, Role::Writer { .. }) {
            let (id, token) = (self.id.clone(), self.holder.token);
            // A lease that cannot be given back is stale once this process is gone.
            let _ = self
                .recorder
                .call(move |journal| journal.release(&id, token))
                .await;
            self.lease_until.send_replace(None);
        }
    }
}
