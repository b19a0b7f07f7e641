//! The loop: take what is ready, update, draw when something changed, do what has to be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::message::{Message, Request};
use super::model::{Connection, Header, Model};
use super::terminal::{Screen, TerminalError};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::alarms::Board;
use crate::engine::{self, Handle, Recorder};
use crate::incident::{AlarmRef, Command, IncidentId, Rehearsal};
use crate::playbook::Catalog;

/// Background changes are drawn at most this often.
const FRAME: Duration = Duration::from_millis(16);
/// How often elapsed times move.
const TICK: Duration = Duration::from_secs(1);

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
    /// The connection, once it is made.
    pub connection: watch::Receiver<Connection>,
    /// The alarms.
    pub boards: watch::Receiver<Arc<Board>>,
    /// Which alarms are in view.
    pub visible: watch::Sender<Vec<Arc<AlarmRef>>>,
    /// The journal; an error when it cannot be used.
    pub recorder: watch::Receiver<Option<Result<Recorder, String>>>,
    /// How engines are made.
    pub engine: engine::Settings,
    /// The rehearsal this is.
    pub rehearsal: Option<Rehearsal>,
    /// What the rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// The incident to take up, or why none could be looked for.
    pub resume: watch::Receiver<Option<Result<IncidentId, String>>>,
    /// Is told of every incident that is opened.
    pub opened: Box<dyn Fn(&Handle) + Send + Sync>,
}

/// Runs the console until the responder leaves. Returns the incident that is unfinished.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(mut surroundings: Surroundings) -> Result<Option<IncidentId>, TerminalError> {
    let mut screen = Screen::take()?;
    let size = crossterm::terminal::size()?;
    let mut model = Model::new(
        surroundings.header.clone(),
        size,
        Utc::now(),
        surroundings.refresh,
    );
    model.hints.clone_from(&surroundings.hints);
    let theme = surroundings.theme.clone();
    screen.draw(|frame| view(&model, &theme, frame))?;

    let (said, mut answers) = mpsc::channel::<Said>(64);
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut handle: Option<Handle> = None;
    let mut snapshots: Option<watch::Receiver<Arc<engine::Snapshot>>> = None;
    let mut drawn = Instant::now();
    let mut dirty = false;
    // Sources that have ended are not asked again.
    let mut open = Open {
        catalog: true,
        connection: true,
        boards: true,
        resume: true,
    };
    surroundings.catalog.mark_changed();
    surroundings.connection.mark_changed();
    surroundings.boards.mark_changed();
    surroundings.resume.mark_changed();

    loop {
        let mut at_once = false;
        let mut messages = Vec::new();
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = hang_up.recv() => break,
            _ = interrupt.recv() => break,
            event = keys.next() => match event {
                Some(Ok(event)) => {
                    at_once = true;
                    messages.extend(message(event));
                }
                // The terminal is gone.
                Some(Err(_)) | None => break,
            },
            Some(answer) = answers.recv() => match answer {
                Said::Message(message) => messages.push(message),
                Said::Opened(opened) => {
                    (surroundings.opened)(&opened);
                    let mut receiver = opened.subscribe();
                    receiver.mark_changed();
                    snapshots = Some(receiver);
                    handle = Some(opened);
                }
            },
            Some(()) = changed(snapshots.as_mut()), if snapshots.is_some() => {
                if let Some(receiver) = &mut snapshots {
                    messages.push(Message::IncidentMoved(Arc::clone(&receiver.borrow_and_update())));
                }
            },
            result = surroundings.catalog.changed(), if open.catalog => {
                open.catalog = result.is_ok();
                messages.push(Message::CatalogRead(Arc::clone(&surroundings.catalog.borrow_and_update())));
            },
            result = surroundings.connection.changed(), if open.connection => {
                open.connection = result.is_ok();
                messages.push(Message::Connected(surroundings.connection.borrow_and_update().clone()));
            },
            result = surroundings.boards.changed(), if open.boards => {
                open.boards = result.is_ok();
                messages.push(Message::BoardSeen(Arc::clone(&surroundings.boards.borrow_and_update())));
            },
            result = surroundings.resume.changed(), if open.resume => {
                open.resume = result.is_ok();
                let unfinished = surroundings.resume.borrow_and_update().clone();
                match unfinished {
                    Some(Ok(id)) if handle.is_none() => take_up(id, &surroundings, said.clone()),
                    Some(Err(error)) => messages.push(Message::Answered(Err(error))),
                    _ => {}
                }
            },
            _ = ticks.tick() => messages.push(Message::Ticked(Utc::now())),
            () = sleep_until(drawn + FRAME), if dirty => {}
        }
        let mut leave = false;
        for message in messages {
            dirty = true;
            for request in update(&mut model, message) {
                match request {
                    Request::Quit => leave = true,
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
                    Request::Ask { command, done } => {
                        ask(handle.as_ref(), command, done, said.clone());
                    }
                    Request::OpenIncident { alarm, playbook } => open_incident(
                        &alarm,
                        &playbook,
                        &model.catalog,
                        &surroundings,
                        said.clone(),
                    ),
                    Request::StartPlaybook(playbook) => {
                        start(handle.as_ref(), &playbook, &model.catalog, said.clone());
                    }
                }
            }
        }
        if leave {
            break;
        }
        if dirty && (at_once || drawn.elapsed() >= FRAME) {
            screen.draw(|frame| view(&model, &theme, frame))?;
            drawn = Instant::now();
            dirty = false;
        }
    }
    drop(screen);
    let unfinished = model.has_open_incident();
    Ok(handle.filter(|_| unfinished).map(|handle| handle.id))
}

#[expect(clippy::struct_excessive_bools, reason = "one for each source")]
struct Open {
    catalog: bool,
    connection: bool,
    boards: bool,
    resume: bool,
}

/// What comes back from tasks.
enum Said {
    Message(Message),
    Opened(Handle),
}

async fn changed(receiver: Option<&mut watch::Receiver<Arc<engine::Snapshot>>>) -> Option<()> {
    // An engine that has ended says nothing any more; waiting for it must not spin.
    if receiver?.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    Some(())
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

async fn recorder(
    mut recorder: watch::Receiver<Option<Result<Recorder, String>>>,
) -> Result<Recorder, String> {
    let opened = recorder
        .wait_for(Option::is_some)
        .await
        .map_err(|_| "the journal was not opened".to_owned())?;
    opened
        .clone()
        .unwrap_or_else(|| Err("the journal was not opened".into()))
}

fn open_incident(
    alarm: &AlarmRef,
    playbook: &str,
    catalog: &Catalog,
    surroundings: &Surroundings,
    said: mpsc::Sender<Said>,
) {
    let Some(entry) = catalog.get(playbook).cloned() else {
        return;
    };
    let open = Command::open_for(&entry, alarm.clone(), surroundings.rehearsal.clone());
    let (settings, journal) = (surroundings.engine.clone(), surroundings.recorder.clone());
    tokio::spawn(async move {
        let opened = async {
            let recorder = recorder(journal).await?;
            engine::open(open, recorder, settings)
                .await
                .map_err(|error| error.to_string())
        };
        let handle = match opened.await {
            Ok(handle) => handle,
            Err(error) => {
                let _ = said
                    .send(Said::Message(Message::Answered(Err(error))))
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
    let (settings, journal) = (surroundings.engine.clone(), surroundings.recorder.clone());
    tokio::spawn(async move {
        let resumed = async {
            let recorder = recorder(journal).await?;
            engine::resume(id.clone(), recorder, settings)
                .await
                .map_err(|error| error.to_string())
        };
        let answer = match resumed.await {
            Ok(handle) => {
                let _ = said.send(Said::Opened(handle)).await;
                Ok(format!(
                    "incident {id} was unfinished; you are where it stood"
                ))
            }
            Err(error) => Err(format!("incident {id} could not be taken up: {error}")),
        };
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}
