//! The rules as a table.

use super::super::{CliError, FAILURE, SUCCESS, on_a_line, print_json, printable, say, stores};
use super::rules;
use crate::config::Settings;
use crate::document::render;
use crate::journal::ALL;
use crate::playbook::{Healing, Playbook};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let catalog = rules(settings);
    let mut rows: Vec<(&Playbook, &Healing)> = catalog
        .entries
        .iter()
        .filter_map(|entry| Some((&*entry.playbook, entry.playbook.healing.as_ref()?)))
        .collect();
    rows.sort_by_key(|(playbook, healing)| (healing.layer, healing.order, playbook.id.clone()));
    let code = if catalog.broken.is_empty() {
        SUCCESS
    } else {
        FAILURE
    };
    if arguments.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(playbook, healing)| {
                serde_json::json!({
                    "rule": playbook.id, "layer": healing.layer, "trigger": healing.trigger,
                    "action": healing.action, "cooldown_seconds": healing.cooldown.as_secs(),
                    "attempts": healing.attempts, "window_seconds": healing.window.as_secs(),
                    "parameters": healing.parameters, "mode": healing.mode, "enabled": healing.enabled,
                    "rung": playbook.rung,
                })
            })
            .collect();
        print_json(&rows)?;
        return Ok(code);
    }
    say!("| rule | layer | trigger | action | cooldown | attempts | parameters |");
    say!("|---|---|---|---|---|---|---|");
    for (playbook, healing) in rows {
        say!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            playbook.id,
            healing.layer.name(),
            on_a_line(&healing.trigger),
            healing.action.name(),
            healing.cooldown.as_secs(),
            healing.attempts,
            on_a_line(&healing.parameters)
        );
    }
    let switches = stores::open(settings, stores::INCIDENTS)?.healing_switches()?;
    for off in switches.iter().filter(|switch| !switch.enabled) {
        let at = off.at.format("%Y-%m-%d %H:%M:%SZ");
        let what = if off.rule == ALL {
            "all healing is stopped"
        } else {
            &off.rule
        };
        let word = if off.rule == ALL { "" } else { " is disabled" };
        say!(
            "\n{}{word}, by {} at {at}",
            on_a_line(what),
            on_a_line(&off.by)
        );
    }
    for broken in &catalog.broken {
        say!(
            "\n{}",
            printable(&render(&broken.source, &broken.problems, false))
        );
    }
    Ok(code)
}
