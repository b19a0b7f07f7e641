//! What a terminal says of itself when it is asked. Every question has a time limit, and every reply
//! goes through the decoder of the keyboard: none is ever a key.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::app::{Decoder, Input};

/// Draws a sign that Unicode calls ambiguous (UAX 11) at the beginning of the second row, asks where the
/// cursor is (DSR 6), and takes the sign away. In the first row the reply would look like a key: F3
/// with a modifier.
pub(super) const WIDTH: &str = "\x1b[2;1H≥\x1b[6n\x1b[2;1H\x1b[2K";
/// Asks whether the terminal knows synchronized output (DECRQM 2026), and what it is (DA1). Every
/// terminal answers the last one.
const ABILITIES: &str = "\x1b[?2026$p\x1b[c";
/// How long a terminal may take to answer: as long as a line around the world, several times.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a reply says that ambiguous signs are two columns wide; nothing where it says something else.
pub(super) fn is_wide(input: &Input) -> Option<bool> {
    let Input::Reply { text, kind: 'R' } = input else {
        return None;
    };
    let (row, column) = text.split_once(';')?;
    (row == "2").then_some(())?;
    Some(column.parse::<u16>().ok()? > 2)
}

/// What a terminal said of itself; nothing where it did not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reports {
    /// Whether it draws ambiguous signs two columns wide.
    pub wide: Option<bool>,
    /// Whether it draws a frame at once (synchronized output).
    pub synchronized: Option<bool>,
    /// Whether it says that programs can write the clipboard (attribute 52 of DA1).
    pub clipboard: Option<bool>,
    /// Whether it answered to the end.
    pub answered: bool,
}

impl Reports {
    fn take(&mut self, input: &Input) {
        if let Some(wide) = is_wide(input) {
            self.wide = Some(wide);
        }
        let Input::Reply { text, kind } = input else {
            return;
        };
        match (kind, text.strip_prefix('?')) {
            ('y', Some(mode)) => {
                // 1 to 4: it is set or reset, for now or for ever; 0: the mode is not known.
                let state = mode
                    .strip_prefix("2026;")
                    .and_then(|rest| rest.strip_suffix('$'));
                self.synchronized = state.map(|state| matches!(state, "1" | "2" | "3"));
            }
            ('c', Some(attributes)) => {
                self.clipboard = Some(attributes.split(';').any(|one| one == "52"));
                self.answered = true;
            }
            _ => {}
        }
    }
}

/// Asks the terminal, and waits for what it answers, for two seconds at most. The screen is left as it
/// was.
///
/// # Errors
/// When there is no terminal, or it cannot be used.
pub fn ask() -> io::Result<Reports> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(io::Error::other("there is no terminal"));
    }
    enable_raw_mode()?;
    let heard = listen();
    let given_back = disable_raw_mode();
    let reports = heard?;
    given_back?;
    Ok(reports)
}

fn listen() -> io::Result<Reports> {
    let mut out = io::stdout();
    // On the other screen, so that nothing of this one is touched.
    write!(out, "\x1b[?1049h{WIDTH}{ABILITIES}\x1b[?1049l")?;
    out.flush()?;
    let began = Instant::now();
    let mut decoder = Decoder::new(false).with_replies();
    let mut reports = Reports::default();
    let mut bytes = [0; 1024];
    while !reports.answered {
        let left = PATIENCE.saturating_sub(began.elapsed());
        let wait = decoder.patience().unwrap_or(left).min(left);
        if left.is_zero() {
            break;
        }
        let stdin = io::stdin();
        let mut terminal = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(wait.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        let ready = match poll(&mut terminal, timeout) {
            Ok(count) => count > 0,
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let inputs = if ready {
            match nix::unistd::read(stdin.as_fd(), &mut bytes)? {
                0 => break,
                count => decoder.feed(&bytes[..count], began.elapsed()),
            }
        } else {
            decoder.wait(began.elapsed())
        };
        for input in &inputs {
            reports.take(input);
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> Reports {
        let mut decoder = Decoder::new(false).with_replies();
        let mut reports = Reports::default();
        for input in decoder.feed(bytes, Duration::ZERO) {
            reports.take(&input);
        }
        reports
    }

    #[test]
    fn what_terminals_say_of_themselves_is_understood() {
        // xterm with and without wide signs, VTE, the Linux console, and one that says nothing.
        for (bytes, wide, synchronized, clipboard, answered) in [
            (
                &b"\x1b[2;2R\x1b[?2026;2$y\x1b[?64;1;52;22c"[..],
                Some(false),
                Some(true),
                Some(true),
                true,
            ),
            (
                b"\x1b[2;3R\x1b[?2026;0$y\x1b[?62;22c",
                Some(true),
                Some(false),
                Some(false),
                true,
            ),
            (b"\x1b[2;2R\x1b[?6c", Some(false), None, Some(false), true),
            (b"j\x1b[1;5R", None, None, None, false),
        ] {
            let wanted = Reports {
                wide,
                synchronized,
                clipboard,
                answered,
            };
            assert_eq!(heard(bytes), wanted, "{}", bytes.escape_ascii());
        }
    }
}
