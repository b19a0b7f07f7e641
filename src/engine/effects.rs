//! What follows from an event: attempts run, changes are sent and followed, timers are set.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::attempt::{Surroundings, attempt};
use super::change::{self, Change};
use super::writer::Writer;
use crate::actions::{Remotes, Report};
use crate::incident::{AttemptId, AttemptResult, AttemptStatus, Effect, scope};
use crate::playbook::StepKind;

/// What a task says to the incident's task.
pub(super) enum Said {
    /// An attempt ended.
    Ended(AttemptId, AttemptResult),
    /// An attempt has something to tell meanwhile.
    Report(AttemptId, Report),
}

/// A running attempt.
pub(super) struct Task {
    pub abort: AbortHandle,
}

impl Writer {
    pub fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Run(id) => self.run(id),
            Effect::Send(id) => self.change(id, change::send),
            Effect::LookUp(id) => self.change(id, change::take_up),
            Effect::StopRemote(id) => self.stop_remote(id),
            Effect::Abort(id) => {
                let ended = self
                    .state
                    .attempt(id)
                    .is_none_or(|(_, attempt)| attempt.end.is_some());
                // An attempt that has no end yet gets one when its task is gone.
                let task = if ended {
                    self.running.remove(&id)
                } else {
                    None
                };
                if let Some(task) = task {
                    task.abort.abort();
                } else if let Some(task) = self.running.get(&id) {
                    task.abort.abort();
                }
            }
            Effect::WakeAt(at) => self.wakes.push(at),
        }
    }

    /// Runs an attempt that reads, or goes on with what it already runs at AWS.
    fn run(&mut self, id: AttemptId) {
        let Some((execution, attempted)) = self.state.attempt(id) else {
            return;
        };
        self.leaving.store(false, Ordering::SeqCst);
        let playbook = Arc::clone(&execution.playbook);
        let step = attempted.step.clone();
        let now = self.now();
        let surroundings = Surroundings {
            aws: self.settings.aws.clone(),
            programs: Arc::clone(&self.settings.programs),
            redactor: self.settings.redactor.clone(),
            scope: scope(&self.state, now),
            speed: self.settings.speed,
            place: self.place(),
            elapsed: (now - attempted.started_at).to_std().unwrap_or_default(),
            remotes: Remotes::new(
                attempted.remotes.clone(),
                self.reports(id),
                Arc::clone(&self.leaving),
            ),
        };
        self.spawn_attempt(id, async move {
            match playbook.step(&step.0).map(|step| &step.kind) {
                Some(StepKind::Automated(automated)) => attempt(automated, surroundings).await,
                _ => {
                    AttemptResult::ended(AttemptStatus::Failed, "the step has nothing to run", None)
                }
            }
        });
    }

    fn change<F>(&mut self, id: AttemptId, work: impl FnOnce(Change) -> F)
    where
        F: Future<Output = AttemptResult> + Send + 'static,
    {
        let Some((_, attempted)) = self.state.attempt(id) else {
            return;
        };
        let (Some(intent), Some(signed_at)) = (attempted.intent.clone(), attempted.signed_at)
        else {
            return;
        };
        let change = Change {
            id,
            intent,
            signed_at,
            remote: attempted.remotes.values().next().cloned(),
            aws: self.settings.aws.clone(),
            redactor: self.settings.redactor.clone(),
            speed: self.settings.speed,
            lease: self.lease_until.subscribe(),
            recorder: self.recorder.clone(),
            incident: self.id.clone(),
            holder: self.holder.token,
            reports: self.reports(id),
        };
        let work = work(change);
        self.spawn_attempt(id, work);
    }

    fn spawn_attempt(
        &mut self,
        id: AttemptId,
        work: impl Future<Output = AttemptResult> + Send + 'static,
    ) {
        let work = tokio::spawn(work);
        // What ran under this id before is superseded.
        if let Some(before) = self.running.insert(
            id,
            Task {
                abort: work.abort_handle(),
            },
        ) {
            before.abort.abort();
        }
        let said = self.said.0.clone();
        tokio::spawn(async move {
            let result = match work.await {
                Ok(result) => result,
                Err(error) if error.is_cancelled() => {
                    AttemptResult::ended(AttemptStatus::Cancelled, "it was stopped", None)
                }
                Err(_) => AttemptResult::ended(
                    AttemptStatus::Failed,
                    "the console's own code failed while it ran; please report this",
                    None,
                ),
            };
            // The engine may have ended; then the attempt is taken up by the next one.
            let _ = said.send(Said::Ended(id, result)).await;
        });
    }

    fn reports(&self, id: AttemptId) -> mpsc::UnboundedSender<Report> {
        let (reports, mut heard) = mpsc::unbounded_channel();
        let said = self.said.0.clone();
        tokio::spawn(async move {
            while let Some(report) = heard.recv().await {
                if said.send(Said::Report(id, report)).await.is_err() {
                    return;
                }
            }
        });
        reports
    }

    /// The account and the region of the incident's alarm.
    fn place(&self) -> Option<(String, String)> {
        let alarm = self.state.incident.as_ref()?.alarms.front()?;
        Some((alarm.account.clone(), alarm.region.clone()))
    }

    /// AWS has named what an attempt runs. Where another console writes by now, that one follows
    /// it; where the responder asked for a stop meanwhile, it is asked for.
    pub fn identified(&mut self, id: AttemptId) {
        let Some((_, attempt)) = self.state.attempt(id) else {
            return;
        };
        let (changes, cancelling) = (attempt.intent.is_some(), attempt.cancelling);
        if !matches!(self.role, super::Role::Writer { .. }) {
            if let Some(task) = self.running.remove(&id) {
                task.abort.abort();
            }
        } else if changes && cancelling {
            self.stop_remote(id);
        }
    }

    fn stop_remote(&mut self, id: AttemptId) {
        let Some(remote) = self
            .state
            .attempt(id)
            .and_then(|(_, attempt)| attempt.remotes.values().next().cloned())
        else {
            // It is asked for once AWS has named it.
            return;
        };
        let (aws, reports) = (self.settings.aws.clone(), self.reports(id));
        tokio::spawn(change::stop(aws, remote, reports));
    }
}
