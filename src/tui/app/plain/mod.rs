//! The console line by line: for screen readers, serial consoles and `script`.
//!
//! It has the same model, the same commands and the same desk as the screen; it writes lines and
//! reads lines, and moves no cursor. What the screen does with a key, a line with that key, or with
//! the command's name, does here.

mod page;
mod typed;

use std::io::{self, BufRead, IsTerminal as _, Read as _, Write as _};
use std::time::Instant;

use tokio::sync::mpsc;

use self::page::Pages;
use super::desk::{Desk, Left as Leaves, News};
use super::keyboard::typed as without_replies;
use super::surroundings::Surroundings;
use crate::config::Glyphs;
use crate::incident::Question;
use crate::tui::left::{How, Left};
use crate::tui::message::{Message, Request};
use crate::tui::model::{Model, Overlay, Screen};
use crate::tui::signals::{Signals, Told};
use crate::tui::terminal::TerminalError;
use crate::tui::text::clean_whole;
use crate::tui::theme::flat;
use crate::tui::update::update;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// As text, in so many columns.
    Text {
        /// The columns.
        width: u16,
        /// The signs.
        glyphs: Glyphs,
    },
    /// As JSON Lines: events as they are recorded, and questions with what answers them.
    Json,
}

/// Runs the console line by line until the responder leaves, or nobody types any more.
///
/// # Errors
/// When nothing can be written.
pub async fn run_plain(
    surroundings: Surroundings,
    writing: Writing,
) -> Result<Left, TerminalError> {
    let mut signals = Signals::listen()?;
    let mut desk = Desk::new(surroundings);
    let how = converse(&mut desk, &mut signals, writing).await;
    super::leave(desk, how).await
}

/// The lines that are typed, each with when it was.
struct Typed {
    lines: mpsc::Receiver<io::Result<(Instant, String)>>,
    /// Whether somebody sits there, who can be surprised by a question.
    person: bool,
    ended: bool,
}

/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

impl Typed {
    /// Reads lines on a thread of its own: nobody can be asked to stop waiting for a line.
    fn begin() -> Self {
        let (found, lines) = mpsc::channel(1);
        std::thread::spawn(move || {
            let mut input = io::stdin().lock();
            loop {
                let read = whole_line(&mut input);
                let ended = read.is_err();
                let told = match read {
                    Ok(None) => break,
                    Ok(Some(line)) => found.blocking_send(Ok((Instant::now(), line))),
                    Err(error) => found.blocking_send(Err(error)),
                };
                if ended || told.is_err() {
                    break;
                }
            }
        });
        Self {
            lines,
            person: io::stdin().is_terminal(),
            ended: false,
        }
    }
}

/// The next line; nothing at the end. Of a line that is too long, nothing is taken: what is left of it
/// would be another answer.
fn whole_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.take(LONGEST).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
        loop {
            bytes.clear();
            let count = input.take(LONGEST).read_until(b'\n', &mut bytes)?;
            if count == 0 || bytes.ends_with(b"\n") {
                return Ok(Some(TOO_LONG.to_owned()));
            }
        }
    }
    let line = String::from_utf8_lossy(&bytes);
    // A terminal may have put its reply to somebody's question between the letters.
    Ok(Some(without_replies(line.trim_end_matches(['\r', '\n']))))
}

/// Stands for a line that was too long: nobody can type it.
const TOO_LONG: &str = "\0too long";

/// Where lines go.
struct Out {
    writing: Writing,
}

impl Out {
    /// Writes a line, of which nothing moves a cursor.
    fn line(&self, text: &str) -> io::Result<()> {
        let text = clean_whole(text);
        let text = text.trim_end();
        let mut out = io::stdout().lock();
        match self.writing {
            Writing::Text {
                glyphs: Glyphs::Ascii,
                ..
            } => writeln!(out, "{}", flat(text)),
            Writing::Text { .. } => writeln!(out, "{text}"),
            // Only what has a form of its own is written there.
            Writing::Json => Ok(()),
        }
    }

    fn json(&self, value: &serde_json::Value) -> io::Result<()> {
        if self.writing == Writing::Json {
            writeln!(io::stdout().lock(), "{value}")?;
        }
        Ok(())
    }

    fn prompt(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.writing != Writing::Json && io::stdin().is_terminal() {
            write!(out, "> ")?;
        }
        out.flush()
    }
}

async fn converse(
    desk: &mut Desk,
    signals: &mut Signals,
    writing: Writing,
) -> Result<How, TerminalError> {
    let width = match writing {
        Writing::Text { width, .. } => width,
        Writing::Json => 100,
    };
    let mut model = desk.surroundings.front.model((width, page::TALL));
    let out = Out { writing };
    let mut pages = Pages::default();
    let mut typed = Typed::begin();
    let mut asked: Option<String> = None;
    let mut shown = Instant::now();
    let mut outstanding = 0_usize;
    let mut began = desk.begin(&mut model);
    Pages::head(&model, &out)?;
    loop {
        // Whoever sits there can say something at any time; a script goes on when it is asked.
        let ready = typed.person || (outstanding == 0 && !began && waits(&model));
        if typed.ended && ready {
            desk.remember(&model);
            return Ok(How::Quit);
        }
        let mut messages = Vec::new();
        let mut requests = Vec::new();
        tokio::select! {
            biased;
            told = signals.next() => match told {
                Told::End(signal) => {
                    desk.remember(&model);
                    return Ok(How::Signal(signal));
                }
                Told::Suspend => {
                    crate::tui::terminal::stop_group()?;
                }
                Told::Continued => asked = None,
                // What was written stays as it is.
                Told::Resized => {}
            },
            news = desk.next() => match news {
                News::Messages(all) => messages = all,
                News::Looks(looks) => messages.push(Message::KeysRead(looks.keys)),
                News::Failed => return Ok(How::Failed),
            },
            line = typed.lines.recv(), if ready && !typed.ended => match line.transpose()? {
                Some((at, line)) => {
                    let delay = desk.surroundings.front.manners.prompt_delay;
                    let early = typed.person && at.saturating_duration_since(shown) < delay;
                    if early && typed::answers(&model, &line) {
                        let line = line.trim();
                        out.line(&format!("{line:?} came with the question, and did not answer it: read it first"))?;
                    } else {
                        requests = typed::take(&mut model, &line, &out, &mut pages)?;
                    }
                    asked = None;
                }
                None => typed.ended = true,
            },
        }
        for message in messages {
            if matches!(message, Message::Answered(_)) {
                outstanding = outstanding.saturating_sub(1);
                began = false;
            }
            requests.extend(update(&mut model, message));
        }
        for request in requests {
            if awaited(&request) {
                outstanding += 1;
            }
            match desk.carry_out(&model, request) {
                Leaves::Quit => {
                    desk.remember(&model);
                    return Ok(How::Quit);
                }
                Leaves::Copy { text, what } => {
                    for line in text.lines() {
                        out.line(line)?;
                    }
                    out.line(&format!("({what}, to be copied)"))?;
                }
                Leaves::Suspend => {
                    crate::tui::terminal::stop_group()?;
                }
                Leaves::Nothing | Leaves::Theme(_) => {}
            }
        }
        pages.news(&model, &out)?;
        let now = pages.place(&model);
        if asked.as_ref() != Some(&now) {
            Pages::show(&model, &out)?;
            out.prompt()?;
            asked = Some(now);
            shown = Instant::now();
        }
        desk.look_at(model.screen);
    }
}

/// Whether something is waited for that a line can answer.
fn waits(model: &Model) -> bool {
    if model.overlay.is_some() || model.screen != Screen::Incident {
        return model.catalog.is_read() && (model.incident.is_some() || model.board.complete());
    }
    !matches!(model.question(), None | Some(Question::Working(_)))
}

/// Whether what was asked for is answered later.
fn awaited(request: &Request) -> bool {
    matches!(
        request,
        Request::Ask { .. }
            | Request::Control { .. }
            | Request::OpenIncident { .. }
            | Request::TakeUp(_)
            | Request::StartPlaybook(_)
            | Request::AcknowledgeAlarm { .. }
            | Request::Reply { .. }
            | Request::SwitchHealing { .. }
            | Request::Reload
    )
}

/// An overlay in which something is chosen by its number.
fn is_list(overlay: Option<&Overlay>) -> bool {
    matches!(
        overlay,
        Some(
            Overlay::Choose { .. }
                | Overlay::Unfinished { .. }
                | Overlay::Links { .. }
                | Overlay::Palette { .. }
        )
    )
}
