//! What the console promises about the terminal, each in a real pty; some in tmux as well.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod line_by_line;
mod looks;
mod over_ssh;
mod replies;
mod within_screen;
mod within_tmux;

use support::{Server, World, simulate};
use terminal::Terminal;

/// The scenario `cpu-spike` in a world of its own, with questions that take their time.
struct Stage {
    world: World,
    server: Server,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let server = simulate(&world, "cpu-spike", "10");
        Self { world, server }
    }

    fn console(&self, extra: &[(&str, &str)]) -> Terminal {
        let arguments = [
            "rehearse",
            "cpu-spike",
            "--simulator",
            &self.server.endpoint,
        ];
        Terminal::start(&self.world, &arguments, 100, 30, extra)
    }

    /// The same with the delay that a responder has.
    fn careful(&self) -> Terminal {
        self.console(&[("STANDDOWN_PROMPT_DELAY", "300ms")])
    }

    /// A live console on the simulated account.
    fn live(&self, extra: &[(&str, &str)]) -> Terminal {
        let own = self.server.environment();
        let mut all: Vec<(&str, &str)> =
            own.iter().map(|(name, value)| (*name, &**value)).collect();
        all.extend(extra);
        Terminal::start(&self.world, &[], 100, 30, &all)
    }
}

/// From the board to the question whether to escalate.
fn to_the_escalation(console: &mut Terminal) {
    console.see("● ALARM  high orders-cpu-high");
    console.see("cpu-high-utilization");
    console.until_it_takes("\r", "answers this alarm");
    console.until_it_takes("\r", "Escalate now, along the path");
}
