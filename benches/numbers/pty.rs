//! A console in a real pty: what is written to it and when, byte by byte.

use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The end of a frame.
const ENDS: &[u8] = b"\x1b[?2026l";

pub struct Console {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    /// What was written, each time with when it was read.
    output: Receiver<(Instant, Vec<u8>)>,
    pub parser: vt100::Parser,
    pub began: Instant,
}

impl Console {
    pub fn start(
        home: &Path,
        arguments: &[&str],
        extra: &[(&str, &str)],
        size: (u16, u16),
    ) -> Self {
        let (cols, rows) = size;
        let pair = native_pty_system()
            .openpty(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_standdown"));
        command.args(arguments);
        command.cwd(home);
        command.env_clear();
        let folder = home.display().to_string();
        for (name, value) in [
            ("PATH", std::env::var("PATH").unwrap_or_default().as_str()),
            ("HOME", &folder),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ] {
            command.env(name, value);
        }
        for (name, value) in extra {
            command.env(name, value);
        }
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(count) = reader.read(&mut buffer) {
                let at = Instant::now();
                if count == 0 || sender.send((at, buffer[..count].to_vec())).is_err() {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let cells = |count| std::num::NonZeroU16::new(count).unwrap();
        Self {
            child,
            _master: pair.master,
            writer,
            output,
            parser: vt100::Parser::new(cells(rows), cells(cols), 0),
            began,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// When the first picture was whole after the start.
    pub fn first_picture(&mut self) -> Duration {
        let mut all = Vec::new();
        loop {
            let (at, bytes) = self.output.recv_timeout(Duration::from_secs(30)).unwrap();
            self.parser.process(&bytes);
            all.extend(bytes);
            if all.windows(ENDS.len()).any(|part| part == ENDS) {
                return at - self.began;
            }
        }
    }

    /// Waits until the screen is as wanted, and returns when it was.
    pub fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Instant {
        let deadline = Instant::now() + Duration::from_mins(3);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, bytes) = self.output.recv_timeout(left).unwrap_or_else(|_| {
                panic!("not on the screen:\n{}", self.parser.screen().contents())
            });
            self.parser.process(&bytes);
            if wanted(&self.parser.screen().contents()) {
                return at;
            }
        }
    }

    /// Reads for so long, and returns how many bytes came.
    pub fn read_for(&mut self, time: Duration) -> usize {
        let until = Instant::now() + time;
        let mut count = 0;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok((_, bytes)) => {
                    count += bytes.len();
                    self.parser.process(&bytes);
                }
                Err(RecvTimeoutError::Timeout) => return count,
                Err(RecvTimeoutError::Disconnected) => panic!("the console has ended"),
            }
        }
    }

    pub fn press(&mut self, keys: &[u8]) -> Instant {
        let at = Instant::now();
        self.writer.write_all(keys).unwrap();
        self.writer.flush().unwrap();
        at
    }

    /// Presses a key, and returns how long the last byte of its frame took, and how many bytes the
    /// frame had. A frame belongs to the key when the mark of the selection has moved in it.
    pub fn key(&mut self, key: &[u8]) -> (Duration, usize) {
        let before = self.selected();
        let pressed = self.press(key);
        let mut bytes = Vec::new();
        loop {
            let (at, part) = self.output.recv_timeout(Duration::from_secs(5)).unwrap();
            self.parser.process(&part);
            bytes.extend_from_slice(&part);
            if bytes.windows(ENDS.len()).any(|part| part == ENDS) && self.selected() != before {
                return (at - pressed, bytes.len());
            }
        }
    }

    /// The name of the alarm that is selected, behind its mark, its state and its severity.
    fn selected(&self) -> Option<String> {
        let screen = self.parser.screen();
        let (rows, _) = screen.size();
        (0..rows.get()).find_map(|row| {
            let cell = screen.cell(row, 0)?;
            if cell.contents() != "▶" {
                return None;
            }
            let text = screen.contents_between(row, 0, row, 60);
            text.split_whitespace().nth(3).map(str::to_owned)
        })
    }

    pub fn resident(&self) -> Resident {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let of = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024.0
        };
        Resident {
            all: of("VmRSS:"),
            own: of("RssAnon:"),
            file: of("RssFile:"),
        }
    }

    /// CPU time so far, of all threads.
    pub fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let each = tasks.filter_map(|task| {
            let path = task.ok()?.path().join("schedstat");
            let text = std::fs::read_to_string(path).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(each.sum())
    }
}

/// Resident memory, in MiB.
pub struct Resident {
    pub all: f64,
    pub own: f64,
    pub file: f64,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
