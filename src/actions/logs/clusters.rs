//! Groups log messages by what they say, with the parts that vary masked.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// Patterns kept; what comes after is counted as "other".
const MOST: usize = 200;
/// A message is looked at up to here, in bytes: the rest of a megabyte line says no more.
const LONGEST: usize = 1024;

/// What varies from message to message: identifiers, addresses, times, numbers, quoted text.
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?x)"(?:[^"\\]|\\.)*" | '[^']*'"#,
        r"| \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
        r"| \b\d{4}-\d{2}-\d{2}(?:[T\ ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?",
        r"| \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b",
        r"| \b(?:i|vol|eni|sg|subnet|vpc|ami)-[0-9a-f]{8,17}\b",
        r"| \b0x[0-9a-fA-F]+\b | \b[0-9a-fA-F]{8,}\b",
        r"| \d+(?:\.\d+)?",
    ))
    .ok()
});

/// Messages that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The message with `*` for what varies.
    pub pattern: String,
    /// How many messages.
    pub count: u64,
    /// The first one's time, in epoch milliseconds.
    pub first: i64,
    /// The last one's time.
    pub last: i64,
    /// The last one's text.
    pub sample: String,
}

/// Clusters in the making.
#[derive(Debug, Default)]
pub struct Clusters {
    by_pattern: HashMap<String, Cluster>,
    other: u64,
}

impl Clusters {
    /// Adds a message.
    pub fn add(&mut self, at: i64, message: &str) {
        let message = head(message.trim());
        let pattern = mask(message);
        let full = self.by_pattern.len() >= MOST;
        if full && !self.by_pattern.contains_key(&pattern) {
            self.other += 1;
            return;
        }
        let cluster = self
            .by_pattern
            .entry(pattern.clone())
            .or_insert_with(|| Cluster {
                pattern,
                count: 0,
                first: at,
                last: at,
                sample: message.to_owned(),
            });
        cluster.count += 1;
        cluster.first = cluster.first.min(at);
        if at >= cluster.last {
            cluster.last = at;
            message.clone_into(&mut cluster.sample);
        }
    }

    /// Returns the clusters, the largest first, and how many messages fit none of them.
    #[must_use]
    pub fn finish(self) -> (Vec<Cluster>, u64) {
        let mut all: Vec<Cluster> = self.by_pattern.into_values().collect();
        all.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.pattern.cmp(&b.pattern))
        });
        (all, self.other)
    }
}

/// The first line, at most [`LONGEST`] bytes of it: the lines below a message are its stack.
fn head(message: &str) -> &str {
    let line = message.lines().next().unwrap_or("");
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

fn mask(message: &str) -> String {
    VARIABLE.as_ref().map_or_else(
        || message.to_owned(),
        |variable| variable.replace_all(message, "*").into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_numbers_and_ids_are_one_pattern() {
        let mut clusters = Clusters::default();
        clusters.add(
            1,
            "2026-11-20T03:14:15.123Z ERROR order 4711 timed out after 5000 ms",
        );
        clusters.add(
            3,
            "2026-11-20T03:14:17.456Z ERROR order 4712 timed out after 5001 ms",
        );
        clusters.add(2, "connection to 10.0.3.7:5432 refused for 'alice'");
        let (found, other) = clusters.finish();
        assert_eq!(other, 0);
        assert_eq!(found[0].pattern, "* ERROR order * timed out after * ms");
        assert_eq!((found[0].count, found[0].first, found[0].last), (2, 1, 3));
        assert_eq!(found[1].pattern, "connection to * refused for *");
    }

    #[test]
    fn identifiers_in_hexadecimal_are_masked_whole() {
        let mut clusters = Clusters::default();
        for trace in ["4d7ab0f1", "abcdef12", "00000001", "deadbeef"] {
            clusters.add(1, &format!("ERROR order failed, trace {trace}"));
        }
        let (found, _) = clusters.finish();
        assert_eq!((found.len(), found[0].count), (1, 4), "{found:?}");
    }

    #[test]
    fn a_megabyte_on_one_line_is_cut() {
        let mut clusters = Clusters::default();
        clusters.add(1, &"ä".repeat(1_000_000));
        let (found, _) = clusters.finish();
        assert!(found[0].sample.len() <= LONGEST);
    }

    #[test]
    fn too_many_patterns_are_counted_as_other() {
        let mut clusters = Clusters::default();
        for index in 0..300_u32 {
            let word: String = format!("{index:03}")
                .chars()
                .map(|c| char::from(b'g' + c as u8 - b'0'))
                .collect();
            clusters.add(1, &format!("word {word}"));
        }
        let (found, other) = clusters.finish();
        assert_eq!((found.len() as u64 + other, found.len()), (300, MOST));
    }
}
