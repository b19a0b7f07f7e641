//! `standdown doctor`: what is there, what is missing, and how that was found.

mod account;
mod here;
mod needs;
mod permissions;

use std::io::Write as _;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde::Serialize;
use tokio::time::timeout;

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
    here::aws(&mut findings, settings);
    here::journal(&mut findings, settings);
    here::playbooks(&mut findings, &catalog);
    here::paging(&mut findings, settings, &catalog)?;
    let shown = |found: &Findings| {
        if arguments.json {
            Ok(())
        } else {
            print(&found.all)
        }
    };
    shown(&findings)?;
    let mut tools = Findings::default();
    if timeout(TOOLS, here::tools(&mut tools, &chosen))
        .await
        .is_err()
    {
        let text = format!(
            "the rest did not say its version within {} s",
            TOOLS.as_secs()
        );
        tools.add(Verdict::Warning, "programs", text);
    }
    shown(&tools)?;
    findings.all.append(&mut tools.all);
    let pool = live::pool(settings);
    let wanted = account::Wanted {
        all: arguments.ids.is_empty(),
        calendars: !settings.calendars.value.is_empty(),
    };
    let watched = settings.watched();
    let mut looks: FuturesUnordered<_> = watched
        .iter()
        .map(|watch| async {
            let mut own = Findings::default();
            let look = account::look(&mut own, &pool, watch, &chosen, &wanted);
            if timeout(ACCOUNT, look).await.is_err() {
                let waits = pool.waiting().join("; ");
                let text = match waits.as_str() {
                    "" => format!("no answer within {} s", ACCOUNT.as_secs()),
                    waits => format!(
                        "no answer within {} s: it waits for {waits}",
                        ACCOUNT.as_secs()
                    ),
                };
                own.add(Verdict::Missing, "the rest", text);
            }
            own
        })
        .collect();
    while let Some(mut own) = looks.next().await {
        shown(&own)?;
        findings.all.append(&mut own.all);
    }
    let missing = findings
        .all
        .iter()
        .any(|finding| finding.verdict == Verdict::Missing);
    if arguments.json {
        super::print_json(&findings.all)?;
    } else {
        conclude(&findings.all)?;
    }
    Ok(if missing { FAILURE } else { SUCCESS })
}

/// How long the programs on this host, and each account, may take to answer: whoever starts this at
/// night waits for no more than twenty seconds.
const TOOLS: Duration = Duration::from_secs(4);
const ACCOUNT: Duration = Duration::from_secs(14);
/// As many things to do are listed.
const FIRST: usize = 9;

fn print(findings: &[Finding]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let mut group = "";
    for finding in findings {
        if finding.group != group {
            writeln!(out, "{}", crate::tui::clean(&finding.group))?;
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
    writeln!(out)?;
    Ok(out.flush()?)
}

/// What it all comes to: what to do first, what is missing before what deserves a look.
fn conclude(findings: &[Finding]) -> Result<(), CliError> {
    let of = |verdict| findings.iter().filter(move |one| one.verdict == verdict);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} fine, {} to look at, {} missing, {} not checkable",
        of(Verdict::Ok).count(),
        of(Verdict::Warning).count(),
        of(Verdict::Missing).count(),
        of(Verdict::Unknown).count()
    )?;
    let to_do: Vec<&Finding> = of(Verdict::Missing).chain(of(Verdict::Warning)).collect();
    if to_do.is_empty() {
        writeln!(out, "Ready for the night.")?;
        return Ok(());
    }
    writeln!(out, "\nFirst:")?;
    for (index, one) in to_do.iter().take(FIRST).enumerate() {
        let text = format!("{}, {}: {}", one.group, one.name, one.detail);
        writeln!(out, "  {}. {}", index + 1, crate::tui::clean(&text))?;
    }
    if to_do.len() > FIRST {
        writeln!(out, "  and {} more, above", to_do.len() - FIRST)?;
    }
    Ok(())
}
