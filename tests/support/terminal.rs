//! The binary in a real pty, with a terminal behind it that remembers what is on the screen.
#![allow(dead_code, reason = "each test uses its part")]

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use nix::unistd::Pid;

use crate::support::{Server, World};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything that was written, for what a screen does not show.
    pub raw: Vec<u8>,
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Terminal {
    pub fn start(
        world: &World,
        arguments: &[&str],
        columns: u16,
        rows: u16,
        extra: &[(&str, &str)],
    ) -> Self {
        let mut all = vec![env!("CARGO_BIN_EXE_standdown")];
        all.extend(arguments);
        Self::program(world, &all, columns, rows, extra)
    }

    pub fn program(
        world: &World,
        argv: &[&str],
        columns: u16,
        rows: u16,
        extra: &[(&str, &str)],
    ) -> Self {
        // A rehearsal has no introduction.
        if !argv.contains(&"rehearse") && !world.path("state").exists() {
            world.introduced();
        }
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(argv[0]);
        command.args(&argv[1..]);
        command.cwd(world.folder.path());
        command.env_clear();
        for (name, value) in world.environment() {
            command.env(name, value);
        }
        for (name, value) in extra {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self {
            child,
            master: pair.master,
            writer,
            output,
            parser,
            raw: Vec::new(),
        }
    }

    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether the last frame has come to its end: a terminal shows nothing of it before.
    fn is_whole(&self) -> bool {
        let last = |mark: &[u8]| self.raw.windows(mark.len()).rposition(|part| part == mark);
        last(b"\x1b[?2026h") <= last(b"\x1b[?2026l")
    }

    /// Waits until the screen is as wanted, and returns it.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if self.is_whole() && wanted(&screen) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {what:?} on the screen:\n{screen}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without {what:?}:\n{screen}")
                }
            }
        }
    }

    /// Waits until something was written after a place in what was written.
    pub fn drawn_after(&mut self, place: usize, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.raw[place..]).contains(wanted) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left).unwrap();
            self.parser.process(&bytes);
            self.raw.extend(bytes);
        }
    }

    pub fn see(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Presses keys until they have been taken: a question takes none before it could be read.
    pub fn until_it_takes(&mut self, keys: &str, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(
                Instant::now() < deadline,
                "{keys:?} leads to no {wanted:?}:\n{}",
                self.screen()
            );
            self.press(keys);
            let until = Instant::now() + Duration::from_secs(2);
            while Instant::now() < until {
                let screen = self.screen();
                if self.is_whole() && screen.contains(wanted) {
                    return screen;
                }
                let left = until.saturating_duration_since(Instant::now());
                if let Ok(bytes) = self.output.recv_timeout(left) {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
            }
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master
            .resize(PtySize {
                rows,
                cols: columns,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits until it has ended; returns the exit code and everything it wrote.
    pub fn end(mut self) -> (u32, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it did not end:\n{}", self.screen()),
            }
        }
        let status = self.child.wait().unwrap();
        (
            status.exit_code(),
            String::from_utf8_lossy(&self.raw).into_owned(),
        )
    }
}

/// A console in a rehearsal that a simulator of its own serves.
pub fn console(world: &World, server: &Server, extra: &[(&str, &str)]) -> Terminal {
    let arguments = [
        "rehearse",
        "stuck-instance",
        "--simulator",
        &server.endpoint,
    ];
    Terminal::start(world, &arguments, 100, 30, extra)
}

pub fn pid(terminal: &Terminal) -> Pid {
    Pid::from_raw(i32::try_from(terminal.pid()).unwrap())
}

/// In the scenario `stuck-instance`, from the alarm to the change that waits for a yes.
pub fn to_the_approval(terminal: &mut Terminal) {
    terminal.see("● ALARM  high orders-a-status-check");
    terminal.see("instance-unreachable");
    terminal.press("\r");
    terminal.see("▶ Instance Does Not Pass Its Status Check   answers this alarm");
    terminal.press("\r");
    terminal.see("2  Restart the instance   ◀ recommended");
    terminal.press("2");
    let screen = terminal.see("Shall this change be made?");
    for wanted in [
        "AWS-RestartEC2Instance",
        "changes    i-0a1b2c3d4e5f60718",
        "account 111122223333 · eu-central-1",
    ] {
        assert!(screen.contains(wanted), "{screen}");
    }
}
