//! `standdown report` and `standdown actions`: what an incident was, and what is to be done.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::record::Record;
use super::{CliError, Form, SUCCESS, on_a_line, print_json, progress, say, stores, write_file};
use crate::config::Settings;
use crate::incident::{ActionItem, Command};
use crate::journal::{Hash, Journal};
use crate::report::{Report, Written, html, markdown, read_review};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// How it is written: as the file's name ends, or md.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write it there. What people wrote into an earlier report of that name is kept.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write what is known here, and do not ask AWS again.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown; impact, causes and action items are filled in there.
    Md,
    /// One file for a browser or a mail, with charts.
    Html,
    /// For programs.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Actions {
    /// List those that were done as well.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Say that one is done, by its name in the list: INCIDENT/NUMBER.
    #[arg(long, value_name = "INCIDENT/NUMBER")]
    done: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let mut record = Record::find(settings, &arguments.incident)?;
    let format = arguments.format();
    if let Some(path) = arguments.out.as_deref().filter(|_| format == Format::Md)
        && let Some(written) = written(path, &record)?
        && written.is_changed()
    {
        record = keep(record, written, path, settings)?;
    }
    let bar = progress::wait("asking AWS what happened around it");
    let read = record.moments(settings, !arguments.offline).await;
    bar.finish_and_clear();
    let (moments, found) = read?;
    let report = Report::of(&record.state, &record.events, &moments, found.missing);
    let report = report
        .ok_or_else(|| CliError::Said(format!("incident {} has no readable record", record.id)))?;
    let review = report.review(&record.state);
    let text = match format {
        Format::Md => markdown(&report, &review),
        Format::Html => html(&report, &review),
        Format::Json => {
            let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?;
            let mut text = crate::document::harmless_json(text);
            text.push('\n');
            text
        }
    };
    let form = match format {
        Format::Md => Form::Markdown,
        Format::Html => Form::Page,
        Format::Json => Form::Json,
    };
    let out = arguments.out.as_deref().unwrap_or(Path::new("-"));
    write_file(out, &text, form)
}

impl Arguments {
    fn format(&self) -> Format {
        let ending = self.out.as_deref().and_then(Path::extension);
        let named = match ending.and_then(std::ffi::OsStr::to_str) {
            Some("html" | "htm") => Format::Html,
            Some("json") => Format::Json,
            _ => Format::Md,
        };
        self.format.unwrap_or(named)
    }
}

/// What people wrote into the report that stands there.
fn written(path: &Path, record: &Record) -> Result<Option<Written>, CliError> {
    // A device has no end; what it is is said when it is to be written.
    if std::fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Ok(None);
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let path = path.display();
            return Err(CliError::Said(format!("failed to read {path}: {error}")));
        }
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let found = read_review(&text);
    if let Some(other) = found.as_ref().filter(|one| one.incident != *record.id.0) {
        return Err(CliError::Said(format!(
            "{} is the report of {}, and is left as it is; name another file",
            path.display(),
            on_a_line(&other.incident)
        )));
    }
    found.map(Some).ok_or_else(|| {
        CliError::Said(format!(
            "{} is no report of standdown, and is left as it is; name another file",
            path.display()
        ))
    })
}

/// Records what people wrote, so that every report has it. What was recorded since the report was
/// written is not written over.
fn keep(
    record: Record,
    written: Written,
    path: &Path,
    settings: &Settings,
) -> Result<Record, CliError> {
    let known = record.state.incident.as_ref();
    let known = known.and_then(|one| one.review.as_deref().cloned());
    if !written.is_over(&known.unwrap_or_default()) {
        return Err(CliError::Said(format!(
            "{} was changed, and so was the record since it was written; write the report to another file, and carry over what you wrote",
            path.display()
        )));
    }
    record.with(Command::Review(written.review), settings)
}

pub(super) fn actions(arguments: &Actions, settings: &Settings) -> Result<u8, CliError> {
    if let Some(name) = &arguments.done {
        return done(name, settings);
    }
    let journal = stores::open(settings, stores::INCIDENTS)?;
    let mut all = Vec::new();
    for (id, item, number) in items(&journal)? {
        if arguments.all || !item.done {
            all.push((id, item, number));
        }
    }
    if arguments.json {
        let all: Vec<_> = all
            .iter()
            .map(|(id, item, number)| {
                json!({ "incident": id, "number": number, "text": item.text, "done": item.done })
            })
            .collect();
        return print_json(&all);
    }
    for (id, item, number) in &all {
        let mark = if item.done { "done" } else { "open" };
        say!("{id}/{number}  {mark}  {}", on_a_line(&item.text));
    }
    if all.is_empty() {
        say!(
            "nothing is to be done; action items are written into a report: standdown report INCIDENT --out FILE"
        );
    }
    Ok(SUCCESS)
}

/// All action items, with their number in their incident.
fn items(journal: &Journal) -> Result<Vec<(String, ActionItem, usize)>, CliError> {
    let mut all = Vec::new();
    for summary in journal.incidents()? {
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let review = events.iter().rev().find_map(|one| match &one.event {
            crate::incident::Event::ReviewWritten { review } => Some(review),
            _ => None,
        });
        let items = review.into_iter().flat_map(|review| &review.actions);
        all.extend(
            items
                .enumerate()
                .map(|(index, item)| (summary.id.to_string(), item.clone(), index + 1)),
        );
    }
    Ok(all)
}

fn done(name: &str, settings: &Settings) -> Result<u8, CliError> {
    let wrong = || {
        CliError::Usage(format!(
            "{name:?} names no action item; write INCIDENT/NUMBER, as `standdown actions` lists them"
        ))
    };
    let (prefix, number) = name.rsplit_once('/').ok_or_else(wrong)?;
    let number: usize = number.parse().map_err(|_| wrong())?;
    let record = Record::find(settings, prefix)?;
    let known = record.state.incident.as_ref();
    let known = known.and_then(|one| one.review.as_deref().cloned());
    let mut review = known.unwrap_or_default();
    let place = number.checked_sub(1).ok_or_else(wrong)?;
    let item = review.actions.get_mut(place).ok_or_else(wrong)?;
    item.done = true;
    let text = item.text.clone();
    record.with(Command::Review(review), settings)?;
    say!("done: {}", on_a_line(&text));
    Ok(SUCCESS)
}
