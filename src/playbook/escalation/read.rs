//! Reads `escalation.toml`.

use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use super::{Approvers, Contact, EscalationLevel, EscalationPath, EscalationPaths, Hours, Quiet};
use crate::document::{Located, Problem, Problems, Reader, Source, nearest, parse};
use crate::playbook::Severity;

/// Nobody answers sooner.
const SHORTEST: Duration = Duration::from_secs(30);
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

impl EscalationPaths {
    /// Reads a file.
    #[must_use]
    pub fn compile(source: &Source) -> (Self, Vec<Problem>) {
        let (root, found) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(found);
        let reader = Reader::new(&root, "the escalation file", &problems);
        reader.required("format");
        reader.integer("format", 1..=1);
        let file = File {
            hours: hours(&reader, &problems),
            problems: &problems,
        };
        let contacts = file.contacts(&reader);
        let countdown = reader.duration("countdown").unwrap_or(Self::COUNTDOWN);
        let quiet = reader.table("quiet").map(|table| file.quiet(table));
        let mut paths = Vec::new();
        if let Some(table) = reader.table("paths") {
            for (name, span, node) in table.entries() {
                let path = Reader::new(node, format!("path `{name}`"), &problems);
                let levels: Vec<EscalationLevel> = path
                    .tables("levels")
                    .into_iter()
                    .map(|level| file.level(level, &contacts))
                    .collect();
                if levels.is_empty() {
                    problems.push(
                        Problem::error(format!("the path `{name}` has no levels"))
                            .at(span.clone())
                            .help(format!(
                                "add [[paths.{name}.levels]]: whom to reach, and how long to wait"
                            )),
                    );
                }
                let repeat = path.integer("repeat", 0..=10).unwrap_or_default();
                path.finish();
                paths.push(EscalationPath {
                    name: name.clone(),
                    levels,
                    repeat: u32::try_from(repeat).unwrap_or_default(),
                    quiet: quiet.clone(),
                    countdown: countdown.as_secs(),
                });
            }
        }
        let approvers = file.approvers(&reader);
        reader.finish();
        let read = Self {
            paths,
            approvers,
            ..Self::default()
        };
        (read, problems.into_sorted())
    }
}

/// What the tables of a file may refer to.
struct File<'a> {
    hours: Vec<(String, Hours)>,
    problems: &'a Problems,
}

impl File<'_> {
    fn contacts(&self, reader: &Reader<'_>) -> Vec<(String, Contact)> {
        let Some(table) = reader.table("contacts") else {
            return Vec::new();
        };
        let entries = table.entries().iter();
        entries
            .map(|(name, _, node)| {
                let contact = Reader::new(node, format!("contact `{name}`"), self.problems);
                let one = Contact {
                    name: contact
                        .string("name")
                        .map_or_else(|| name.clone(), |name| name.value),
                    channels: values(contact.strings("channels")),
                    hours: self.named(&contact),
                };
                contact.finish();
                (name.clone(), one)
            })
            .collect()
    }

    /// The hours that a table names.
    fn named(&self, table: &Reader<'_>) -> Vec<Hours> {
        let mut found = Vec::new();
        for name in table.strings("hours") {
            match self.hours.iter().find(|(known, _)| *known == name.value) {
                Some((_, hours)) => found.push(hours.clone()),
                None => self.problems.push(
                    Problem::error(format!("there are no hours named {:?}", name.value))
                        .at(name.span)
                        .help(format!("define them as [hours.{}]", name.value)),
                ),
            }
        }
        found
    }

    fn quiet(&self, table: Reader<'_>) -> Quiet {
        table.required("hours");
        table.required("severities");
        let hours = self.named(&table);
        let severities = table.choices("severities", &Severity::ALL);
        if severities.contains(&Severity::Critical) {
            self.problems.push(
                Problem::error("critical incidents have no quiet hours")
                    .at(table.span.clone())
                    .help("leave \"critical\" out of `severities`"),
            );
        }
        table.finish();
        Quiet { hours, severities }
    }

    fn level(&self, level: Reader<'_>, contacts: &[(String, Contact)]) -> EscalationLevel {
        let named = level.strings("contacts");
        let channels = values(level.strings("channels"));
        if named.is_empty() && channels.is_empty() {
            self.problems.push(
                Problem::error("a level has no contacts")
                    .at(level.span.clone())
                    .help("add `contacts = [\"…\"]`: whom to reach, by their name under [contacts], or in words"),
            );
        }
        level.required("wait");
        let wait = level.duration("wait").unwrap_or(SHORTEST);
        if wait < SHORTEST {
            self.problems.push(
                Problem::error(
                    "a level that waits less than half a minute wakes everybody at once",
                )
                .at(level.span.clone())
                .help("write how long somebody may take to answer, as wait = \"10m\""),
            );
        }
        level.finish();
        // Who is no contact of the file is reached by the responder, and named in words.
        let in_words = |name: String| Contact {
            name,
            channels: Vec::new(),
            hours: Vec::new(),
        };
        let contacts = named.into_iter().map(|name| {
            let known = contacts.iter().find(|(known, _)| *known == name.value);
            if let Some((_, contact)) = known {
                return contact.clone();
            }
            let others = contacts.iter().map(|(known, _)| known.as_str());
            if let Some(near) = nearest(&name.value, others) {
                self.problems.push(
                    Problem::error(format!("no contact is named {:?}", name.value))
                        .at(name.span.clone())
                        .help(format!("did you mean {near:?}?")),
                );
            }
            in_words(name.value)
        });
        EscalationLevel {
            contacts: contacts.collect(),
            channels,
            wait: wait.as_secs(),
        }
    }

    fn approvers(&self, reader: &Reader<'_>) -> Vec<Approvers> {
        let Some(table) = reader.table("approvers") else {
            return Vec::new();
        };
        let entries = table.entries().iter();
        entries
            .map(|(group, _, node)| {
                let table = Reader::new(node, format!("approvers `{group}`"), self.problems);
                let named = table.node("documents").is_some();
                let documents = values(table.strings("documents"));
                let channels = values(table.strings("channels"));
                table.finish();
                Approvers {
                    group: group.clone(),
                    // Nothing named is nothing allowed; only where nothing is said, all is.
                    documents: if named { documents } else { vec!["*".into()] },
                    channels,
                }
            })
            .collect()
    }
}

fn values(all: Vec<Located<String>>) -> Vec<String> {
    all.into_iter().map(|one| one.value).collect()
}

fn hours(reader: &Reader<'_>, problems: &Problems) -> Vec<(String, Hours)> {
    let Some(table) = reader.table("hours") else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, _, node) in table.entries() {
        let table = Reader::new(node, format!("hours `{name}`"), problems);
        let zone = table.string("time_zone").map_or(Some(Tz::UTC), |zone| {
            let known = zone.value.parse().ok();
            if known.is_none() {
                problems.push(
                    Problem::error(format!("{:?} is no time zone", zone.value))
                        .at(zone.span)
                        .help("write its name in the tz database, as \"Europe/Berlin\""),
                );
            }
            known
        });
        let days = if table.node("days").is_some() {
            table.choices("days", &DAYS)
        } else {
            DAYS.map(|(_, day)| day).to_vec()
        };
        let (from, to) = (
            time(table.required_string("from"), problems),
            time(table.required_string("to"), problems),
        );
        table.finish();
        if let (Some(time_zone), Some(from), Some(to)) = (zone, from, to) {
            let hours = Hours {
                time_zone,
                days,
                from,
                to,
            };
            all.push((name.clone(), hours));
        }
    }
    all
}

fn time(text: Option<Located<String>>, problems: &Problems) -> Option<NaiveTime> {
    let text = text?;
    let time = NaiveTime::parse_from_str(&text.value, "%H:%M").ok();
    if time.is_none() {
        problems.push(
            Problem::error(format!("{:?} is no time of day", text.value))
                .at(text.span)
                .help("write hours and minutes, as \"22:30\""),
        );
    }
    time
}
