//! `standdown alarms`: the board, once.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what is missing is said beside the output"
)]

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::{CliError, SUCCESS, printable};
use crate::alarms::{Board, Row, fetch, fetch_values, severity};
use crate::aws::{Aws, AwsSettings};
use crate::config::Settings;
use crate::incident::AlarmRef;
use crate::playbook::{Catalog, Entry, Severity};
use crate::tui::{against, column};

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
    board.replace(
        fetch(&aws, None, &settings.redactor()).await?,
        true,
        chrono::Utc::now(),
    );
    let all: Vec<Arc<AlarmRef>> = board
        .rows
        .iter()
        .map(|row| Arc::clone(&row.alarm))
        .collect();
    match fetch_values(&aws, &all).await {
        Ok(values) => board.set_values(&values),
        Err(error) => eprintln!(
            "standdown: values could not be read: {}",
            printable(&error.to_string())
        ),
    }
    let catalog = super::catalog(settings);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let all: Vec<_> = board
            .rows
            .iter()
            .map(|row| describe(row, &catalog))
            .collect();
        return super::print_json(&all);
    }
    let now = chrono::Utc::now();
    let longest = board
        .rows
        .iter()
        .map(|row| row.alarm.name.chars().count())
        .max();
    let width = longest.unwrap_or(0).clamp(5, 48);
    for row in &board.rows {
        let alarm = &row.alarm;
        let age = alarm
            .since
            .map_or_else(String::new, |since| crate::tui::age(now - since));
        let answering = answering(alarm, &catalog);
        writeln!(
            out,
            "{:<17}  {:<8}  {}  {age:>5}  {}  {:<14}  {}",
            alarm.state.name(),
            grade(alarm, &answering).name(),
            column(&alarm.name, width),
            column(&against(alarm, &row.values), 14),
            alarm.region,
            answering
                .first()
                .map_or("no playbook", |entry| entry.playbook.id.as_str()),
        )?;
    }
    if board.rows.is_empty() {
        writeln!(out, "no alarms in {}", aws.region)?;
    }
    Ok(SUCCESS)
}

fn answering<'a>(alarm: &AlarmRef, catalog: &'a Catalog) -> Vec<&'a Entry> {
    catalog.answering(
        alarm.namespace.as_deref(),
        alarm.metric.as_deref(),
        &alarm.name,
    )
}

fn grade(alarm: &AlarmRef, answering: &[&Entry]) -> Severity {
    severity(alarm, answering.first().map(|entry| entry.playbook.impact))
}

fn describe(row: &Row, catalog: &Catalog) -> serde_json::Value {
    let answering = answering(&row.alarm, catalog);
    let mut described = json!(row.alarm);
    described["severity"] = grade(&row.alarm, &answering).name().into();
    described["values"] = json!(row.values.to_vec());
    described["playbooks"] = answering
        .iter()
        .map(|entry| entry.playbook.id.as_str())
        .collect();
    described
}
