//! What rules have done, and how well.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::{CliError, SUCCESS, on_a_line, print_json, say, stores};
use crate::config::Settings;
use crate::journal::{ALL, HealingRecord, HealingStatus, Switch};
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

/// Counts of what was done.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Counts {
    total: usize,
    succeeded: usize,
    failed: usize,
    skipped: usize,
    active: usize,
    /// Of those that ended, in percent; none where none has.
    success_rate: Option<f64>,
    rules_registered: usize,
    rules_enabled: usize,
}

impl Counts {
    fn add(&mut self, one: &HealingRecord) {
        match one.status {
            HealingStatus::Completed => self.succeeded += 1,
            HealingStatus::Failed => self.failed += 1,
            HealingStatus::Skipped => {
                self.skipped += 1;
                return;
            }
            HealingStatus::Pending | HealingStatus::InProgress => self.active += 1,
        }
        self.total += 1;
        let ended = self.succeeded + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        if ended > 0 {
            self.success_rate = Some(self.succeeded as f64 * 100.0 / ended as f64);
        }
    }
}

pub(super) fn stats(
    arguments: &Arguments,
    settings: &Settings,
    rules: &Catalog,
) -> Result<u8, CliError> {
    let journal = stores::open(settings, stores::INCIDENTS)?;
    let (done, switches) = (journal.healings()?, journal.healing_switches()?);
    let mut whole = Counts::default();
    let mut layers: BTreeMap<String, Counts> = BTreeMap::new();
    for entry in &rules.entries {
        let Some(healing) = &entry.playbook.healing else {
            continue;
        };
        let on = healing.enabled && is_on(&switches, &entry.playbook.id);
        let layer = layers.entry(healing.layer.name().to_owned()).or_default();
        for counts in [&mut whole, layer] {
            counts.rules_registered += 1;
            counts.rules_enabled += usize::from(on);
        }
    }
    for one in &done {
        whole.add(one);
        layers.entry(one.layer.clone()).or_default().add(one);
    }
    if arguments.json {
        return print_json(&serde_json::json!({ "all": whole, "layers": layers }));
    }
    say!(
        "{:<16} rules  enabled  total  succeeded  failed  skipped  active  success",
        ""
    );
    let all = std::iter::once(("all", &whole));
    for (name, counts) in all.chain(layers.iter().map(|(name, counts)| (name.as_str(), counts))) {
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

/// Whether nobody has switched a rule off, or all of them.
pub(super) fn is_on(switches: &[Switch], rule: &str) -> bool {
    !switches
        .iter()
        .any(|one| !one.enabled && (one.rule == rule || one.rule == ALL))
}
