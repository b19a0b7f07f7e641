//! `standdown alarms`: the board, once.

use std::io::Write as _;

use serde_json::json;

use super::{CliError, SUCCESS, printable};
use crate::alarms::{Board, fetch};
use crate::aws::{Aws, AwsSettings};
use crate::config::Settings;
use crate::incident::AlarmRef;
use crate::playbook::Catalog;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let aws = Aws::connect(&AwsSettings {
        profile: settings.profile.value.clone(),
        region: settings.region.value.clone(),
        rehearsal_endpoint: None,
    })
    .await?;
    let mut board = Board::default();
    board.replace(fetch(&aws, None).await?, true, chrono::Utc::now());
    let catalog = super::catalog(settings);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let all: Vec<_> = board
            .rows
            .iter()
            .map(|row| describe(&row.alarm, &catalog))
            .collect();
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&all).map_err(std::io::Error::other)?
        )?;
        return Ok(SUCCESS);
    }
    let now = chrono::Utc::now();
    let width = board
        .rows
        .iter()
        .map(|row| row.alarm.name.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(5, 48);
    for row in &board.rows {
        let alarm = &row.alarm;
        let age = alarm
            .since
            .map_or_else(String::new, |since| crate::tui::age(now - since));
        let playbooks = answering(alarm, &catalog);
        writeln!(
            out,
            "{:<17}  {:<width$}  {age:>5}  {:<14}  {}",
            alarm.state.name(),
            printable(&alarm.name),
            alarm.region,
            playbooks.first().map_or("no playbook", |id| id.as_str()),
        )?;
    }
    if board.rows.is_empty() {
        writeln!(out, "no alarms in {}", aws.region)?;
    }
    Ok(SUCCESS)
}

fn answering(alarm: &AlarmRef, catalog: &Catalog) -> Vec<String> {
    catalog
        .answering(
            alarm.namespace.as_deref(),
            alarm.metric.as_deref(),
            &alarm.name,
        )
        .into_iter()
        .map(|entry| entry.playbook.id.clone())
        .collect()
}

fn describe(alarm: &AlarmRef, catalog: &Catalog) -> serde_json::Value {
    let mut described = json!(alarm);
    described["playbooks"] = answering(alarm, catalog).into();
    described
}
