//! The door: whatever comes in is masked before anything is decided, written or shown.

use crate::incident::{ActionItem, AlarmRef, AttemptResult, Command, Review};
use crate::redaction::{MASK, Redactor, is_secret};

/// Masks the secrets in a command. A playbook's text is a file of its owner's, and stays.
pub(super) fn mask(command: Command, redactor: &Redactor) -> Command {
    let text = |text: String| redactor.owned(text);
    let maybe = |text: Option<String>| text.map(|text| redactor.owned(text));
    match command {
        Command::Open {
            title,
            severity,
            alarm,
            rehearsal,
        } => Command::Open {
            title: text(title),
            severity,
            alarm: alarm.map(|found| alarm_ref(found, redactor)),
            rehearsal,
        },
        Command::AttachAlarm(found) => Command::AttachAlarm(alarm_ref(found, redactor)),
        Command::AlarmSeen {
            name,
            state,
            reason,
        } => Command::AlarmSeen {
            name: text(name),
            state,
            reason: text(reason),
        },
        Command::Note(note) => Command::Note(text(note)),
        Command::ProvideInput { name, text: typed } => Command::ProvideInput {
            text: named(&name, typed, redactor),
            name,
        },
        Command::Confirm {
            step,
            visit,
            verdict,
            note,
            answers,
        } => Command::Confirm {
            step,
            visit,
            verdict,
            note: maybe(note),
            answers: answers
                .into_iter()
                .map(|(name, answer)| {
                    let masked = named(&name, answer, redactor);
                    (name, masked)
                })
                .collect(),
        },
        Command::TakeBranch {
            step,
            visit,
            branch,
            reason,
        } => Command::TakeBranch {
            step,
            visit,
            branch,
            reason: maybe(reason),
        },
        Command::Decline {
            step,
            visit,
            reason,
        } => Command::Decline {
            step,
            visit,
            reason: text(reason),
        },
        Command::Approve {
            step,
            visit,
            digest,
            typed,
            reason,
        } => Command::Approve {
            step,
            visit,
            digest,
            typed,
            reason: maybe(reason),
        },
        Command::AnswerGate {
            attempt,
            gate,
            approved,
            reason,
        } => Command::AnswerGate {
            attempt,
            gate,
            approved,
            reason: text(reason),
        },
        Command::RaiseCeiling {
            step,
            visit,
            digest,
            reason,
        } => Command::RaiseCeiling {
            step,
            visit,
            digest,
            reason: text(reason),
        },
        Command::Disagree {
            digest,
            approver,
            reason,
        } => Command::Disagree {
            digest,
            approver,
            reason: text(reason),
        },
        Command::RefuseAgreement {
            digest,
            from,
            reason,
        } => Command::RefuseAgreement {
            digest,
            from: text(from),
            reason: text(reason),
        },
        Command::AttemptUncertain {
            attempt,
            reason,
            conclusive_at,
        } => Command::AttemptUncertain {
            attempt,
            reason: text(reason),
            conclusive_at,
        },
        Command::AttemptEnded { attempt, result } => Command::AttemptEnded {
            attempt,
            result: result_of(result, redactor),
        },
        Command::LateResult { attempt, result } => Command::LateResult {
            attempt,
            result: result_of(result, redactor),
        },
        Command::Escalate { reason } => Command::Escalate {
            reason: text(reason),
        },
        Command::ApproveEscalation { escalation, note } => Command::ApproveEscalation {
            escalation,
            note: maybe(note),
        },
        Command::PostponeEscalation {
            escalation,
            until,
            reason,
        } => Command::PostponeEscalation {
            escalation,
            until,
            reason: text(reason),
        },
        Command::StopExecution { reason } => Command::StopExecution {
            reason: text(reason),
        },
        Command::AcknowledgeEscalation { note } => {
            Command::AcknowledgeEscalation { note: maybe(note) }
        }
        Command::PageEnded {
            escalation,
            level,
            round,
            channel,
            result,
        } => Command::PageEnded {
            escalation,
            level,
            round,
            channel,
            result: result.map(text).map_err(text),
        },
        Command::Update { text: told, next } => Command::Update {
            text: text(told),
            next,
        },
        Command::Review(review) => Command::Review(Review {
            impact: text(review.impact),
            causes: text(review.causes),
            more: text(review.more),
            actions: review
                .actions
                .into_iter()
                .map(|item| ActionItem {
                    text: text(item.text),
                    ..item
                })
                .collect(),
        }),
        // Nothing in these was written by anybody but this program and AWS's own naming.
        other @ (Command::SetStatus(_)
        | Command::Regrade(_)
        | Command::Start { .. }
        | Command::Prepare { .. }
        | Command::Heal { .. }
        | Command::ProposeHealing { .. }
        | Command::AcceptHealing { .. }
        | Command::LapseHealing { .. }
        | Command::SkipHealing { .. }
        | Command::Attend
        // What AWS says of a change was masked where it came in; what will be sent stays as it is.
        | Command::Surveyed { .. }
        | Command::Agree { .. }
        | Command::Undo { .. }
        | Command::VerifyAgain { .. }
        | Command::RequestAgain { .. }
        | Command::AttemptIdentified { .. }
        | Command::CancelCurrent
        | Command::UndoBranch
        | Command::ReadAgain(_)
        | Command::GiveCard { .. }
        | Command::Tick
        | Command::TakeUp) => other,
    }
}

/// Masks an answer by what it looks like, and by what it is the answer to.
fn named(name: &str, text: String, redactor: &Redactor) -> String {
    if is_secret(name) && !text.trim().is_empty() {
        return MASK.to_owned();
    }
    redactor.owned(text)
}

fn result_of(mut result: AttemptResult, redactor: &Redactor) -> AttemptResult {
    if let Some(output) = &mut result.output {
        redactor.json(output);
    }
    result.error = result.error.map(|error| redactor.owned(error));
    result
}

/// Masks an alarm: anyone who may write alarms writes its name, its description and its reason.
#[must_use]
pub(super) fn alarm_ref(alarm: AlarmRef, redactor: &Redactor) -> AlarmRef {
    alarm.masked(|text| redactor.text(text).into_owned())
}
