//! `standdown check`: all problems of all playbooks at once.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::{CliError, FAILURE, SUCCESS};
use crate::actions::VOCABULARY;
use crate::config::{Depth, Settings};
use crate::document::{Level, Problem, Source, render};
use crate::embedded;
use crate::playbook::{Catalog, Origin};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Playbook files or folders; without any, all playbooks that the console would use.
    paths: Vec<PathBuf>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

/// What is wrong, and what can be used, as data.
fn described(catalog: &Catalog) -> serde_json::Value {
    let problem = |source: &Source, problem: &Problem| {
        let line = problem.span.as_ref().map(|span| {
            let before = &source.text[..span.start.min(source.text.len())];
            before.matches('\n').count() + 1
        });
        serde_json::json!({
            "file": source.name.to_string(), "line": line, "message": problem.message,
            "level": if problem.is_error() { "error" } else { "warning" }, "help": problem.help,
        })
    };
    let broken = catalog.broken.iter();
    let broken =
        broken.flat_map(|one| one.problems.iter().map(|found| problem(&one.source, found)));
    let warned = catalog.warnings.iter();
    let warned = warned.flat_map(|(source, found)| found.iter().map(|one| problem(source, one)));
    let problems: Vec<serde_json::Value> = broken.chain(warned).collect();
    let playbooks = catalog.entries.iter().map(|entry| {
        let playbook = &entry.playbook;
        serde_json::json!({
            "id": playbook.id, "name": playbook.name, "steps": playbook.steps.len(),
            "rung": playbook.rung, "from": entry.origin.to_string(),
        })
    });
    serde_json::json!({
        "playbooks": playbooks.collect::<Vec<_>>(), "problems": problems,
        "broken": catalog.broken.len(),
    })
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let catalog = if arguments.paths.is_empty() {
        let catalog = super::catalog(settings);
        super::say_refused(settings, &catalog);
        catalog
    } else {
        named(&arguments.paths)?
    };
    let code = if catalog.broken.is_empty() {
        SUCCESS
    } else {
        FAILURE
    };
    if arguments.json {
        super::print_json(&described(&catalog))?;
        return Ok(code);
    }
    let mut out = std::io::stdout().lock();
    let color = settings.color.value.depth(out.is_terminal()) != Depth::None;
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
        let line = format!(
            "ok: {} · {} · {} steps · rung {} · {}",
            playbook.id,
            playbook.name,
            playbook.steps.len(),
            playbook.rung,
            entry.origin
        );
        writeln!(out, "{}", super::printable(&line))?;
    }
    let escalations = catalog.escalations.iter();
    let files = escalations.filter(|(origin, _)| matches!(origin, Origin::File(_)));
    for (origin, paths) in files.clone() {
        writeln!(out, "ok: escalation · {paths} paths · {origin}")?;
    }
    // What the playbooks rely on in an incident is said before it.
    if arguments.paths.is_empty() || files.clone().next().is_some() {
        for text in super::reach::unreachable(settings, &catalog.escalation) {
            warnings += 1;
            writeln!(out, "warning: {text}")?;
        }
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
    Ok(code)
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
        .map(|path| (Origin::File(path.to_owned()), Source::read_kept(path)))
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
