//! What the console has said, kept after it has left the last line.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// More than anybody reads; the record has everything that matters.
const MOST: usize = 500;

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidOnce {
    /// When, the last time.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
    /// Whether something went wrong.
    pub error: bool,
    /// How often on end.
    pub times: u32,
}

/// The message log, the latest last.
#[derive(Debug, Clone, Default)]
pub struct Log(VecDeque<SaidOnce>);

impl Log {
    /// Keeps a message; the same one again is counted.
    pub fn keep(&mut self, at: DateTime<Utc>, text: &str, error: bool) {
        if let Some(last) = self.0.back_mut().filter(|last| last.text == text) {
            last.times += 1;
            last.at = at;
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(SaidOnce {
            at,
            text: text.to_owned(),
            error,
            times: 1,
        });
    }

    /// Everything that is kept, the latest first.
    pub fn latest(&self) -> impl Iterator<Item = &SaidOnce> {
        self.0.iter().rev()
    }
}
