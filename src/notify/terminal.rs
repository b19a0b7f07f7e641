//! The terminal itself: a bell, or a notification of the terminal's own.

use std::io::{IsTerminal as _, Write as _};

use super::{Signal, Undelivered};

/// Calls whoever sits at this process's terminal.
pub(super) fn ring(signal: Signal, text: &str) -> Result<(), Undelivered> {
    let mut out = std::io::stdout();
    if !out.is_terminal() {
        return Err(Undelivered::ever("this process has no terminal to ring"));
    }
    out.write_all(signal.sequence(text).as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Undelivered::now(format!("the terminal cannot be written: {error}")))
}
