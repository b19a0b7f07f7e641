//! What rules have done, and how well.

use chrono::{DateTime, Utc};

use crate::cli::{CliError, SUCCESS, on_a_line, print_json, say, stores};
use crate::config::Settings;
use crate::journal::{ALL, Tally};
use crate::playbook::Catalog;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn history(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let all = stores::open(settings, stores::INCIDENTS)?.healings()?;
    if arguments.json {
        return print_json(&all);
    }
    for one in &all {
        let ended = one.ended_at.map_or_else(
            || "        ".to_owned(),
            |at| at.format("%H:%M:%S").to_string(),
        );
        let error = one.error.as_deref().unwrap_or_default();
        say!(
            "{}  {ended}  {:<11}  {:<28}  {}  {}  {}",
            one.at.format("%Y-%m-%d %H:%M:%SZ"),
            one.status.name(),
            one.rule,
            on_a_line(&one.resource),
            one.incident,
            on_a_line(error)
        );
    }
    if all.is_empty() {
        say!("no rule was set off yet");
    }
    Ok(SUCCESS)
}

pub(super) fn stats(
    arguments: &Arguments,
    settings: &Settings,
    rules: &Catalog,
) -> Result<u8, CliError> {
    let journal = stores::open(settings, stores::INCIDENTS)?;
    let (done, switches) = (journal.healings()?, journal.healing_switches()?);
    let tally = Tally::of(rules, &done, &switches);
    if arguments.json {
        return print_json(&tally);
    }
    say!(
        "{:<16} rules  enabled  total  succeeded  failed  skipped  active  success",
        ""
    );
    let all = std::iter::once(("all".to_owned(), &tally.all));
    let layers = tally
        .layers
        .iter()
        .map(|(name, counts)| (name.clone(), counts));
    let rungs = tally.rungs.iter();
    let rungs = rungs.map(|(rung, counts)| (format!("rung {rung}"), counts));
    for (name, counts) in all.chain(layers).chain(rungs) {
        let rate = counts
            .success_rate
            .map_or_else(|| "–".to_owned(), |rate| format!("{rate:.0} %"));
        say!(
            "{name:<16} {:>5}  {:>7}  {:>5}  {:>9}  {:>6}  {:>7}  {:>6}  {rate:>7}",
            counts.rules_registered,
            counts.rules_enabled,
            counts.total,
            counts.succeeded,
            counts.failed,
            counts.skipped,
            counts.active
        );
    }
    if let Some(stopped) = switches.iter().find(|one| one.rule == ALL && !one.enabled) {
        say!(
            "\nall healing was stopped by {} at {}",
            on_a_line(&stopped.by),
            said(stopped.at)
        );
    }
    Ok(SUCCESS)
}

fn said(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}
