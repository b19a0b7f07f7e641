//! What can be found out on this machine.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::time::timeout;

use super::{Findings, Verdict};
use crate::actions::programs::{
    Invocation, LocalPrograms, ProgramError, Programs, base_environment,
};
use crate::aws::machine::Machine;
use crate::cli::{CliError, on_a_line, reach, stores};
use crate::config::Settings;
use crate::config::{ColorChoice, Depth, Glyphs};
use crate::journal::Journal;
use crate::playbook::{Catalog, Entry, StepKind};
use crate::tui::ask_terminal;

/// How long a tool may take to say its version.
const VERSION: Duration = Duration::from_secs(3);

pub(super) fn terminal(findings: &mut Findings) {
    findings.group("terminal");
    if !std::io::stdout().is_terminal() {
        findings.add(
            Verdict::Warning,
            "output",
            "not a terminal; the console needs one",
        );
    }
    match crossterm::terminal::size() {
        Ok((width, height)) if width >= 80 && height >= 24 => {
            findings.add(Verdict::Ok, "size", format!("{width}×{height}"));
        }
        Ok((width, height)) => findings.add(
            Verdict::Warning,
            "size",
            format!("{width}×{height}; 80×24 shows a step whole"),
        ),
        Err(error) => findings.add(Verdict::Warning, "size", format!("not known: {error}")),
    }
    let depth = ColorChoice::Auto.depth(true);
    let colours = match depth {
        Depth::True => "24 bit, because COLORTERM says so",
        Depth::None => "none, because of NO_COLOR or TERM",
        Depth::Sixteen => "16, because of TERM; --color forces another number",
        Depth::Indexed => "256; set COLORTERM=truecolor where the terminal has more",
    };
    findings.add(Verdict::Ok, "colours", colours);
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = Glyphs::locale();
    let utf8 = Glyphs::detect() == Glyphs::Unicode;
    findings.add(
        if utf8 { Verdict::Ok } else { Verdict::Warning },
        "UTF-8",
        match (&locale, utf8) {
            (Some(locale), true) => locale.clone(),
            (Some(locale), false) => format!("the locale is {locale}; set LANG=C.UTF-8"),
            (None, _) => "no locale is set; set LANG=C.UTF-8".into(),
        },
    );
    // Where there is no terminal, nobody is asked.
    let Ok(reports) = ask_terminal() else {
        return;
    };
    let (verdict, text) = match reports.wide {
        Some(false) => (Verdict::Ok, "signs such as ≥ are one column wide"),
        Some(true) => (
            Verdict::Warning,
            "signs such as ≥ are two columns wide: the console uses ASCII signs",
        ),
        None => (
            Verdict::Unknown,
            "the terminal did not say within 2 s how wide signs such as ≥ are; where they run into each other, use --ascii",
        ),
    };
    findings.add(verdict, "ambiguous signs", text);
    let (verdict, text) = match (reports.synchronized, reports.answered) {
        (Some(true), _) => (Verdict::Ok, "a frame is drawn at once"),
        (Some(false), _) | (None, true) => (
            Verdict::Ok,
            "the terminal does not know it; a frame may be seen while it is drawn",
        ),
        (None, false) => (Verdict::Unknown, "the terminal did not say within 2 s"),
    };
    findings.add(verdict, "synchronized output", text);
    let takes = reports.clipboard == Some(true);
    let through = match (set("TMUX"), set("STY")) {
        (Some(_), _) => "through tmux: `set -g set-clipboard on` there",
        (_, Some(_)) => "through screen, which may refuse it",
        _ if takes => "by OSC 52, which the terminal says it takes",
        _ => "by OSC 52; the terminal does not say whether it takes it",
    };
    let verdict = if takes { Verdict::Ok } else { Verdict::Unknown };
    findings.add(verdict, "clipboard", through);
}

pub(super) fn configuration(findings: &mut Findings, settings: &Settings) {
    findings.group("configuration");
    let optional = |value: &Option<String>| {
        value
            .clone()
            .unwrap_or_else(|| "as the AWS environment says".into())
    };
    let places: Vec<String> = settings
        .watched()
        .iter()
        .map(|one| {
            let place = crate::aws::Place::new(&one.profile, &one.region).to_string();
            if one.alias.is_empty() {
                place
            } else {
                format!("{place} ({})", one.alias)
            }
        })
        .collect();
    let shown = [
        (
            "theme",
            settings.theme.value.clone(),
            settings.theme.origin.to_string(),
        ),
        (
            "profile",
            optional(&settings.profile.value),
            settings.profile.origin.to_string(),
        ),
        (
            "region",
            optional(&settings.region.value),
            settings.region.origin.to_string(),
        ),
        (
            "watch",
            places.join(", "),
            settings.watch.origin.to_string(),
        ),
        (
            "refresh",
            humantime::format_duration(settings.refresh.value).to_string(),
            settings.refresh.origin.to_string(),
        ),
        (
            "read-only",
            settings.read_only.value.to_string(),
            settings.read_only.origin.to_string(),
        ),
        (
            "severity rules",
            settings.severities.value.len().to_string(),
            settings.severities.origin.to_string(),
        ),
        (
            "calendars",
            settings.calendars.value.join(", "),
            settings.calendars.origin.to_string(),
        ),
        (
            "alert",
            settings.alert.value.join(" "),
            settings.alert.origin.to_string(),
        ),
        (
            "redact",
            format!(
                "{} patterns beside the standard ones",
                settings.redact.value.len()
            ),
            settings.redact.origin.to_string(),
        ),
        (
            "playbooks",
            settings
                .playbook_folders()
                .iter()
                .map(|folder| folder.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
            settings.playbooks.origin.to_string(),
        ),
    ];
    for (name, value, from) in shown {
        let value = if value.is_empty() {
            "none".into()
        } else {
            value
        };
        findings.found(Verdict::Ok, name, value, Some(&from));
    }
}

/// What the machine says of AWS, and where: what the AWS CLI reads as well.
pub(super) fn aws(findings: &mut Findings, settings: &Settings) {
    findings.group("AWS configuration");
    let machine = match Machine::read() {
        Ok(machine) => machine,
        Err(error) => return findings.add(Verdict::Missing, "files", error.to_string()),
    };
    for watch in settings.watched() {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let profile = match machine.profile(named(&watch.profile).as_deref()) {
            Ok(profile) => profile,
            Err(error) => {
                findings.add(Verdict::Missing, "profile", error.to_string());
                continue;
            }
        };
        let name = profile.as_ref().map(|found| found.value.as_str());
        if let Some(rival) = machine.rival().filter(|_| watch.profile.is_empty()) {
            findings.add(
                Verdict::Warning,
                "profile",
                format!("AWS_DEFAULT_PROFILE names {rival}, AWS_PROFILE another; version 1 of the AWS CLI uses the first, version 2, the SDKs and standdown the second: unset one of them"),
            );
        }
        if let Some(found) = &profile {
            let from = found.said.to_string();
            findings.found(Verdict::Ok, "profile", found.value.clone(), Some(&from));
        }
        match machine.region(named(&watch.region).as_deref(), name) {
            Ok(Some(found)) => {
                let from = found.said.to_string();
                findings.found(Verdict::Ok, "region", found.value, Some(&from));
            }
            // An instance may say it.
            Ok(None) => {}
            Err(error) => findings.add(Verdict::Missing, "region", error.to_string()),
        }
        for service in ["cloudwatch", "ssm"] {
            match machine.endpoint(service, name) {
                Ok(Some(found)) => {
                    let from = found.said.to_string();
                    let what = format!("endpoint of {service}");
                    findings.found(Verdict::Ok, what, found.value, Some(&from));
                }
                Ok(None) => {}
                Err(error) => findings.add(Verdict::Missing, "endpoint", error.to_string()),
            }
        }
        if let Some(found) = machine.ca_bundle(name) {
            let from = found.said.to_string();
            findings.found(Verdict::Ok, "certificates", found.value, Some(&from));
        }
    }
}

pub(super) fn journal(findings: &mut Findings, settings: &Settings) {
    findings.group("journal");
    let path = match stores::path(settings, stores::INCIDENTS) {
        Ok(path) => path,
        Err(error) => return findings.add(Verdict::Missing, "folder", error.to_string()),
    };
    if !Journal::is_there(&path) {
        // Looking makes no store; whether one can be made shows in the folder above it.
        let parent = path.ancestors().skip(1).find(|folder| folder.exists());
        let writable = parent.is_some_and(|folder| {
            nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK).is_ok()
        });
        let detail = format!("{} is not there yet", path.display());
        return if writable {
            findings.add(Verdict::Ok, "store", format!("{detail}, and can be made"));
        } else {
            let help = "choose another folder with --state";
            findings.add(
                Verdict::Missing,
                "store",
                format!("{detail}, and cannot be made; {help}"),
            );
        };
    }
    let opened = Journal::open(&path).and_then(|(journal, recovered)| {
        if let Some(recovered) = recovered {
            findings.add(Verdict::Warning, "store", recovered.to_string());
        }
        journal.incidents()
    });
    match opened {
        Ok(all) => {
            let unfinished = all.iter().filter(|one| one.is_unfinished()).count();
            findings.add(
                Verdict::Ok,
                "store",
                format!(
                    "{}: {} incidents, {unfinished} unfinished",
                    path.display(),
                    all.len()
                ),
            );
        }
        Err(error) => findings.add(Verdict::Missing, "store", error.to_string()),
    }
}

pub(super) fn playbooks(findings: &mut Findings, catalog: &Catalog) {
    findings.group("playbooks");
    if let Some(text) = crate::cli::not_asked_for() {
        findings.add(Verdict::Warning, "./playbooks", text);
    }
    for entry in &catalog.entries {
        findings.add(
            Verdict::Ok,
            &entry.playbook.id,
            format!("{} steps, {}", entry.playbook.steps.len(), entry.origin),
        );
    }
    for broken in &catalog.broken {
        findings.add(
            Verdict::Missing,
            broken
                .id
                .clone()
                .unwrap_or_else(|| broken.origin.to_string()),
            match &broken.refused {
                Some(why) => format!("{} is refused: {why}", broken.origin),
                None => format!(
                    "{} cannot be used; `standdown check` says why",
                    broken.origin
                ),
            },
        );
    }
}

const NOT_THERE: &str = "not on the PATH; install it, or those steps are done by hand";

/// Where a program is found, as a shell would find it.
fn on_path(program: &str) -> Option<String> {
    let runs = |path: &std::path::Path| {
        path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let here = program
        .contains('/')
        .then(|| std::path::PathBuf::from(program));
    let found = std::env::split_paths(&folders).map(|folder| folder.join(program));
    let mut all = here.into_iter().chain(found);
    all.find(|path| runs(path))
        .map(|path| path.display().to_string())
}

/// Whether it can be a program's name, and is no words for people.
fn is_program(tool: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    !tool.is_empty() && !tool.starts_with('-') && tool.chars().all(plain)
}

/// The programs that playbooks start, and those that they name as tools.
pub(super) async fn tools(findings: &mut Findings, chosen: &[&Entry]) {
    findings.group("tools");
    let mut wanted: Vec<(String, Vec<&str>)> = Vec::new();
    let mut started: BTreeSet<String> = BTreeSet::new();
    let mut tools: BTreeSet<String> = BTreeSet::new();
    let mut add = |program: String, id| match wanted.iter_mut().find(|(known, _)| *known == program)
    {
        Some((_, ids)) => ids.push(id),
        None => wanted.push((program, vec![id])),
    };
    for entry in chosen {
        let id = entry.playbook.id.as_str();
        for tool in &entry.playbook.tools {
            if is_program(tool) {
                tools.insert(tool.clone());
                add(tool.clone(), id);
            } else {
                let detail = "what the playbook names is no program's name; see for yourself";
                findings.found(
                    Verdict::Unknown,
                    tool,
                    detail,
                    Some(&format!("named by {id}")),
                );
            }
        }
        for step in &entry.playbook.steps {
            let StepKind::Automated(automated) = &step.kind else {
                continue;
            };
            for run in &automated.runs {
                match run.kind {
                    "aws" => {
                        started.insert("aws".into());
                        add("aws".into(), id);
                    }
                    "exec" => {
                        if let Some(program) = super::needs::program(run) {
                            started.insert(program.clone());
                            add(program, id);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    for (program, mut ids) in wanted {
        ids.dedup();
        let used = format!("used by {}", ids.join(", "));
        // A program of a playbook may do anything when it is started: only what is known to be a
        // tool is asked for its version.
        if program != "aws" && !tools.contains(&program) {
            match on_path(&program) {
                Some(path) => findings.found(Verdict::Ok, program, path, Some(&used)),
                None => findings.found(Verdict::Missing, program, NOT_THERE, Some(&used)),
            }
            continue;
        }
        let invocation = Invocation {
            argv: vec![program.clone(), "--version".into()],
            environment: base_environment(),
        };
        match timeout(VERSION, LocalPrograms.run(invocation)).await {
            Ok(Ok(finished)) => {
                let said = format!("{}{}", finished.stdout, finished.stderr);
                let first = said
                    .lines()
                    .next()
                    .unwrap_or("it says no version")
                    .to_owned();
                findings.found(Verdict::Ok, program, first, Some(&used));
            }
            Ok(Err(ProgramError::NotFound { .. })) => {
                let verdict = if started.contains(&program) {
                    Verdict::Missing
                } else {
                    Verdict::Warning
                };
                findings.found(verdict, program, NOT_THERE, Some(&used));
            }
            Ok(Err(error)) => {
                findings.found(Verdict::Missing, program, error.to_string(), Some(&used));
            }
            Err(_) => findings.found(
                Verdict::Warning,
                program,
                "it did not say its version in time",
                Some(&used),
            ),
        }
    }
}

/// Whom the escalation paths reach from this host, and whom nobody has reached.
pub(super) fn paging(
    findings: &mut Findings,
    settings: &Settings,
    catalog: &Catalog,
) -> Result<(), CliError> {
    findings.group("paging");
    let unreachable = reach::unreachable(settings, &catalog.escalation);
    let levels: usize = catalog
        .escalation
        .paths
        .iter()
        .map(|path| path.levels.len())
        .sum();
    if unreachable.is_empty() {
        let text = format!("each of the {levels} levels of the escalation paths has a channel");
        findings.add(Verdict::Ok, "escalation paths", text);
    }
    for text in unreachable {
        findings.add(Verdict::Warning, "escalation path", text);
    }
    if !Journal::is_there(&stores::path(settings, stores::INCIDENTS)?) {
        return Ok(());
    }
    let journal = stores::open(settings, stores::INCIDENTS)?;
    for text in reach::nobody_paged(&journal)? {
        findings.add(Verdict::Missing, "page", text);
    }
    let unsent = journal.unsent_messages()?;
    for one in unsent.iter().filter(|one| one.error.is_some()).take(5) {
        let error = one.error.as_deref().unwrap_or_default();
        let state = if one.dead { "given up" } else { "tried again" };
        let text = format!("message {} of {}, {state}: {error}", one.id, one.incident);
        findings.add(Verdict::Warning, one.channel.clone(), on_a_line(&text));
    }
    if unsent.len() > 5 {
        let text = format!(
            "{} messages in all; `standdown notify unsent` lists them",
            unsent.len()
        );
        findings.add(Verdict::Warning, "unsent messages", text);
    }
    Ok(())
}
