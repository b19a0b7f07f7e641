//! Messages as they are, for eyes: the last ones of what a search reads, masked, and no more.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::{LATE, Request};
use crate::aws::{Aws, AwsError, Pages};
use crate::redaction::{Lines, Redactor};

/// Messages that are kept: more than anybody scrolls through.
const MOST: usize = 2000;
/// Pages that are read in one look at most; the next look goes on with the next one.
const PAGES: usize = 20;
/// What is shown of a message, in letters.
const LONGEST: usize = 8_000;
/// Messages that are known from earlier looks.
const KNOWN: usize = 100_000;

/// How far a group was read.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Everything before this time was, in milliseconds.
    read: Option<i64>,
    /// A span of time that was begun, and the token of its next page.
    rest: Option<((i64, i64), String)>,
}

/// A search that is looked at again and again.
#[derive(Debug)]
pub struct Tailing {
    request: Request,
    groups: HashMap<String, Place>,
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
            groups: HashMap::new(),
            seen: HashSet::new(),
            streams: HashMap::new(),
            lines: VecDeque::new(),
        })
    }

    /// The messages, the oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &(i64, String)> {
        self.lines.iter()
    }

    /// Whether there are pages that no look has come to yet: the newest messages may be on them.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.groups.values().any(|place| place.rest.is_some())
    }

    /// Reads what has come since the last look, or the whole window at first.
    ///
    /// # Errors
    /// When AWS does not answer; the next look goes as far back as this one did.
    pub async fn look(&mut self, aws: &Aws, redactor: &Redactor) -> Result<(), AwsError> {
        let mut read = Ok(());
        for group in self.request.groups.clone() {
            read = self.read_group(aws, redactor, &group).await;
            if read.is_err() {
                break;
            }
        }
        // What was read before an error is kept.
        self.lines.make_contiguous().sort_by_key(|(at, _)| *at);
        let surplus = self.lines.len().saturating_sub(MOST);
        self.lines.drain(..surplus);
        if self.seen.len() > KNOWN {
            self.seen.clear();
        }
        read
    }

    async fn read_group(
        &mut self,
        aws: &Aws,
        redactor: &Redactor,
        group: &str,
    ) -> Result<(), AwsError> {
        let place = self.groups.get(group).cloned().unwrap_or_default();
        let (span, mut token) = if let Some((span, token)) = place.rest {
            (span, Some(token))
        } else {
            let now = aws.now().timestamp_millis();
            let window = i64::try_from(self.request.window.0.as_millis()).unwrap_or(i64::MAX);
            let first = now.saturating_sub(window);
            let from = place.read.map_or(first, |read| first.max(read - LATE));
            ((from, now), None)
        };
        let mut pages = Pages::default();
        for _ in 0..PAGES {
            let page = self.request.page(aws, group, span, token.clone()).await?;
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
                // Masked first: half of a secret is none that a rule knows.
                let text = shortened(lines.next(event.message().unwrap_or_default()));
                self.lines
                    .push_back((event.timestamp().unwrap_or_default(), text));
            }
            token = pages.next("logs:FilterLogEvents", page.next_token)?;
            let known = self.groups.entry(group.to_owned()).or_default();
            known.rest = token.clone().map(|token| (span, token));
            if token.is_none() {
                known.read = Some(span.1);
                break;
            }
        }
        Ok(())
    }
}

fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
    text
}
