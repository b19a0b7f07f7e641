//! Escalation paths: who is asked next, and after how long.

use std::time::Duration;

use crate::document::{Problem, Problems, Reader, Source, parse};

/// A path: levels of contacts, asked one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationPath {
    /// Its name.
    pub name: String,
    /// Its levels, first asked first.
    pub levels: Vec<EscalationLevel>,
}

/// One level of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationLevel {
    /// Whom to reach, and how.
    pub contacts: Vec<String>,
    /// How long to wait for an acknowledgement.
    pub wait: Duration,
}

/// All known paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EscalationPaths(pub Vec<EscalationPath>);

impl EscalationPaths {
    /// Finds a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&EscalationPath> {
        self.0.iter().find(|path| path.name == name)
    }

    /// Reads `escalation.toml`.
    #[must_use]
    pub fn compile(source: &Source) -> (Self, Vec<Problem>) {
        let (root, found) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(found);
        let reader = Reader::new(&root, "the escalation file", &problems);
        reader.required("format");
        reader.integer("format", 1..=1);
        let mut paths = Vec::new();
        if let Some(table) = reader.table("paths") {
            for (name, _, node) in table.entries() {
                let path = Reader::new(node, format!("path `{name}`"), &problems);
                let levels = path
                    .tables("levels")
                    .into_iter()
                    .map(|level| {
                        let contacts = level.strings("contacts");
                        if contacts.is_empty() {
                            problems.push(
                                Problem::error("a level has no contacts")
                                    .at(level.span.clone())
                                    .help("add `contacts = [\"…\"]`: whom to reach, and how"),
                            );
                        }
                        level.required("wait");
                        let wait = level.duration("wait").unwrap_or_default();
                        level.finish();
                        EscalationLevel {
                            contacts: contacts.into_iter().map(|contact| contact.value).collect(),
                            wait,
                        }
                    })
                    .collect();
                path.finish();
                paths.push(EscalationPath {
                    name: name.clone(),
                    levels,
                });
            }
        }
        reader.finish();
        (Self(paths), problems.into_sorted())
    }
}
