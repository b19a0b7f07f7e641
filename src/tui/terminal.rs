//! The terminal: taken over, and given back on every way out.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::ThreadId;

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;

use super::lean::Lean;
use super::reports;
use crate::notify::Signal;

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

type Out = Lean<io::BufWriter<File>>;

/// The terminal while the console has it. Dropping it gives it back.
pub(super) struct Screen {
    /// Never dropped: ratatui would print on a standard error that may be the terminal that is gone,
    /// and end the console in a panic. The cursor is given back below.
    terminal: ManuallyDrop<Terminal<Out>>,
}

impl Screen {
    pub fn take(mouse: bool, measures: bool) -> Result<Self, TerminalError> {
        MOUSE.store(mouse, Ordering::SeqCst);
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(TerminalError::NotATerminal);
        }
        restore_on_panic();
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current().id());
        enable_raw_mode()?;
        // From here on every way out gives the terminal back.
        let guard = GiveBack;
        enter()?;
        if measures {
            io::stdout().write_all(reports::WIDTH.as_bytes())?;
            io::stdout().flush()?;
        }
        let terminal = open()?;
        std::mem::forget(guard);
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
        })
    }

    /// Draws on a terminal of a size, in columns and rows.
    pub fn draw(
        &mut self,
        size: (u16, u16),
        view: impl FnOnce(&mut ratatui::Frame<'_>),
    ) -> io::Result<()> {
        self.terminal.backend_mut().resize(size.into());
        self.terminal.draw(view)?;
        Ok(())
    }

    /// Gives the terminal back, sleeps until the shell continues the console, and takes the
    /// terminal again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        stop_group()?;
        self.retake()
    }

    /// Takes the terminal again after somebody else had it, and draws everything anew.
    pub fn retake(&mut self) -> io::Result<()> {
        // Whoever had it may have left it in another mode than this process remembers.
        disable_raw_mode()?;
        enable_raw_mode()?;
        enter()?;
        // Begun anew, and not by asking the terminal where its cursor is: an answer that comes late
        // or to somebody else must not end the console.
        execute!(
            io::stdout(),
            crossterm::terminal::Clear(crossterm::terminal::ClearType::All)
        )?;
        self.terminal = ManuallyDrop::new(open()?);
        Ok(())
    }

    /// Calls whoever sits there.
    pub fn call(&mut self, signals: &[Signal], text: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        for signal in signals {
            io::Write::write_all(out, signal.sequence(text).as_bytes())?;
        }
        io::Write::flush(out)
    }

    /// What is written here goes to the terminal as it is.
    pub fn out(&mut self) -> &mut dyn io::Write {
        self.terminal.backend_mut()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn open() -> io::Result<Terminal<Out>> {
    // One write a frame: what a slow line carries at once is seen at once. The standard output itself
    // would be written to line by line.
    let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let writer = io::BufWriter::with_capacity(256 * 1024, terminal);
    Terminal::new(Lean::new(writer, size()?.into()))
}

/// Where a terminal does not say how large it is, as serial consoles do not.
const USUAL: (u16, u16) = (80, 24);
/// Larger than any screen; a picture for more would take all memory.
const MOST: (u16, u16) = (1000, 500);

/// How many columns and rows the terminal has.
pub(super) fn size() -> io::Result<(u16, u16)> {
    Ok(match crossterm::terminal::size()? {
        (0, _) | (_, 0) => USUAL,
        (columns, rows) => (columns.min(MOST.0), rows.min(MOST.1)),
    })
}

fn enter() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        cursor::Hide
    )?;
    if MOUSE.load(Ordering::SeqCst) {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. It may be gone already, with nobody left to tell.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    if MOUSE.load(Ordering::SeqCst) {
        let _ = execute!(out, DisableMouseCapture);
    }
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        ResetColor,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Whether the console has the terminal. Given back twice, some terminals put the cursor back over
/// what was said meanwhile.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the wheel of a mouse is listened to.
static MOUSE: AtomicBool = AtomicBool::new(false);
/// The thread that draws.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// What failed in the background.
static FAILURES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// More failures than this say nothing new.
const MOST_FAILURES: usize = 10;

/// What failed in the background since the console began.
pub(super) fn failures() -> Vec<String> {
    FAILURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// A panic's message must not end in the alternate screen, where nobody can read it: the screen's
/// own panic gives the terminal back first, and any other task's is told when the console ends.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let owner = *OWNER.lock().unwrap_or_else(PoisonError::into_inner);
            if owner == Some(std::thread::current().id()) {
                give_back();
                before(panic);
                let _ = writeln!(
                    io::stderr(),
                    "standdown: this is a mistake in the console, please report it"
                );
            } else {
                let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
                if failures.len() < MOST_FAILURES {
                    failures.push(panic.to_string().replace('\n', " "));
                }
            }
        }));
    });
}

/// Sleeps until the shell continues the console. The whole process group sleeps, as when a terminal
/// stops a job: what started the console, such as `sh -c` or `aws-vault exec`, would otherwise wait
/// for it, and the shell would never get its turn.
pub(super) fn stop_group() -> io::Result<()> {
    let group = nix::unistd::Pid::from_raw(0);
    nix::sys::signal::kill(group, nix::sys::signal::Signal::SIGSTOP)?;
    Ok(())
}
