//! The report as Markdown.

use super::model::{ByHand, Change, Decision, NotMade, Paged, Report, long};
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
    for one in &report.not_made {
        let text = not_made(one);
        line(&mut out, &format!("- {}", escaped(&text)));
    }
    if report.changes.is_empty() {
        line(&mut out, "Nothing, by this console.\n");
    }
    section(&mut out, "What was done by hand", &report.by_hand, by_hand);
    section(&mut out, "Who was paged", &report.pages, paged);
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

/// A list under a heading; nothing where it is empty.
fn section<T>(out: &mut String, heading: &str, all: &[T], say: fn(&T) -> String) {
    if all.is_empty() {
        return;
    }
    line(out, &format!("\n## {heading}\n"));
    for one in all {
        line(out, &format!("- {}", escaped(&say(one))));
    }
}

pub(super) fn not_made(one: &NotMade) -> String {
    let why = one.reason.as_ref().map(|why| format!(": {why}"));
    let by = match one.how {
        "declined" => format!(" by {}", one.by),
        _ => String::new(),
    };
    format!(
        "{} {}: not made, {}{by}{}",
        one.at.format("%H:%M:%SZ"),
        one.title,
        one.how,
        why.unwrap_or_default()
    )
}

pub(super) fn by_hand(one: &ByHand) -> String {
    let note = one.note.as_ref().map(|note| format!(": {note}"));
    let what = match (one.overrides, one.commands) {
        (true, _) => " (a person said that the change worked)",
        (false, true) if one.verdict == "done" => " (commands that may have changed the system)",
        _ => "",
    };
    format!(
        "{} {}{what}: {} by {}{}",
        one.at.format("%H:%M:%SZ"),
        one.title,
        one.verdict,
        one.by,
        note.unwrap_or_default()
    )
}

pub(super) fn paged(one: &Paged) -> String {
    format!("{} {}", one.at.format("%H:%M:%SZ"), one.text)
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
            "- {} **{}**: {} took \"{}\"{}.",
            one.at.format("%H:%M:%SZ"),
            escaped(&one.title),
            escaped(&one.by),
            escaped(&one.taken),
            if one.undone { ", and undid it" } else { "" }
        ),
    );
    if let Some(why) = &one.overridden_because {
        let text = if one.recommended.is_empty() {
            format!(
                "  No branch was recommended. This one was taken because: {}",
                escaped(why)
            )
        } else {
            format!(
                "  \"{}\" was recommended. Another one was taken because: {}",
                escaped(&one.recommended),
                escaped(why)
            )
        };
        line(out, &text);
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
    let execution = one.execution.as_ref().map(|id| format!(" {id}."));
    line(
        out,
        &format!(
            "  {agreed}{} It {}.{}",
            why.unwrap_or_default(),
            one.became.sentence(),
            execution.unwrap_or_default()
        ),
    );
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
