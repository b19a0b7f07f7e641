//! `standdown status`: how an incident stands, for people and for programs.

use std::path::PathBuf;

use super::record::Record;
use super::{CliError, Form, SUCCESS, on_a_line, print_json, say, write_file};
use crate::clock;
use crate::config::Settings;
use crate::incident::card;
use crate::report::{execution, status_page};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// Print the walk of its playbook as JSON.
    #[arg(long)]
    json: bool,
    /// Write a page for people who have no terminal; `-` for the standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let record = Record::find(settings, &arguments.incident)?;
    let nothing = || CliError::Said(format!("incident {} has no readable record", record.id));
    if let Some(path) = &arguments.html {
        let page = status_page(&record.state, clock::now()).ok_or_else(nothing)?;
        return write_file(path, &page, Form::Page);
    }
    if arguments.json {
        let walk = execution(&record.state, &record.events).ok_or_else(|| {
            CliError::Said(format!("no playbook was walked in {} yet", record.id))
        })?;
        return print_json(&walk);
    }
    for line in card(
        &record.state,
        clock::now(),
        record.summary.writer.as_deref(),
    ) {
        say!("{}", on_a_line(&line));
    }
    Ok(SUCCESS)
}
