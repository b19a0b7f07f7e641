//! The task that writes one incident.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use imbl::Vector;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::Settings;
use super::attempt::{Surroundings, attempt};
use super::handle::{Ask, Handle, Recording, Snapshot, Unanswered};
use super::recorder::Recorder;
use crate::incident::{
    AttemptId, AttemptResult, AttemptStatus, Command, Effect, Event, IncidentId, Recorded, Stamp,
    State, decide, effects, evolve, scope,
};
use crate::journal::{AppendError, JournalError};
use crate::playbook::{StepId, StepKind};

/// How often time itself is looked at: triggers on elapsed time, other writers' events.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often a decision is taken anew because somebody else wrote first.
const CONFLICTS: usize = 20;

/// Why an incident could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The command was not carried out.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no such incident.
    #[error("incident {0} has no events")]
    Empty(IncidentId),
    /// A playbook that it began with cannot be read by this version.
    #[error(
        "incident {id} began with the playbook {name}, which this version cannot read; take it up with the version that began it"
    )]
    Playbook {
        /// The incident.
        id: IncidentId,
        /// The playbook's file.
        name: String,
    },
}

/// Opens a new incident with an [`Command::Open`], and starts its engine.
///
/// # Errors
/// When the command is refused or cannot be recorded.
pub async fn open(
    command: Command,
    recorder: Recorder,
    settings: Settings,
) -> Result<Handle, OpenError> {
    let stamp = stamp(&settings);
    let id = IncidentId::new(&stamp);
    let mut writer = Writer::new(id, recorder, settings);
    writer.carry_out_at(command, stamp).await?;
    Ok(writer.spawn())
}

/// Takes up an incident where it stood, and starts its engine.
///
/// # Errors
/// When its events cannot be read.
pub async fn resume(
    id: IncidentId,
    recorder: Recorder,
    settings: Settings,
) -> Result<Handle, OpenError> {
    let mut writer = Writer::new(id.clone(), recorder, settings);
    writer.catch_up().await?;
    if writer.state.incident.is_none() {
        return Err(OpenError::Empty(id));
    }
    if let Some(name) = writer.unreadable_playbook() {
        return Err(OpenError::Playbook { id, name });
    }
    writer.carry_out(Command::TakeUp).await?;
    let wakes: Vec<DateTime<Utc>> = writer
        .state
        .walking()
        .into_iter()
        .flat_map(|execution| execution.retries.values().map(|retry| retry.at))
        .collect();
    writer.wakes.extend(wakes);
    Ok(writer.spawn())
}

fn stamp(settings: &Settings) -> Stamp {
    Stamp {
        at: Utc::now(),
        actor: settings.actor.clone(),
        seed: uuid::Uuid::new_v4(),
    }
}

/// An attempt and how it ended.
type End = (AttemptId, AttemptResult);

struct Writer {
    id: IncidentId,
    settings: Settings,
    recorder: Recorder,
    state: State,
    events: Vector<Arc<Recorded>>,
    recording: Recording,
    generation: Option<i64>,
    running: HashMap<AttemptId, AbortHandle>,
    /// Ends that could not be recorded yet, in order.
    unrecorded: Vec<End>,
    wakes: Vec<DateTime<Utc>>,
    ends: (mpsc::Sender<End>, mpsc::Receiver<End>),
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Writer {
    fn new(id: IncidentId, recorder: Recorder, settings: Settings) -> Self {
        let state = State::new(settings.vocabulary);
        let first = Snapshot {
            state: state.clone(),
            events: Vector::new(),
            recording: Recording::Yes,
        };
        Self {
            id,
            settings,
            recorder,
            state,
            events: Vector::new(),
            recording: Recording::Yes,
            generation: None,
            running: HashMap::new(),
            unrecorded: Vec::new(),
            wakes: Vec::new(),
            ends: mpsc::channel(64),
            snapshots: watch::Sender::new(Arc::new(first)),
        }
    }

    /// The file of a playbook whose walk is in the journal and not in the state.
    fn unreadable_playbook(&self) -> Option<String> {
        self.events
            .iter()
            .find_map(|recorded| match &recorded.event {
                Event::ExecutionStarted {
                    execution, name, ..
                } => {
                    let known = self
                        .state
                        .executions
                        .iter()
                        .any(|walk| walk.id == *execution);
                    (!known).then(|| name.clone())
                }
                _ => None,
            })
    }

    fn spawn(self) -> Handle {
        let (asks, work) = mpsc::channel(64);
        let handle = Handle {
            id: self.id.clone(),
            asks,
            snapshots: self.snapshots.subscribe(),
        };
        tokio::spawn(self.serve(work));
        handle
    }

    async fn serve(mut self, mut asks: mpsc::Receiver<Ask>) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wake = self.next_wake();
            tokio::select! {
                ask = asks.recv() => match ask {
                    Some(Ask { command, answer }) => {
                        let result = self.carry_out(command).await;
                        // Whoever asked may have gone; it is recorded all the same.
                        let _ = answer.send(result);
                    }
                    None => break,
                },
                Some((id, result)) = self.ends.1.recv() => self.ended(id, result).await,
                () = tokio::time::sleep(wake), if !self.wakes.is_empty() => {
                    let now = Utc::now();
                    self.wakes.retain(|at| *at > now);
                    self.tick().await;
                }
                _ = heartbeat.tick() => self.tick().await,
            }
        }
        for running in self.running.values() {
            running.abort();
        }
    }

    fn next_wake(&self) -> Duration {
        let now = Utc::now();
        let next = self
            .wakes
            .iter()
            .min()
            .map(|at| (*at - now).to_std().unwrap_or_default());
        next.unwrap_or(HEARTBEAT)
    }

    async fn tick(&mut self) {
        for (id, result) in std::mem::take(&mut self.unrecorded) {
            self.record_end(id, result).await;
        }
        let generation = self.recorder.call(|journal| journal.generation()).await;
        if let Ok(Ok(generation)) = generation
            && self
                .generation
                .replace(generation)
                .is_some_and(|before| before != generation)
            && let Err(error) = self.catch_up().await
        {
            self.not_recording(&error.to_string());
        }
        // Time passing is never refused; what cannot be recorded is shown, and tried again.
        let _ = self.carry_out(Command::Tick).await;
    }

    async fn ended(&mut self, id: AttemptId, result: AttemptResult) {
        let known = self.running.remove(&id).is_some();
        // The end of what was stopped on purpose has been recorded already.
        if !known && result.status == AttemptStatus::Cancelled {
            return;
        }
        self.record_end(id, result).await;
    }

    async fn record_end(&mut self, id: AttemptId, result: AttemptResult) {
        let command = Command::AttemptEnded {
            attempt: id,
            result: result.clone(),
        };
        if let Err(Unanswered::NotRecorded(_)) = self.carry_out(command).await {
            self.unrecorded.push((id, result));
        }
    }

    async fn carry_out(&mut self, command: Command) -> Result<(), Unanswered> {
        let stamp = stamp(&self.settings);
        self.carry_out_at(command, stamp).await
    }

    async fn carry_out_at(&mut self, command: Command, stamp: Stamp) -> Result<(), Unanswered> {
        for _ in 0..CONFLICTS {
            let events = decide(&self.state, command.clone(), &stamp)?;
            if events.is_empty() {
                return Ok(());
            }
            let recorded = self.number(events, &stamp);
            match self.append(&recorded).await {
                Ok(()) => {
                    self.recording = Recording::Yes;
                    self.fold(recorded);
                    return Ok(());
                }
                Err(AppendError::Conflict { .. }) => {
                    self.catch_up()
                        .await
                        .map_err(|error| self.not_recording(&error.to_string()))?;
                }
                Err(error) => return Err(self.not_recording(&error.to_string())),
            }
        }
        Err(self.not_recording("other consoles keep writing to this incident"))
    }

    fn number(&self, events: Vec<Event>, stamp: &Stamp) -> Vec<Recorded> {
        (self.state.sequence + 1..)
            .zip(events)
            .map(|(sequence, event)| Recorded {
                sequence,
                at: stamp.at,
                by: stamp.actor.clone(),
                event,
            })
            .collect()
    }

    async fn append(&self, recorded: &[Recorded]) -> Result<(), AppendError> {
        let (id, expected, events) = (self.id.clone(), self.state.sequence, recorded.to_vec());
        self.recorder
            .call(move |journal| journal.append(&id, expected, &events))
            .await
            .map_err(JournalError::from)?
    }

    /// Folds in what is recorded already, publishes, and lets the effects begin.
    fn fold(&mut self, recorded: Vec<Recorded>) {
        let mut todo = Vec::new();
        for recorded in recorded {
            self.state = evolve(self.state.clone(), &recorded);
            todo.extend(effects(&self.state, &recorded.event));
            self.events.push_back(Arc::new(recorded));
        }
        self.publish();
        for effect in todo {
            self.act(effect);
        }
    }

    /// Folds in what another writer recorded. Its effects are that writer's.
    async fn catch_up(&mut self) -> Result<(), JournalError> {
        let (id, after) = (self.id.clone(), self.state.sequence);
        let loaded = self
            .recorder
            .call(move |journal| journal.load(&id, after))
            .await;
        let loaded = loaded.map_err(JournalError::from)??;
        for recorded in loaded {
            self.state = evolve(self.state.clone(), &recorded);
            self.events.push_back(Arc::new(recorded));
        }
        self.publish();
        Ok(())
    }

    fn not_recording(&mut self, reason: &str) -> Unanswered {
        let since = match &self.recording {
            Recording::No { since, .. } => *since,
            Recording::Yes => Utc::now(),
        };
        self.recording = Recording::No {
            since,
            reason: reason.to_owned(),
        };
        self.publish();
        Unanswered::NotRecorded(reason.to_owned())
    }

    fn publish(&self) {
        self.snapshots.send_replace(Arc::new(Snapshot {
            state: self.state.clone(),
            events: self.events.clone(),
            recording: self.recording.clone(),
        }));
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::StartAttempt { attempt, step } => self.start(attempt, &step),
            Effect::CancelAttempt { attempt } => {
                let ended = self
                    .state
                    .execution()
                    .and_then(|execution| execution.attempts.get(&attempt))
                    .is_none_or(|attempt| attempt.end.is_some());
                // An attempt that has no end yet gets one when its task is gone.
                let handle = if ended {
                    self.running.remove(&attempt)
                } else {
                    self.running.get(&attempt).cloned()
                };
                if let Some(handle) = handle {
                    handle.abort();
                }
            }
            Effect::WakeAt(at) => self.wakes.push(at),
        }
    }

    fn start(&mut self, id: AttemptId, step: &StepId) {
        let Some(execution) = self.state.execution() else {
            return;
        };
        let playbook = Arc::clone(&execution.playbook);
        let step = step.clone();
        let surroundings = Surroundings {
            aws: self.settings.aws.clone(),
            programs: Arc::clone(&self.settings.programs),
            scope: scope(&self.state, Utc::now()),
            speed: self.settings.speed,
            place: self.state.incident.as_ref().and_then(|incident| {
                let alarm = incident.alarms.front()?;
                Some((alarm.account.clone(), alarm.region.clone()))
            }),
        };
        let work = tokio::spawn(async move {
            match playbook.step(&step.0).map(|step| &step.kind) {
                Some(StepKind::Automated(automated)) => attempt(automated, surroundings).await,
                _ => {
                    AttemptResult::ended(AttemptStatus::Failed, "the step has nothing to run", None)
                }
            }
        });
        self.running.insert(id, work.abort_handle());
        let ends = self.ends.0.clone();
        tokio::spawn(async move {
            let result = work.await.unwrap_or_else(|error| {
                if error.is_cancelled() {
                    AttemptResult::ended(AttemptStatus::Cancelled, "it was stopped", None)
                } else {
                    AttemptResult::ended(
                        AttemptStatus::Failed,
                        "the console's own code failed while it ran; please report this",
                        None,
                    )
                }
            });
            // The engine may have ended; then the attempt is taken up by the next one.
            let _ = ends.send((id, result)).await;
        });
    }
}
