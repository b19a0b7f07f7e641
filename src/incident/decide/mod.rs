//! Grants or refuses a command. Pure: the same state, command and stamp give the same events.

mod approval;
mod attempts;
mod change;
mod chase;
mod escalation;
mod status;
mod survey;
mod walk;

use super::{
    Command, Event, Execution, IncidentStatus, Recorded, Refusal, Stamp, State, VisitResult, card,
    evolve,
};
use crate::playbook::StepId;

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
        Command::Start {
            name,
            text,
            others,
            trusted,
        } => walk::start(&mut draft, (name, text), others, (trusted, false), None)?,
        Command::Heal {
            name,
            text,
            trusted,
            run,
        } => walk::start(
            &mut draft,
            (name, text),
            Vec::new(),
            (trusted, false),
            Some(Box::new(run)),
        )?,
        Command::ProposeHealing { run, rule } => walk::propose(&mut draft, run, rule),
        Command::AcceptHealing { rule, resource } => {
            walk::accept(&mut draft, &rule, &resource)?;
        }
        Command::LapseHealing { run, reason } => walk::lapse(&mut draft, run, reason),
        Command::SkipHealing { run, reason } => {
            draft.emit(Event::HealingSkipped { run, reason });
        }
        Command::Prepare {
            name,
            text,
            others,
            trusted,
        } => walk::start(&mut draft, (name, text), others, (trusted, true), None)?,
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
        Command::UndoBranch => walk::undo_branch(&mut draft)?,
        Command::ReadAgain(steps) => attempts::read_again(&mut draft, &steps)?,
        Command::StopExecution { reason } => walk::stop(&mut draft, reason)?,
        Command::Approve {
            step,
            visit,
            digest,
            typed,
            reason,
        } => {
            let yes = approval::Yes {
                digest: &digest,
                typed: &typed,
                reason,
            };
            approval::approve(&mut draft, &step, visit, yes)?;
        }
        Command::Surveyed {
            step,
            visit,
            nonce,
            result,
        } => survey::surveyed(&mut draft, (&step, visit), nonce, result)?,
        Command::RaiseCeiling {
            step,
            visit,
            digest,
            reason,
        } => approval::raise(&mut draft, &step, visit, &digest, &reason)?,
        Command::Agree { digest, approver } => approval::agree(&mut draft, &digest, approver)?,
        Command::Disagree {
            digest,
            approver,
            reason,
        } => approval::disagree(&mut draft, &digest, approver, reason)?,
        Command::RefuseAgreement {
            digest,
            from,
            reason,
        } => approval::refuse(&mut draft, &digest, from, reason)?,
        Command::Undo { step, visit } => survey::undo(&mut draft, &step, visit)?,
        Command::VerifyAgain { step, visit } => change::verify_again(&mut draft, &step, visit)?,
        Command::Decline {
            step,
            visit,
            reason,
        } => approval::decline(&mut draft, &step, visit, reason)?,
        Command::RequestAgain { step, visit } => survey::again(&mut draft, &step, visit)?,
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
        Command::AnswerGate {
            attempt,
            gate,
            approved,
            reason,
        } => {
            let known = draft.state.attempt(attempt).map(|(_, attempt)| attempt);
            let runs = known.filter(|one| one.end.is_none() && !one.remotes.is_empty());
            if runs.is_none() {
                return Err(Refusal::NothingRunning);
            }
            if reason.trim().is_empty() {
                return Err(Refusal::WhyNeeded);
            }
            draft.emit(Event::GateAnswered {
                attempt,
                gate,
                approved,
                reason,
            });
        }
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
        Command::AcknowledgeEscalation { note } => chase::acknowledge(&mut draft, note)?,
        Command::PageEnded {
            escalation,
            level,
            round,
            channel,
            result,
        } => chase::paged(&mut draft, escalation, (level, round), channel, result)?,
        Command::Update { text, next } => status::update(&mut draft, text, next)?,
        Command::GiveCard { writer } => {
            let card = card(&draft.state, stamp.at, writer.as_deref());
            draft.emit(Event::HandedOver { card });
        }
        Command::Review(review) => status::review(&mut draft, review),
        Command::Tick => {
            attempts::settle(&mut draft);
            attempts::retry_due(&mut draft);
            approval::expire(&mut draft);
            change::wave_due(&mut draft);
            escalation::ask_again(&mut draft);
            escalation::unanswered(&mut draft);
            chase::due(&mut draft);
        }
        Command::TakeUp => {
            attempts::take_up(&mut draft);
            escalation::unanswered(&mut draft);
            chase::due(&mut draft);
        }
    }
    walk::conclude_here(&mut draft);
    walk::lapse_after_the_end(&mut draft);
    attempts::prefetch(&mut draft);
    escalation::triggers(&mut draft);
    Ok(draft.events)
}

/// Leaves a step that changed nothing, or not what it should.
fn give_up(draft: &mut Draft<'_>, step: &StepId, visit: u32, error: &str) {
    draft.emit(Event::StepEnded {
        step: step.clone(),
        visit,
        result: VisitResult::Failed {
            error: error.to_owned(),
        },
    });
    walk::fail(draft, step, error);
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
            | Command::Review(_)
            | Command::AttemptEnded { .. }
            | Command::AttemptIdentified { .. }
            | Command::AttemptUncertain { .. }
            | Command::LateResult { .. }
            | Command::PageEnded { .. }
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
