//! The board's filter: words that a row must contain, and `column:value`.

use chrono::{DateTime, TimeDelta, Utc};

use super::Model;
use crate::alarms::{Row, Source};

/// A filter that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    not: bool,
    column: Option<Column>,
    value: String,
}

macro_rules! columns {
    ($($column:ident [$($name:literal),*]),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Column { $($column),* }

        const COLUMNS: &[(&[&str], Column)] = &[$((&[$($name),*], Column::$column)),*];
    };
}

columns! {
    State ["state"],
    Severity ["severity", "sev"],
    Name ["name"],
    Age ["age"],
    Region ["region"],
    Account ["account"],
    Profile ["profile"],
    Namespace ["namespace"],
    Metric ["metric"],
    Dimension ["dimension"],
    Service ["service"],
    Owner ["owner"],
    Tag ["tag"],
    Playbook ["playbook"],
}

/// The columns' names, for whoever asks.
#[must_use]
pub fn columns() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(names, _)| names[0]).collect();
    names.join(", ")
}

/// The first `column:value` of a filter that names no column.
#[must_use]
pub fn no_column(text: &str) -> Option<&str> {
    let words = text.split_whitespace();
    let parts = words.filter_map(|word| word.trim_start_matches('-').split_once(':'));
    let mut heads = parts.map(|(name, _)| name);
    heads.find(|name| {
        let known = COLUMNS.iter().flat_map(|(names, _)| *names);
        let is_name = !name.is_empty() && name.chars().all(char::is_alphabetic);
        is_name && !known.into_iter().any(|own| own.eq_ignore_ascii_case(name))
    })
}

impl Filter {
    /// Reads a filter: words that must all be there; `-` before one means that it must not.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let terms = text.to_lowercase();
        let terms = terms.split_whitespace().map(|word| {
            let (not, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word),
            };
            let named = word.split_once(':').and_then(|(name, value)| {
                let column = COLUMNS.iter().find(|(names, _)| names.contains(&name));
                column.map(|(_, column)| (*column, value))
            });
            match named {
                Some((column, value)) => Term {
                    not,
                    column: Some(column),
                    value: value.to_owned(),
                },
                None => Term {
                    not,
                    column: None,
                    value: word.to_owned(),
                },
            }
        });
        let mut terms: Vec<Term> = terms.collect();
        // What is found out slowly is asked last.
        terms.sort_by_key(|term| matches!(term.column, Some(Column::Severity | Column::Playbook)));
        Self { terms }
    }

    /// What looks like a column and is none, with what is meant perhaps.
    #[must_use]
    pub fn doubt(text: &str) -> Option<String> {
        let text = text.to_lowercase();
        let mut names = text.split_whitespace().filter_map(|word| {
            let (name, _) = word.trim_start_matches('-').split_once(':')?;
            let known = COLUMNS.iter().any(|(names, _)| names.contains(&name));
            let word = !known && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic());
            (word && name != "arn").then_some(name)
        });
        names
            .next()
            .map(|name| format!("no column is called {name}; there are {}", columns()))
    }

    /// Whether a row is shown.
    #[must_use]
    pub fn fits(&self, model: &Model, row: &Row) -> bool {
        let fits = |term: &Term| match term.column {
            None => contains(row, &term.value),
            Some(column) => has(model, row, column, &term.value),
        };
        self.terms.iter().all(|term| fits(term) != term.not)
    }
}

/// Whether a text contains another that is in lower case.
fn holds(text: &str, term: &str) -> bool {
    if text.is_ascii() && term.is_ascii() {
        let (text, term) = (text.as_bytes(), term.as_bytes());
        return term.is_empty()
            || text
                .windows(term.len())
                .any(|part| part.eq_ignore_ascii_case(term));
    }
    text.to_lowercase().contains(term)
}

fn contains(row: &Row, term: &str) -> bool {
    let alarm = &row.alarm;
    let tags = row.details.tags.iter().flat_map(|tags| tags.values());
    let fields = [
        alarm.name.as_str(),
        alarm.state.name(),
        alarm.region.as_str(),
        alarm.description.as_str(),
        alarm.account.as_str(),
        alarm.profile.as_str(),
    ];
    let metric = alarm.metric.iter().chain(&alarm.namespace);
    let more = metric.chain(alarm.dimensions.values()).chain(tags);
    fields
        .into_iter()
        .chain(more.map(String::as_str))
        .any(|field| holds(field, term))
}

fn has(model: &Model, row: &Row, column: Column, value: &str) -> bool {
    let alarm = &row.alarm;
    let some = |text: Option<&str>| text.is_some_and(|text| holds(text, value));
    match column {
        Column::State => {
            let word = super::state_words(alarm.state).1;
            begins(alarm.state.name(), value) || begins(word, value)
        }
        Column::Severity => begins(model.severity(row).name(), value),
        Column::Name => holds(&alarm.name, value),
        Column::Age => alarm
            .since
            .is_some_and(|since| aged(since, model.now, value)),
        Column::Region => holds(&alarm.region, value),
        Column::Account => {
            let source = model.board.source_of(alarm).map(Source::name);
            holds(&alarm.account, value) || some(source.as_deref())
        }
        Column::Profile => holds(&alarm.profile, value),
        Column::Namespace => some(alarm.namespace.as_deref()),
        Column::Metric => some(alarm.metric.as_deref()),
        Column::Dimension => pairs(alarm.dimensions.iter(), value),
        Column::Service => some(row.details.service().or(alarm.namespace.as_deref())),
        Column::Owner => some(row.details.owner()),
        Column::Tag => row
            .details
            .tags
            .as_ref()
            .is_some_and(|tags| pairs(tags.iter(), value)),
        Column::Playbook => {
            let answering = model.answering(alarm);
            match value {
                "none" => answering.is_empty(),
                value => answering
                    .iter()
                    .any(|entry| holds(&entry.playbook.id, value)),
            }
        }
    }
}

fn begins(text: &str, value: &str) -> bool {
    text.get(..value.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(value))
}

/// A name, a value, or `name=value`.
fn pairs<'a>(all: impl Iterator<Item = (&'a String, &'a String)>, wanted: &str) -> bool {
    let (name, value) = match wanted.split_once('=') {
        Some((name, value)) => (Some(name), value),
        None => (None, wanted),
    };
    all.into_iter().any(|(own, text)| match name {
        Some(name) => own.eq_ignore_ascii_case(name) && holds(text, value),
        None => holds(own, value) || holds(text, value),
    })
}

/// `<10m`, `>2h`, or `10m`, which means at most that.
fn aged(since: DateTime<Utc>, now: DateTime<Utc>, value: &str) -> bool {
    let (longer, span) = match value.strip_prefix('>') {
        Some(span) => (true, span),
        None => (false, value.strip_prefix('<').unwrap_or(value)),
    };
    let Ok(span) = humantime::parse_duration(span) else {
        // It is still being typed.
        return true;
    };
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    (now - since > span) == longer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{Board, Seen};
    use crate::aws::Place;
    use crate::incident::{AlarmRef, AlarmState};
    use std::sync::Arc;

    fn model() -> Model {
        let now = DateTime::from_timestamp(10_000, 0).unwrap();
        let every = std::time::Duration::from_secs(10);
        let mut model = Model::new(Default::default(), (80, 24), now, every);
        let seen = |name: &str, state, seconds: i64| Seen {
            alarm: AlarmRef {
                name: name.into(),
                state,
                region: "eu-west-1".into(),
                metric: Some("CPUUtilization".into()),
                dimensions: std::iter::once(("InstanceId".to_owned(), "i-0a".to_owned())).collect(),
                since: DateTime::from_timestamp(10_000 - seconds, 0),
                ..AlarmRef::default()
            },
            facts: Default::default(),
        };
        let mut board = Board::default();
        let all = vec![
            seen("Orders-cpu", AlarmState::Alarm, 60),
            seen("api-ok", AlarmState::Ok, 9000),
            seen("état", AlarmState::InsufficientData, 60),
        ];
        board.take(&Place::default(), all, |_| true);
        model.board = Arc::new(board);
        model
    }

    #[test]
    fn columns_words_and_their_opposites() {
        let model = model();
        let shown = |text: &str| {
            let filter = Filter::read(text);
            let rows = model.board.rows.iter();
            let fits = rows.filter(|row| filter.fits(&model, row));
            let names: Vec<&str> = fits.map(|row| row.alarm.name.as_str()).collect();
            names.join(" ")
        };
        for (text, wanted) in [
            ("", "Orders-cpu état api-ok"),
            ("state:alarm", "Orders-cpu"),
            ("state:nodata", "état"),
            ("state:insufficient", "état"),
            ("-state:ok", "Orders-cpu état"),
            ("name:ORDERS", "Orders-cpu"),
            ("name:ÉTAT", "état"),
            ("dimension:instanceid=i-0a name:api", "api-ok"),
            ("age:<5m", "Orders-cpu état"),
            ("age:>2h", "api-ok"),
            ("playbook:none -orders", "état api-ok"),
            ("region:us", ""),
            ("cpuutil -ok", "Orders-cpu état"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_column_is_a_word_and_said() {
        assert!(Filter::doubt("stat:alarm").is_some_and(|text| text.contains("state, severity")));
        assert_eq!(Filter::doubt("arn:aws:x state:ok 10:30"), None);
    }
}
