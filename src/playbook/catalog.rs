//! All playbooks at hand, and which of them answers an alarm.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::escalation::EscalationPaths;
use super::link::link;
use super::{
    Answer, ApprovalRule, Compiled, Direction, Playbook, Run, Step, StepId, StepKind, Vocabulary,
    parse,
};
use crate::document::{Located, Problem, Source, SourceError, is_kept};

/// Where a playbook came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The binary itself.
    Embedded(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Embedded(name) => write!(f, "embedded:{name}"),
        }
    }
}

/// A playbook that can be used.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The playbook.
    pub playbook: Arc<Playbook>,
    /// Its text, kept with every execution.
    pub source: Source,
    /// The texts of the playbooks that it walks on the way, kept with it.
    pub others: Vec<Source>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether its file, and those of the playbooks that it walks, can be written by their owner
    /// alone, so that what they permit counts.
    pub trusted: bool,
}

/// A playbook that cannot be used, and why.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Where it came from.
    pub origin: Origin,
    /// Its id, where it could be read.
    pub id: Option<String>,
    /// Its text; empty where it could not be read.
    pub source: Source,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Why it is refused, where somebody else than root and this user can change it.
    pub refused: Option<String>,
}

/// A playbook that another one of the same id hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// The id of both.
    pub id: String,
    /// The one that is not used.
    pub hidden: Origin,
    /// The one that is.
    pub by: Origin,
}

/// The playbooks of all folders, the first to define an id winning.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Those that can be used.
    pub entries: Vec<Entry>,
    /// Those that cannot.
    pub broken: Vec<Broken>,
    /// Those that are hidden.
    pub shadowed: Vec<Shadowed>,
    /// Warnings about playbooks that can be used.
    pub warnings: Vec<(Source, Vec<Problem>)>,
    /// The escalation paths; the first file that has any wins.
    pub escalation: Arc<EscalationPaths>,
    /// The files that say whom to ask next, and how many paths each has.
    pub escalations: Vec<(Origin, usize)>,
    /// All that are at hand, for playbooks that walk others.
    library: Vec<Known>,
}

/// A playbook that others may walk on the way.
#[derive(Debug, Clone)]
struct Known {
    /// Whether its owner alone can write it.
    kept: bool,
    source: Source,
    compiled: Arc<Compiled>,
}

impl Catalog {
    /// Whether it was read: the binary has playbooks of its own.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !self.entries.is_empty() || !self.broken.is_empty()
    }

    /// Reads all playbooks of the folders, in order, then the embedded ones. Folders that do
    /// not exist are passed over; one that cannot be read is listed as broken.
    #[must_use]
    pub fn load(
        folders: &[PathBuf],
        embedded: &[(&'static str, &'static str)],
        vocabulary: &Vocabulary,
    ) -> Self {
        let mut catalog = Self::default();
        let mut found = Vec::new();
        for folder in folders {
            match files(folder) {
                Ok(paths) => found.extend(paths.into_iter().map(Origin::File)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => catalog.broken.push(unreadable(
                    Origin::File(folder.clone()),
                    &SourceError::Io {
                        path: folder.clone(),
                        source: error,
                    },
                )),
            }
        }
        found.extend(embedded.iter().map(|(name, _)| Origin::Embedded(name)));
        let mut sources = Vec::new();
        for origin in found {
            match read(&origin, embedded) {
                Ok(source) => sources.push((origin, source)),
                Err(error) => catalog.broken.push(unreadable(origin, &error)),
            }
        }
        catalog.add_escalation(&sources);
        for (origin, source) in &sources {
            catalog.know(origin, source, vocabulary);
        }
        for (origin, source) in sources {
            if !is_escalation(&origin) {
                catalog.add(origin, source, vocabulary);
            }
        }
        catalog
    }

    /// The first file counts. Its paths may be the binary's own; who agrees to what is its to say
    /// alone, and where it cannot be read, nobody is known to agree to anything.
    fn add_escalation(&mut self, sources: &[(Origin, Source)]) {
        for (origin, source) in sources.iter().filter(|(origin, _)| is_escalation(origin)) {
            let (read, problems) = EscalationPaths::compile(source);
            let mut known = (*self.escalation).clone();
            if problems.is_empty() {
                self.escalations.push((origin.clone(), read.paths.len()));
                if known.paths.is_empty() {
                    known.paths = read.paths;
                }
                if !known.decided && !known.unreadable {
                    known.approvers = read.approvers;
                    known.decided = true;
                }
            } else {
                known.unreadable = true;
                self.broken.push(Broken {
                    origin: origin.clone(),
                    id: None,
                    source: source.clone(),
                    problems,
                    refused: None,
                });
            }
            self.escalation = Arc::new(known);
        }
    }

    /// Makes a text known to playbooks that walk others.
    pub fn know(&mut self, origin: &Origin, source: &Source, vocabulary: &Vocabulary) {
        if !is_escalation(origin) {
            self.library.push(Known {
                kept: is_believed(origin),
                source: source.clone(),
                compiled: Arc::new(parse::compile(source, vocabulary)),
            });
        }
    }

    /// All playbooks that one walks on the way, and those that they walk.
    fn others(&self, calls: &[(StepId, Located<String>)]) -> Vec<&Known> {
        let mut wanted: Vec<&str> = calls.iter().map(|(_, id)| id.value.as_str()).collect();
        let mut found: Vec<&Known> = Vec::new();
        let mut seen = HashSet::new();
        while let Some(id) = wanted.pop() {
            if !seen.insert(id) {
                continue;
            }
            let named = |one: &&Known| one.compiled.id.as_deref() == Some(id);
            if let Some(one) = self.library.iter().find(named) {
                let calls = one.compiled.calls.iter();
                wanted.extend(calls.map(|(_, id)| id.value.as_str()));
                found.push(one);
            }
        }
        found
    }

    /// Reads a file that was named, whatever it is, and finds its place.
    pub fn add_file(&mut self, origin: Origin, source: Source, vocabulary: &Vocabulary) {
        if is_escalation(&origin) {
            self.add_escalation(&[(origin, source)]);
        } else {
            self.add(origin, source, vocabulary);
        }
    }

    /// The changes for which a playbook asks a group that may not agree to them.
    fn not_theirs(&self, playbook: &Playbook) -> Vec<Problem> {
        let wrong = |step: &Step| {
            let ApprovalRule::Others { group, .. } = &step.remediation()?.approval else {
                return None;
            };
            let approvers = self.escalation.group(group)?;
            let StepKind::Automated(automated) = &step.kind else {
                return None;
            };
            let documents = automated.runs.iter().filter_map(Run::document);
            let other = documents.into_iter().find(|one| !approvers.may(one))?;
            Some(
                Problem::warning(format!(
                    "step {}: the group {group} may not agree to {other:?}",
                    step.id
                ))
                .help(format!(
                    "name another group, or add the document to [approvers.{group}] in `escalation.toml`"
                )),
            )
        };
        playbook.steps.iter().filter_map(wrong).collect()
    }

    /// Reads one playbook and finds its place.
    fn add(&mut self, origin: Origin, source: Source, vocabulary: &Vocabulary) {
        let parsed = parse::compile(&source, vocabulary);
        let known = self.others(&parsed.calls);
        let others: Vec<Source> = known.iter().map(|one| one.source.clone()).collect();
        let all_kept = known.iter().all(|one| one.kept);
        let known: Vec<&Compiled> = known.iter().map(|one| &*one.compiled).collect();
        let Compiled {
            playbook,
            id,
            mut problems,
            escalation_path,
            ..
        } = link(parsed, &known);
        let holder = id.as_ref().and_then(|id| self.holder(id));
        if let (Some(id), Some(by)) = (&id, holder) {
            self.shadowed.push(Shadowed {
                id: id.clone(),
                hidden: origin,
                by,
            });
            return;
        }
        if let Some(path) = escalation_path
            && self.escalation.path(&path.value).is_none()
        {
            problems.push(
                Problem::warning(format!("there is no escalation path {:?}", path.value))
                    .at(path.span)
                    .help("define it in `escalation.toml`, beside the playbooks"),
            );
        }
        problems.extend(
            playbook
                .iter()
                .flat_map(|playbook| self.not_theirs(playbook)),
        );
        let kept = is_believed(&origin);
        let trusted = kept && all_kept;
        if let Some(playbook) = &playbook
            && playbook.is_preapproved()
            && !trusted
        {
            problems.push(
                Problem::warning("`preapproved` is ignored here: others than its owner can write this file or its folder")
                    .help("let root or yourself own both, and take the others' right to write: chmod go-w"),
            );
        }
        let playbook = playbook.filter(|playbook| {
            let declares = playbook.declares_read_only();
            let believed = !declares || kept;
            if !believed {
                problems.push(
                    Problem::error("`read_only` is ignored here: others than its owner can write this file or its folder")
                        .help("let root or yourself own both, and take the others' right to write: chmod go-w"),
                );
            }
            believed
        });
        if let Some(playbook) = playbook {
            if !problems.is_empty() {
                self.warnings.push((source.clone(), problems));
            }
            self.entries.push(Entry {
                playbook: Arc::new(playbook),
                source,
                others,
                origin,
                trusted,
            });
        } else {
            self.broken.push(Broken {
                origin,
                id,
                source,
                problems,
                refused: None,
            });
        }
    }

    /// Files that are not used because somebody else than root and this user can change them, in a
    /// sentence; nothing where there are none.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        let all = self
            .broken
            .iter()
            .filter_map(|one| Some((&one.origin, one.refused.as_ref()?)));
        let all: Vec<_> = all.collect();
        let (origin, why) = all.first()?;
        let more = match all.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        Some(format!("{origin} is refused: {why}{more}"))
    }

    /// Lists a file that could not be read as broken.
    pub fn add_unreadable(&mut self, origin: Origin, error: &SourceError) {
        self.broken.push(unreadable(origin, error));
    }

    fn holder(&self, id: &str) -> Option<Origin> {
        let used = self
            .entries
            .iter()
            .find(|entry| entry.playbook.id == id)
            .map(|entry| &entry.origin);
        // A broken file still holds its id: falling back to another file of the same name would
        // run something the responder did not mean.
        let broken = self
            .broken
            .iter()
            .find(|broken| broken.id.as_deref() == Some(id))
            .map(|broken| &broken.origin);
        used.or(broken).cloned()
    }

    /// Finds a playbook.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.playbook.id == id)
    }

    /// Lists the playbooks that answer an alarm, the most specific first.
    #[must_use]
    pub fn answering(&self, alarm: &Subject<'_>) -> Vec<&Entry> {
        let mut found: Vec<(usize, &Entry)> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry.answers(alarm)?, entry)))
            .collect();
        found.sort_by_key(|(specificity, _)| std::cmp::Reverse(*specificity));
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The first of them.
    #[must_use]
    pub fn best(&self, alarm: &Subject<'_>) -> Option<&Entry> {
        let found = self.entries.iter().rev();
        let found = found.filter_map(|entry| Some((entry.answers(alarm)?, entry)));
        let best = found.max_by_key(|(specificity, _)| *specificity);
        best.map(|(_, entry)| entry)
    }
}

impl Entry {
    /// How exactly the playbook names an alarm; nothing where it does not answer it.
    fn answers(&self, alarm: &Subject<'_>) -> Option<usize> {
        let answers = self.playbook.answers.iter();
        let fitting = answers.filter(|answer| answer.matches(alarm));
        fitting.map(Answer::specificity).max()
    }
}

/// What is known of an alarm when a playbook is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The metric's namespace.
    pub namespace: Option<&'a str>,
    /// The metric's name.
    pub metric: Option<&'a str>,
    /// The alarm's name.
    pub name: &'a str,
    /// CloudWatch's comparison operator.
    pub comparison: Option<&'a str>,
}

impl Direction {
    /// The direction of one of CloudWatch's comparison operators.
    #[must_use]
    pub fn of(operator: &str) -> Option<Self> {
        match operator {
            "LessThanLowerOrGreaterThanUpperThreshold" => Some(Self::Outside),
            operator if operator.starts_with("GreaterThan") => Some(Self::Above),
            operator if operator.starts_with("LessThan") => Some(Self::Below),
            _ => None,
        }
    }
}

impl Answer {
    /// Tells whether an alarm fits.
    #[must_use]
    pub fn matches(&self, alarm: &Subject<'_>) -> bool {
        let fits = |pattern: &Option<String>, value: Option<&str>| {
            pattern
                .as_deref()
                .is_none_or(|pattern| value.is_some_and(|value| glob(pattern, value)))
        };
        let direction = alarm.comparison.and_then(Direction::of);
        // A composite alarm compares nothing itself.
        let compares = match (self.comparison, direction) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        compares
            && fits(&self.namespace, alarm.namespace)
            && fits(&self.metric, alarm.metric)
            && fits(&self.name, Some(alarm.name))
    }

    /// Counts the characters that are not wildcards.
    fn specificity(&self) -> usize {
        [&self.namespace, &self.metric, &self.name]
            .into_iter()
            .flatten()
            .map(|pattern| pattern.chars().filter(|c| !matches!(c, '*' | '?')).count())
            .sum()
    }
}

/// Matches `*` (any run) and `?` (one character), ignoring ASCII case; linear in both.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Behind the last `*`, and where what it stands for ends.
    let mut star = None;
    loop {
        let here = text.clone();
        let Some(c) = text.next() else {
            return pattern.all(|wanted| wanted == '*');
        };
        match pattern.next() {
            Some('*') => {
                star = Some((pattern.clone(), here.clone()));
                text = here;
            }
            Some(wanted) if wanted == '?' || wanted.eq_ignore_ascii_case(&c) => {}
            _ => {
                let Some((behind, ends)) = &mut star else {
                    return false;
                };
                ends.next();
                (pattern, text) = (behind.clone(), ends.clone());
            }
        }
    }
}

/// Whether what a file permits counts.
fn is_believed(origin: &Origin) -> bool {
    match origin {
        Origin::File(path) => is_kept(path),
        Origin::Embedded(_) => true,
    }
}

fn is_escalation(origin: &Origin) -> bool {
    match origin {
        Origin::File(path) => path
            .file_name()
            .is_some_and(|name| name == "escalation.toml"),
        Origin::Embedded(name) => *name == "escalation.toml",
    }
}

/// Lists the TOML files of a folder, by name.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(origin: &Origin, embedded: &[(&'static str, &'static str)]) -> Result<Source, SourceError> {
    match origin {
        Origin::File(path) => Source::read_kept(path),
        Origin::Embedded(name) => {
            let text = embedded
                .iter()
                .find(|(other, _)| other == name)
                .map_or("", |(_, text)| text);
            Ok(Source::new(origin.to_string(), text))
        }
    }
}

fn unreadable(origin: Origin, error: &SourceError) -> Broken {
    Broken {
        source: Source::new(origin.to_string(), ""),
        origin,
        id: None,
        problems: vec![Problem::error(error.to_string())],
        refused: match error {
            SourceError::Refused { why, .. } => Some(why.clone()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs_match_as_people_expect() {
        assert!(glob("*", ""));
        assert!(glob("cpu-*", "cpu-high"));
        assert!(glob("AWS/EC2", "aws/ec2"));
        assert!(glob("a*b*c", "axxbyyc"));
        assert!(glob("p?d", "pod"));
        assert!(!glob("cpu-*", "mem-high"));
        assert!(!glob("a*b", "ac"));
    }

    #[test]
    fn a_hostile_pattern_stays_linear() {
        assert!(!glob(&"*a".repeat(40), &"a".repeat(39)));
    }
}
