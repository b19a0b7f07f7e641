//! The simulated log messages of any window.

use super::world::{World, number};
use crate::rehearsal::scenario::Log;

/// A log event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// Epoch milliseconds.
    pub at: i64,
    pub stream: String,
    pub text: String,
    pub id: String,
}

/// A window may not be so wide that listing it takes seconds.
const MOST: i64 = 200_000;

impl World {
    /// All messages of a log group between two real times, in order of time.
    pub(super) fn messages(&self, group: &str, from: i64, to: i64) -> Vec<Message> {
        let time = |millis: i64| {
            chrono::DateTime::from_timestamp_millis(millis).map(|at| self.seconds(at))
        };
        let (Some(from), Some(to)) = (time(from), time(to)) else {
            return Vec::new();
        };
        let mut all: Vec<Message> = self
            .scenario
            .logs
            .iter()
            .enumerate()
            .filter(|(_, log)| log.group == group)
            .flat_map(|(index, log)| self.of(index, log, from, to))
            .collect();
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        all
    }

    fn of(&self, index: usize, log: &Log, from: f64, to: f64) -> Vec<Message> {
        let fixed = log
            .stops_after
            .as_ref()
            .and_then(|fix| self.fixed(fix, f64::MAX));
        let end = [Some(to), log.until, fixed]
            .into_iter()
            .flatten()
            .fold(f64::MAX, f64::min);
        let begin = from.max(log.from);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counts of messages are far below 2^63"
        )]
        let (first, last) = (
            ((begin - log.from) / log.every).ceil() as i64,
            ((end - log.from) / log.every).floor() as i64,
        );
        (first.max(0)..=last.min(first.saturating_add(MOST)))
            .map(|n| {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "counts of messages are far below 2^52"
                )]
                let at = self
                    .real(log.from + n as f64 * log.every)
                    .timestamp_millis();
                Message {
                    at,
                    stream: log.stream.clone(),
                    text: fill(&log.message, index, n),
                    id: format!("{at:020}{index:04}{n:012}"),
                }
            })
            .collect()
    }
}

fn fill(message: &str, index: usize, n: i64) -> String {
    let random = number(&[message, &index.to_string(), &n.to_string()]);
    message
        .replace("{n}", &(4000 + n).to_string())
        .replace("{ms}", &(random % 9000 + 1000).to_string())
        .replace("{hex}", &format!("{random:08x}"))
}

/// A CloudWatch Logs filter pattern over unstructured text: terms that must all stand there,
/// `?terms` of which one must, `-terms` that must not.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let terms = terms(pattern);
    let (any, rest): (Vec<&String>, Vec<&String>) =
        terms.iter().partition(|term| term.starts_with('?'));
    let holds = |term: &str| text.contains(term.trim_matches('"'));
    rest.iter().all(|term| {
        term.strip_prefix('-')
            .map_or_else(|| holds(term), |term| !holds(term))
    }) && (any.is_empty() || any.iter().any(|term| holds(&term[1..])))
}

fn terms(pattern: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let (mut term, mut quoted) = (String::new(), false);
    for c in pattern.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !term.is_empty() {
                    terms.push(std::mem::take(&mut term));
                }
            }
            c => term.push(c),
        }
    }
    if !term.is_empty() {
        terms.push(term);
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filter_patterns_follow_the_documented_syntax() {
        assert!(matches("", "anything"));
        assert!(matches("ERROR", "an ERROR here"));
        assert!(!matches("ERROR timeout", "an ERROR here"));
        assert!(matches("?ERROR ?WARN", "a WARN here"));
        assert!(!matches("?ERROR ?WARN", "an INFO here"));
        assert!(!matches("ERROR -health", "ERROR in health check"));
        assert!(matches("\"took longer\"", "it took longer than"));
    }
}
