//! `standdown doctor`: what is there, what is missing, and how that was found.

mod account;
mod here;
mod needs;
mod permissions;

use std::io::Write as _;

use serde::Serialize;

use super::{CliError, FAILURE, SUCCESS, live};
use crate::config::Settings;
use crate::playbook::Entry;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The playbooks to look at, by id; those that answer an alarm unless given.
    #[arg(value_name = "PLAYBOOK")]
    ids: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is as it should be.
    Ok,
    /// It is not, and the console works all the same.
    Warning,
    /// It is needed, and missing.
    Missing,
    /// It cannot be found out without doing something.
    Unknown,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Missing => "✗",
            Self::Unknown => "?",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// What it belongs to.
    group: String,
    /// What.
    name: String,
    /// How it stands.
    verdict: Verdict,
    /// What was found, and what to do about it.
    detail: String,
    /// How it was found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
}

/// All that was looked at, in order.
#[derive(Debug, Default)]
pub(super) struct Findings {
    all: Vec<Finding>,
    group: String,
}

impl Findings {
    pub fn group(&mut self, name: impl Into<String>) {
        self.group = name.into();
    }

    pub fn add(&mut self, verdict: Verdict, name: impl Into<String>, detail: impl Into<String>) {
        self.found(verdict, name, detail, None);
    }

    pub fn found(
        &mut self,
        verdict: Verdict,
        name: impl Into<String>,
        detail: impl Into<String>,
        how: Option<&str>,
    ) {
        self.all.push(Finding {
            group: self.group.clone(),
            name: name.into(),
            verdict,
            detail: detail.into(),
            how: how.map(str::to_owned),
        });
    }
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let catalog = super::catalog(settings);
    let mut chosen: Vec<&Entry> = Vec::new();
    for id in &arguments.ids {
        let entry = catalog.get(id).ok_or_else(|| {
            let known: Vec<&str> = catalog
                .entries
                .iter()
                .map(|entry| entry.playbook.id.as_str())
                .collect();
            CliError::Usage(format!(
                "there is no playbook {id:?}; there are: {}",
                known.join(", ")
            ))
        })?;
        chosen.push(entry);
    }
    if arguments.ids.is_empty() {
        chosen = catalog.entries.iter().collect();
    }
    let mut findings = Findings::default();
    here::terminal(&mut findings);
    here::configuration(&mut findings, settings);
    here::journal(&mut findings, settings);
    here::playbooks(&mut findings, &catalog);
    here::paging(&mut findings, settings, &catalog)?;
    here::tools(&mut findings, &chosen).await;
    let pool = live::pool(settings);
    let wanted = account::Wanted {
        all: arguments.ids.is_empty(),
        calendars: !settings.calendars.value.is_empty(),
    };
    for watch in settings.watched() {
        account::look(&mut findings, &pool, &watch, &chosen, &wanted).await;
    }
    let missing = findings
        .all
        .iter()
        .any(|finding| finding.verdict == Verdict::Missing);
    if arguments.json {
        super::print_json(&findings.all)?;
    } else {
        print(&findings)?;
    }
    Ok(if missing { FAILURE } else { SUCCESS })
}

fn print(findings: &Findings) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let mut group = "";
    for finding in &findings.all {
        if finding.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}{}", crate::tui::clean(&finding.group))?;
            group = &finding.group;
        }
        let how = finding
            .how
            .as_ref()
            .map(|how| format!(" ({how})"))
            .unwrap_or_default();
        let text = format!("{}: {}{how}", finding.name, finding.detail);
        writeln!(
            out,
            "  {} {}",
            finding.verdict.mark(),
            crate::tui::clean(&text)
        )?;
    }
    let count = |verdict| {
        findings
            .all
            .iter()
            .filter(|one| one.verdict == verdict)
            .count()
    };
    writeln!(
        out,
        "\n{} fine, {} to look at, {} missing, {} not checkable",
        count(Verdict::Ok),
        count(Verdict::Warning),
        count(Verdict::Missing),
        count(Verdict::Unknown)
    )?;
    Ok(())
}
