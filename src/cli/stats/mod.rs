//! `standdown stats`: what the record says about playbooks, and what follows from it.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{CliError, SUCCESS, on_a_line, print_json, say, stores};
use crate::actions::VOCABULARY;
use crate::clock;
use crate::config::Settings;
use crate::incident::Recorded;
use crate::journal::{Hash, Journal, JournalError};
use crate::playbook::Catalog;
use crate::report::{Counted, Ended, Statistics, Wanted, statistics};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Count incidents opened since then: a time, a date, or a span such as 30d.
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<DateTime<Utc>>,
    /// Count this playbook alone.
    #[arg(long, value_name = "ID")]
    playbook: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a time, a date (from its first moment), or how long ago.
fn since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = text.parse::<DateTime<Utc>>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        return Ok(midnight.and_utc());
    }
    let ago: Duration = humantime::parse_duration(text)
        .map_err(|_| "write a time, a date as 2026-11-01, or a span as 30d".to_owned())?;
    TimeDelta::from_std(ago)
        .ok()
        .and_then(|ago| clock::now().checked_sub_signed(ago))
        .ok_or_else(|| "that is too long ago".to_owned())
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let journal = stores::open(settings, stores::INCIDENTS)?;
    let catalog = super::catalog(settings);
    let wanted = Wanted {
        since: arguments.since,
        playbook: arguments.playbook.clone(),
    };
    let counted = count(&journal, wanted, &catalog)?;
    if let Some(id) = arguments
        .playbook
        .as_ref()
        .filter(|_| counted.by_playbook.is_empty())
        && catalog.get(id).is_none()
    {
        return Err(CliError::Usage(format!(
            "no playbook is named {id:?}, and none of that name was walked; `standdown check` lists them"
        )));
    }
    if arguments.json {
        return print_json(&counted);
    }
    for text in lines(&counted) {
        say!("{text}");
    }
    Ok(SUCCESS)
}

/// Counts what a store holds.
pub(super) fn count(
    journal: &Journal,
    wanted: Wanted,
    catalog: &Catalog,
) -> Result<Statistics, JournalError> {
    let mut all: Vec<Vec<Recorded>> = Vec::new();
    for summary in journal.incidents()? {
        all.push(journal.load(&summary.id, 0, Hash::default())?.events);
    }
    // The oldest first, so that what comes of it does not depend on the store.
    all.sort_by_key(|events| events.first().map(|one| one.at));
    let incidents = all.iter().map(Vec::as_slice);
    Ok(statistics(
        incidents,
        wanted,
        catalog,
        (VOCABULARY, clock::now()),
    ))
}

/// The numbers, for people.
pub(super) fn lines(counted: &Statistics) -> Vec<String> {
    let mut all = Vec::new();
    let since = counted.since.map_or_else(String::new, |since| {
        format!(" since {}", since.format("%Y-%m-%d %H:%MZ"))
    });
    let incidents = &counted.incidents;
    all.push(format!(
        "incidents{since}: {}, {} unfinished",
        incidents.total, incidents.unfinished
    ));
    all.push(format!(
        "mean time to detect {}, acknowledge {}, mitigate {}, resolve {}",
        time(incidents.mean_time_to_detect),
        time(incidents.mean_time_to_acknowledge),
        time(incidents.mean_time_to_mitigate),
        time(incidents.mean_time_to_resolve)
    ));
    all.push(format!("playbooks: {}", counted.playbooks));
    all.push(format!("executions: {}", executions(&counted.executions)));
    for (playbook, own) in &counted.by_playbook {
        all.push(format!("  {}: {}", on_a_line(playbook), executions(own)));
    }
    for (rung, own) in &counted.by_rung {
        all.push(format!("rung {rung}: {}", executions(own)));
    }
    if !counted.steps.is_empty() {
        all.push("steps: reached · ready on arrival · failed · skipped · median, estimate".into());
    }
    for step in &counted.steps {
        all.push(format!(
            "  {} {}: {} · {} · {} · {} · {}, {}",
            on_a_line(&step.playbook),
            on_a_line(&step.step),
            step.reached,
            step.prefetched_in_time,
            step.failed,
            step.skipped,
            time(step.median_duration),
            time(step.estimate)
        ));
    }
    if !counted.branches.is_empty() {
        all.push("branches: taken · recommended · overridden".into());
    }
    for branch in &counted.branches {
        all.push(format!(
            "  {} {} \"{}\": {} · {} · {}",
            on_a_line(&branch.playbook),
            on_a_line(&branch.step),
            on_a_line(&branch.branch),
            branch.taken,
            branch.recommended,
            branch.overridden
        ));
    }
    for finding in &counted.findings {
        let of = finding.playbook.as_ref().map(|id| format!(" {id}"));
        all.push(format!(
            "→ {}{}: {}",
            finding.kind.replace('_', " "),
            on_a_line(&of.unwrap_or_default()),
            on_a_line(&finding.text)
        ));
    }
    for problem in &counted.problems {
        all.push(format!(
            "→ {} came {} times ({} {}):",
            on_a_line(&problem.alarm),
            problem.incidents.len(),
            problem.account,
            problem.region
        ));
        let ended = problem.incidents.iter().map(Ended::sentence);
        all.extend(ended.map(|one| format!("    {}", on_a_line(&one))));
    }
    all
}

fn executions(own: &Counted) -> String {
    let rate = own
        .success_rate
        .map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1} %"));
    format!(
        "{}, {} active, {} completed, {} escalated, {} failed, {rate} came to an outcome, average {}",
        own.executions,
        own.active,
        own.completed,
        own.escalated,
        own.failed,
        time(own.average_duration)
    )
}

fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".into(),
        Some(seconds) if seconds < 120.0 => format!("{seconds:.1} s"),
        Some(seconds) if seconds < 7200.0 => format!("{:.1} min", seconds / 60.0),
        Some(seconds) => format!("{:.1} h", seconds / 3600.0),
    }
}
