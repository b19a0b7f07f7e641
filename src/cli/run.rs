//! `standdown run`: starts a playbook without an alarm.

use std::collections::BTreeMap;

use super::{CliError, catalog, console};
use crate::config::Settings;
use crate::tui::Writing;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  standdown run cpu-high-utilization --input instances=i-0a1b2c3d4e5f60718
  standdown run instance-unreachable --plain")]
pub(super) struct Arguments {
    /// The playbook's id.
    playbook: String,
    /// A value for one of its inputs; as often as there are inputs.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, String)>,
    /// Print events and questions as JSON Lines, and read answers line by line.
    #[arg(long, conflicts_with = "plain")]
    json: bool,
}

fn input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    let catalog = catalog(settings);
    super::say_refused(settings, &catalog);
    let Some(entry) = catalog.get(&arguments.playbook) else {
        let known: Vec<&str> = catalog
            .entries
            .iter()
            .map(|entry| entry.playbook.id.as_str())
            .collect();
        return Err(CliError::Usage(format!(
            "there is no playbook {:?}; there are {}",
            arguments.playbook,
            known.join(", ")
        )));
    };
    let mut inputs = BTreeMap::new();
    for (name, text) in arguments.inputs {
        let Some(wanted) = entry.playbook.inputs.iter().find(|one| one.name == name) else {
            let names = entry.playbook.inputs.iter().map(|one| one.name.as_str());
            let names: Vec<&str> = names.collect();
            return Err(CliError::Usage(format!(
                "{} has no input {name:?}; it has {}",
                arguments.playbook,
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            )));
        };
        if let Err(wrong) = wanted.parse(&text) {
            return Err(CliError::Usage(format!("--input {name}: {wrong}")));
        }
        if inputs.contains_key(&name) {
            return Err(CliError::Usage(format!("--input {name} is given twice")));
        }
        inputs.insert(name, text);
    }
    let writing = arguments.json.then_some(Writing::Json);
    console::start((arguments.playbook, inputs), writing, settings).await
}
