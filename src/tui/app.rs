//! The loop: take what is ready, update, draw when something changed, do what has to be done.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::left::{How, Left};
use super::message::{Message, Request};
use super::model::{Header, Model, Screen as Shown};
use super::panes::{Healings, Lists, Requests};
use super::signals::{Signals, Told};
use super::terminal::{Screen, TerminalError, failures};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::alarms::Board;
use crate::approvals::Decision;
use crate::clock;
use crate::config::SeverityRule;
use crate::engine::{self, Handle, Recorder};
use crate::incident::{AlarmRef, Command, IncidentId, Rehearsal};
use crate::journal::{Acknowledgement, JournalError, Summary, Switch};
use crate::notify::Signal;
use crate::playbook::{Catalog, Severity};

/// Background changes are drawn at most this often.
const FRAME: Duration = Duration::from_millis(16);
/// Whoever pressed a key a moment ago looks at the screen, and is not called.
const AWAY: Duration = Duration::from_secs(5);
/// Whoever pressed none for so long has left.
const LEFT: Duration = Duration::from_mins(1);
/// How often elapsed times move.
const TICK: Duration = Duration::from_secs(1);

/// Records that somebody looks after an alarm, and says what came of it.
pub type Acknowledge = Box<
    dyn Fn(Acknowledgement) -> futures_util::future::BoxFuture<'static, Result<(), String>>
        + Send
        + Sync,
>;

/// Answers the request with a digest, and says what came of it.
pub type Reply = Box<
    dyn Fn(
            (String, String, Decision),
        ) -> futures_util::future::BoxFuture<'static, Result<String, String>>
        + Send
        + Sync,
>;

/// What the console works with.
pub struct Surroundings {
    /// How things look.
    pub theme: Theme,
    /// What the header says from the start.
    pub header: Header,
    /// How often alarms are asked for.
    pub refresh: Duration,
    /// The playbooks, once they are read.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// The alarms.
    pub boards: watch::Receiver<Arc<Board>>,
    /// Which alarms are in view.
    pub visible: watch::Sender<Vec<Arc<AlarmRef>>>,
    /// The journal.
    pub recorder: Recorder,
    /// How engines are made.
    pub engine: engine::Settings,
    /// The rehearsal this is.
    pub rehearsal: Option<Rehearsal>,
    /// How alarms are graded by their names.
    pub severities: Vec<SeverityRule>,
    /// Records that somebody looks after an alarm.
    pub acknowledge: Acknowledge,
    /// What the rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// Whether an incident is opened although an unfinished one is there for the alarm.
    pub fresh: bool,
    /// The incident to open at once.
    pub open: Option<IncidentId>,
    /// Unfinished incidents, or why none could be looked for.
    pub unfinished: watch::Receiver<Option<Result<Vec<Summary>, String>>>,
    /// What others ask this user to agree to.
    pub requests: watch::Receiver<Arc<Requests>>,
    /// The healing rules, and what they have done.
    pub healings: watch::Receiver<Arc<Healings>>,
    /// The channels that are left alone because they kept failing, in words.
    pub untold: watch::Receiver<Vec<String>>,
    /// What is read line by line.
    pub lists: watch::Receiver<Arc<Lists>>,
    /// How the terminal calls its user when an answer is needed.
    pub signals: Vec<Signal>,
    /// Is told which screen is looked at.
    pub looking: watch::Sender<Shown>,
    /// Answers a request of somebody else's.
    pub reply: Reply,
    /// Is told of every incident that is opened.
    pub opened: Box<dyn Fn(&Handle) + Send + Sync>,
}

/// Runs the console until the responder leaves, or is made to.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(mut surroundings: Surroundings) -> Result<Left, TerminalError> {
    let mut signals = Signals::listen()?;
    let mut screen = Screen::take()?;
    let mut handle: Option<Handle> = None;
    let talk = converse(&mut surroundings, &mut screen, &mut signals, &mut handle);
    // A panic has been told, and has given the terminal back; what is open is still left in order.
    let how = AssertUnwindSafe(talk)
        .catch_unwind()
        .await
        .unwrap_or(Ok(How::Failed));
    drop(screen);
    let incident = match handle {
        Some(handle) => Some((handle.id.clone(), handle.leave().await)),
        None => None,
    };
    Ok(Left {
        incident,
        // A terminal that can no longer be drawn on is gone: the record still says how to go on.
        how: match how {
            Err(TerminalError::Io(_)) => How::TerminalGone,
            other => other?,
        },
        failures: failures(),
    })
}

async fn converse(
    surroundings: &mut Surroundings,
    screen: &mut Screen,
    signals: &mut Signals,
    handle: &mut Option<Handle>,
) -> Result<How, TerminalError> {
    let size = crossterm::terminal::size()?;
    let mut model = Model::new(
        surroundings.header.clone(),
        size,
        clock::now(),
        surroundings.refresh,
    );
    model.hints.clone_from(&surroundings.hints);
    model.severities.clone_from(&surroundings.severities);
    let theme = surroundings.theme.clone();
    screen.draw(|frame| view(&model, &theme, frame))?;

    let (said, mut answers) = mpsc::channel::<Said>(64);
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut snapshots: Option<watch::Receiver<Arc<engine::Snapshot>>> = None;
    // Whoever asked for an incident is offered no other.
    model.offered = surroundings.open.is_some();
    let mut recovered = surroundings.recorder.recovered();
    let mut drawn = Instant::now();
    let mut pressed = Instant::now();
    let mut ring: Option<(String, Instant)> = None;
    let mut dirty = false;
    // Sources that have ended are not asked again.
    let mut open = Open {
        catalog: true,
        boards: true,
        unfinished: true,
        recovered: true,
        requests: true,
        healings: true,
        lists: true,
    };
    surroundings.catalog.mark_changed();
    surroundings.boards.mark_changed();
    surroundings.unfinished.mark_changed();
    surroundings.requests.mark_changed();
    surroundings.healings.mark_changed();
    recovered.mark_changed();
    if let Some(id) = surroundings.open.take() {
        take_up(id, surroundings, said.clone());
    }

    loop {
        let mut at_once = false;
        let mut messages = Vec::new();
        tokio::select! {
            biased;
            told = signals.next() => match told {
                Told::End(signal) => return Ok(How::Signal(signal)),
                Told::Suspend => {
                    screen.suspend()?;
                    messages.extend(resized());
                }
                Told::Continued => {
                    screen.retake()?;
                    messages.extend(resized());
                }
            },
            event = keys.next() => match event {
                Some(Ok(event)) => {
                    at_once = true;
                    pressed = Instant::now();
                    messages.extend(message(event));
                }
                // The terminal is gone.
                Some(Err(_)) | None => return Ok(How::TerminalGone),
            },
            Some(answer) = answers.recv() => match answer {
                Said::Message(message) => messages.push(message),
                Said::Opened(opened) => {
                    let mut receiver = opened.subscribe();
                    receiver.mark_changed();
                    snapshots = Some(receiver);
                    if let Some(before) = handle.replace(opened) {
                        tokio::spawn(async move { before.leave().await });
                    }
                    if let Some(opened) = &*handle {
                        (surroundings.opened)(opened);
                    }
                }
            },
            moved = changed(snapshots.as_mut()), if snapshots.is_some() => match (moved, &mut snapshots) {
                (Ok(()), Some(receiver)) => {
                    messages.push(Message::IncidentMoved(Arc::clone(&receiver.borrow_and_update())));
                }
                // The engine is gone although nobody ended it: its task failed.
                _ => return Ok(How::Failed),
            },
            result = surroundings.catalog.changed(), if open.catalog => {
                open.catalog = result.is_ok();
                messages.push(Message::CatalogRead(Arc::clone(&surroundings.catalog.borrow_and_update())));
            },
            result = surroundings.boards.changed(), if open.boards => {
                open.boards = result.is_ok();
                messages.push(Message::BoardSeen(Arc::clone(&surroundings.boards.borrow_and_update())));
            },
            result = surroundings.unfinished.changed(), if open.unfinished => {
                open.unfinished = result.is_ok();
                match surroundings.unfinished.borrow_and_update().clone() {
                    Some(Ok(all)) => messages.push(Message::Unfinished(all)),
                    Some(Err(error)) => messages.push(Message::Answered(Err(error))),
                    None => {}
                }
            },
            result = surroundings.requests.changed(), if open.requests => {
                open.requests = result.is_ok();
                messages.push(Message::RequestsSeen(Arc::clone(&surroundings.requests.borrow_and_update())));
            },
            result = surroundings.healings.changed(), if open.healings => {
                open.healings = result.is_ok();
                messages.push(Message::HealingsSeen(Arc::clone(&surroundings.healings.borrow_and_update())));
            },
            result = surroundings.lists.changed(), if open.lists => {
                open.lists = result.is_ok();
                messages.push(Message::ListsSeen(Arc::clone(&surroundings.lists.borrow_and_update())));
            },
            result = recovered.changed(), if open.recovered => {
                open.recovered = result.is_ok();
                if let Some(recovered) = &*recovered.borrow_and_update() {
                    messages.push(Message::Recovered(recovered.to_string()));
                }
            },
            _ = ticks.tick() => {
                let mut broken = surroundings.engine.aws.broken();
                broken.extend(surroundings.untold.borrow().iter().cloned());
                if broken != model.broken {
                    messages.push(Message::BrokenSeen(broken));
                }
                messages.push(Message::Ticked(clock::now()));
            }
            () = sleep_until(drawn + FRAME), if dirty => {}
        }
        let asked = calls(surroundings, &model);
        for message in messages {
            dirty = true;
            for request in update(&mut model, message) {
                match request {
                    Request::Quit => return Ok(How::Quit),
                    Request::Suspend => {
                        screen.suspend()?;
                        if let Some(message) = resized() {
                            let _ = update(&mut model, message);
                        }
                    }
                    Request::Copy(text) => {
                        let answer = screen
                            .copy(&text)
                            .map(|()| format!("sent to your terminal's clipboard: {text}"))
                            .map_err(|error| format!("failed to copy: {error}"));
                        let _ = update(&mut model, Message::Answered(answer));
                    }
                    Request::Look(alarms) => {
                        surroundings.visible.send_if_modified(|seen| {
                            let other = *seen != alarms;
                            if other {
                                *seen = alarms;
                            }
                            other
                        });
                    }
                    Request::AcknowledgeAlarm {
                        alarm,
                        name,
                        minutes,
                        note,
                    } => {
                        let now = clock::now();
                        let one = Acknowledgement {
                            alarm,
                            by: surroundings.engine.actor.user.clone(),
                            at: now,
                            until: now + chrono::Duration::minutes(minutes),
                            note,
                        };
                        let until = one.until.format("%H:%MZ").to_string();
                        let (recorded, said) = ((surroundings.acknowledge)(one), said.clone());
                        tokio::spawn(async move {
                            let answer = recorded
                                .await
                                .map(|()| format!("you look after {name} until {until}"));
                            let _ = said.send(Said::Message(Message::Answered(answer))).await;
                        });
                    }
                    Request::Reply {
                        digest,
                        typed,
                        decision,
                    } => {
                        let replied = (surroundings.reply)((digest, typed, decision));
                        let said = said.clone();
                        tokio::spawn(async move {
                            let answer = replied.await;
                            let _ = said.send(Said::Message(Message::Answered(answer))).await;
                        });
                    }
                    Request::SwitchHealing { rule, enabled } => {
                        switch(surroundings, rule, enabled, said.clone());
                    }
                    Request::Ask { command, done } => {
                        ask(handle.as_ref(), command, done, said.clone());
                    }
                    Request::Control { control, done } => {
                        steer(handle.as_ref(), control, done, said.clone());
                    }
                    Request::TakeUp(id) => take_up(id, surroundings, said.clone()),
                    Request::OpenIncident {
                        alarm,
                        playbook,
                        grade,
                    } => open_incident(
                        (&alarm, grade),
                        &playbook,
                        &model.catalog,
                        surroundings,
                        said.clone(),
                    ),
                    Request::StartPlaybook(playbook) => {
                        start(handle.as_ref(), &playbook, &model.catalog, said.clone());
                    }
                }
            }
        }
        let asks = calls(surroundings, &model);
        if asks != asked {
            // What came with a key of the responder's is seen by them, unless they left.
            let away = pressed.elapsed() >= AWAY;
            ring = asks.map(|text| {
                (
                    text,
                    Instant::now() + if away { Duration::ZERO } else { LEFT },
                )
            });
        }
        if let Some((text, at)) = ring.take_if(|(_, at)| *at <= Instant::now())
            && pressed.elapsed() >= at.elapsed().max(AWAY)
        {
            screen.call(&surroundings.signals, &text)?;
        }
        surroundings.looking.send_if_modified(|seen| {
            let other = *seen != model.screen;
            *seen = model.screen;
            other
        });
        if dirty && (at_once || drawn.elapsed() >= FRAME) {
            screen.draw(|frame| view(&model, &theme, frame))?;
            drawn = Instant::now();
            dirty = false;
        }
    }
}

/// What the terminal calls its user for, where it is to.
fn calls(surroundings: &Surroundings, model: &Model) -> Option<String> {
    if surroundings.signals.is_empty() {
        return None;
    }
    model.waits_for()
}

/// The terminal may have another size after a pause.
fn resized() -> Option<Message> {
    let (width, height) = crossterm::terminal::size().ok()?;
    Some(Message::Resized { width, height })
}

#[expect(clippy::struct_excessive_bools, reason = "one for each source")]
struct Open {
    catalog: bool,
    boards: bool,
    unfinished: bool,
    recovered: bool,
    requests: bool,
    healings: bool,
    lists: bool,
}

/// What comes back from tasks.
enum Said {
    Message(Message),
    Opened(Handle),
}

async fn changed(
    receiver: Option<&mut watch::Receiver<Arc<engine::Snapshot>>>,
) -> Result<(), watch::error::RecvError> {
    match receiver {
        Some(receiver) => receiver.changed().await,
        None => std::future::pending().await,
    }
}

fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(key)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resized { width, height }),
        _ => None,
    }
}

fn ask(handle: Option<&Handle>, command: Command, done: String, said: mpsc::Sender<Said>) {
    // Submitted here, so that two keys keep their order; only the answer is waited for elsewhere.
    let submitted = handle.map(|handle| handle.submit(command));
    tokio::spawn(async move {
        let answer = match submitted {
            Some(Ok(answered)) => answered
                .await
                .unwrap_or(Err(engine::Unanswered::Gone))
                .map(|()| done)
                .map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no incident is open".into()),
        };
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

/// Lets a healing rule count, or count no longer, for every console on the store.
fn switch(surroundings: &Surroundings, rule: String, enabled: bool, said: mpsc::Sender<Said>) {
    let actor = &surroundings.engine.actor;
    let switch = Switch {
        by: format!("{}@{}", actor.user, actor.host),
        at: clock::now(),
        rule,
        enabled,
    };
    let recorder = surroundings.recorder.clone();
    tokio::spawn(async move {
        let done = switch.to_string();
        let kept = recorder
            .call(move |journal| journal.switch_healing(&switch))
            .await;
        let answer = kept
            .map(|()| done)
            .map_err(|error: JournalError| format!("not switched: {error}"));
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

fn start(handle: Option<&Handle>, playbook: &str, catalog: &Catalog, said: mpsc::Sender<Said>) {
    let Some(entry) = catalog.get(playbook) else {
        return;
    };
    ask(
        handle,
        Command::start(entry),
        format!("started: {}", entry.playbook.name),
        said,
    );
}

/// Asks something of the engine itself.
fn steer(
    handle: Option<&Handle>,
    control: engine::Control,
    done: String,
    said: mpsc::Sender<Said>,
) {
    let Some(handle) = handle.cloned() else {
        return;
    };
    tokio::spawn(async move {
        let answer = handle
            .control(control)
            .await
            .map(|()| done)
            .map_err(|error| error.to_string());
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

fn open_incident(
    (alarm, grade): (&AlarmRef, Option<Severity>),
    playbook: &str,
    catalog: &Catalog,
    surroundings: &Surroundings,
    said: mpsc::Sender<Said>,
) {
    let Some(entry) = catalog.get(playbook).cloned() else {
        return;
    };
    let alarm = alarm.clone();
    let surroundings = surroundings.taking_up();
    tokio::spawn(async move {
        let recorder = surroundings.recorder.clone();
        let wanted = alarm.clone();
        // A watcher or another console may have opened one for it meanwhile.
        // What cannot be read cannot be written either, which is said below.
        let known = if surroundings.fresh {
            Ok(None)
        } else {
            recorder
                .call(move |journal| journal.unfinished_for(&wanted))
                .await
        };
        if let Ok(Some(id)) = known {
            return take_up_now(id, surroundings, said).await;
        }
        let settings = surroundings.settings.clone();
        let open = Command::open_for(&entry, alarm, grade, surroundings.rehearsal.clone());
        let handle = match engine::open(open, recorder, settings).await {
            Ok(handle) => handle,
            Err(error) => {
                let _ = said
                    .send(Said::Message(Message::Answered(Err(error.to_string()))))
                    .await;
                return;
            }
        };
        let started = handle
            .ask(Command::start(&entry))
            .await
            .map(|()| format!("incident {} is open", handle.id))
            .map_err(|error| error.to_string());
        // Opened first: what follows belongs to it.
        let _ = said.send(Said::Opened(handle)).await;
        let _ = said.send(Said::Message(Message::Answered(started))).await;
    });
}

fn take_up(id: IncidentId, surroundings: &Surroundings, said: mpsc::Sender<Said>) {
    tokio::spawn(take_up_now(id, surroundings.taking_up(), said));
}

/// What it takes to open an incident, or to take one up.
struct TakingUp {
    settings: engine::Settings,
    recorder: Recorder,
    rehearsal: Option<Rehearsal>,
    fresh: bool,
}

impl Surroundings {
    fn taking_up(&self) -> TakingUp {
        TakingUp {
            settings: self.engine.clone(),
            recorder: self.recorder.clone(),
            rehearsal: self.rehearsal.clone(),
            fresh: self.fresh,
        }
    }
}

async fn take_up_now(id: IncidentId, surroundings: TakingUp, said: mpsc::Sender<Said>) {
    let (mut settings, recorder) = (surroundings.settings, surroundings.recorder);
    // Whom to ask next is read with the playbooks: nothing is decided before it is known. The
    // binary has playbooks of its own; where reading failed, the incident is taken up without.
    let read = |catalog: &Arc<Catalog>| !catalog.entries.is_empty() || !catalog.broken.is_empty();
    drop(settings.catalog.wait_for(read).await);
    let answer = match engine::resume(id.clone(), recorder, settings).await {
        Ok(handle) => {
            let role = handle.snapshot().role.clone();
            // Who only watches hands over to whoever opens the incident.
            let watched = match &role {
                engine::Role::Follower {
                    writer: Some(writer),
                    ..
                } => engine::is_watcher(&writer.to_string()),
                _ => false,
            };
            if watched && let Err(error) = handle.control(engine::Control::TakeOver).await {
                let _ = said
                    .send(Said::Message(Message::Answered(Err(error.to_string()))))
                    .await;
            }
            let _ = said.send(Said::Opened(handle)).await;
            Ok(match role {
                engine::Role::Follower { .. } if watched => {
                    format!("incident {id}: the watcher hands it over to you")
                }
                engine::Role::Writer { .. } => format!("incident {id}: you are where it stood"),
                engine::Role::Imported => {
                    format!("incident {id} was imported: it can be read, and not continued")
                }
                engine::Role::Follower { writer, .. } => format!(
                    "incident {id} is written by {}; you follow, T takes over",
                    writer.map_or_else(|| "nobody".into(), |writer| writer.to_string())
                ),
            })
        }
        Err(error) => Err(format!("incident {id} could not be taken up: {error}")),
    };
    let _ = said.send(Said::Message(Message::Answered(answer))).await;
}
