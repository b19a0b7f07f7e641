//! The loop: take what is ready, update, draw when something changed, do what has to be done.

mod acts;
mod desk;
mod input;
mod keyboard;
mod plain;
mod surroundings;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use futures_util::FutureExt as _;
use tokio::time::sleep_until;

use self::desk::{Desk, Left as Leaves, News};

use super::clipboard;
use super::left::{How, Left};
use super::message::Message;
use super::model::{Guard, Model, Overlay, Text};
use super::reports;
use super::signals::{Signals, Told};
use super::terminal::{Screen, TerminalError, failures, size};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::commands::{CommandId, Place};
use crate::notify::Signal;
pub use keyboard::typed as without_replies;
pub(super) use keyboard::{Decoder, Input};
pub use plain::{Writing, run_plain};
pub use surroundings::{Acknowledge, Front, Looks, Manners, Reload, Reply, Surroundings};

/// Background changes are drawn at most this often.
const FRAME: Duration = Duration::from_millis(16);
/// Whoever pressed a key a moment ago looks at the screen, and is not called.
const AWAY: Duration = Duration::from_secs(5);
/// Whoever pressed none for so long has left, where the terminal does not say so.
const LEFT: Duration = Duration::from_mins(1);
/// Keys that are ready are taken together before anything is drawn, so that a burst costs one frame.
const BURST: usize = 256;

/// A terminal with the first picture on it. Dropping it gives the terminal back.
pub struct Opened {
    signals: Signals,
    screen: Screen,
    model: Model,
}

/// Takes the terminal, and draws the first picture. What takes its time begins after it: on a
/// machine of two cores it would take the picture's.
///
/// # Errors
/// When there is no terminal, or it fails.
pub fn open(front: &Front) -> Result<Opened, TerminalError> {
    let signals = Signals::listen()?;
    let mut screen = Screen::take(front.manners.mouse, front.manners.measures)?;
    let mut model = front.model(size()?);
    model.guard = Some(Guard::new(front.manners.prompt_delay, Instant::now()));
    if !model.introduced {
        introduce(&mut model);
    }
    draw(&mut screen, &mut model, &front.looks.theme)?;
    Ok(Opened {
        signals,
        screen,
        model,
    })
}

/// A rehearsal's clock runs from the start: there the introduction is only offered.
fn introduce(model: &mut Model) {
    if model.header.rehearsal.is_none() {
        model.overlay = Some(Overlay::Read {
            what: Text::Introduction,
            scroll: 0,
        });
    } else {
        let key = model.key(CommandId::Introduction, Place::Everywhere);
        model.say(
            format!("new here? {key} is an introduction of one screen"),
            false,
        );
    }
}

/// Runs the console until the responder leaves, or is made to.
///
/// # Errors
/// When the terminal fails.
pub async fn run(opened: Opened, surroundings: Surroundings) -> Result<Left, TerminalError> {
    let Opened {
        mut signals,
        mut screen,
        mut model,
    } = opened;
    let mut desk = Desk::new(surroundings);
    let talk = converse(&mut desk, &mut model, &mut screen, &mut signals);
    // A panic has been told, and has given the terminal back; what is open is still left in order.
    let how = AssertUnwindSafe(talk)
        .catch_unwind()
        .await
        .unwrap_or(Ok(How::Failed));
    drop(screen);
    leave(desk, how).await
}

/// Leaves what is open in order.
async fn leave(mut desk: Desk, how: Result<How, TerminalError>) -> Result<Left, TerminalError> {
    desk.keep_remembered();
    let incident = match desk.handle.take() {
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
    desk: &mut Desk,
    model: &mut Model,
    screen: &mut Screen,
    signals: &mut Signals,
) -> Result<How, TerminalError> {
    let mut theme = desk.surroundings.front.looks.theme.clone();
    let manners = &desk.surroundings.front.manners;
    let mut keys = input::listen(manners.mouse, manners.measures);
    // Whether the terminal draws ambiguous signs two columns wide; nothing while it has not said so.
    let mut wide = (!manners.measures).then_some(false);
    let mut drawn = tokio::time::Instant::now();
    let mut caller = Caller::default();
    let mut dirty = false;
    let _ = desk.begin(model);

    loop {
        let mut at_once = false;
        let mut messages = Vec::new();
        tokio::select! {
            biased;
            told = signals.next() => match told {
                Told::End(signal) => {
                    desk.remember(model);
                    return Ok(How::Signal(signal));
                }
                Told::Suspend => {
                    screen.suspend()?;
                    messages.extend(resized());
                }
                Told::Continued => {
                    screen.retake()?;
                    messages.extend(resized());
                }
                Told::Resized => {
                    at_once = true;
                    messages.extend(resized());
                }
            },
            input = keys.recv() => {
                let Some(input) = input else {
                    // The terminal is gone.
                    desk.remember(model);
                    return Ok(How::TerminalGone);
                };
                at_once = true;
                caller.pressed = Instant::now();
                if let Some(guard) = &mut model.guard {
                    guard.pressed(caller.pressed);
                }
                let mut inputs = vec![input];
                while inputs.len() < BURST
                    && let Ok(input) = keys.try_recv()
                {
                    inputs.push(input);
                }
                for input in &inputs {
                    if wide.is_none() {
                        wide = reports::is_wide(input);
                        if wide == Some(true) {
                            theme = theme.in_ascii();
                            // What was drawn stands in other places than it was meant for.
                            screen.retake()?;
                            messages.extend(resized());
                            model.say(WIDE, false);
                        }
                    }
                }
                messages.extend(inputs.into_iter().filter_map(message));
            },
            news = desk.next() => match news {
                News::Messages(all) => messages = all,
                News::Looks(looks) => {
                    theme = worn(looks.theme, wide);
                    messages.push(Message::KeysRead(looks.keys));
                }
                News::Failed => return Ok(How::Failed),
            },
            () = sleep_until(drawn + FRAME), if dirty => {}
        }
        let asked = model.waits_for();
        for message in messages {
            dirty = true;
            if matches!(message, Message::BoardSeen(_)) {
                // Of ten thousand rows, the last to let go is somebody for whom nobody waits.
                let replaced = Arc::clone(&model.board);
                tokio::spawn(async move { drop(replaced) });
            }
            for request in update(model, message) {
                match desk.carry_out(model, request) {
                    Leaves::Nothing => {}
                    Leaves::Quit => {
                        desk.remember(model);
                        return Ok(How::Quit);
                    }
                    Leaves::Suspend => {
                        screen.suspend()?;
                        if let Some(message) = resized() {
                            let _ = update(model, message);
                        }
                    }
                    Leaves::Copy { text, what } => {
                        let sent = clipboard::send_to_terminal(&text, screen.out());
                        desk.finish_copy(text, what, sent);
                    }
                    Leaves::Theme(other) => theme = worn(*other, wide),
                }
            }
        }
        if at_once && let Some(guard) = &mut model.guard {
            guard.worked(Instant::now());
        }
        if let Some(text) = caller.calls(asked.as_ref(), model) {
            match desk.surroundings.signals.as_slice() {
                // Nobody said how: the bell, where the terminal says that nobody looks.
                [] if model.focused == Some(false) => screen.call(&[Signal::Bell], &text)?,
                signals => screen.call(signals, &text)?,
            }
        }
        desk.look_at(model.screen);
        if dirty && (at_once || drawn.elapsed() >= FRAME) {
            draw(screen, model, &theme)?;
            drawn = tokio::time::Instant::now();
            dirty = false;
        }
    }
}

/// What is said of a terminal that draws ambiguous signs two columns wide.
const WIDE: &str = "this terminal draws signs such as ≥ two columns wide, so ASCII signs are used; `ascii = false` in the configuration keeps the others";

/// A theme as a terminal shows it whose signs have that width.
fn worn(theme: Theme, wide: Option<bool>) -> Theme {
    if wide == Some(true) {
        theme.in_ascii()
    } else {
        theme
    }
}

fn draw(screen: &mut Screen, model: &mut Model, theme: &Theme) -> Result<(), TerminalError> {
    screen.draw(model.size, |frame| view(model, theme, frame))?;
    let asked = model.asked();
    if let Some(guard) = &mut model.guard {
        guard.drawn(asked, Instant::now());
    }
    Ok(())
}

/// When the terminal calls whoever sits there.
struct Caller {
    pressed: Instant,
    ring: Option<(String, Instant)>,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            pressed: Instant::now(),
            ring: None,
        }
    }
}

impl Caller {
    /// What the terminal calls for now: something that came up while nobody looked.
    fn calls(&mut self, before: Option<&String>, model: &Model) -> Option<String> {
        let asks = model.waits_for();
        if asks.as_ref() != before {
            // What came with a key of the responder's is seen by them, unless they left.
            let away = model.focused == Some(false) || self.pressed.elapsed() >= AWAY;
            let wait = if away { Duration::ZERO } else { LEFT };
            self.ring = asks.map(|text| (text, Instant::now() + wait));
        }
        let due = |(_, at): &mut (String, Instant)| *at <= Instant::now();
        // Whoever looks at the window is not called.
        let looks = model.focused == Some(true) && self.pressed.elapsed() < LEFT;
        if looks {
            return None;
        }
        let (text, at) = self.ring.take_if(due)?;
        let quiet =
            model.focused == Some(false) || self.pressed.elapsed() >= at.elapsed().max(AWAY);
        quiet.then_some(text)
    }
}

/// The terminal may have another size after a pause.
fn resized() -> Option<Message> {
    let (width, height) = size().ok()?;
    Some(Message::Resized { width, height })
}

/// What was typed before the terminal was taken over came through its line discipline, which makes
/// a line feed of Enter; a line feed reads as Ctrl-J.
fn entered(key: KeyEvent) -> KeyEvent {
    match (key.code, key.modifiers) {
        (KeyCode::Char('j'), KeyModifiers::CONTROL) => KeyCode::Enter.into(),
        _ => key,
    }
}

fn message(input: Input) -> Option<Message> {
    Some(match input {
        Input::Key { key, alone: true } => Message::Key(entered(key)),
        Input::Key { key, alone: false } => Message::KeyAmongOthers(entered(key)),
        Input::Paste(text) => Message::Paste(text),
        Input::Focused(focused) => Message::Focused(focused),
        Input::Wheel { up } => Message::Wheel(up),
        Input::Reply { .. } => return None,
    })
}
