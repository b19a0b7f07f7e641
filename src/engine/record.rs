//! Carrying out a command: decide, append, fold. And what happens when the disk does not take it.

use std::sync::Arc;

use super::handle::{Recording, Role, Unanswered};
use super::writer::Writer;
use super::{aside, door};
use crate::clock;
use crate::incident::{
    AttemptId, AttemptResult, AttemptStatus, Command, Effect, Event, Recorded, Refusal, Stamp,
    State, decide, effects, evolve,
};
use crate::journal::{AppendError, Hash, JournalError, Loaded};

/// How often a decision is taken anew because somebody else wrote first.
pub(super) const CONFLICTS: usize = 20;

/// What leads to a change, and to nothing else.
fn changes_something(command: &Command) -> bool {
    matches!(
        command,
        Command::Approve { .. }
            | Command::Agree { .. }
            | Command::RaiseCeiling { .. }
            | Command::AnswerGate { .. }
            | Command::Heal { .. }
            | Command::AcceptHealing { .. }
            | Command::Undo { .. }
    )
}

/// What a console may add to an incident that another one writes.
fn anyone_may(command: &Command) -> bool {
    aside::is_anyones(command)
        || matches!(
            command,
            Command::AttemptIdentified { .. } | Command::LateResult { .. }
        )
}

impl Writer {
    pub async fn carry_out(&mut self, command: Command) -> Result<(), Unanswered> {
        let stamp = self.stamp();
        self.carry_out_at(command, stamp).await
    }

    pub async fn carry_out_at(&mut self, command: Command, stamp: Stamp) -> Result<(), Unanswered> {
        let mut command = door::mask(command, &self.settings.redactor);
        let mut stopped = false;
        let catalog = Arc::clone(&self.settings.catalog.borrow());
        for _ in 0..CONFLICTS {
            command = self.fitting(command)?;
            // Whom to ask next is a file's to say, whenever it is asked.
            self.state = self
                .state
                .clone()
                .escalating(Arc::clone(&catalog.escalation));
            let as_writer = matches!(self.role, Role::Writer { .. });
            let mut events = decide(&self.state, command.clone(), &stamp)?;
            if !as_writer && aside::is_anyones(&command) {
                // What follows from time passing is the writer's to record.
                events.retain(|event| aside::belongs(&command, event));
            }
            if self.settings.changes.read_only || stopped {
                before_a_change(&mut events);
            }
            if events.is_empty() {
                return Ok(());
            }
            let recorded = number(self.state.sequence, events.clone(), &stamp);
            // What is kept has to go first, in order.
            if self.state.sequence > self.recorded {
                return self.keep(events, &stamp, &command);
            }
            match self.append(&recorded, as_writer).await {
                Ok(head) => {
                    self.on_disk(
                        head,
                        recorded.last().map_or(self.recorded, |last| last.sequence),
                    );
                    self.fold(recorded);
                    return Ok(());
                }
                Err(AppendError::Conflict { found, .. }) if found < self.recorded => {
                    self.restore(found).await;
                }
                Err(AppendError::Conflict { .. }) => {
                    if let Err(error) = self.catch_up().await {
                        self.not_recording(&error.to_string());
                    }
                }
                Err(AppendError::NotTheWriter { by, .. }) => self.step_down(by.map(|lease| *lease)),
                Err(AppendError::Imported(_)) => {
                    self.role = Role::Imported;
                    return Err(Unanswered::Imported);
                }
                // What would begin by itself does not; what led to it is recorded all the same.
                Err(AppendError::NotHealed(_))
                    if !stopped && matches!(command, Command::Surveyed { .. } | Command::Tick) =>
                {
                    stopped = true;
                }
                Err(AppendError::NotHealed(reason)) => return Err(Unanswered::NotHealed(reason)),
                Err(AppendError::Journal(error)) => {
                    self.not_recording(&error.to_string());
                    return self.keep(events, &stamp, &command);
                }
            }
        }
        Err(Unanswered::NotRecorded(
            "other consoles keep writing to this incident".into(),
        ))
    }

    /// What this console may ask for in its present role. A result that comes in after another
    /// console took over is recorded as a late one.
    fn fitting(&self, command: Command) -> Result<Command, Unanswered> {
        let read_only = self.settings.changes.read_only;
        if read_only && changes_something(&command) {
            return Err(Unanswered::ReadOnly);
        }
        let writer = match &self.role {
            Role::Writer { .. } => return Ok(command),
            Role::Imported => return Err(Unanswered::Imported),
            Role::Follower { writer, .. } => writer,
        };
        match command {
            Command::AttemptEnded { attempt, result } => {
                Ok(Command::LateResult { attempt, result })
            }
            allowed if anyone_may(&allowed) => Ok(allowed),
            _ => Err(Unanswered::Following(
                writer
                    .as_ref()
                    .map_or_else(|| "nobody".into(), ToString::to_string),
            )),
        }
    }

    async fn append(&self, recorded: &[Recorded], as_writer: bool) -> Result<Hash, AppendError> {
        let (id, expected, events) = (self.id.clone(), self.recorded, recorded.to_vec());
        let holder = as_writer.then(|| self.holder.clone());
        let state = self.state.clone();
        self.recorder
            .call(move |journal| {
                let facts = || aside::brief_after(&state, &events);
                journal.append_telling(&id, expected, &events, holder.as_ref(), &facts)
            })
            .await
    }

    fn on_disk(&mut self, head: Hash, sequence: u64) {
        self.head = head;
        self.recorded = sequence;
        self.recording = Recording::Yes;
    }

    /// Keeps events in memory until the disk takes them. What would change the system is refused
    /// instead: nothing is changed that is not on the record first.
    fn keep(
        &mut self,
        mut events: Vec<Event>,
        stamp: &Stamp,
        command: &Command,
    ) -> Result<(), Unanswered> {
        let reason = match &self.recording {
            Recording::No { reason, .. } => reason.clone(),
            Recording::Yes => "earlier events are still being written".into(),
        };
        if changes_something(command)
            || matches!(command, Command::RequestAgain { .. })
            || self.stops_a_change(command)
        {
            return Err(Unanswered::NotRecorded(reason));
        }
        before_a_change(&mut events);
        if events.is_empty() {
            return Err(Unanswered::NotRecorded(reason));
        }
        self.fold(number(self.state.sequence, events, stamp));
        self.not_recording(&reason);
        Ok(())
    }

    /// Whether a command would have AWS stop a change.
    fn stops_a_change(&self, command: &Command) -> bool {
        let running = || {
            let execution = self.state.walking()?;
            execution.latest_attempt(&execution.current()?.step)
        };
        matches!(command, Command::CancelCurrent)
            && running().is_some_and(|attempt| attempt.intent.is_some() && attempt.end.is_none())
    }

    /// Writes what was kept, in order.
    pub async fn flush(&mut self) {
        for _ in 0..CONFLICTS {
            let kept: Vec<Recorded> = self.kept();
            if kept.is_empty() {
                return;
            }
            if !matches!(self.role, Role::Writer { .. }) {
                // Another console writes by now: what was kept is told, and decides nothing.
                Box::pin(self.confess(kept)).await;
                return;
            }
            match self.append(&kept, true).await {
                Ok(head) => {
                    self.on_disk(head, self.state.sequence);
                    self.publish();
                    return;
                }
                Err(AppendError::Conflict { found, .. }) if found < self.recorded => {
                    self.restore(found).await;
                }
                Err(AppendError::Conflict { .. }) => {
                    if let Err(error) = self.catch_up().await {
                        return self.not_recording(&error.to_string());
                    }
                }
                Err(AppendError::NotTheWriter { by, .. }) => {
                    self.step_down(by.map(|lease| *lease));
                    self.confess(kept).await;
                    return;
                }
                Err(error) => return self.not_recording(&error.to_string()),
            }
        }
    }

    /// Events that are not on the disk.
    pub fn kept(&self) -> Vec<Recorded> {
        self.events
            .iter()
            .rev()
            .take_while(|recorded| recorded.sequence > self.recorded)
            .map(|recorded| (**recorded).clone())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    }

    /// The store lost its end, as when a damaged one was replaced: what it lost is here.
    pub async fn restore(&mut self, found: u64) {
        let lost: Vec<Recorded> = self
            .events
            .iter()
            .filter(|recorded| recorded.sequence > found && recorded.sequence <= self.recorded)
            .map(|recorded| (**recorded).clone())
            .collect();
        let (id, holder) = (self.id.clone(), self.holder.clone());
        let restored: Result<Hash, AppendError> = self
            .recorder
            .call(move |journal| {
                let head = journal.restore(&id, found, &lost)?;
                journal.take(&id, &holder, None)?.ok();
                Ok(head)
            })
            .await;
        match restored {
            Ok(head) => self.head = head,
            Err(error) => self.not_recording(&error.to_string()),
        }
    }

    /// Another console took over while this one could not record. What happened here is facts,
    /// and is told; what it meant for the walk is the other console's to say.
    pub async fn confess(&mut self, kept: Vec<Recorded>) {
        // From here on the state is what the journal says.
        self.events = self
            .events
            .take(usize::try_from(self.recorded).unwrap_or(usize::MAX));
        self.refold();
        if let Err(error) = self.catch_up().await {
            return self.not_recording(&error.to_string());
        }
        for recorded in kept {
            let at = recorded.at.format("%H:%M:%S");
            let command = match recorded.event {
                Event::AttemptEnded { attempt, result } | Event::LateResult { attempt, result } => {
                    Command::LateResult { attempt, result }
                }
                Event::AttemptIdentified {
                    attempt,
                    run,
                    remote,
                } => Command::AttemptIdentified {
                    attempt,
                    run,
                    remote,
                },
                Event::NoteAdded { text, .. } => Command::Note(text),
                other => {
                    let told = serde_json::to_string(&other).unwrap_or_default();
                    Command::Note(format!("at {at}, while it could not be recorded: {told}"))
                }
            };
            let ended = match &command {
                Command::LateResult { attempt, result } => Some((*attempt, result.clone())),
                _ => None,
            };
            match self.carry_out(command).await {
                Ok(()) => {}
                Err(Unanswered::NotRecorded(reason)) => self.not_recording(&reason),
                Err(refused) => {
                    if let Some((attempt, result)) = ended {
                        self.tell_result(attempt, &result).await;
                    } else {
                        let note = Command::Note(format!(
                            "at {at}, something that does not fit any more: {refused}"
                        ));
                        let _ = self.carry_out(note).await;
                    }
                }
            }
        }
    }

    fn refold(&mut self) {
        let empty = State::new(self.settings.vocabulary);
        self.state = self
            .events
            .iter()
            .fold(empty, |state, recorded| evolve(state, recorded));
    }

    /// Folds in what happened, publishes, and lets the effects begin.
    fn fold(&mut self, recorded: Vec<Recorded>) {
        let mut todo = Vec::new();
        for recorded in recorded {
            self.take_in(recorded, Some(&mut todo));
        }
        // What others were asked lies in their folder before a screen says that they were.
        let (shown, todo): (Vec<_>, Vec<_>) = todo
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Publish));
        if !shown.is_empty() {
            self.act(Effect::Publish);
        }
        self.publish();
        for effect in todo {
            self.act(effect);
        }
    }

    fn take_in(&mut self, recorded: Recorded, todo: Option<&mut Vec<Effect>>) {
        let before = std::mem::replace(&mut self.state, State::new(self.settings.vocabulary));
        self.state = evolve(before, &recorded);
        if let Some(todo) = todo {
            todo.extend(effects(&self.state, &recorded.event));
        }
        if let Event::AttemptEnded { attempt, .. } = &recorded.event {
            self.progress.remove(attempt);
            self.gates.remove(attempt);
        }
        self.not_before(recorded.at);
        self.events.push_back(Arc::new(recorded));
    }

    /// Folds in what another console recorded. Its effects are that console's. What is kept here
    /// comes after it.
    pub async fn catch_up(&mut self) -> Result<(), JournalError> {
        let (id, after, head) = (self.id.clone(), self.recorded, self.head);
        let loaded: Loaded = self
            .recorder
            .call(move |journal| journal.load(&id, after, head))
            .await?;
        self.broken = self.broken.or(loaded.broken);
        if loaded.events.is_empty() {
            return Ok(());
        }
        let kept = self.kept();
        // A write that was reported as failed may have reached the disk all the same.
        let known = loaded
            .events
            .iter()
            .zip(&kept)
            .take_while(|(one, other)| one == other)
            .count();
        if known < loaded.events.len() && !kept.is_empty() {
            self.events = self
                .events
                .take(usize::try_from(self.recorded).unwrap_or(usize::MAX));
            self.refold();
            for recorded in loaded.events.iter().cloned() {
                self.take_in(recorded, None);
            }
            for recorded in kept.into_iter().skip(known) {
                let sequence = self.state.sequence + 1;
                self.take_in(
                    Recorded {
                        sequence,
                        ..recorded
                    },
                    None,
                );
            }
        } else {
            for recorded in loaded.events.iter().skip(known).cloned() {
                self.take_in(recorded, None);
            }
        }
        self.head = loaded.head;
        self.recorded = loaded
            .events
            .last()
            .map_or(self.recorded, |last| last.sequence);
        self.publish();
        Ok(())
    }

    pub fn not_recording(&mut self, reason: &str) {
        let since = match &self.recording {
            Recording::No { since, .. } => *since,
            Recording::Yes => clock::now(),
        };
        self.recording = Recording::No {
            since,
            reason: reason.to_owned(),
            kept: self.state.sequence - self.recorded,
        };
        self.publish();
    }

    pub async fn ended(&mut self, id: AttemptId, number: u64, result: AttemptResult) {
        if self
            .running
            .get(&id)
            .is_some_and(|task| task.number == number)
        {
            self.running.remove(&id);
        } else if result.status == AttemptStatus::Cancelled {
            // The end of what was stopped on purpose has been recorded already.
            return;
        }
        let (attempt, told) = (id, result.clone());
        let recorded = self
            .carry_out(Command::AttemptEnded { attempt, result })
            .await;
        if matches!(
            recorded,
            Err(Unanswered::Refused(Refusal::UnknownAttempt(_)))
        ) {
            self.tell_result(id, &told).await;
        }
    }

    /// A result of an attempt that the record does not know: what it found is told all the same.
    async fn tell_result(&mut self, id: AttemptId, result: &AttemptResult) {
        let told = serde_json::to_string(result).unwrap_or_default();
        let note = Command::Note(format!(
            "attempt {id}, which could not be recorded, ended: {told}"
        ));
        // A note is recorded, or kept for it: there is no third way.
        let _ = self.carry_out(note).await;
    }
}

/// Leaves what begins a change by itself, and what follows it, to a later time.
fn before_a_change(events: &mut Vec<Event>) {
    let begins = |event: &Event| {
        matches!(
            event,
            Event::ApprovalGranted { .. } | Event::WaveBegun { .. }
        )
    };
    if let Some(first) = events.iter().position(begins) {
        events.truncate(first);
    }
}

pub(super) fn number(after: u64, events: Vec<Event>, stamp: &Stamp) -> Vec<Recorded> {
    (after + 1..)
        .zip(events)
        .map(|(sequence, event)| Recorded {
            sequence,
            at: stamp.at,
            by: Arc::clone(&stamp.actor),
            event,
        })
        .collect()
}
