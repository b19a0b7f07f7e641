//! Everything behind the screen: what news there is, and what is done when it asks.
//!
//! A screen and plain mode sit at the same desk: neither can do what the other cannot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::acts;
use super::surroundings::{Looks, Surroundings};
use crate::aws::Broken;
use crate::clock;
use crate::engine::{self, Handle};
use crate::incident::AlarmRef;
use crate::journal::Acknowledgement;
use crate::tui::clipboard::{self, Copied};
use crate::tui::message::{Message, Request};
use crate::tui::model::{Model, Screen, Tail};
use crate::tui::remembered::Remembered;
use crate::tui::theme::Theme;

/// How often elapsed times move.
const TICK: Duration = Duration::from_secs(1);

/// What comes back from tasks.
pub(super) enum Said {
    Message(Message),
    Opened(Handle),
    Looks(Box<Looks>),
}

/// What there is to know.
pub(super) enum News {
    Messages(Vec<Message>),
    Looks(Box<Looks>),
    /// The engine is gone although nobody ended it: its task failed.
    Failed,
}

/// What is left to whoever sits there.
pub(super) enum Left {
    Nothing,
    Quit,
    Suspend,
    Copy { text: String, what: String },
    Theme(Box<Theme>),
}

/// Sources that have ended are not asked again.
#[expect(clippy::struct_excessive_bools, reason = "one for each source")]
struct Open {
    catalog: bool,
    boards: bool,
    incidents: bool,
    recovered: bool,
    requests: bool,
    healings: bool,
    lists: bool,
}

pub(super) struct Desk {
    pub surroundings: Surroundings,
    pub handle: Option<Handle>,
    said: mpsc::Sender<Said>,
    answers: mpsc::Receiver<Said>,
    snapshots: Option<watch::Receiver<Arc<engine::Snapshot>>>,
    recovered: watch::Receiver<Option<crate::journal::Recovered>>,
    ticks: Interval,
    open: Open,
    broken: (Vec<Broken>, Vec<String>),
    tail: Option<AbortHandle>,
    remembered: Remembered,
}

impl Desk {
    pub fn new(mut surroundings: Surroundings) -> Self {
        let (said, answers) = mpsc::channel(64);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut recovered = surroundings.recorder.recovered();
        surroundings.catalog.mark_changed();
        surroundings.boards.mark_changed();
        surroundings.incidents.mark_changed();
        surroundings.requests.mark_changed();
        surroundings.healings.mark_changed();
        recovered.mark_changed();
        let remembered = surroundings.front.remembered.0.clone();
        Self {
            surroundings,
            handle: None,
            said,
            answers,
            snapshots: None,
            recovered,
            ticks,
            open: Open {
                catalog: true,
                boards: true,
                incidents: true,
                recovered: true,
                requests: true,
                healings: true,
                lists: true,
            },
            broken: (Vec::new(), Vec::new()),
            tail: None,
            remembered,
        }
    }

    /// Opens what was asked for on the command line; returns whether anything was.
    pub fn begin(&mut self, model: &mut Model) -> bool {
        model.hints.clone_from(&self.surroundings.hints);
        let asked = self.surroundings.open.is_some() || self.surroundings.start.is_some();
        // Whoever asked for an incident is offered no other.
        model.offered = asked;
        if let Some(id) = self.surroundings.open.take() {
            acts::take_up(id, &self.surroundings, self.said.clone());
        }
        if let Some((playbook, inputs)) = self.surroundings.start.take() {
            acts::start_alone(playbook, inputs, &self.surroundings, self.said.clone());
        }
        asked
    }

    /// Waits for news. Dropping the future loses none.
    pub async fn next(&mut self) -> News {
        let own = &mut self.surroundings;
        let open = &mut self.open;
        let message = tokio::select! {
            biased;
            Some(answer) = self.answers.recv() => match answer {
                Said::Message(message) => message,
                Said::Looks(looks) => {
                    own.front.looks = *looks;
                    return News::Looks(Box::new(own.front.looks.clone()));
                }
                Said::Opened(opened) => {
                    let mut receiver = opened.subscribe();
                    receiver.mark_changed();
                    self.snapshots = Some(receiver);
                    // Kept first: whatever fails then, it is left in order.
                    if let Some(before) = self.handle.replace(opened) {
                        tokio::spawn(async move { before.leave().await });
                    }
                    if let Some(opened) = &self.handle {
                        (own.opened)(opened);
                    }
                    return News::Messages(Vec::new());
                }
            },
            moved = changed(self.snapshots.as_mut()), if self.snapshots.is_some() => {
                match (moved, &mut self.snapshots) {
                    (Ok(()), Some(receiver)) => {
                        Message::IncidentMoved(Arc::clone(&receiver.borrow_and_update()))
                    }
                    _ => return News::Failed,
                }
            },
            result = own.catalog.changed(), if open.catalog => {
                open.catalog = result.is_ok();
                Message::CatalogRead(Arc::clone(&own.catalog.borrow_and_update()))
            },
            result = own.boards.changed(), if open.boards => {
                open.boards = result.is_ok();
                Message::BoardSeen(Arc::clone(&own.boards.borrow_and_update()))
            },
            result = own.incidents.changed(), if open.incidents => {
                open.incidents = result.is_ok();
                match own.incidents.borrow_and_update().clone() {
                    Some(Ok(all)) => Message::IncidentsSeen(all),
                    Some(Err(error)) => Message::Answered(Err(error)),
                    None => return News::Messages(Vec::new()),
                }
            },
            result = own.requests.changed(), if open.requests => {
                open.requests = result.is_ok();
                Message::RequestsSeen(Arc::clone(&own.requests.borrow_and_update()))
            },
            result = own.healings.changed(), if open.healings => {
                open.healings = result.is_ok();
                Message::HealingsSeen(Arc::clone(&own.healings.borrow_and_update()))
            },
            result = own.lists.changed(), if open.lists => {
                open.lists = result.is_ok();
                Message::ListsSeen(Arc::clone(&own.lists.borrow_and_update()))
            },
            result = self.recovered.changed(), if open.recovered => {
                open.recovered = result.is_ok();
                match &*self.recovered.borrow_and_update() {
                    Some(recovered) => Message::Recovered(recovered.to_string()),
                    None => return News::Messages(Vec::new()),
                }
            },
            _ = self.ticks.tick() => {
                let broken = (own.engine.aws.broken(), own.untold.borrow().clone());
                let mut messages = vec![Message::Ticked(clock::now())];
                if broken != self.broken {
                    self.broken.clone_from(&broken);
                    messages.push(Message::BrokenSeen(broken.0, broken.1));
                }
                return News::Messages(messages);
            }
        };
        News::Messages(vec![message])
    }

    /// Does what the model asks for, as far as it needs no terminal.
    pub fn carry_out(&mut self, model: &Model, request: Request) -> Left {
        let said = self.said.clone();
        let own = &mut self.surroundings;
        match request {
            Request::Quit => return Left::Quit,
            Request::Suspend => return Left::Suspend,
            Request::Copy { text, what } => return Left::Copy { text, what },
            Request::Look(alarms) => {
                own.visible.send_if_modified(|seen| {
                    // Most are the very same: nothing of them is compared then.
                    let same =
                        |(a, b): (&Arc<AlarmRef>, &Arc<AlarmRef>)| Arc::ptr_eq(a, b) || a == b;
                    let other = seen.len() != alarms.len() || !seen.iter().zip(&alarms).all(same);
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
                    by: own.engine.actor.user.clone(),
                    at: now,
                    until: now + chrono::Duration::minutes(minutes),
                    note,
                };
                let done = format!(
                    "you look after {name} until {}",
                    model.zone.minute(one.until)
                );
                let recorded = (own.acknowledge)(one);
                acts::answer(said, async move { recorded.await.map(|()| done) });
            }
            Request::Reply {
                digest,
                typed,
                decision,
            } => acts::answer(said, (own.reply)((digest, typed, decision))),
            Request::SwitchHealing { rule, enabled } => acts::switch(own, rule, enabled, said),
            Request::Ask { command, done } => acts::ask(self.handle.as_ref(), command, done, said),
            Request::Control { control, done } => {
                acts::steer(self.handle.as_ref(), control, done, said);
            }
            Request::TakeUp(id) => acts::take_up(id, own, said),
            Request::OpenIncident {
                alarm,
                playbook,
                grade,
            } => acts::open_incident((&alarm, grade), &playbook, &model.catalog, own, said),
            Request::StartPlaybook(playbook) => {
                acts::start(self.handle.as_ref(), &playbook, &model.catalog, said);
            }
            Request::Reload => acts::reload(Arc::clone(&own.reload), said),
            Request::UseTheme(name) => match (own.themes)(name) {
                Ok(theme) => return Left::Theme(Box::new(theme)),
                Err(why) => acts::answer(said, async move { Err(why) }),
            },
            Request::Remember => self.remember(model),
            Request::Tail { step, run, follow } => {
                let (of, settings) = ((step, run), own.engine.clone());
                self.stop_tail();
                self.tail = model
                    .incident
                    .clone()
                    .map(|snapshot| acts::tail(snapshot, settings, of, follow, said));
            }
            Request::StopTail => self.stop_tail(),
        }
        Left::Nothing
    }

    /// Tells which screen is looked at.
    pub fn look_at(&self, screen: Screen) {
        self.surroundings.looking.send_if_modified(|seen| {
            let other = *seen != screen;
            *seen = screen;
            other
        });
    }

    /// Keeps what was copied, and tells tmux: neither may keep the screen waiting.
    pub fn finish_copy(&self, text: String, what: String, sent: bool) {
        let kept = self.surroundings.front.manners.copied.clone();
        let copied = Copied { text, what, kept };
        let finished = spawn_blocking(move || clipboard::finish(&copied, sent));
        acts::answer(self.said.clone(), async move {
            finished
                .await
                .unwrap_or_else(|_| Err("copying failed".to_owned()))
        });
    }

    fn stop_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            tail.abort();
        }
    }

    /// Takes note of what the next console takes up again.
    pub fn remember(&mut self, model: &Model) {
        self.remembered = Remembered::of(model);
    }

    /// Keeps it, where anything of it has changed. Once, at the end: of two that are written side by
    /// side nobody knows which one stays.
    pub fn keep_remembered(&self) {
        let (before, place) = &self.surroundings.front.remembered;
        if let Some(place) = place.as_deref().filter(|_| self.remembered != *before) {
            // Nothing of an incident is lost where it cannot be kept.
            drop(self.remembered.write(place));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop_tail();
    }
}

/// What of a tail belongs to the screen.
pub(super) fn of_tail(of: (crate::playbook::StepId, String), found: engine::Messages) -> Tail {
    Tail {
        of: Some(of),
        lines: found.lines,
        following: found.following,
        status: found.status,
    }
}

async fn changed(
    receiver: Option<&mut watch::Receiver<Arc<engine::Snapshot>>>,
) -> Result<(), watch::error::RecvError> {
    match receiver {
        Some(receiver) => receiver.changed().await,
        None => std::future::pending().await,
    }
}
