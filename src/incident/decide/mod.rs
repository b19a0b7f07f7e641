//! Grants or refuses a command. Pure: the same state, command and stamp give the same events.

mod approval;
mod attempts;
mod escalation;
mod status;
mod walk;

use super::{Command, Event, Execution, IncidentStatus, Recorded, Refusal, Stamp, State, evolve};

/// Turns a command into the events it causes, which may be none.
///
/// # Errors
/// When the command does not fit the state; the refusal says what to do instead.
pub fn decide(state: &State, command: Command, stamp: &Stamp) -> Result<Vec<Event>, Refusal> {
    let mut draft = Draft {
        state: state.clone(),
        stamp,
        events: Vec::new(),
        ids: 0,
    };
    guard(state, &command)?;
    match command {
        Command::Open {
            title,
            severity,
            alarm,
            rehearsal,
        } => {
            status::open(&mut draft, title, severity, alarm, rehearsal)?;
        }
        Command::AttachAlarm(alarm) => status::attach(&mut draft, alarm)?,
        Command::AlarmSeen {
            name,
            state,
            reason,
        } => status::alarm_seen(&mut draft, &name, state, reason),
        Command::SetStatus(to) => status::set(&mut draft, to)?,
        Command::Regrade(to) => status::regrade(&mut draft, to),
        Command::Note(text) => status::note(&mut draft, text)?,
        Command::Start { name, text, others } => {
            walk::start(&mut draft, name, text, others, false)?;
        }
        Command::Prepare { name, text, others } => {
            walk::start(&mut draft, name, text, others, true)?;
        }
        Command::Attend => walk::attend(&mut draft),
        Command::ProvideInput { name, text } => walk::provide_input(&mut draft, name, &text)?,
        Command::Confirm {
            step,
            visit,
            verdict,
            note,
            answers,
        } => {
            walk::confirm(&mut draft, &step, visit, verdict, note, &answers)?;
        }
        Command::TakeBranch {
            step,
            visit,
            branch,
            reason,
        } => {
            walk::take_branch(&mut draft, &step, visit, branch, reason)?;
        }
        Command::StopExecution { reason } => walk::stop(&mut draft, reason)?,
        Command::Approve {
            step,
            visit,
            digest,
            typed,
        } => approval::approve(&mut draft, &step, visit, &digest, &typed)?,
        Command::Decline {
            step,
            visit,
            reason,
        } => approval::decline(&mut draft, &step, visit, reason)?,
        Command::RequestAgain { step, visit } => approval::again(&mut draft, &step, visit)?,
        Command::AttemptIdentified {
            attempt,
            run,
            remote,
        } => {
            attempts::identified(&mut draft, attempt, run, remote)?;
            return Ok(draft.events);
        }
        Command::AttemptUncertain {
            attempt,
            reason,
            conclusive_at,
        } => attempts::uncertain(&mut draft, attempt, reason, conclusive_at)?,
        Command::LateResult { attempt, result } => {
            attempts::late(&mut draft, attempt, result)?;
            return Ok(draft.events);
        }
        Command::AttemptEnded { attempt, result } => attempts::ended(&mut draft, attempt, result)?,
        Command::CancelCurrent => attempts::cancel_current(&mut draft)?,
        Command::Escalate { reason } => escalation::now(&mut draft, reason)?,
        Command::ApproveEscalation { escalation, note } => {
            escalation::approve(&mut draft, escalation, note)?;
        }
        Command::PostponeEscalation {
            escalation,
            until,
            reason,
        } => {
            escalation::postpone(&mut draft, escalation, until, reason)?;
        }
        Command::Tick => {
            attempts::settle(&mut draft);
            attempts::retry_due(&mut draft);
            escalation::ask_again(&mut draft);
        }
        Command::TakeUp => attempts::take_up(&mut draft),
    }
    attempts::prefetch(&mut draft);
    escalation::triggers(&mut draft);
    Ok(draft.events)
}

/// Refuses what no state in between can grant.
fn guard(state: &State, command: &Command) -> Result<(), Refusal> {
    let opening = matches!(command, Command::Open { .. });
    match &state.incident {
        None if opening => Ok(()),
        None => Err(Refusal::NotOpen),
        Some(_) if opening => Err(Refusal::AlreadyOpen),
        Some(incident) if incident.status == IncidentStatus::Closed => match command {
            // What still comes in after the end is recorded; nothing else is.
            Command::Note(_)
            | Command::AttemptEnded { .. }
            | Command::AttemptIdentified { .. }
            | Command::AttemptUncertain { .. }
            | Command::LateResult { .. }
            | Command::Tick
            | Command::Attend
            | Command::TakeUp => Ok(()),
            _ => Err(Refusal::Closed),
        },
        Some(_) => Ok(()),
    }
}

/// The state as it becomes while events are made.
struct Draft<'a> {
    state: State,
    stamp: &'a Stamp,
    events: Vec<Event>,
    ids: usize,
}

impl Draft<'_> {
    fn emit(&mut self, event: Event) {
        let recorded = Recorded {
            sequence: self.state.sequence + 1,
            at: self.stamp.at,
            by: std::sync::Arc::clone(&self.stamp.actor),
            event,
        };
        self.state = evolve(self.state.clone(), &recorded);
        self.events.push(recorded.event);
    }

    fn id(&mut self) -> uuid::Uuid {
        self.ids += 1;
        self.stamp.id(self.ids)
    }

    fn walking(&self) -> Result<&Execution, Refusal> {
        self.state.walking().ok_or(Refusal::NotWalking)
    }
}
