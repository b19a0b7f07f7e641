//! A mail server that nobody here wrote, and what arrives there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::receiver::Receiver;
use crate::support::environment_of;

/// A mail server in Python.
pub struct Inbox {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    pub port: u16,
}

impl Inbox {
    pub fn open() -> Self {
        let port = Receiver::nobody().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_receive.py");
        let mut child = Command::new(environment_of("others").join("bin/python"))
            .args([script, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        Self { child, lines, port }
    }

    /// The next mail. The lines of greetings are for those who ask for them.
    pub fn next(&mut self) -> Value {
        loop {
            let line: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
            if line.get("ehlo").is_none() {
                return line;
            }
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
