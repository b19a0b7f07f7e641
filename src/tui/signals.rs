//! Signals: those that end the console, those that put it to sleep, and the one of a new size.

use std::io;

use nix::sys::signal::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// To end; the signal's number.
    End(i32),
    /// To sleep until it is continued.
    Suspend,
    /// It was continued.
    Continued,
    /// The terminal has another size.
    Resized,
}

/// The signals that are listened to.
pub(super) struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    quit: Stream,
    stop: Stream,
    continued: Stream,
    resized: Stream,
}

fn listen(to: Signal) -> io::Result<Stream> {
    signal(SignalKind::from_raw(to as i32))
}

impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: listen(Signal::SIGTERM)?,
            hang_up: listen(Signal::SIGHUP)?,
            interrupt: listen(Signal::SIGINT)?,
            quit: listen(Signal::SIGQUIT)?,
            stop: listen(Signal::SIGTSTP)?,
            continued: listen(Signal::SIGCONT)?,
            resized: listen(Signal::SIGWINCH)?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End(Signal::SIGTERM as i32),
            _ = self.hang_up.recv() => Told::End(Signal::SIGHUP as i32),
            _ = self.interrupt.recv() => Told::End(Signal::SIGINT as i32),
            _ = self.quit.recv() => Told::End(Signal::SIGQUIT as i32),
            _ = self.stop.recv() => Told::Suspend,
            _ = self.continued.recv() => Told::Continued,
            _ = self.resized.recv() => Told::Resized,
        }
    }
}
