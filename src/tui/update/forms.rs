//! Forms: which one a key opens, and what becomes of what was typed.

use chrono::Duration;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{ask, control, evidence, lets_in, look, panes, status};
use crate::approvals::Decision;
use crate::commands::CommandId;
use crate::engine::{Control, Role};
use crate::incident::{AlarmState, Command, Execution, IncidentStatus, Question, Verdict};
use crate::playbook::{Severity, StepKind};
use crate::tui::form::{Form, Purpose};
use crate::tui::message::Request;
use crate::tui::model::{Filter, Model, Overlay};

/// For how many minutes an escalation is put off unless another number is written.
const POSTPONED: i64 = 10;
/// Why it is escalated where nobody says.
const HELP: &str = "the responder asks for help";

pub(super) fn form(model: &Model, id: CommandId) -> Option<Form> {
    let question = model.question()?;
    Some(match (id, question) {
        (CommandId::Note, _) => Form::one("Record a note", Purpose::Note, "what happened", false),
        (CommandId::Escalate, _) => Form::one(
            "Escalate now",
            Purpose::Escalate,
            format!("why (empty: {HELP})"),
            true,
        ),
        (CommandId::Answered, _) => Form::one(
            "Somebody has the escalation",
            Purpose::Answered,
            "who answered, and how",
            false,
        ),
        (CommandId::Update, _) => Form::one(
            "Tell those who wait how it stands",
            Purpose::Update,
            "how it stands",
            false,
        )
        .and(
            "in how many minutes they hear more (empty: not promised)",
            true,
        ),
        (CommandId::StopPlaybook, _) => Form::one(
            "Stop the playbook without an outcome",
            Purpose::StopPlaybook,
            "why",
            false,
        ),
        (CommandId::Regrade, _) => Form::one(
            "Change how bad it is",
            Purpose::Regrade,
            "critical, high, medium or low",
            false,
        ),
        (CommandId::Mitigate, _) => status_form(model, IncidentStatus::Mitigated),
        (CommandId::Resolve, _) => status_form(model, IncidentStatus::Resolved),
        (CommandId::Close, _) => status_form(model, IncidentStatus::Closed),
        (CommandId::Postpone, Question::Escalation(escalation)) => Form::one(
            "Put the escalation off",
            Purpose::Postpone(escalation.id),
            format!("for how many minutes (empty: {POSTPONED})"),
            true,
        )
        .and("why", false),
        (CommandId::Answer, Question::Input(input)) => {
            let default = input
                .default
                .as_ref()
                .map(|value| format!(" (empty: {value})"))
                .unwrap_or_default();
            let label = format!("{}{default}", input.prompt);
            let purpose = Purpose::Provide(input.name.clone());
            let form = Form::one("The playbook asks", purpose, label, input.default.is_some());
            // A rehearsal knows what its scenario is about; live, the line is empty.
            form.with(model.hints.get(&input.name).map_or("", String::as_str))
        }
        (CommandId::ApproveChange, Question::Approval(approval)) => {
            let wanted = approval.intent.confirmation();
            let purpose = Purpose::Approve {
                step: approval.step.clone(),
                visit: approval.visit,
                digest: approval.digest.clone(),
                wanted: wanted.clone(),
                others: approval.intent.others().is_some(),
            };
            let label = approval.intent.to_type();
            let plan = approval.intent.plan.as_ref();
            let closed = plan.and_then(|plan| plan.closed.clone());
            let title = match approval.intent.others() {
                Some((count, group)) => format!("Ask {count} of the group {group} to agree to"),
                None => "Approve".to_owned(),
            };
            let intent = &approval.intent;
            let title = format!(
                "{title} {} in {} · {}",
                intent.document(),
                intent.account,
                intent.region
            );
            let why = match (approval.intent.others(), closed) {
                (_, Some(closed)) => format!("why it cannot wait: {closed}"),
                (Some(_), None) => "why; the others read it".to_owned(),
                (None, None) => return Some(Form::one(title, purpose, label, false)),
            };
            Form::one(title, purpose, why, false).and(label, false)
        }
        (CommandId::RaiseCeiling, Question::Approval(approval)) => {
            let purpose = Purpose::RaiseCeiling {
                step: approval.step.clone(),
                visit: approval.visit,
                digest: approval.digest.clone(),
            };
            let over = approval.intent.over_ceiling()?;
            let title = format!("Let the change touch more than it may: {over}");
            Form::one(title, purpose, "why; it is recorded", false)
        }
        (CommandId::PassGate | CommandId::RejectGate, Question::Working(_)) => {
            let (attempt, gate) = model.gate()?;
            let passes = id == CommandId::PassGate;
            let target = model.change_target().filter(|_| passes);
            let purpose = Purpose::Gate {
                attempt,
                gate: gate.to_owned(),
                wanted: target.clone(),
            };
            let verb = if passes { "Approve" } else { "Reject" };
            let title = format!("{verb} the step {gate}, with your own AWS rights");
            let form = Form::one(title, purpose, "why; AWS keeps it", false);
            match target {
                Some(target) => form.and(format!("type {target}, what is changed"), false),
                None => form,
            }
        }
        (CommandId::Decline, Question::Undescribed(survey)) => {
            let purpose = Purpose::Decline {
                step: survey.step.clone(),
                visit: survey.visit,
            };
            Form::one("Do not make this change", purpose, "why", false)
        }
        (_, Question::Standing { step, change, .. }) => {
            let verdict = verdict(id)?;
            let purpose = Purpose::Confirm {
                step: step.id.clone(),
                visit: change.visit,
                verdict,
                asks: Vec::new(),
            };
            let title = match verdict {
                Verdict::Done => "You looked, and the change worked all the same",
                _ => "The change stays as it is, and counts as failed",
            };
            Form::one(title, purpose, "where you looked, and what you saw", false)
        }
        (CommandId::Decline, Question::Approval(approval)) => {
            let purpose = Purpose::Decline {
                step: approval.step.clone(),
                visit: approval.visit,
            };
            Form::one("Do not make this change", purpose, "why", false)
        }
        (CommandId::Failed, Question::NotStarted { step, visit, .. }) => {
            let purpose = Purpose::Confirm {
                step: step.id.clone(),
                visit,
                verdict: Verdict::Failed,
                asks: Vec::new(),
            };
            Form::one("Do not start this change", purpose, "why", false)
        }
        (_, Question::Unknown { step, visit, .. }) => {
            let verdict = verdict(id)?;
            let purpose = Purpose::Confirm {
                step: step.id.clone(),
                visit,
                verdict,
                asks: Vec::new(),
            };
            let title = match verdict {
                Verdict::Done => "You looked, and the change was made",
                _ => "You looked, and the change was not made",
            };
            Form::one(title, purpose, "where you looked, and what you saw", false)
        }
        (_, Question::Manual { step, visit }) => {
            let verdict = verdict(id)?;
            let asks = match (&step.kind, verdict) {
                (StepKind::Manual(manual), Verdict::Done) => manual.ask.as_slice(),
                _ => &[],
            };
            let names = asks.iter().map(|input| input.name.clone()).collect();
            let purpose = Purpose::Confirm {
                step: step.id.clone(),
                visit,
                verdict,
                asks: names,
            };
            let title = format!("{}: {}", word(verdict), step.title);
            let mut form = Form {
                title,
                purpose,
                fields: Vec::new(),
                at: 0,
            };
            for input in asks {
                form = form.and(input.prompt.clone(), input.default.is_some());
            }
            form.and("note, if you want one", true)
        }
        (CommandId::Failed, Question::Decision { step, visit, .. }) => {
            let purpose = Purpose::Confirm {
                step: step.id.clone(),
                visit,
                verdict: Verdict::Failed,
                asks: Vec::new(),
            };
            Form::one("This cannot be decided", purpose, "why", true)
        }
        _ => return None,
    })
}

/// Somebody looks after the selected alarm.
pub(super) fn acknowledge(model: &Model) -> Option<Form> {
    let alarm = &model.selected_row()?.alarm;
    let purpose = Purpose::AcknowledgeAlarm {
        alarm: alarm.arn.clone(),
        name: alarm.name.clone(),
    };
    let title = format!("Look after {}", alarm.name);
    Some(
        Form::one(title, purpose, "for how many minutes (empty: 60)", true)
            .and("what you do about it", false),
    )
}

/// A console that went silent is followed no longer; one that is alive is asked, or overruled by
/// typing its writer's name.
pub(super) fn take_over(model: &mut Model) -> Vec<Request> {
    let role = model
        .incident
        .as_ref()
        .map(|snapshot| snapshot.role.clone());
    let Some(Role::Follower { writer, stale, .. }) = role else {
        return Vec::new();
    };
    let Some(writer) = writer.filter(|_| !stale) else {
        return control(Control::TakeOver, "you write the incident now");
    };
    let wanted = writer.actor.user.clone();
    let label = format!("Enter asks {writer}; typing {wanted} takes it at once");
    let form = Form::one(
        "Take the incident over",
        Purpose::TakeOver { wanted },
        label,
        true,
    );
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

pub(super) fn hand_over(model: &Model) -> Option<Form> {
    let Role::Writer { asked: Some(asked) } = &model.incident.as_ref()?.role else {
        return None;
    };
    let title = format!("Hand the incident over to {asked}");
    Some(Form::one(
        title,
        Purpose::HandOver,
        "Enter hands it over, Esc keeps it",
        true,
    ))
}

/// Says of an open form what speaks against it now: an alarm may have changed since it was opened.
pub(super) fn revise(model: &mut Model) {
    let Some(Overlay::Form(form)) = &model.overlay else {
        return;
    };
    let Purpose::Status(to) = form.purpose else {
        return;
    };
    let revised = status_form(model, to);
    if let Some(Overlay::Form(form)) = &mut model.overlay {
        form.ask_anew(revised);
    }
}

fn status_form(model: &Model, to: IncidentStatus) -> Form {
    let means = match to {
        IncidentStatus::Open => "nobody has it",
        IncidentStatus::Acknowledged => "somebody has it",
        IncidentStatus::Mitigated => "the effect is gone",
        IncidentStatus::Resolved => "the cause is gone",
        IncidentStatus::Closed => "nothing more is to be done",
    };
    let title = format!("Say that {means}: the incident becomes {}", to.name());
    let open = if to >= IncidentStatus::Resolved {
        still_open(model)
    } else {
        Vec::new()
    };
    if open.is_empty() {
        return Form::one(title, Purpose::Status(to), "note; Enter confirms", true);
    }
    // What speaks against it is said, and somebody says why it counts all the same.
    let title = format!(
        "{} although {}?",
        to.name().to_uppercase(),
        open.join(", and ")
    );
    Form::one(title, Purpose::Status(to), "why; Enter confirms", false)
}

/// What speaks against calling the incident resolved.
fn still_open(model: &Model) -> Vec<String> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    let state = &snapshot.state;
    let mut open: Vec<String> = Vec::new();
    let alarms = state.incident.iter().flat_map(|incident| &incident.alarms);
    let firing: Vec<&str> = alarms
        .filter(|alarm| alarm.state == AlarmState::Alarm)
        .map(|alarm| alarm.name.as_str())
        .collect();
    match firing.as_slice() {
        [] => {}
        [one] => open.push(format!("{one} is in ALARM")),
        all => open.push(format!("{} alarms are in ALARM", all.len())),
    }
    let changes = state.executions.iter().flat_map(Execution::running);
    if changes.into_iter().any(|attempt| attempt.intent.is_some()) {
        open.push("a change is running".to_owned());
    }
    open.extend(match model.question() {
        Some(Question::Escalation(_)) => Some("an escalation waits for an answer".to_owned()),
        Some(Question::Decision { step, .. }) => {
            Some(format!("the decision {:?} is open", step.title))
        }
        Some(Question::Approval(_)) => Some("a change waits for approval".to_owned()),
        Some(Question::Standing { .. } | Question::Unknown { .. }) => {
            Some("the result of a change is open".to_owned())
        }
        Some(Question::NotStarted { .. }) => Some("an approved change was not started".to_owned()),
        _ => None,
    });
    open
}

fn verdict(id: CommandId) -> Option<Verdict> {
    match id {
        CommandId::Done => Some(Verdict::Done),
        CommandId::Failed => Some(Verdict::Failed),
        CommandId::Skipped => Some(Verdict::Skipped),
        _ => None,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "Done",
        Verdict::Failed => "Failed",
        Verdict::Skipped => "Skip",
    }
}

pub(super) fn in_form(model: &mut Model, mut form: Form, key: KeyEvent) -> Vec<Request> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => {
            if form.purpose == Purpose::Filter {
                model.filter.clear();
                return vec![Request::Remember];
            }
            if form.purpose == Purpose::Search {
                model.evidence.search.clear();
            }
            if form.purpose == Purpose::FilterList {
                model.list_filter.clear();
            }
            return Vec::new();
        }
        KeyCode::BackTab => form.at = form.at.saturating_sub(1),
        KeyCode::Tab if form.at + 1 < form.fields.len() => form.at += 1,
        KeyCode::Up => form.recall(&model.history, true),
        KeyCode::Down => form.recall(&model.history, false),
        KeyCode::Char('p') if control => form.recall(&model.history, true),
        KeyCode::Char('n') if control => form.recall(&model.history, false),
        // Nobody confirms a form that they could not read yet.
        KeyCode::Enter => {
            let shown = Overlay::Form(form.clone());
            // From one field to the next nothing is confirmed yet.
            let answers = form.is_empty() || form.at + 1 == form.fields.len();
            if answers && !typed_while_shown(&form) && !lets_in(model, shown, &key) {
                return Vec::new();
            }
            return entered(model, form);
        }
        _ => form.key(key),
    }
    let (filtering, searching) = (
        form.purpose == Purpose::Filter,
        form.purpose == Purpose::Search,
    );
    let value = form.value().to_owned();
    model.overlay = Some(Overlay::Form(form));
    if searching {
        evidence::typed(model, &value);
    }
    if filtering {
        model.arrange();
        return look(model);
    }
    Vec::new()
}

/// Forms that show at once what they do, and change nothing else.
fn typed_while_shown(form: &Form) -> bool {
    matches!(
        form.purpose,
        Purpose::Filter | Purpose::FilterList | Purpose::Search
    )
}

/// Goes on to the next field, or takes the answers.
fn entered(model: &mut Model, mut form: Form) -> Vec<Request> {
    let empty = form
        .fields
        .get(form.at)
        .is_some_and(|field| !field.optional && field.input.value().trim().is_empty());
    if empty {
        model.say("this needs an answer; Esc leaves without one", true);
    } else if form.at + 1 < form.fields.len() {
        form.at += 1;
    } else {
        if let (Some(kind), Some(field)) = (form.purpose.kept_as(), form.fields.last()) {
            model.history.keep(kind, field.input.value());
        }
        return submit(model, form);
    }
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

/// Leaves a form open with what was typed, and says what is wrong with it.
fn stay(model: &mut Model, form: Form, wrong: &str) -> Vec<Request> {
    model.say(wrong, true);
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

/// What is wrong with the answer to the question for an input.
fn wrong_input(model: &Model, text: &str) -> Option<String> {
    let Some(Question::Input(input)) = model.question() else {
        return None;
    };
    let empty = text.trim().is_empty() && input.default.is_some();
    input
        .parse(text)
        .err()
        .filter(|_| !empty)
        .map(|error| error.to_string())
}

/// The first answer of a manual step that does not fit, and its field.
fn wrong_answer(
    model: &Model,
    answers: &std::collections::BTreeMap<String, String>,
) -> Option<(usize, String)> {
    let Some(Question::Manual { step, .. }) = model.question() else {
        return None;
    };
    let StepKind::Manual(manual) = &step.kind else {
        return None;
    };
    manual.ask.iter().enumerate().find_map(|(at, input)| {
        let text = answers
            .get(&input.name)
            .filter(|text| !(text.trim().is_empty() && input.default.is_some()))?;
        input.parse(text).err().map(|error| (at, error.to_string()))
    })
}

fn submit(model: &mut Model, form: Form) -> Vec<Request> {
    model.message = None;
    let text = form
        .fields
        .last()
        .map(|field| field.input.value().trim().to_owned())
        .unwrap_or_default();
    let note = (!text.is_empty()).then(|| text.clone());
    match form.purpose.clone() {
        Purpose::Filter => {
            if let Some(doubt) = Filter::doubt(&text) {
                model.say(doubt, true);
            }
            model.filter = text;
            model.arrange();
            model.select(model.selected_index());
            let mut requests = look(model);
            requests.push(Request::Remember);
            requests
        }
        Purpose::FilterList => {
            model.list_filter = text;
            model.scroll = 0;
            Vec::new()
        }
        Purpose::Search => {
            model.evidence.search = text;
            Vec::new()
        }
        Purpose::Note => ask(Command::Note(text), "noted"),
        Purpose::AcknowledgeAlarm { alarm, name } => {
            let minutes = form.fields.first().map_or("", |field| field.input.value());
            let minutes = match minutes.trim().trim_end_matches('m').trim_end() {
                "" => Some(60),
                written => written.parse().ok(),
            };
            if let Some(minutes) = minutes.filter(|minutes| (1..=1440).contains(minutes)) {
                return vec![Request::AcknowledgeAlarm {
                    alarm,
                    name,
                    minutes,
                    note: text,
                }];
            }
            let mut form = form;
            form.at = 0;
            model.overlay = Some(Overlay::Form(form));
            model.say("minutes are a number from 1 to 1440", true);
            Vec::new()
        }
        Purpose::Status(to) => {
            let mut requests = note.map_or_else(Vec::new, |note| ask(Command::Note(note), "noted"));
            requests.extend(status(to));
            requests
        }
        Purpose::Escalate => {
            let reason = note.unwrap_or_else(|| HELP.to_owned());
            ask(
                Command::Escalate { reason },
                "escalation approved: paging starts",
            )
        }
        Purpose::Answered => ask(
            Command::AcknowledgeEscalation { note },
            "acknowledged: no further level is paged",
        ),
        Purpose::Update => {
            let told = form.fields.first().map_or("", |field| field.input.value());
            let next = match text.trim_end_matches('m').trim_end() {
                "" => Some(None),
                written => written.parse::<u64>().ok().map(Some),
            };
            match next {
                Some(minutes) if minutes.is_none_or(|one| (1..=1440).contains(&one)) => {
                    let command = Command::Update {
                        text: told.trim().to_owned(),
                        next: minutes.map(|minutes| minutes * 60),
                    };
                    let done = if model.header.rehearsal.is_some() {
                        "recorded; nobody outside is told in a rehearsal"
                    } else {
                        "recorded, for the channels that are told of it"
                    };
                    ask(command, done)
                }
                _ => stay(model, form, "minutes are a number from 1 to 1440"),
            }
        }
        Purpose::StopPlaybook => ask(
            Command::StopExecution { reason: text },
            "the playbook was stopped",
        ),
        Purpose::Provide(name) => {
            if let Some(wrong) = wrong_input(model, &text) {
                return stay(model, form, &wrong);
            }
            ask(Command::ProvideInput { name, text }, "answered")
        }
        Purpose::Override {
            step,
            visit,
            branch,
        } => ask(
            Command::TakeBranch {
                step,
                visit,
                branch,
                reason: note,
            },
            "taken, with your reason",
        ),
        Purpose::Confirm {
            step,
            visit,
            verdict,
            ref asks,
        } => {
            let answers = form.answers(asks);
            if let Some((at, wrong)) = wrong_answer(model, &answers) {
                return stay(model, Form { at, ..form }, &wrong);
            }
            let done = format!("recorded: {}", word(verdict).to_lowercase());
            ask(
                Command::Confirm {
                    step,
                    visit,
                    verdict,
                    note,
                    answers,
                },
                done,
            )
        }
        Purpose::Approve {
            step,
            visit,
            digest,
            wanted,
            others,
        } => {
            let reason = (form.fields.len() > 1)
                .then(|| {
                    form.fields
                        .first()
                        .map(|field| field.input.value().to_owned())
                })
                .flatten();
            if text != wanted {
                return stay(
                    model,
                    form,
                    &format!("that is not {wanted:?}; nothing was done"),
                );
            }
            ask(
                Command::Approve {
                    step,
                    visit,
                    digest,
                    typed: text,
                    reason,
                },
                if others {
                    "others were asked; it runs once they agree"
                } else {
                    "approved"
                },
            )
        }
        Purpose::Agree { digest, wanted } => {
            if text != wanted {
                let wrong = format!("that is not {wanted:?}; you have agreed to nothing");
                let purpose = Purpose::Agree { digest, wanted };
                return stay(model, Form { purpose, ..form }, &wrong);
            }
            panes::reply(digest, text, Decision::Approved)
        }
        Purpose::Deny { digest } => panes::reply(digest, String::new(), Decision::Denied(text)),
        Purpose::Switch {
            rule,
            enabled,
            wanted,
        } => {
            if text != wanted {
                let wrong = format!("that is not {wanted:?}; nothing was switched");
                let purpose = Purpose::Switch {
                    rule,
                    enabled,
                    wanted,
                };
                return stay(model, Form { purpose, ..form }, &wrong);
            }
            vec![Request::SwitchHealing { rule, enabled }]
        }
        Purpose::Gate {
            attempt,
            gate,
            wanted,
        } => {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != text) {
                let wrong = format!("that is not {wanted:?}; nothing was done");
                return stay(model, form, &wrong);
            }
            let reason = form
                .fields
                .first()
                .map(|field| field.input.value().to_owned());
            ask(
                Command::AnswerGate {
                    attempt,
                    gate,
                    approved: wanted.is_some(),
                    reason: reason.unwrap_or_default(),
                },
                "said to AWS; the step shows what came of it",
            )
        }
        Purpose::RaiseCeiling {
            step,
            visit,
            digest,
        } => ask(
            Command::RaiseCeiling {
                step,
                visit,
                digest,
                reason: text,
            },
            "raised; it is described anew",
        ),
        Purpose::Decline { step, visit } => ask(
            Command::Decline {
                step,
                visit,
                reason: text,
            },
            "declined",
        ),
        Purpose::TakeOver { wanted } => match text.as_str() {
            "" => control(
                Control::TakeOver,
                "asked to take over; the other console has to agree",
            ),
            typed if typed == wanted => control(Control::TakeOverNow, "you write the incident now"),
            _ => stay(
                model,
                form,
                &format!("type {wanted:?} to take it, or nothing to ask for it"),
            ),
        },
        Purpose::HandOver => control(Control::HandOver, "handed over; you follow now"),
        Purpose::Regrade => {
            let found = Severity::ALL
                .iter()
                .find(|(name, _)| name.starts_with(&text.to_lowercase()));
            if let Some((name, severity)) = found {
                return ask(
                    Command::Regrade(*severity),
                    format!("the incident is {name}"),
                );
            }
            model.say(
                format!("{text:?} is not a severity; write critical, high, medium or low"),
                true,
            );
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
        Purpose::Postpone(escalation) => {
            let minutes = form.fields.first().and_then(|field| {
                let text = field.input.value().trim();
                if text.is_empty() {
                    Some(POSTPONED)
                } else {
                    text.parse::<i64>().ok()
                }
            });
            let Some(minutes) = minutes.filter(|minutes| (1..=240).contains(minutes)) else {
                model.say("write from 1 to 240 minutes", true);
                model.overlay = Some(Overlay::Form(Form { at: 0, ..form }));
                return Vec::new();
            };
            let until = model.now + Duration::minutes(minutes);
            ask(
                Command::PostponeEscalation {
                    escalation,
                    until,
                    reason: text,
                },
                format!("asked again in {minutes} min"),
            )
        }
    }
}
