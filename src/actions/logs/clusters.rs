//! Groups log messages by what they say.

use std::collections::HashMap;

use super::shapes::{Shape, goes_on, head, shape};

/// Patterns kept; what comes after is counted as "other".
const MOST: usize = 200;
/// What is kept of a message with the lines that go on with it, in bytes.
const JOINED: usize = 32 * 1024;

/// Messages that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// What to call it.
    pub name: String,
    /// The message with `*` for what varies.
    pub pattern: String,
    /// How many messages.
    pub count: u64,
    /// The first one's time, in epoch milliseconds.
    pub first: i64,
    /// The last one's time.
    pub last: i64,
    /// The last one's first line.
    pub sample: String,
}

/// Clusters in the making.
#[derive(Debug, Default)]
pub struct Clusters {
    by_pattern: HashMap<String, Cluster>,
    /// The last message of each stream, which the next lines may go on with.
    open: HashMap<String, (i64, String)>,
    messages: u64,
    other: u64,
}

impl Clusters {
    /// Adds an event of a stream. One that is indented goes on with the message before it.
    pub fn add(&mut self, stream: &str, at: i64, text: &str) {
        if let Some((_, open)) = self.open.get_mut(stream).filter(|_| goes_on(text)) {
            if open.len() + text.len() < JOINED {
                open.push('\n');
                open.push_str(text);
            }
            return;
        }
        let mut kept = text.len().min(JOINED);
        while !text.is_char_boundary(kept) {
            kept -= 1;
        }
        let next = (at, text[..kept].to_owned());
        if let Some((at, message)) = self.open.insert(stream.to_owned(), next) {
            self.group(at, &message);
        }
    }

    fn group(&mut self, at: i64, message: &str) {
        self.messages += 1;
        let Shape { name, pattern } = shape(message);
        let full = self.by_pattern.len() >= MOST;
        if full && !self.by_pattern.contains_key(&pattern) {
            self.other += 1;
            return;
        }
        let sample = head(message.trim());
        let cluster = self
            .by_pattern
            .entry(pattern.clone())
            .or_insert_with(|| Cluster {
                name,
                pattern,
                count: 0,
                first: at,
                last: at,
                sample: sample.to_owned(),
            });
        cluster.count += 1;
        cluster.first = cluster.first.min(at);
        if at >= cluster.last {
            cluster.last = at;
            sample.clone_into(&mut cluster.sample);
        }
    }

    /// Returns the clusters, the largest first.
    #[must_use]
    pub fn finish(mut self) -> Grouped {
        for (at, message) in std::mem::take(&mut self.open).into_values() {
            self.group(at, &message);
        }
        let mut all: Vec<Cluster> = self.by_pattern.into_values().collect();
        all.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.pattern.cmp(&b.pattern))
        });
        Grouped {
            clusters: all,
            messages: self.messages,
            other: self.other,
        }
    }
}

/// What came of grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// The clusters, the largest first.
    pub clusters: Vec<Cluster>,
    /// How many messages there were, each counted with the lines that go on with it.
    pub messages: u64,
    /// How many of them fit no cluster that is kept.
    pub other: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(events: &[(i64, &str)]) -> Grouped {
        let mut clusters = Clusters::default();
        for (at, text) in events {
            clusters.add("s", *at, text);
        }
        clusters.finish()
    }

    #[test]
    fn messages_that_differ_in_numbers_and_ids_are_one_pattern() {
        let found = grouped(&[
            (
                1,
                "2026-11-20T03:14:15.123Z ERROR order 4711 timed out after 5000 ms",
            ),
            (
                3,
                "2026-11-20T03:14:17.456Z ERROR order 4712 timed out after 5001 ms",
            ),
            (2, "connection to 10.0.3.7:5432 refused for 'alice'"),
        ]);
        assert_eq!((found.other, found.messages), (0, 3));
        let [orders, connection] = found.clusters.as_slice() else {
            unreachable!("two patterns")
        };
        assert_eq!(orders.pattern, "* ERROR order * timed out after * ms");
        assert_eq!(orders.name, "ERROR order * timed out after * ms");
        assert_eq!((orders.count, orders.first, orders.last), (2, 1, 3));
        assert_eq!(connection.pattern, "connection to * refused for *");
    }

    #[test]
    fn identifiers_in_hexadecimal_are_masked_whole() {
        let lines: Vec<String> = ["4d7ab0f1", "abcdef12", "00000001", "deadbeef"]
            .iter()
            .map(|trace| format!("ERROR order failed, trace {trace}"))
            .collect();
        let events: Vec<(i64, &str)> = lines.iter().map(|line| (1, line.as_str())).collect();
        let found = grouped(&events).clusters;
        assert_eq!((found.len(), found[0].count), (1, 4), "{found:?}");
    }

    #[test]
    fn a_stack_that_was_logged_line_by_line_is_one_message() {
        let mut clusters = Clusters::default();
        for stream in ["a", "b"] {
            clusters.add(stream, 1, "java.lang.IllegalStateException: closed");
        }
        // Two streams at once: each goes on with its own.
        for line in [
            "\tat c.e.A.b(A.java:1)",
            "Caused by: java.io.IOException: gone",
            "\t... 3 more",
        ] {
            clusters.add("a", 2, line);
        }
        clusters.add("b", 2, "\tat c.e.A.b(A.java:2)");
        let found = clusters.finish();
        assert_eq!(found.messages, 2);
        let names: Vec<&str> = found.clusters.iter().map(|one| one.name.as_str()).collect();
        assert!(
            names.contains(&"IllegalStateException caused by IOException"),
            "{names:?}"
        );
        assert!(names.contains(&"IllegalStateException"), "{names:?}");
    }

    #[test]
    fn a_megabyte_on_one_line_is_cut() {
        let found = grouped(&[(1, &"ä".repeat(1_000_000))]);
        assert!(found.clusters[0].sample.len() <= 1024);
    }

    #[test]
    fn too_many_patterns_are_counted_as_other() {
        let words: Vec<String> = (0..300_u32)
            .map(|index| {
                let word: String = format!("{index:03}")
                    .chars()
                    .map(|c| char::from(b'g' + c as u8 - b'0'))
                    .collect();
                format!("word {word}")
            })
            .collect();
        let events: Vec<(i64, &str)> = words.iter().map(|word| (1, word.as_str())).collect();
        let found = grouped(&events);
        assert_eq!(
            (
                found.clusters.len() as u64 + found.other,
                found.clusters.len()
            ),
            (300, MOST)
        );
    }
}
