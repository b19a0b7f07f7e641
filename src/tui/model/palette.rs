//! The palette: everything that has a name, found by a few of its letters.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Model, Order, Screen, Valid, state_words};
use crate::alarms::Key;
use crate::commands::Entry;
use crate::incident::IncidentId;
use crate::playbook::StepId;
use crate::tui::theme::Theme;

/// More than anybody reads.
const MOST: usize = 100;

/// Something that the palette found.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is: `command`, `alarm`, `playbook`, `step`, `incident`, `theme` or `sort`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What else is said of it.
    pub about: String,
    /// What choosing it does.
    pub act: Act,
}

/// What choosing it does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Runs a command.
    Run(&'static Entry),
    /// Goes to an alarm on the board.
    Alarm(Key),
    /// Opens the choice of playbooks at one of them.
    Playbook(String),
    /// Reads a step.
    Step(StepId),
    /// Opens an incident.
    Incident(IncidentId),
    /// Uses a theme until the console ends.
    Theme(&'static str),
    /// Sorts the board.
    Sort(Order),
}

impl Model {
    /// What fits the letters, the best first; with none, the commands that are valid here.
    #[must_use]
    pub fn found(&self, letters: &str) -> Vec<Found> {
        let pattern = Pattern::parse(letters.trim(), CaseMatching::Ignore, Normalization::Smart);
        let mut finder = Finder {
            pattern,
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
            found: Vec::new(),
        };
        self.commands(&mut finder);
        if !letters.trim().is_empty() {
            self.things(&mut finder);
        }
        let mut found = finder.found;
        // Of equals, the order in which they were looked for stays.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.truncate(MOST);
        found.into_iter().map(|(_, found)| found).collect()
    }

    fn commands(&self, finder: &mut Finder) {
        for Valid { entry, free, .. } in self.valid(|_| true) {
            let shown = &free[..free.len().min(2)];
            let about = if shown.is_empty() {
                entry.about.to_owned()
            } else {
                format!("{} · {}", shown.join(" "), entry.about)
            };
            let text = format!("{} {} {}", entry.label, entry.name, entry.about);
            finder.offer("command", entry.label, &text, about, || Act::Run(entry));
        }
    }

    fn things(&self, finder: &mut Finder) {
        for row in self.board.rows.iter() {
            let alarm = &row.alarm;
            let about = || format!("{} · {}", state_words(alarm.state).1, alarm.region);
            finder.offer_late("alarm", &alarm.name, &alarm.name, about, || {
                Act::Alarm(crate::alarms::key(alarm))
            });
        }
        for entry in &self.catalog.entries {
            let playbook = &entry.playbook;
            let text = format!("{} {}", playbook.name, playbook.id);
            finder.offer(
                "playbook",
                &playbook.name,
                &text,
                playbook.summary.clone(),
                || Act::Playbook(playbook.id.clone()),
            );
        }
        let execution = self
            .incident
            .as_ref()
            .and_then(|snapshot| snapshot.state.execution());
        for step in execution.iter().flat_map(|one| one.playbook.steps.iter()) {
            let text = format!("{} {}", step.title, step.id);
            finder.offer("step", &step.title, &text, step.id.to_string(), || {
                Act::Step(step.id.clone())
            });
        }
        for one in &self.incidents {
            let text = format!("{} {}", one.title, one.id);
            let about = format!("{} · {}", one.id, one.status.name());
            finder.offer("incident", &one.title, &text, about, || {
                Act::Incident(one.id.clone())
            });
        }
        for name in Theme::names() {
            let text = format!("theme {name}");
            finder.offer(
                "theme",
                name,
                &text,
                "until the console ends".into(),
                || Act::Theme(name),
            );
        }
        if self.screen == Screen::Board {
            for order in Order::ALL {
                let text = format!("sort by {}", order.name());
                finder.offer("sort", order.name(), &text, text.clone(), || {
                    Act::Sort(order)
                });
            }
        }
    }

    /// Incidents that are not closed, the latest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &crate::journal::Summary> {
        self.incidents.iter().filter(|one| one.is_unfinished())
    }
}

struct Finder {
    pattern: Pattern,
    matcher: Matcher,
    buffer: Vec<char>,
    found: Vec<(u32, Found)>,
}

impl Finder {
    fn offer(
        &mut self,
        kind: &'static str,
        name: &str,
        text: &str,
        about: String,
        act: impl FnOnce() -> Act,
    ) {
        self.offer_late(kind, name, text, || about, act);
    }

    /// What is said of it is written only where it fits: there are thousands of alarms.
    fn offer_late(
        &mut self,
        kind: &'static str,
        name: &str,
        text: &str,
        about: impl FnOnce() -> String,
        act: impl FnOnce() -> Act,
    ) {
        let text = Utf32Str::new(text, &mut self.buffer);
        if let Some(score) = self.pattern.score(text, &mut self.matcher) {
            let found = Found {
                kind,
                name: name.to_owned(),
                about: about(),
                act: act(),
            };
            self.found.push((score, found));
        }
    }
}
