//! The terminal: taken over, and given back on every way out.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Once;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The console cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is no terminal.
    #[error(
        "there is no terminal to draw on; `standdown alarms` prints the board once, `standdown rehearse --auto` plays without a screen"
    )]
    NotATerminal,
    /// The terminal does not do what it is asked.
    #[error("failed to use the terminal: {0}")]
    Io(#[from] io::Error),
    /// The theme cannot be used.
    #[error(transparent)]
    Theme(#[from] super::theme::ThemeError),
}

type Backend = CrosstermBackend<io::BufWriter<io::Stdout>>;

/// The terminal while the console has it. Dropping it gives it back.
pub(super) struct Screen {
    terminal: Terminal<Backend>,
}

impl Screen {
    pub fn take() -> Result<Self, TerminalError> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(TerminalError::NotATerminal);
        }
        restore_on_panic();
        enable_raw_mode()?;
        // From here on every way out gives the terminal back.
        let guard = GiveBack;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            cursor::Hide
        )?;
        // One write a frame: what a slow line carries at once is seen at once.
        let writer = io::BufWriter::with_capacity(64 * 1024, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(writer))?;
        std::mem::forget(guard);
        Ok(Self { terminal })
    }

    pub fn draw(&mut self, view: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        io::Write::flush(self.terminal.backend_mut())
    }

    /// Puts a text on the clipboard of the terminal's own machine, by OSC 52.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(
            self.terminal.backend_mut(),
            crossterm::clipboard::CopyToClipboard::to_clipboard_from(text)
        )
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. It may be gone already, with nobody left to tell.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// A panic's message must not end in the alternate screen, where nobody can read it.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A task's panic ends its attempt; the screen's own ends the console.
            if std::thread::current().name() == Some("main") {
                give_back();
                before(panic);
            }
        }));
    });
}
