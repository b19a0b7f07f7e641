//! Reads the terminal on a thread of its own, so that half a sequence never keeps the console
//! from its alarms and diagnostics.

use std::io::stdin;
use std::os::fd::AsFd as _;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use tokio::sync::mpsc;

use super::keyboard::{Decoder, Input};

/// How many inputs wait to be handled before the terminal is left to keep them itself.
const WAITING: usize = 1024;
/// How long the thread goes on listening at most after the console has left.
const CLOSING: Duration = Duration::from_secs(10);

/// Listens until the receiver is dropped. The channel ends when the terminal is gone. Who asked the
/// terminal something hears its `replies`.
pub(super) fn listen(mouse: bool, replies: bool) -> mpsc::Receiver<Input> {
    let (sender, receiver) = mpsc::channel(WAITING);
    thread::spawn(move || {
        let began = Instant::now();
        let mut decoder = Decoder::new(mouse);
        if replies {
            decoder = decoder.with_replies();
        }
        let mut bytes = [0; 4096];
        while !sender.is_closed() {
            let wait = decoder.patience().unwrap_or(CLOSING);
            let inputs = match ready(wait) {
                Ok(false) => decoder.wait(began.elapsed()),
                Ok(true) => match read(stdin().as_fd(), &mut bytes) {
                    // A terminal that was hung up has nothing more to say.
                    Ok(0) => return,
                    Ok(count) => decoder.feed(&bytes[..count], began.elapsed()),
                    Err(Errno::EINTR | Errno::EAGAIN) => continue,
                    Err(_) => return,
                },
                Err(_) => return,
            };
            for input in inputs {
                if sender.blocking_send(input).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// Waits until the terminal has something to say; returns whether it has.
fn ready(wait: Duration) -> Result<bool, Errno> {
    let stdin = stdin();
    let mut terminal = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    // A millisecond more, so that the time has passed when the wait is over.
    let millis = wait.as_millis().saturating_add(1);
    let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
    match poll(&mut terminal, timeout) {
        Ok(count) => Ok(count > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error),
    }
}
