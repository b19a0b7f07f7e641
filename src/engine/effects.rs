//! What follows from an event: attempts run, changes are sent and followed, timers are set.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::attempt::{Surroundings, attempt};
use super::change::{self, Change};
use super::writer::Writer;
use crate::actions::{Remotes, Report};
use crate::aws::{AwsError, Home, Identity, Reach};
use crate::incident::{
    Attempt, AttemptId, AttemptOrigin, AttemptResult, AttemptStatus, Command, Effect, Event,
    Intent, scope_of,
};
use crate::playbook::{Automated, Playbook, SecretSource, StepId, StepKind};

/// What a task says to the incident's task.
pub(super) enum Said {
    /// An attempt's task ended; which one, as an attempt that is taken up again has another.
    Ended(AttemptId, u64, AttemptResult),
    /// The task of an attempt failed in the console's own code.
    Panicked(AttemptId, u64),
    /// An attempt has something to tell meanwhile.
    Report(AttemptId, Report),
    /// Something that is asked of the incident by what runs for it.
    Ask(Box<Command>),
    /// Whose proof it is who calls AWS, as AWS says: the digest that it is about, and the proof.
    Vouched((String, String), Result<Identity, AwsError>),
}

/// A running attempt.
pub(super) struct Task {
    /// Tells it from an earlier task of the same attempt.
    pub number: u64,
    pub abort: AbortHandle,
}

impl Writer {
    pub fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Run(id) => self.run(id),
            Effect::Send(id) => self.change(id, change::send),
            Effect::LookUp(id) => self.change(id, change::take_up),
            Effect::StopRemote(id) => self.stop_remote(id),
            Effect::Answer(id, approved) => self.answer(id, approved),
            Effect::Abort(id) => {
                if let Some(task) = self.running.get(&id) {
                    task.abort.abort();
                }
                let attempt = self.state.attempt(id);
                // One that has no end yet gets it when its task is gone.
                if attempt.is_none_or(|(_, attempt)| attempt.end.is_some()) {
                    self.running.remove(&id);
                }
            }
            Effect::Survey => self.survey(),
            Effect::Publish => self.publish_requests(),
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
        let verifies = attempted.origin == AttemptOrigin::Verify;
        let mut scope = scope_of(&self.state, now, &step);
        let change = execution.change.as_ref().filter(|_| verifies);
        if let Some(before) = change.and_then(|change| change.before.as_deref()) {
            scope.set_json("before", before);
        }
        let between = change.is_some_and(|change| change.next.is_some());
        let surroundings = Surroundings {
            aws: Reach::new(Arc::clone(&self.settings.aws), self.home()),
            secrets: secrets(&playbook, &step),
            programs: Arc::clone(&self.settings.programs),
            redactor: self.settings.redactor.clone(),
            since: change.and_then(|change| change.ended_at),
            scope,
            speed: self.settings.speed,
            elapsed: (now - attempted.started_at).to_std().unwrap_or_default(),
            remotes: Remotes::new(
                attempted.remotes.clone(),
                self.reports(id),
                Arc::clone(&self.leaving),
            ),
        };
        self.spawn_attempt(id, async move {
            match playbook.step(&step.0).map(|step| &step.kind) {
                Some(StepKind::Automated(automated)) if verifies => {
                    match verification(automated, between) {
                        Some(verify) => attempt(&verify, surroundings).await,
                        None => nothing(),
                    }
                }
                Some(StepKind::Automated(automated)) => attempt(automated, surroundings).await,
                _ => nothing(),
            }
        });
    }

    fn change<F>(&mut self, id: AttemptId, work: impl FnOnce(Change) -> F)
    where
        F: Future<Output = AttemptResult> + Send + 'static,
    {
        let Some((execution, attempted)) = self.state.attempt(id) else {
            return;
        };
        let earlier = |other: &Attempt| {
            let sent = other.origin == AttemptOrigin::Approval && other.id != id;
            sent && other
                .end
                .as_ref()
                .is_none_or(|(end, _)| !end.began_nothing() && end.status != AttemptStatus::Unknown)
        };
        let first = !execution.attempts.values().any(earlier);
        let (Some(intent), Some(signed_at)) = (attempted.intent.clone(), attempted.signed_at)
        else {
            return;
        };
        let change = Change {
            id,
            signed_at,
            number: attempted.number,
            first,
            alarms: self.own_alarms(),
            calendars: self.settings.changes.calendars.clone(),
            remote: attempted.remotes.values().next().cloned(),
            aws: self.reach(&intent),
            read_only: self.settings.changes.read_only,
            redactor: self.settings.redactor.clone(),
            speed: self.settings.speed,
            lease: self.lease_until.subscribe(),
            recorder: self.recorder.clone(),
            incident: self.id.clone(),
            holder: self.holder.token,
            reports: self.reports(id),
            intent,
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
        self.tasks += 1;
        let task = Task {
            number: self.tasks,
            abort: work.abort_handle(),
        };
        let number = task.number;
        // What ran under this id before is superseded; that it was stopped is no end of the attempt.
        if let Some(before) = self.running.insert(id, task) {
            before.abort.abort();
        }
        let said = self.said.0.clone();
        tokio::spawn(async move {
            let ended = match work.await {
                Ok(result) => Said::Ended(id, number, result),
                Err(error) if error.is_cancelled() => {
                    let result =
                        AttemptResult::ended(AttemptStatus::Cancelled, "it was stopped", None);
                    Said::Ended(id, number, result)
                }
                Err(_) => Said::Panicked(id, number),
            };
            // The engine may have ended; then the attempt is taken up by the next one.
            let _ = said.send(ended).await;
        });
    }

    /// What failed in the console's own code has ended, if it only read. Whether a change was made
    /// is for AWS to say: it is looked for again.
    pub async fn panicked(&mut self, id: AttemptId, number: u64) {
        let changes = self
            .state
            .attempt(id)
            .is_some_and(|(_, attempt)| attempt.intent.is_some() && attempt.end.is_none());
        if !changes {
            let why = "the console's own code failed while it ran; please report this";
            let result = AttemptResult::ended(AttemptStatus::Failed, why, None);
            self.ended(id, number, result).await;
        } else if self.looked_again.insert(id) {
            self.act(Effect::LookUp(id));
        } else {
            let line = "the console's own code failed while it followed this; leave, and open the incident again";
            self.progress.insert(id, [line.to_owned()].into());
            self.publish();
        }
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

    /// The names of the incident's alarms.
    pub fn own_alarms(&self) -> Vec<String> {
        let incident = self.state.incident.as_ref();
        let alarms = incident.into_iter().flat_map(|incident| &incident.alarms);
        alarms.map(|alarm| alarm.name.clone()).collect()
    }

    /// Where the incident's alarm is.
    pub fn home(&self) -> Option<Home> {
        let alarm = self.state.incident.as_ref()?.alarms.front()?;
        Some(alarm.into())
    }

    /// Where a change is made: what was approved says so.
    pub fn reach(&self, intent: &Intent) -> Reach {
        let home = Home {
            account: intent.account.clone(),
            region: intent.region.clone(),
            ..self.home().unwrap_or_default()
        };
        Reach::new(Arc::clone(&self.settings.aws), Some(home))
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

    fn answer(&mut self, id: AttemptId, approved: bool) {
        let known = self.state.attempt(id).and_then(|(_, attempt)| {
            let remote = attempt.remotes.values().next()?.id().to_owned();
            Some((remote, attempt.intent.clone()?))
        });
        let Some((remote, intent)) = known else {
            return;
        };
        let why = self.events.iter().rev().find_map(|one| match &one.event {
            Event::GateAnswered {
                attempt, reason, ..
            } if *attempt == id => Some(reason.clone()),
            _ => None,
        });
        let (aws, reports) = (self.reach(&intent), self.reports(id));
        self.gates.remove(&id);
        let said = (approved, why.unwrap_or_default());
        tokio::spawn(change::answer(aws, remote, said, reports));
    }

    fn stop_remote(&mut self, id: AttemptId) {
        let Some(change) = self.state.attempt(id).and_then(|(_, attempt)| {
            Some((
                attempt.remotes.values().next().cloned()?,
                attempt.intent.clone()?,
            ))
        }) else {
            // It is asked for once AWS has named it.
            return;
        };
        let (aws, reports) = (self.reach(&change.1), self.reports(id));
        tokio::spawn(change::stop(aws, change, reports));
    }
}

fn nothing() -> AttemptResult {
    AttemptResult::ended(AttemptStatus::Failed, "the step has nothing to run", None)
}

/// What is read after a change; between two turns it waits for their own condition, if they have
/// one.
fn verification(automated: &Automated, between: bool) -> Option<Automated> {
    let remediation = automated.remediation.as_ref()?;
    let mut verify = (**remediation.verify.as_ref()?).clone();
    let check = remediation
        .waves
        .as_ref()
        .and_then(|waves| waves.check.clone());
    if between && check.is_some() {
        verify.until = check;
    }
    Some(verify)
}

/// Where the secrets are that a step's programs may get.
pub(super) fn secrets(playbook: &Playbook, step: &StepId) -> Arc<[(String, SecretSource)]> {
    let frame = playbook.frames.get(playbook.frame_of(&step.0));
    frame.map_or_else(|| [].into(), |frame| frame.secrets.clone().into())
}
