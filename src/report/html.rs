//! The report as one HTML file: it opens from a mail, loads nothing and runs nothing.

use maud::{Markup, PreEscaped, html};

use super::chart::svg;
use super::markdown::{by_hand, not_made, paged};
use super::model::{Change, Chart, Decision, Report, long};
use super::page::page;
use super::plain::{lines, one_line};
use super::timeline::Entry;
use crate::incident::{Became, Review};

/// Writes the report. `review` is what people wrote into it.
#[must_use]
pub fn html(report: &Report, review: &Review) -> String {
    let content = html! {
        h1 { (one_line(&report.title)) }
        p.dim {
            (report.incident) " · " (report.severity.name()) " · " (report.status.name())
        }
        @if let Some(scenario) = &report.rehearsal {
            p.strong { "This was a rehearsal: " (one_line(scenario)) "." }
        }
        h2 { "Summary" }
        p { @for one in &report.summary { (one_line(one)) " " } }
        table {
            @for (name, took) in report.durations.named() {
                tr { th { "time to " (name) } td { (took.map_or_else(|| "not known".to_owned(), long)) } }
            }
        }
        h2 { "Impact" }
        @if review.impact.trim().is_empty() {
            p { (one_line(&report.impact)) }
        } @else {
            (paragraphs(&review.impact))
        }
        h2 { "Contributing causes" }
        @if review.causes.trim().is_empty() {
            p.dim { "To be written." }
        } @else {
            (paragraphs(&review.causes))
        }
        h2 { "Action items" }
        @if review.actions.is_empty() { p.dim { "None yet." } }
        ul {
            @for item in &review.actions {
                li { (if item.done { "☑ " } else { "☐ " }) (one_line(&item.text)) }
            }
        }
        (paragraphs(&review.more))
        @if !report.charts.is_empty() {
            h2 { "Metrics" }
            @for chart in &report.charts { (figure(chart)) }
        }
        h2 { "What was decided" }
        @if report.decisions.is_empty() { p { "Nothing." } }
        ul { @for one in &report.decisions { (decision(one)) } }
        h2 { "What was changed" }
        @if report.changes.is_empty() { p { "Nothing, by this console." } }
        ul {
            @for one in &report.changes { (change(one)) }
            @for one in &report.not_made { li { (one_line(&not_made(one))) } }
        }
        @if !report.by_hand.is_empty() {
            h2 { "What was done by hand" }
            ul { @for one in &report.by_hand { li { (one_line(&by_hand(one))) } } }
        }
        @if !report.pages.is_empty() {
            h2 { "Who was paged" }
            ul {
                @for one in &report.pages {
                    @if one.nobody {
                        li { span.strong { (one_line(&paged(one))) } }
                    } @else {
                        li { (one_line(&paged(one))) }
                    }
                }
            }
        }
        @if !report.before_the_alarm.is_empty() {
            h2 { "What was done in the two hours before the alarm" }
            (entries(&report.before_the_alarm))
        }
        h2 { "Timeline" }
        (entries(&report.timeline))
        @for what in &report.missing { p.dim { "Missing: " (one_line(what)) "." } }
        @if !report.links.is_empty() {
            h2 { "Links" }
            ul { @for (name, url) in &report.links { li { (link(name, url)) } } }
        }
    };
    page(&report.title, &content)
}

fn paragraphs(text: &str) -> Markup {
    html! { @for line in lines(text) { @if !line.trim().is_empty() { p { (line) } } } }
}

/// Only what leads to a page is a link.
fn link(name: &str, url: &str) -> Markup {
    let leads = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    html! {
        @if leads {
            a href=(url) rel="noopener noreferrer" { (one_line(name)) }
        } @else {
            (one_line(name)) ": " (one_line(url))
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        @if let Some(svg) = svg(chart) {
            figure {
                figcaption.strong { (one_line(&chart.title)) }
                // Drawn from numbers and times alone.
                (PreEscaped(svg))
                figcaption {
                    @if let Some(threshold) = chart.threshold {
                        "dashed: the threshold, " (threshold)
                    }
                    @for mark in &chart.before {
                        div { "before it: " (mark.at.format("%H:%M:%S")) " " (mark.kind) ": " (one_line(&mark.text)) }
                    }
                    @if !chart.marks.is_empty() {
                        ol {
                            @for mark in &chart.marks {
                                li { (mark.at.format("%H:%M:%S")) " " (mark.kind) ": " (one_line(&mark.text)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn decision(one: &Decision) -> Markup {
    html! {
        li {
            span.dim { (one.at.format("%H:%M:%S UTC")) } " "
            span.strong { (one_line(&one.title)) } ": " (one_line(&one.by)) " took “"
            (one_line(&one.taken)) "”"
            @if one.undone { ", and undid it" } "."
            @if let Some(why) = &one.overridden_because {
                @if one.recommended.is_empty() {
                    " No branch was recommended. This one was taken because: "
                } @else {
                " “" (one_line(&one.recommended)) "” was recommended. Another one was taken because: "
                }
                (one_line(why))
            }
            @if !one.evidence.is_empty() {
                br;
                span.dim {
                    "Evidence: "
                    @for (index, evidence) in one.evidence.iter().enumerate() {
                        @if index > 0 { ", " }
                        (one_line(&evidence.name)) " = "
                        (one_line(evidence.value.as_deref().unwrap_or("not known")))
                    }
                }
            }
        }
    }
}

fn change(one: &Change) -> Markup {
    html! {
        li {
            span.dim { (one.at.format("%H:%M:%S UTC")) } " "
            span.strong { (one_line(&one.title)) } ": " (one_line(&one.document))
            @if !one.version.is_empty() { " (version " (one.version) ")" }
            (if one.takes_back { " takes back " } else { " changes " })
            (one_line(&one.targets.join(", "))) " in " (one_line(&one.place)) ". "
            @if one.automated {
                "By a healing rule; " (one_line(one.reason.as_deref().unwrap_or_default())) "."
            } @else {
                "Sent by " (one_line(&one.by)) ", agreed to by "
                (one_line(&one.approved_by.join(", "))) "."
                @if let Some(why) = &one.reason { " Why: " (one_line(why)) "." }
            }
            " It "
            @if one.became == Became::NoEffect {
                span.strong { (one.became.sentence()) "." }
            } @else {
                (one.became.sentence()) "."
            }
            @if let Some(id) = &one.execution { " " span.dim { (one_line(id)) } }
        }
    }
}

fn entries(all: &[Entry]) -> Markup {
    html! {
        table {
            tr { th { "when (UTC)" } th { "source" } th { "who" } th { "what" } }
            @for one in all {
                tr {
                    td.when { (one.at.format("%Y-%m-%d %H:%M:%S")) }
                    td { (one.source.name()) }
                    td { (one_line(&one.actor)) }
                    td {
                        (one_line(&one.text))
                        @if let Some(minutes) = one.minutes_before_alarm {
                            " " span.strong {
                                "(" @if one.deployment { "deployment, " }
                                (minutes) " min before the alarm)"
                            }
                        }
                    }
                }
            }
        }
    }
}
