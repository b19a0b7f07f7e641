//! What the terminal sends, read on a thread of its own.
//!
//! A terminal may send half of a sequence, or one that nobody knows; whoever reads it then waits for
//! more. The console must not: alarms and diagnostics go on.

use std::io::{IsTerminal as _, stdin};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;

use super::split;

/// How many events wait to be handled before the terminal is left to keep them itself.
const WAITING: usize = 1024;
/// How long the thread goes on listening at most after the console has left. At the end of each
/// such time, crossterm spins for up to a millisecond: once a second, that is a tenth of a percent of a core.
const CLOSING: Duration = Duration::from_secs(10);

/// Listens until the receiver is dropped. The channel ends when the terminal is gone.
pub(super) fn listen() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(WAITING);
    thread::spawn(move || {
        while !sender.is_closed() {
            match event::poll(CLOSING) {
                // What has been hung up is no terminal, and has nothing more to say.
                Ok(false) if !stdin().is_terminal() => return,
                Ok(false) => {}
                Ok(true) => {
                    let Ok(first) = event::read() else { return };
                    let mut next = |wait| match event::poll(wait) {
                        Ok(true) => event::read().ok(),
                        _ => None,
                    };
                    for event in split::whole(first, &mut next) {
                        // Its signal is heard by the console itself.
                        if matches!(event, Event::Resize(..)) {
                            continue;
                        }
                        if sender.blocking_send(event).is_err() {
                            return;
                        }
                    }
                }
                Err(_) => return,
            }
        }
    });
    receiver
}
