//! The task of one incident: its state, what comes in, and its heartbeat.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use imbl::{OrdMap, Vector};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Settings;
use super::callers::Caller;
use super::effects::{Said, Task};
use super::handle::{Ask, Control, Handle, Recording, Role, Snapshot, Unanswered};
use super::recorder::Recorder;
use super::role::Watched;
use crate::actions::Report;
use crate::aws::{Aws, Place};
use crate::clock;
use crate::incident::{Actor, AttemptId, Command, Event, IncidentId, Recorded, Stamp, State};
use crate::journal::{Broken, Hash, Holder, JournalError, Lease};

/// How often time itself is looked at: triggers on elapsed time, other writers' events, the lease.
const HEARTBEAT: Duration = Duration::from_secs(1);

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
    #[error(
        "incident {0} has no events, or its first ones are lost; `standdown verify {0}` says more"
    )]
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
/// When the command is refused.
pub async fn open(
    command: Command,
    recorder: Recorder,
    settings: Settings,
) -> Result<Handle, OpenError> {
    let mut writer = Writer::new(None, recorder, settings);
    let stamp = writer.stamp();
    writer.id = IncidentId::new(&stamp);
    writer.role = Role::Writer { asked: None };
    writer.carry_out_at(command, stamp).await?;
    // The first append gave it the lease.
    writer
        .lease_until
        .send_replace(Some(Instant::now() + Lease::LIFE));
    Ok(writer.spawn())
}

/// Takes up an incident where it stood, and starts its engine. Where another console writes it,
/// or it was imported, this one follows.
///
/// # Errors
/// When its events cannot be read.
pub async fn resume(
    id: IncidentId,
    recorder: Recorder,
    settings: Settings,
) -> Result<Handle, OpenError> {
    let mut writer = Writer::new(Some(id.clone()), recorder, settings);
    writer.catch_up().await?;
    if writer.state.incident.is_none() {
        return Err(OpenError::Empty(id));
    }
    if let Some(name) = writer.unreadable_playbook() {
        return Err(OpenError::Playbook { id, name });
    }
    writer.take_place().await?;
    Ok(writer.spawn())
}

pub(super) struct Writer {
    pub id: IncidentId,
    pub settings: Settings,
    pub recorder: Recorder,
    pub state: State,
    /// All events; those after `recorded` are not on the disk yet.
    pub events: Vector<Arc<Recorded>>,
    /// The last event on the disk, and its hash.
    pub recorded: u64,
    pub head: Hash,
    pub broken: Option<Broken>,
    pub recording: Recording,
    pub generation: Option<(i64, i64)>,
    pub holder: Holder,
    pub role: Role,
    pub watched: Watched,
    /// Until when this console may send what changes the system, by its own clock.
    pub lease_until: watch::Sender<Option<Instant>>,
    pub running: HashMap<AttemptId, Task>,
    /// How many tasks were started.
    pub tasks: u64,
    /// Changes that were looked for again because a task failed.
    pub looked_again: HashSet<AttemptId>,
    /// Set when attempts are dropped because the console leaves: what runs at AWS goes on there.
    pub leaving: Arc<AtomicBool>,
    pub wakes: Vec<DateTime<Utc>>,
    /// Why others cannot see what they were asked.
    pub unpublished: Option<String>,
    /// Who AWS says that others are, by the digest that they agree to and their proof.
    pub callers: HashMap<(String, String), Caller>,
    pub said: (mpsc::Sender<Said>, mpsc::Receiver<Said>),
    pub progress: OrdMap<AttemptId, Arc<[String]>>,
    /// Steps of documents that wait for an approval of their own, by attempt.
    pub gates: OrdMap<AttemptId, String>,
    /// How far the incident's time is ahead of this machine's.
    ahead: TimeDelta,
    snapshots: watch::Sender<Arc<Snapshot>>,
    actor: Arc<Actor>,
}

impl Writer {
    fn new(id: Option<IncidentId>, recorder: Recorder, settings: Settings) -> Self {
        let state = State::new(settings.vocabulary);
        let role = Role::Follower {
            writer: None,
            stale: false,
            asking: false,
        };
        let first = Snapshot {
            state: state.clone(),
            events: Vector::new(),
            recording: Recording::Yes,
            role: role.clone(),
            progress: OrdMap::new(),
            gates: OrdMap::new(),
            unpublished: None,
            head: Hash::default(),
            broken: None,
        };
        Self {
            id: id.unwrap_or_else(|| IncidentId("".into())),
            holder: Holder::this_process(&settings.actor),
            actor: Arc::new(settings.actor.clone()),
            settings,
            recorder,
            state,
            events: Vector::new(),
            recorded: 0,
            head: Hash::default(),
            broken: None,
            recording: Recording::Yes,
            generation: None,
            role,
            watched: Watched::default(),
            lease_until: watch::Sender::new(None),
            running: HashMap::new(),
            tasks: 0,
            looked_again: HashSet::new(),
            leaving: Arc::new(AtomicBool::new(false)),
            wakes: Vec::new(),
            unpublished: None,
            callers: HashMap::new(),
            said: mpsc::channel(256),
            progress: OrdMap::new(),
            gates: OrdMap::new(),
            ahead: TimeDelta::zero(),
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

    /// The incident's time. It goes on from its last event, even where another console's clock, or
    /// this one's in an earlier run, was ahead: it never goes back, and never stands still.
    pub fn now(&self) -> DateTime<Utc> {
        clock::now() + self.ahead
    }

    /// Sees to it that the incident's time is not before an event's.
    pub fn not_before(&mut self, at: DateTime<Utc>) {
        let behind = at - self.now();
        if behind > TimeDelta::zero() {
            self.ahead += behind;
        }
    }

    /// AWS where the incident's alarm is, if it was asked for anything.
    pub fn aws(&self) -> Option<Arc<Aws>> {
        let home = self.home().unwrap_or_default();
        let pool = &self.settings.aws;
        let known = pool.known(&Place::new(&home.profile, &home.region));
        known.or_else(|| pool.known(&Place::default()))
    }

    /// Whether what ends is judged by AWS's clock as well: this machine's may be set back.
    pub fn knows_the_time(&self) -> bool {
        self.aws().is_some_and(|aws| aws.knows_the_time())
    }

    /// When and by whom.
    pub fn stamp(&mut self) -> Stamp {
        let mut at_aws = clock::now();
        if let Some(aws) = self.aws() {
            at_aws = aws.now();
            if let Some(arn) = aws.known_arn()
                && self.actor.arn.as_ref() != Some(&arn)
            {
                self.actor = Arc::new(Actor {
                    arn: Some(arn),
                    ..self.settings.actor.clone()
                });
            }
        }
        Stamp {
            at: self.now(),
            at_aws,
            actor: Arc::clone(&self.actor),
            seed: uuid::Uuid::new_v4(),
        }
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
                    Some(Ask::Command { command, answer }) => {
                        let result = self.carry_out(command).await;
                        // Whoever asked may have gone; it is recorded all the same.
                        let _ = answer.send(result);
                    }
                    Some(Ask::Control { control: Control::Leave, answer }) => {
                        self.end().await;
                        let _ = answer.send(Ok(()));
                        return;
                    }
                    Some(Ask::Control { control, answer }) => {
                        let result = self.control(control).await;
                        let _ = answer.send(result);
                    }
                    None => break,
                },
                Some(said) = self.said.1.recv() => self.hear(said).await,
                () = tokio::time::sleep(wake), if !self.wakes.is_empty() => {
                    let now = self.now();
                    self.wakes.retain(|at| *at > now);
                    self.tick().await;
                }
                _ = heartbeat.tick() => self.beat().await,
            }
        }
        self.end().await;
    }

    /// Writes what can be written, gives the lease back, and drops what runs. What runs at AWS
    /// goes on there, and is taken up by whoever opens the incident next.
    async fn end(&mut self) {
        self.leaving.store(true, Ordering::SeqCst);
        while let Ok(said) = self.said.1.try_recv() {
            self.hear(said).await;
        }
        self.flush().await;
        self.give_back().await;
        for (_, task) in self.running.drain() {
            task.abort.abort();
        }
        self.publish();
    }

    fn next_wake(&self) -> Duration {
        let now = self.now();
        let next = self
            .wakes
            .iter()
            .min()
            .map(|at| (*at - now).to_std().unwrap_or_default());
        next.unwrap_or(HEARTBEAT)
    }

    async fn beat(&mut self) {
        self.flush().await;
        let generation = self.recorder.call(|journal| journal.generation()).await;
        match generation {
            Ok(generation) => {
                let other = self
                    .generation
                    .replace(generation)
                    .is_some_and(|before| before != generation);
                if other && let Err(error) = self.catch_up().await {
                    self.not_recording(&error.to_string());
                }
            }
            Err(error) if self.state.sequence > self.recorded => {
                self.not_recording(&error.to_string());
            }
            // Nothing is lost yet, and nothing is to be written: the next append will say.
            Err(_) => {}
        }
        // Where the disk took nothing just now, a lease is not renewed either.
        if self.state.sequence == self.recorded {
            self.keep_place().await;
        }
        self.hear_others().await;
        self.tick().await;
    }

    async fn tick(&mut self) {
        if matches!(self.role, Role::Writer { .. }) {
            // Time passing is never refused; what cannot be recorded is kept.
            let _ = self.carry_out(Command::Tick).await;
        }
    }

    /// Hears what a task has to say.
    async fn hear(&mut self, said: Said) {
        match said {
            Said::Ended(id, number, result) => self.ended(id, number, result).await,
            Said::Panicked(id, number) => self.panicked(id, number).await,
            Said::Vouched(proof, caller) => self.hear_aws(proof, caller).await,
            // What does not fit any more came too late.
            Said::Ask(command) => drop(self.carry_out(*command).await),
            Said::Report(id, Report::Identified { run, remote }) => {
                let _ = self
                    .carry_out(Command::AttemptIdentified {
                        attempt: id,
                        run,
                        remote,
                    })
                    .await;
                self.identified(id);
            }
            Said::Report(
                id,
                Report::Uncertain {
                    reason,
                    conclusive_at,
                },
            ) => {
                let _ = self
                    .carry_out(Command::AttemptUncertain {
                        attempt: id,
                        reason,
                        conclusive_at,
                    })
                    .await;
            }
            Said::Report(id, Report::Gate(gate)) => {
                if self.gates.get(&id) != gate.as_ref() {
                    match gate {
                        Some(gate) => drop(self.gates.insert(id, gate)),
                        None => drop(self.gates.remove(&id)),
                    }
                    self.publish();
                }
            }
            Said::Report(id, Report::Progress(lines)) => {
                let redactor = &self.settings.redactor;
                let lines: Arc<[String]> = lines
                    .iter()
                    .map(|line| redactor.text(line).into_owned())
                    .collect();
                if self.progress.get(&id).is_none_or(|known| **known != *lines) {
                    self.progress.insert(id, lines);
                    self.publish();
                }
            }
        }
    }

    pub fn publish(&self) {
        self.snapshots.send_replace(Arc::new(Snapshot {
            state: self.state.clone(),
            events: self.events.clone(),
            recording: self.recording.clone(),
            role: self.role.clone(),
            progress: self.progress.clone(),
            gates: self.gates.clone(),
            unpublished: self.unpublished.clone(),
            head: self.head,
            broken: self.broken,
        }));
    }
}
