//! Turns what happened into a new model and into what has to be done.

use std::sync::Arc;

use chrono::Duration;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::commands::{CommandId, Entry, find};
use super::form::{Form, Purpose};
use super::message::{Message, Request};
use super::model::{Connection, Model, Overlay, Screen};
use super::view::tree_order;
use crate::incident::{Command, IncidentStatus, Question, Verdict};
use crate::playbook::{Severity, StepKind};

/// Updates the model.
#[must_use]
pub fn update(model: &mut Model, message: Message) -> Vec<Request> {
    match message {
        Message::Key(key) if key.kind != KeyEventKind::Release => return pressed(model, key),
        Message::Key(_) => {}
        Message::Paste(text) => {
            if let Some(Overlay::Form(form)) = &mut model.overlay {
                form.paste(&text);
            }
        }
        Message::Resized { width, height } => {
            model.size = (width, height);
            return look(model);
        }
        Message::BoardSeen(board) => {
            // Nothing is selected until the responder moves: the first row is the one offered.
            model.board = board;
            return look(model);
        }
        Message::IncidentMoved(snapshot) => moved(model, snapshot),
        Message::CatalogRead(catalog) => model.catalog = catalog,
        Message::Connected(connection) => {
            if let Connection::Ready {
                region,
                account,
                identity,
            } = &connection
            {
                model.header.region.clone_from(region);
                model.header.account.clone_from(account);
                model.header.identity.clone_from(identity);
            }
            model.connection = connection;
        }
        Message::Answered(answer) => {
            model.opening = false;
            let error = answer.is_err();
            let (Ok(text) | Err(text)) = answer;
            model.say(text, error);
        }
        Message::Ticked(now) => {
            model.now = now;
            model.message.take_if(|notice| notice.until < now);
        }
    }
    Vec::new()
}

/// Takes a snapshot over. The screen follows the responder's own steps, and never jumps away
/// from what is being read.
fn moved(model: &mut Model, snapshot: Arc<crate::engine::Snapshot>) {
    let place = |snapshot: &crate::engine::Snapshot| {
        let execution = snapshot.state.execution()?;
        let visit = execution.visits.last()?;
        Some((
            execution.id,
            visit.step.clone(),
            visit.number,
            execution.pending_escalation().is_some(),
        ))
    };
    let id = |snapshot: &crate::engine::Snapshot| {
        snapshot
            .state
            .incident
            .as_ref()
            .map(|incident| incident.id.clone())
    };
    let before = model.incident.as_deref().map(place);
    if model.incident.as_deref().and_then(id) != id(&snapshot) {
        // Another incident: nothing of the last one's view stays.
        model.screen = Screen::Incident;
        model.opening = false;
        model.tree = false;
        model.tree_step = None;
        model.reading = None;
    }
    if before != Some(place(&snapshot)) {
        model.scroll = 0;
        model.next_copy = 0;
    }
    model.now = model.now.max(
        snapshot
            .events
            .last()
            .map_or(model.now, |recorded| recorded.at),
    );
    model.incident = Some(snapshot);
}

/// Asks for the values of the alarms in view.
fn look(model: &Model) -> Vec<Request> {
    let rows = model.rows();
    let height = usize::from(model.size.1);
    let at = model.selected_index(&rows);
    let first = at.saturating_sub(height);
    let seen = rows
        .iter()
        .skip(first)
        .take(height * 2)
        .map(|row| Arc::clone(&row.alarm))
        .collect();
    vec![Request::Look(seen)]
}

fn pressed(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return vec![Request::Quit];
    }
    match model.overlay.take() {
        Some(Overlay::Form(form)) => return in_form(model, form, key),
        Some(Overlay::Help { scroll }) => {
            in_help(model, scroll, key);
            if key.code == KeyCode::Char('q') {
                return vec![Request::Quit];
            }
            return Vec::new();
        }
        Some(Overlay::Choose { alarm, at }) => return in_choice(model, alarm, at, key),
        None => {}
    }
    let Some(entry) = find(&key, &model.places()) else {
        if model.tree {
            model.say("the tree has the keys; Tab goes back to the question", true);
        } else if model.reading.is_some() {
            model.say(
                "you are reading another step; Esc goes back to the question",
                true,
            );
        }
        return Vec::new();
    };
    model.message = None;
    run(model, entry, key)
}

fn run(model: &mut Model, entry: &Entry, key: KeyEvent) -> Vec<Request> {
    match entry.id {
        CommandId::Quit => return vec![Request::Quit],
        CommandId::Help => model.overlay = Some(Overlay::Help { scroll: 0 }),
        CommandId::Back => back(model),
        CommandId::Board => model.screen = Screen::Board,
        CommandId::Incident => model.screen = Screen::Incident,
        CommandId::Tree => {
            model.tree = !model.tree;
            model.reading = None;
            if model.tree {
                model.tree_step = current_step(model);
            }
        }
        CommandId::Read => {
            model.reading.clone_from(&model.tree_step);
            model.tree = false;
            model.scroll = 0;
        }
        CommandId::Up
        | CommandId::Down
        | CommandId::PageUp
        | CommandId::PageDown
        | CommandId::First
        | CommandId::Last => {
            return go(model, entry.id);
        }
        CommandId::Filter => {
            let form = Form::one("Filter", Purpose::Filter, "show alarms that contain", true)
                .with(&model.filter);
            model.overlay = Some(Overlay::Form(form));
        }
        CommandId::Open => return choose(model),
        CommandId::Attach => return attach(model),
        CommandId::Acknowledge => return status(IncidentStatus::Acknowledged),
        CommandId::CancelCheck => return ask(Command::CancelCurrent, "the check was stopped"),
        CommandId::Copy => return copy(model),
        CommandId::Approve => return approve(model),
        CommandId::Branch => return branch(model, key),
        CommandId::Answer
        | CommandId::Mitigate
        | CommandId::Resolve
        | CommandId::Close
        | CommandId::Postpone
        | CommandId::Done
        | CommandId::Failed
        | CommandId::Skipped
        | CommandId::Escalate
        | CommandId::Note
        | CommandId::Regrade
        | CommandId::StopPlaybook => {
            model.overlay = form(model, entry.id).map(Overlay::Form);
        }
    }
    Vec::new()
}

fn ask(command: Command, done: impl Into<String>) -> Vec<Request> {
    vec![Request::Ask {
        command,
        done: done.into(),
    }]
}

fn status(to: IncidentStatus) -> Vec<Request> {
    ask(
        Command::SetStatus(to),
        format!("the incident is {}", to.name()),
    )
}

fn back(model: &mut Model) {
    if model.reading.is_some() {
        model.reading = None;
        model.scroll = 0;
    } else if model.tree {
        model.tree = false;
    } else if model.screen == Screen::Board {
        model.filter.clear();
    } else {
        model.scroll = 0;
    }
}

fn current_step(model: &Model) -> Option<crate::playbook::StepId> {
    let execution = model.incident.as_ref()?.state.execution()?;
    execution
        .visits
        .last()
        .map(|visit| visit.step.clone())
        .or_else(|| Some(execution.playbook.start.clone()))
}

fn select(model: &mut Model, index: usize) {
    let rows = model.rows();
    let chosen = rows
        .get(index.min(rows.len().saturating_sub(1)))
        .map(|row| (row.alarm.region.clone(), row.alarm.name.clone()));
    model.selected = chosen.or(model.selected.take());
}

fn go(model: &mut Model, id: CommandId) -> Vec<Request> {
    let page = usize::from(model.size.1.saturating_sub(6)).max(1);
    let from = |at: usize, count: usize| match id {
        CommandId::Up => at.saturating_sub(1),
        CommandId::Down => at + 1,
        CommandId::PageUp => at.saturating_sub(page),
        CommandId::PageDown => at + page,
        CommandId::First => 0,
        _ => count,
    };
    match model.screen {
        Screen::Board => {
            let rows = model.rows();
            let (at, count) = (model.selected_index(&rows), rows.len());
            select(model, from(at, count));
            return look(model);
        }
        Screen::Incident if model.tree => {
            let Some(execution) = model
                .incident
                .as_ref()
                .and_then(|snapshot| snapshot.state.execution())
            else {
                return Vec::new();
            };
            let mut order = tree_order(&execution.playbook);
            order.retain(|row| !row.joins);
            let at = model
                .tree_step
                .as_ref()
                .and_then(|step| order.iter().position(|row| row.step == *step))
                .unwrap_or(0);
            model.tree_step = order
                .get(from(at, order.len()).min(order.len().saturating_sub(1)))
                .map(|row| row.step.clone());
        }
        Screen::Incident => {
            // The view knows how far down there is anything to see.
            let most = super::view::longest_scroll(model);
            model.scroll = u16::try_from(from(model.scroll.into(), most.into()))
                .unwrap_or(u16::MAX)
                .min(most);
        }
    }
    Vec::new()
}

fn choose(model: &mut Model) -> Vec<Request> {
    if model.screen == Screen::Incident {
        if model
            .incident
            .as_ref()
            .is_some_and(|snapshot| snapshot.state.walking().is_some())
        {
            model.say(
                "a playbook is being walked; finish it, or stop it with X",
                true,
            );
        } else {
            model.overlay = Some(Overlay::Choose { alarm: None, at: 0 });
        }
        return Vec::new();
    }
    if model.has_open_incident() {
        model.say(
            "an incident is open: i goes to it, t adds this alarm to it",
            true,
        );
        return Vec::new();
    }
    let rows = model.rows();
    let alarm = rows
        .get(model.selected_index(&rows))
        .map(|row| Arc::clone(&row.alarm));
    if alarm.is_some() {
        model.overlay = Some(Overlay::Choose { alarm, at: 0 });
    }
    Vec::new()
}

fn in_choice(
    model: &mut Model,
    alarm: Option<Arc<crate::incident::AlarmRef>>,
    at: usize,
    key: KeyEvent,
) -> Vec<Request> {
    let choices = model.choices(alarm.as_deref());
    let last = choices.len().saturating_sub(1);
    let next = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Char('q') => return vec![Request::Quit],
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::Enter => {
            let Some((entry, _)) = choices.get(at) else {
                return Vec::new();
            };
            let playbook = entry.playbook.id.clone();
            return match alarm {
                Some(_) if model.opening => Vec::new(),
                Some(alarm) => {
                    model.opening = true;
                    vec![Request::OpenIncident { alarm, playbook }]
                }
                None => vec![Request::StartPlaybook(playbook)],
            };
        }
        _ => at,
    };
    model.overlay = Some(Overlay::Choose { alarm, at: next });
    Vec::new()
}

fn in_help(model: &mut Model, scroll: u16, key: KeyEvent) {
    let scroll = match key.code {
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
        KeyCode::PageUp => scroll.saturating_sub(10),
        KeyCode::PageDown | KeyCode::Char(' ') => scroll.saturating_add(10),
        _ => return,
    };
    model.overlay = Some(Overlay::Help {
        scroll: scroll.min(super::view::longest_help(model)),
    });
}

fn attach(model: &mut Model) -> Vec<Request> {
    let rows = model.rows();
    match rows.get(model.selected_index(&rows)) {
        Some(row) => ask(
            Command::AttachAlarm((*row.alarm).clone()),
            format!("{} was added to the incident", row.alarm.name),
        ),
        None => Vec::new(),
    }
}

fn copy(model: &mut Model) -> Vec<Request> {
    let commands = super::view::commands_here(model);
    if commands.is_empty() {
        model.say("this step has no commands", true);
        return Vec::new();
    }
    let command = commands[model.next_copy % commands.len()].clone();
    model.next_copy += 1;
    vec![Request::Copy(command)]
}

fn approve(model: &Model) -> Vec<Request> {
    match model.question() {
        Some(Question::Escalation(escalation)) => {
            let done = format!("escalated along the path {}", escalation.path);
            ask(
                Command::ApproveEscalation {
                    escalation: escalation.id,
                    note: None,
                },
                done,
            )
        }
        _ => Vec::new(),
    }
}

fn branch(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    let KeyCode::Char(digit) = key.code else {
        return Vec::new();
    };
    let index = digit.to_digit(10).map_or(0, |digit| digit as usize - 1);
    let Some(Question::Decision {
        step,
        visit,
        branches,
    }) = model.question()
    else {
        return Vec::new();
    };
    let Some(view) = branches.get(index) else {
        let message = format!("there are {} branches", branches.len());
        model.say(message, true);
        return Vec::new();
    };
    let (step, label) = (step.id.clone(), view.branch.label.clone());
    if view.recommended {
        return ask(
            Command::TakeBranch {
                step,
                visit,
                branch: index,
                reason: None,
            },
            format!("taken: {label}"),
        );
    }
    let recommended = branches
        .iter()
        .find(|view| view.recommended)
        .map_or("", |view| view.branch.label.as_str());
    let title = format!("Take \"{label}\" although \"{recommended}\" is recommended");
    let form = Form::one(
        title,
        Purpose::Override {
            step,
            visit,
            branch: index,
        },
        "why",
        false,
    );
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

fn form(model: &Model, id: CommandId) -> Option<Form> {
    let question = model.question()?;
    Some(match (id, question) {
        (CommandId::Note, _) => Form::one("Record a note", Purpose::Note, "what happened", false),
        (CommandId::Escalate, _) => Form::one("Escalate now", Purpose::Escalate, "why", false),
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
        (CommandId::Mitigate, _) => status_form(IncidentStatus::Mitigated, "the effect is gone"),
        (CommandId::Resolve, _) => status_form(IncidentStatus::Resolved, "the cause is gone"),
        (CommandId::Close, _) => status_form(IncidentStatus::Closed, "nothing more is to be done"),
        (CommandId::Postpone, Question::Escalation(escalation)) => Form::one(
            "Put the escalation off",
            Purpose::Postpone(escalation.id),
            "for how many minutes",
            false,
        )
        .with("10")
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

fn status_form(to: IncidentStatus, means: &str) -> Form {
    let title = format!("The incident is {}: {means}", to.name());
    Form::one(title, Purpose::Status(to), "note; Enter confirms", true)
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

fn in_form(model: &mut Model, mut form: Form, key: KeyEvent) -> Vec<Request> {
    match key.code {
        KeyCode::Esc => {
            if form.purpose == Purpose::Filter {
                model.filter.clear();
                select(model, 0);
            }
            return Vec::new();
        }
        KeyCode::Up => form.at = form.at.saturating_sub(1),
        KeyCode::Enter => {
            let empty = form
                .fields
                .get(form.at)
                .is_some_and(|field| !field.optional && field.input.value().trim().is_empty());
            if empty {
                model.say("this needs an answer; Esc leaves without one", true);
            } else if form.at + 1 < form.fields.len() {
                form.at += 1;
            } else {
                return submit(model, form);
            }
        }
        _ => form.key(key),
    }
    let filtering = form.purpose == Purpose::Filter;
    model.overlay = Some(Overlay::Form(form));
    if filtering {
        return look(model);
    }
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
            model.filter = text;
            let rows = model.rows();
            let at = model.selected_index(&rows);
            select(model, at);
            look(model)
        }
        Purpose::Note => ask(Command::Note(text), "noted"),
        Purpose::Status(to) => {
            let mut requests = note.map_or_else(Vec::new, |note| ask(Command::Note(note), "noted"));
            requests.extend(status(to));
            requests
        }
        Purpose::Escalate => ask(Command::Escalate { reason: text }, "escalated"),
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
            let minutes = form
                .fields
                .first()
                .and_then(|field| field.input.value().trim().parse::<i64>().ok());
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
