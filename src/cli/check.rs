//! `standdown check`: all problems of all playbooks at once.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::{CliError, FAILURE, SUCCESS};
use crate::actions::VOCABULARY;
use crate::config::Settings;
use crate::document::{Level, Source, render};
use crate::embedded;
use crate::playbook::{Catalog, Origin};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Playbook files or folders; without any, all playbooks that the console would use.
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let catalog = if arguments.paths.is_empty() {
        super::catalog(settings)
    } else {
        named(&arguments.paths)?
    };
    let mut out = std::io::stdout().lock();
    let color =
        out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (mut problems, mut warnings) = (0, 0);
    for broken in &catalog.broken {
        let errors = broken
            .problems
            .iter()
            .filter(|problem| problem.level == Level::Error)
            .count();
        problems += errors;
        warnings += broken.problems.len() - errors;
        write!(out, "{}", render(&broken.source, &broken.problems, color))?;
    }
    for (source, found) in &catalog.warnings {
        warnings += found.len();
        write!(out, "{}", render(source, found, color))?;
    }
    for shadowed in &catalog.shadowed {
        writeln!(
            out,
            "note: {} is shadowed: \"{}\" comes from {}",
            shadowed.hidden, shadowed.id, shadowed.by
        )?;
    }
    for entry in &catalog.entries {
        let playbook = &entry.playbook;
        writeln!(
            out,
            "ok: {} · {} · {} steps · rung {} · {}",
            playbook.id,
            playbook.name,
            playbook.steps.len(),
            playbook.rung,
            entry.origin
        )?;
    }
    let escalations = catalog.escalations.iter();
    let files = escalations.filter(|(origin, _)| matches!(origin, Origin::File(_)));
    for (origin, paths) in files.clone() {
        writeln!(out, "ok: escalation · {paths} paths · {origin}")?;
    }
    let count =
        |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    writeln!(
        out,
        "{}, {}, {} broken",
        count(problems, "problem"),
        count(warnings, "warning"),
        count(catalog.broken.len(), "file")
    )?;
    if catalog.entries.is_empty() && catalog.broken.is_empty() && files.count() == 0 {
        let named: Vec<String> = arguments
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(CliError::Said(format!(
            "there is no playbook in {}: their files end in .toml",
            named.join(", ")
        )));
    }
    Ok(if catalog.broken.is_empty() {
        SUCCESS
    } else {
        FAILURE
    })
}

/// Reads just what was named; the escalation paths in the binary are known all the same.
fn named(paths: &[PathBuf]) -> Result<Catalog, CliError> {
    let mut folders = Vec::new();
    let mut files: Vec<&Path> = Vec::new();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => folders.push(path.clone()),
            Ok(_) => files.push(path),
            Err(error) => {
                return Err(CliError::Usage(format!(
                    "failed to read {}: {error}",
                    path.display()
                )));
            }
        }
    }
    let escalation: Vec<_> = embedded::PLAYBOOKS
        .iter()
        .copied()
        .filter(|(name, _)| *name == "escalation.toml")
        .collect();
    let mut catalog = Catalog::load(&folders, &escalation, &VOCABULARY);
    let read: Vec<_> = files
        .into_iter()
        .map(|path| (Origin::File(path.to_owned()), Source::read(path)))
        .collect();
    for (origin, source) in &read {
        if let Ok(source) = source {
            catalog.know(origin, source, &VOCABULARY);
        }
    }
    for (origin, source) in read {
        match source {
            Ok(source) => catalog.add_file(origin, source, &VOCABULARY),
            Err(error) => catalog.add_unreadable(origin, &error),
        }
    }
    Ok(catalog)
}
