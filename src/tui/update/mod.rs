//! Turns what happened into a new model and into what has to be done.

mod choice;
mod evidence;
mod forms;
mod links;
mod movement;
mod palette;
mod panes;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::commands::{CommandId, Entry, Place, event_of, name};
use crate::engine::Control;
use crate::incident::{Command, IncidentStatus, Question, UNDO};
use crate::tui::form::{Form, Purpose};
use crate::tui::message::{Message, Request};
use crate::tui::model::{Model, Overlay, Reading, Screen, Text};
use crate::tui::view::SMALLEST;

pub(super) use palette::find;

/// Updates the model.
#[must_use]
pub fn update(model: &mut Model, message: Message) -> Vec<Request> {
    let read = model.screen == Screen::Evidence;
    let mut requests = taken(model, message);
    if read && model.screen != Screen::Evidence {
        requests.extend(evidence::left(model));
    }
    let before = model.rows().len();
    model.arrange();
    // What is in view has changed with what is shown.
    if before != model.rows().len() && !requests.iter().any(|one| matches!(one, Request::Look(_))) {
        requests.extend(look(model));
    }
    requests
}

fn taken(model: &mut Model, message: Message) -> Vec<Request> {
    match message {
        Message::Key(key) if key.kind != KeyEventKind::Release => return pressed(model, key),
        Message::Key(_) => {}
        Message::KeyAmongOthers(key) => {
            if let Some(guard) = &mut model.guard {
                guard.among_others(true);
            }
            let requests = pressed(model, key);
            if let Some(guard) = &mut model.guard {
                guard.among_others(false);
            }
            return requests;
        }
        // Pasted text is typed where text is typed, and asks for nothing anywhere else.
        Message::Paste(text) => {
            match &mut model.overlay {
                Some(Overlay::Form(form)) => {
                    let over = form.paste(&text);
                    cut(model, over);
                }
                Some(Overlay::Palette { letters, .. }) => {
                    palette::paste(letters, &text);
                    let letters = letters.clone();
                    palette::find(model, letters);
                }
                _ => model.say("nothing is typed here, so nothing was pasted", true),
            }
            if let Some(Overlay::Form(form)) = &model.overlay
                && form.purpose == Purpose::Search
            {
                let wanted = form.value().to_owned();
                evidence::typed(model, &wanted);
            }
        }
        Message::Wheel(up) => {
            let id = if up { CommandId::Up } else { CommandId::Down };
            if model.overlay.is_none() {
                return movement::go(model, id);
            }
        }
        Message::Named(entry) => {
            model.message = None;
            let key = model.keys.of(entry).first().and_then(|key| event_of(key));
            // Which branch is not said by the command's name.
            let key = key.filter(|_| entry.id != CommandId::Branch);
            let key = key.unwrap_or(KeyEvent::new(KeyCode::Null, KeyModifiers::NONE));
            return run(model, entry, key);
        }
        Message::Selected(at) => return movement::select(model, at),
        Message::Focused(focused) => model.focused = Some(focused),
        Message::KeysRead(keys) => model.keys = keys,
        Message::TailRead(tail) => model.evidence.tail = *tail,
        Message::Resized { width, height } => {
            model.size = (width, height);
            return look(model);
        }
        Message::BoardSeen(board) => {
            // Nothing is selected until the responder moves: the first row is the one offered.
            model.forget_cells();
            model.board = board;
            model.arrange();
            return look(model);
        }
        Message::IncidentMoved(snapshot) => return moved(model, snapshot),
        Message::IncidentsSeen(all) => {
            let chosen = match model.overlay {
                Some(Overlay::Unfinished { at }) => model.unfinished().nth(at),
                _ => None,
            };
            let chosen = chosen.map(|one| one.id.clone());
            model.incidents = all;
            let introduces = matches!(
                model.overlay,
                Some(Overlay::Read {
                    what: Text::Introduction,
                    ..
                })
            );
            // Whoever has had incidents here needs no introduction, least of all now.
            if introduces && !model.introduced && !model.incidents.is_empty() {
                model.overlay = None;
                model.introduced = true;
            }
            offer(model);
            let place = model
                .unfinished()
                .position(|one| chosen.as_ref() == Some(&one.id));
            let last = model.unfinished().count().saturating_sub(1);
            if let Some(Overlay::Unfinished { at }) = &mut model.overlay {
                *at = place.unwrap_or(*at).min(last);
            }
        }
        Message::Recovered(what) => model.recovered = Some(what),
        Message::BrokenSeen(operations, channels) => {
            model.broken = operations;
            model.untold = channels;
        }
        Message::RequestsSeen(requests) => {
            let before = std::mem::replace(&mut model.requests, requests);
            panes::requests_moved(model);
            // Where nothing stood, nothing is replaced.
            if before.asked.is_empty() {
                panes::select_first(model);
            }
        }
        Message::HealingsSeen(healings) => model.healings = healings,
        Message::ListsSeen(lists) => {
            if let Some(recovered) = &lists.recovered
                && model.lists.recovered != lists.recovered
            {
                model.recovered = Some(recovered.clone());
            }
            model.lists = lists;
        }
        Message::CatalogRead(catalog) => model.catalog = catalog,
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

/// Unfinished incidents are offered once, first, and take no key away from what is being done
/// already.
fn offer(model: &mut Model) {
    let free = model.overlay.is_none() && model.incident.is_none() && !model.opening;
    let reads = matches!(model.overlay, Some(Overlay::Read { .. }));
    if model.offered || reads {
        return;
    }
    model.offered = true;
    if free && model.unfinished().next().is_some() {
        model.overlay = Some(Overlay::Unfinished { at: 0 });
    }
}

/// Takes a snapshot over. The screen follows the responder's own steps, and never jumps away
/// from what is being read.
fn moved(model: &mut Model, snapshot: Arc<crate::engine::Snapshot>) -> Vec<Request> {
    let mut requests = Vec::new();
    let place = |snapshot: &crate::engine::Snapshot| {
        let execution = snapshot.state.execution()?;
        let visit = execution.visits.last()?;
        Some((
            execution.id,
            visit.step.clone(),
            visit.number,
            snapshot.state.pending_escalation().is_some(),
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
        model.folded.clear();
        model.evidence = Reading::default();
        requests.push(Request::StopTail);
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
    forms::revise(model);
    requests
}

/// Asks for the values of the alarms in view.
fn look(model: &Model) -> Vec<Request> {
    let rows = model.rows();
    let height = usize::from(model.size.1);
    let at = model.selected_index();
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
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        match key.code {
            KeyCode::Char('c') => return vec![Request::Quit],
            KeyCode::Char('z') => return vec![Request::Suspend],
            _ => {}
        }
    }
    // What nobody can see, nobody answers.
    let leaves = model.keys.find(&key, &[Place::Everywhere]);
    let leaves = leaves.is_some_and(|entry| entry.id == CommandId::Quit);
    if model.size.0 < SMALLEST.0 || model.size.1 < SMALLEST.1 {
        return leaves.then_some(Request::Quit).into_iter().collect();
    }
    // Where nothing is typed, what lies over the screen can be left like everything else.
    let typed = matches!(
        model.overlay,
        Some(Overlay::Form(_) | Overlay::Palette { .. }) | None
    );
    if leaves && !typed {
        return vec![Request::Quit];
    }
    match model.overlay.take() {
        Some(Overlay::Form(form)) => return forms::in_form(model, form, key),
        Some(Overlay::Help { scroll }) => {
            choice::in_help(model, scroll, key);
            return Vec::new();
        }
        Some(Overlay::Card { card, scroll }) => {
            return choice::in_card(model, (card, scroll), key);
        }
        Some(Overlay::Unfinished { at }) => return choice::in_unfinished(model, at, key),
        Some(Overlay::Choose { alarm, at }) => return choice::in_choice(model, alarm, at, key),
        Some(Overlay::Palette { letters, at, found }) => {
            return palette::key(model, (letters, at, found), key);
        }
        Some(Overlay::Links { links, at }) => return links::key(model, links, at, key),
        Some(Overlay::Read { what, scroll }) if choice::in_text(model, what, scroll, key) => {
            return Vec::new();
        }
        Some(Overlay::Read { .. }) | None => {}
    }
    let keys = Arc::clone(&model.keys);
    let Some(entry) = keys.find(&key, &model.places()) else {
        if model.tree {
            let back = model.key(CommandId::Tree, Place::Incident);
            let text = format!("the tree has the keys; {back} goes back to the question");
            model.say(text, true);
        } else if model.reading.is_some() {
            let back = model.key(CommandId::Back, Place::Everywhere);
            let text = format!("you are reading another step; {back} goes back to the question");
            model.say(text, true);
        }
        return Vec::new();
    };
    if entry.place.answers() && !model.lets(&key) {
        return Vec::new();
    }
    model.message = None;
    run(model, entry, key)
}

/// Says that not everything had room.
pub(super) fn cut(model: &mut Model, over: usize) {
    if over > 0 {
        let text = format!("the last {over} letters had no room and were left out");
        model.say(text, true);
    }
}

/// Whether a key may answer what lies over the screen; where it may not, that stays there.
fn lets_in(model: &mut Model, overlay: Overlay, key: &KeyEvent) -> bool {
    model.overlay = Some(overlay);
    let lets = model.lets(key);
    if lets {
        model.overlay = None;
    }
    lets
}

impl Model {
    /// Whether a key may answer what is asked: nobody answers what they could not read yet.
    fn lets(&mut self, key: &KeyEvent) -> bool {
        let (Some(asked), Some(spelled)) = (self.asked(), name(key)) else {
            return true;
        };
        let lets = self
            .guard
            .as_mut()
            .is_none_or(|guard| guard.lets(&asked, &spelled));
        if !lets {
            let text =
                format!("{spelled} came with the question, and did not answer it: read it first");
            self.say(text, true);
        }
        lets
    }
}

/// Why a key does nothing now, and what would.
fn why_not(id: CommandId) -> &'static str {
    match id {
        CommandId::Close => "an incident is closed once it is resolved and no playbook is walked",
        CommandId::Unfinished => "no incident is unfinished here",
        CommandId::StopPlaybook => "no playbook is walked",
        CommandId::Acknowledge | CommandId::Mitigate | CommandId::Resolve => {
            "the incident is there already; a status only moves forward"
        }
        CommandId::ApproveChange => {
            "others were asked already, or it is over its ceiling: what stands on the screen is next"
        }
        CommandId::RaiseCeiling => "the change is not over its ceiling",
        CommandId::Agree | CommandId::Disagree => {
            "nobody waits for your answer to this: one's own request is for somebody else"
        }
        CommandId::Open => "a playbook is walked already: stop it first",
        _ => "that does nothing now; ? shows the keys that do",
    }
}

fn run(model: &mut Model, entry: &Entry, key: KeyEvent) -> Vec<Request> {
    if !model.allows(entry.id) {
        model.say(why_not(entry.id), true);
        return Vec::new();
    }
    match entry.id {
        CommandId::Quit => return vec![Request::Quit],
        CommandId::Suspend => return vec![Request::Suspend],
        CommandId::Unfinished => model.overlay = Some(Overlay::Unfinished { at: 0 }),
        CommandId::TakeOver => return forms::take_over(model),
        CommandId::HandOver => model.overlay = forms::hand_over(model).map(Overlay::Form),
        CommandId::Card => return choice::show_card(model),
        CommandId::KeepIt => return control(Control::KeepIt, "you stay the writer"),
        CommandId::AskAnew => return ask_anew(model),
        CommandId::ApproveChange
        | CommandId::PassGate
        | CommandId::RejectGate
        | CommandId::RaiseCeiling
        | CommandId::Undo
        | CommandId::Heal
            if model.header.read_only =>
        {
            model.say(crate::engine::Unanswered::ReadOnly.to_string(), true);
        }
        CommandId::Heal => return accept_healing(model),
        CommandId::LeaveHealing => return leave_healing(model),
        CommandId::Undo | CommandId::VerifyAgain => return after_change(model, entry.id),
        CommandId::Help => model.overlay = Some(Overlay::Help { scroll: 0 }),
        CommandId::Back => back(model),
        CommandId::Board => {
            model.screen = Screen::Board;
            model.scroll = 0;
        }
        CommandId::Palette => palette::open(model),
        CommandId::Link => return links::open(model),
        CommandId::Messages => {
            model.overlay = Some(Overlay::Read {
                what: Text::Messages,
                scroll: 0,
            });
        }
        CommandId::Introduction => {
            model.overlay = Some(Overlay::Read {
                what: Text::Introduction,
                scroll: 0,
            });
        }
        CommandId::Zone => {
            model.zone = model.zone.other();
            let text = match model.zone {
                crate::tui::Zone::Utc => "times are UTC",
                crate::tui::Zone::Local => "times are this host's, with their distance from UTC",
            };
            model.say(text, false);
            return vec![Request::Remember];
        }
        CommandId::Reload => return vec![Request::Reload],
        CommandId::Evidence => evidence::open(model),
        CommandId::NextEvidence
        | CommandId::PreviousEvidence
        | CommandId::Wrap
        | CommandId::Search
        | CommandId::NextMatch
        | CommandId::PreviousMatch
        | CommandId::CursorLeft
        | CommandId::CursorRight
        | CommandId::CopyEvidence
        | CommandId::Samples
        | CommandId::Follow => return evidence::run(model, entry.id),
        CommandId::Fold => movement::fold(model),
        CommandId::Requests => panes::open(model, Screen::Requests),
        CommandId::Healings => panes::open(model, Screen::Healings),
        CommandId::Timeline => panes::open(model, Screen::Timeline),
        CommandId::Statistics => panes::open(model, Screen::Statistics),
        CommandId::FilterList => {
            let form = Form::one(
                "Filter",
                Purpose::FilterList,
                "show lines that contain",
                true,
            );
            model.overlay = Some(Overlay::Form(form.with(&model.list_filter)));
        }
        CommandId::Agree | CommandId::Disagree => panes::answer(model, entry.id),
        CommandId::SwitchRule | CommandId::StopHealing => panes::switch(model, entry.id),
        CommandId::Incident => {
            model.screen = Screen::Incident;
            model.scroll = 0;
        }
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
            return movement::go(model, entry.id);
        }
        CommandId::Filter => {
            let what = "words, -words, and column:value such as state:alarm sev:high age:<1h";
            let form = Form::one("Filter", Purpose::Filter, what, true).with(&model.filter);
            model.overlay = Some(Overlay::Form(form));
        }
        CommandId::Sort => {
            model.order = model.order.next();
            model.arrange();
            panes::sorted(model);
            let mut requests = look(model);
            requests.push(Request::Remember);
            return requests;
        }
        CommandId::AcknowledgeAlarm => {
            model.overlay = forms::acknowledge(model).map(Overlay::Form);
        }
        CommandId::Open => return choice::choose(model),
        CommandId::Attach => return choice::attach(model),
        CommandId::Acknowledge => return status(IncidentStatus::Acknowledged),
        CommandId::CancelCheck => return ask(Command::CancelCurrent, "asked to stop"),
        CommandId::UndoBranch => {
            return ask(Command::UndoBranch, "the branch was undone: choose again");
        }
        CommandId::ReadAgain => return read_again(model),
        CommandId::Copy => return copy(model),
        CommandId::Approve => return approve(model),
        CommandId::Branch => {
            let at = model.keys.place_of(&key, entry);
            return branch(model, at);
        }
        CommandId::Answer
        | CommandId::ApproveChange
        | CommandId::Decline
        | CommandId::RaiseCeiling
        | CommandId::PassGate
        | CommandId::RejectGate
        | CommandId::Mitigate
        | CommandId::Resolve
        | CommandId::Close
        | CommandId::Postpone
        | CommandId::Done
        | CommandId::Failed
        | CommandId::Skipped
        | CommandId::Escalate
        | CommandId::Answered
        | CommandId::Update
        | CommandId::Note
        | CommandId::Regrade
        | CommandId::StopPlaybook => {
            model.overlay = forms::form(model, entry.id).map(Overlay::Form);
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

fn control(control: Control, done: impl Into<String>) -> Vec<Request> {
    vec![Request::Control {
        control,
        done: done.into(),
    }]
}

fn ask_anew(model: &Model) -> Vec<Request> {
    let (step, visit) = match model.question() {
        Some(Question::Unknown { step, visit, .. } | Question::NotStarted { step, visit, .. }) => {
            (step.id.clone(), visit)
        }
        Some(Question::Undescribed(survey)) => (survey.step.clone(), survey.visit),
        _ => return Vec::new(),
    };
    ask(
        Command::RequestAgain { step, visit },
        "it is described anew; nothing is done before you approve it",
    )
}

fn accept_healing(model: &Model) -> Vec<Request> {
    let snapshot = model.incident.as_ref();
    let Some(waiting) = snapshot.and_then(|snapshot| snapshot.state.proposed()) else {
        return Vec::new();
    };
    let command = Command::AcceptHealing {
        rule: waiting.run.rule.clone(),
        resource: waiting.run.resource.clone(),
    };
    ask(command, "opened; nothing runs before you approve it")
}

/// Leaves what a rule proposes: the record says that it was not approved.
fn leave_healing(model: &Model) -> Vec<Request> {
    let Some((step, visit)) = model.healing_to_leave() else {
        return Vec::new();
    };
    let command = Command::Decline {
        step,
        visit,
        reason: "left without an answer".to_owned(),
    };
    ask(command, "left; nothing was changed")
}

/// What follows where a change did not have its effect.
fn after_change(model: &Model, id: CommandId) -> Vec<Request> {
    let Some(Question::Standing { step, change, .. }) = model.question() else {
        return Vec::new();
    };
    let (step, visit) = (step.id.clone(), change.visit);
    if id == CommandId::Undo {
        let done = "what takes it back is described; nothing is done before you approve it";
        return ask(Command::Undo { step, visit }, done);
    }
    ask(Command::VerifyAgain { step, visit }, "looking again")
}

fn status(to: IncidentStatus) -> Vec<Request> {
    ask(
        Command::SetStatus(to),
        format!("the incident is {}", to.name()),
    )
}

fn back(model: &mut Model) {
    if model.recovered.take().is_some() {
        return;
    }
    if model.screen == Screen::Evidence {
        if !model.evidence.search.is_empty() {
            model.evidence.search.clear();
        } else if model.evidence.samples {
            model.evidence.samples = false;
            model.evidence.scroll = 0;
        } else {
            model.screen = Screen::Incident;
        }
    } else if model.reading.is_some() {
        model.reading = None;
        model.scroll = 0;
    } else if model.tree {
        model.tree = false;
    } else if model.screen == Screen::Timeline && model.list_filter.is_empty() {
        // It belongs to the incident.
        let open = model.incident.is_some();
        model.screen = if open {
            Screen::Incident
        } else {
            Screen::Board
        };
        model.scroll = 0;
    } else if matches!(model.screen, Screen::Timeline | Screen::Statistics)
        && !model.list_filter.is_empty()
    {
        model.list_filter.clear();
        model.scroll = 0;
    } else if matches!(
        model.screen,
        Screen::Requests | Screen::Healings | Screen::Statistics
    ) {
        model.screen = Screen::Board;
        model.scroll = 0;
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

fn copy(model: &mut Model) -> Vec<Request> {
    let commands = crate::tui::view::commands_here(model);
    if commands.is_empty() {
        model.say("this step has no commands", true);
        return Vec::new();
    }
    let command = commands[model.next_copy % commands.len()].clone();
    model.next_copy += 1;
    vec![Request::Copy {
        what: command.clone(),
        text: command,
    }]
}

fn approve(model: &Model) -> Vec<Request> {
    match model.question() {
        Some(Question::Escalation(escalation)) => {
            let done = format!(
                "escalation approved: paging starts along the path {}",
                escalation.path
            );
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

/// Reads again what the screen shows: a step, or all that a decision reads.
fn read_again(model: &mut Model) -> Vec<Request> {
    let steps = model.shown_steps();
    if steps.is_empty() {
        model.say(
            "nothing on this screen is read by a step of the playbook",
            true,
        );
        return Vec::new();
    }
    let done = match steps.as_slice() {
        [_] => "reading it again".to_owned(),
        all => format!("reading {} steps again", all.len()),
    };
    ask(Command::ReadAgain(steps), done)
}

/// Takes the branch of a key; a name alone does not say which.
fn branch(model: &mut Model, at: Option<usize>) -> Vec<Request> {
    let Some(Question::Decision {
        step,
        visit,
        branches,
        ..
    }) = model.question()
    else {
        return Vec::new();
    };
    let count = branches.len();
    let Some((index, view)) = at.and_then(|index| Some((index, branches.get(index)?))) else {
        let text = match at {
            Some(_) => format!("there are {count} branches"),
            None => format!("which one? its number takes it, from 1 to {count}"),
        };
        model.say(text, true);
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
            format!(
                "taken: {label} · {} undoes it for {} s",
                model.key(CommandId::UndoBranch, Place::Undoable),
                UNDO.num_seconds()
            ),
        );
    }
    let recommended = branches
        .iter()
        .find(|view| view.recommended)
        .map_or("", |view| view.branch.label.as_str());
    let title = if recommended.is_empty() {
        format!("Take \"{label}\" although nothing is recommended")
    } else {
        format!("Take \"{label}\" although \"{recommended}\" is recommended")
    };
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
