//! The report as Markdown.

use super::model::{Change, Decision, Report, long};
use super::plain::escaped;
use super::review;
use super::timeline::Entry;
use crate::incident::Review;

/// Writes the report. `review` is what people wrote into it.
#[must_use]
pub fn markdown(report: &Report, review: &Review) -> String {
    let mut out = format!(
        "# {}\n\n`{}` · {} · {}\n\n",
        escaped(&report.title),
        report.incident,
        report.severity.name(),
        report.status.name()
    );
    if let Some(scenario) = &report.rehearsal {
        line(
            &mut out,
            &format!("**This was a rehearsal: {}.**\n", escaped(scenario)),
        );
    }
    line(&mut out, "## Summary\n");
    let summary: Vec<String> = report.summary.iter().map(|one| escaped(one)).collect();
    line(&mut out, &format!("{}\n", summary.join(" ")));
    durations(&mut out, report);
    out.push_str(&review::write(&report.incident, review, &report.impact));
    line(&mut out, "\n## What was decided\n");
    for one in &report.decisions {
        decision(&mut out, one);
    }
    if report.decisions.is_empty() {
        line(&mut out, "Nothing.\n");
    }
    line(&mut out, "\n## What was changed\n");
    for one in &report.changes {
        change(&mut out, one);
    }
    if report.changes.is_empty() {
        line(&mut out, "Nothing, by this console.\n");
    }
    if !report.before_the_alarm.is_empty() {
        line(
            &mut out,
            "\n## What was done in the two hours before the alarm\n",
        );
        entries(&mut out, &report.before_the_alarm);
    }
    line(&mut out, "\n## Timeline\n");
    entries(&mut out, &report.timeline);
    for what in &report.missing {
        line(&mut out, &format!("\nMissing: {}.", escaped(what)));
    }
    if !report.links.is_empty() {
        line(&mut out, "\n## Links\n");
        for (name, url) in &report.links {
            line(&mut out, &format!("- {}: <{}>", escaped(name), link(url)));
        }
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A URL in angle brackets, which nothing in it closes.
fn link(url: &str) -> String {
    let kept = url
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace());
    kept.filter(|c| !matches!(c, '<' | '>')).collect()
}

fn durations(out: &mut String, report: &Report) {
    line(out, "| time to | |\n|---|---|");
    for (name, took) in report.durations.named() {
        let took = took.map_or_else(|| "not known".into(), long);
        line(out, &format!("| {name} | {took} |"));
    }
    out.push('\n');
}

fn decision(out: &mut String, one: &Decision) {
    line(
        out,
        &format!(
            "- {} **{}**: {} took \"{}\".",
            one.at.format("%H:%M:%SZ"),
            escaped(&one.title),
            escaped(&one.by),
            escaped(&one.taken)
        ),
    );
    if let Some(why) = &one.overridden_because {
        line(
            out,
            &format!(
                "  \"{}\" was recommended. Another one was taken because: {}",
                escaped(&one.recommended),
                escaped(why)
            ),
        );
    }
    let values: Vec<String> = one
        .evidence
        .iter()
        .map(|evidence| {
            let value = evidence.value.as_deref().unwrap_or("not known");
            format!("{} = {}", escaped(&evidence.name), escaped(value))
        })
        .collect();
    if !values.is_empty() {
        line(out, &format!("  Evidence: {}.", values.join(", ")));
    }
}

fn change(out: &mut String, one: &Change) {
    let verb = if one.takes_back {
        "takes back"
    } else {
        "changes"
    };
    let version = if one.version.is_empty() {
        String::new()
    } else {
        format!(" (version {})", one.version)
    };
    line(
        out,
        &format!(
            "- {} **{}**: {}{version} {verb} {} in {}.",
            one.at.format("%H:%M:%SZ"),
            escaped(&one.title),
            escaped(&one.document),
            escaped(&one.targets.join(", ")),
            escaped(&one.place)
        ),
    );
    let agreed = match (one.automated, &one.reason) {
        (true, Some(reason)) => format!("By a healing rule; {}.", escaped(reason)),
        _ => format!(
            "Sent by {}, agreed to by {}.",
            escaped(&one.by),
            escaped(&one.approved_by.join(", "))
        ),
    };
    let why = one.reason.as_ref().filter(|_| !one.automated);
    let why = why.map(|why| format!(" Why: {}.", escaped(why)));
    let verified = match one.verified {
        Some(true) => " Verified.",
        Some(false) => " It did NOT have its effect.",
        None => "",
    };
    let execution = one.execution.as_ref().map(|id| format!(" {id}."));
    line(
        out,
        &format!(
            "  {agreed}{} It {}.{verified}{}",
            why.unwrap_or_default(),
            ended(one.status),
            execution.unwrap_or_default()
        ),
    );
}

pub(super) fn ended(status: &str) -> String {
    match status {
        "running" => "was still running".into(),
        "unknown" => "is not known to have been made".into(),
        other => other.into(),
    }
}

fn entries(out: &mut String, all: &[Entry]) {
    line(
        out,
        "| when (UTC) | source | who | what |\n|---|---|---|---|",
    );
    for one in all {
        let before = one
            .minutes_before_alarm
            .map_or_else(String::new, |minutes| {
                let what = if one.deployment { "deployment, " } else { "" };
                format!(" **({what}{minutes} min before the alarm)**")
            });
        line(
            out,
            &format!(
                "| {} | {} | {} | {}{before} |",
                one.at.format("%Y-%m-%d %H:%M:%S"),
                one.source.name(),
                escaped(&one.actor),
                escaped(&one.text)
            ),
        );
    }
}
