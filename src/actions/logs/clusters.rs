//! Groups log messages into patterns, by what they say.

use std::collections::HashMap;

use super::continuation::Open;
use super::envelope::unwrap;
pub use super::levels::Level;
use super::shapes::{head, name_of, shape, short};
use super::tree::{Subject, Tree};

/// Streams whose last message is kept open for the lines that go on with it.
const STREAMS: usize = 2048;
/// Bytes of open messages.
const OPEN_BYTES: usize = 16 * 1024 * 1024;
/// An event longer than this is cut before it is parsed, in bytes.
const LONGEST_EVENT: usize = 256 * 1024;

/// Messages that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// A name for people, at most 100 characters.
    pub name: String,
    /// The message with `*` for what varies.
    pub pattern: String,
    /// How serious the messages are.
    pub level: Level,
    /// The number of messages.
    pub count: u64,
    /// The time of the first message, in epoch milliseconds.
    pub first: i64,
    /// The time of the last message, in epoch milliseconds.
    pub last: i64,
    /// The first line of the last message.
    pub sample: String,
}

/// Groups messages as they arrive; memory is bounded, whatever the messages are.
#[derive(Debug, Default)]
pub struct Clusters {
    tree: Tree,
    /// The last message of each stream, which the next lines may go on with.
    open: HashMap<String, Open>,
    open_bytes: usize,
    events: u64,
    messages: u64,
}

/// The patterns that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// The patterns: the most serious first, then the most frequent.
    pub clusters: Vec<Cluster>,
    /// The number of messages; a message counts once, with the lines that go on with it.
    pub messages: u64,
    /// The number of messages in patterns that were not kept.
    pub other: u64,
    /// The number of patterns that were not kept, at least.
    pub other_patterns: u64,
}

impl Clusters {
    /// Adds an event of a stream. An event that goes on with a stack trace joins its message.
    pub fn add(&mut self, stream: &str, at: i64, text: &str) {
        self.events += 1;
        let mut end = text.len().min(LONGEST_EVENT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = unwrap(&text[..end]);
        let joined;
        let key = if line.source.is_empty() {
            stream
        } else {
            joined = format!("{stream}\n{}", line.source);
            &joined
        };
        let next = |used| Open::new(at, &line.text, line.partial, used);
        if let Some(open) = self.open.get_mut(key) {
            let before = open.text.len();
            open.used = self.events;
            if open.take(&line.text, line.partial) {
                self.open_bytes += open.text.len().saturating_sub(before);
            } else {
                let closed = std::mem::replace(open, next(self.events));
                self.open_bytes = (self.open_bytes + open.text.len()).saturating_sub(before);
                self.group(&closed);
            }
        } else {
            let open = next(self.events);
            self.open_bytes += open.text.len();
            self.open.insert(key.to_owned(), open);
        }
        if self.open.len() > STREAMS || self.open_bytes > OPEN_BYTES {
            self.close_oldest();
        }
    }

    /// Closes the half of the open messages that were used least recently.
    fn close_oldest(&mut self) {
        let mut used: Vec<u64> = self.open.values().map(|open| open.used).collect();
        used.sort_unstable();
        let middle = used.get(used.len() / 2).copied().unwrap_or(u64::MAX);
        let mut closed: Vec<Open> = self
            .open
            .extract_if(|_, open| open.used <= middle)
            .map(|(_, open)| open)
            .collect();
        closed.sort_by_key(|open| open.used);
        for open in closed {
            self.open_bytes = self.open_bytes.saturating_sub(open.text.len());
            self.group(&open);
        }
    }

    fn group(&mut self, open: &Open) {
        self.messages += 1;
        let shape = shape(&open.text);
        let subject = Subject {
            level: shape.level,
            scope: &shape.scope,
            masked: &shape.pattern,
            name: shape.name.as_deref(),
            exact: shape.exact,
        };
        self.tree.add(subject, open.at, head(open.text.trim()));
    }

    /// Returns the patterns: the most serious first, then the most frequent.
    #[must_use]
    pub fn finish(mut self) -> Grouped {
        let mut open: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|open| open.used);
        for open in &open {
            self.group(open);
        }
        let kept = self.tree.into_kept();
        let mut by_pattern: HashMap<String, Cluster> = HashMap::with_capacity(kept.templates.len());
        for (pattern, template) in kept.templates {
            let cluster = Cluster {
                name: template
                    .name
                    .as_deref()
                    .map_or_else(|| name_of(&pattern), short),
                pattern: pattern.clone(),
                level: template.level,
                count: template.count,
                first: template.first,
                last: template.last,
                sample: template.sample.into(),
            };
            by_pattern
                .entry(pattern)
                .and_modify(|known| known.join(&cluster))
                .or_insert(cluster);
        }
        let mut clusters: Vec<Cluster> = by_pattern.into_values().collect();
        clusters.sort_by(|a, b| {
            a.level
                .cmp(&b.level)
                .then_with(|| b.count.cmp(&a.count))
                .then_with(|| a.pattern.cmp(&b.pattern))
        });
        Grouped {
            clusters,
            messages: self.messages,
            other: kept.dropped,
            other_patterns: kept.dropped_templates,
        }
    }
}

impl Cluster {
    /// Adds the messages of another cluster of the same pattern.
    fn join(&mut self, other: &Self) {
        self.level = self.level.min(other.level);
        self.count += other.count;
        self.first = self.first.min(other.first);
        if other.last > self.last {
            self.last = other.last;
            self.sample.clone_from(&other.sample);
        }
    }
}

#[cfg(test)]
mod tests;
