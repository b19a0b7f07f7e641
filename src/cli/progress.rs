//! How far something long has come, where somebody watches: on the standard error, and only while
//! that is a terminal and the output goes elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar without a measure moves.
const TURN: Duration = Duration::from_millis(120);

/// A bar of bytes, of so many or of nobody knows how many.
pub(super) fn bytes(total: Option<u64>, what: &'static str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {bar:30} {bytes}/{total_bytes} {eta}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {bytes}"),
    };
    shown(bar, template, what)
}

/// A wait of which nobody knows how long it takes.
pub(super) fn wait(what: &'static str) -> ProgressBar {
    shown(
        ProgressBar::new_spinner(),
        "{spinner} {msg} {elapsed}",
        what,
    )
}

fn shown(bar: ProgressBar, template: &str, what: &'static str) -> ProgressBar {
    let watched = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
    bar.set_draw_target(if watched {
        ProgressDrawTarget::stderr_with_hz(10)
    } else {
        ProgressDrawTarget::hidden()
    });
    let style = ProgressStyle::with_template(template);
    // ASCII is enough for a bar, and every terminal has it.
    bar.set_style(
        style
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .progress_chars("=> ")
            .tick_chars("|/-\\ "),
    );
    bar.set_message(what);
    bar.enable_steady_tick(TURN);
    bar
}
