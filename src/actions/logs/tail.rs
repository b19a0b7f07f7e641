//! Messages as they are, for eyes: the last ones of what a search reads, masked, and no more.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::{LATE, Request};
use crate::aws::{Aws, AwsError, Pages};
use crate::redaction::{Lines, Redactor};

/// Messages that are kept: more than anybody scrolls through.
const MOST: usize = 2000;
/// Pages that are read in one look at most.
const PAGES: usize = 20;
/// Messages that are known from earlier looks.
const KNOWN: usize = 100_000;

/// A search that is looked at again and again.
#[derive(Debug)]
pub struct Tailing {
    request: Request,
    read: Option<i64>,
    seen: HashSet<String>,
    streams: HashMap<String, Lines>,
    lines: VecDeque<(i64, String)>,
}

impl Tailing {
    /// Begins with the parameters of a step's run.
    ///
    /// # Errors
    /// When they are not those of a search.
    pub fn new(parameters: Value) -> Result<Self, String> {
        let request = serde_json::from_value(parameters).map_err(|error| error.to_string())?;
        Ok(Self {
            request,
            read: None,
            seen: HashSet::new(),
            streams: HashMap::new(),
            lines: VecDeque::new(),
        })
    }

    /// The messages, the oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &(i64, String)> {
        self.lines.iter()
    }

    /// Reads what has come since the last look, or the whole window at first.
    ///
    /// # Errors
    /// When AWS does not answer; the next look goes as far back as this one did.
    pub async fn look(&mut self, aws: &Aws, redactor: &Redactor) -> Result<(), AwsError> {
        let now = aws.now().timestamp_millis();
        let window = i64::try_from(self.request.window.0.as_millis()).unwrap_or(i64::MAX);
        let first = now.saturating_sub(window);
        let from = self.read.map_or(first, |read| first.max(read - LATE));
        for group in self.request.groups.clone() {
            self.read_group(aws, redactor, &group, (from, now)).await?;
        }
        self.lines.make_contiguous().sort_by_key(|(at, _)| *at);
        let surplus = self.lines.len().saturating_sub(MOST);
        self.lines.drain(..surplus);
        if self.seen.len() > KNOWN {
            self.seen.clear();
        }
        self.read = Some(now);
        Ok(())
    }

    async fn read_group(
        &mut self,
        aws: &Aws,
        redactor: &Redactor,
        group: &str,
        span: (i64, i64),
    ) -> Result<(), AwsError> {
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        for _ in 0..PAGES {
            let page = self.request.page(aws, group, span, token).await?;
            for event in page.events() {
                let id = event.event_id().unwrap_or_default();
                if !id.is_empty() && !self.seen.insert(id.to_owned()) {
                    continue;
                }
                let stream = format!("{group} {}", event.log_stream_name().unwrap_or_default());
                let lines = self
                    .streams
                    .entry(stream)
                    .or_insert_with(|| redactor.lines());
                let text = lines.next(event.message().unwrap_or_default());
                self.lines
                    .push_back((event.timestamp().unwrap_or_default(), text));
            }
            token = pages.next("logs:FilterLogEvents", page.next_token)?;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }
}
