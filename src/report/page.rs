//! Pages for a browser: one file each, which loads nothing and runs nothing.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::model::Durations;
use super::plain::one_line;
use crate::incident::{IncidentStatus, State, impact, span};

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } td, th { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #eee; overflow-wrap: anywhere; }
td.when { white-space: nowrap; font-variant-numeric: tabular-nums; } .dim { color: #595959; } .strong { font-weight: 600; }
.state { display: inline-block; padding: .1rem .6rem; border: 2px solid #1a1a1a; border-radius: .3rem; font-weight: 600; }
figure { margin: 1.5rem 0; } figure svg { width: 100%; height: auto; } figcaption ol { font-size: .85rem; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; } }
";

/// A page around its content. It may load nothing and run nothing, whatever stands in it.
pub(super) fn page(title: &str, content: &Markup) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (one_line(title)) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { (content) }
        }
    }
    .into_string()
}

/// The page for people who have no terminal: impact, status, what they were told, and when they
/// hear more.
#[must_use]
pub fn status_page(state: &State, now: DateTime<Utc>) -> Option<String> {
    let incident = state.incident.as_ref()?;
    let durations = Durations::of(incident);
    let over = incident.status >= IncidentStatus::Resolved;
    let content = html! {
        h1 { (one_line(&incident.title)) }
        p.dim { (incident.id) " · severity " (incident.severity.name()) }
        p {
            span.state { (words(incident.status)) }
            @if !over { " for " (span(now - incident.opened_at)) }
        }
        h2 { "Impact" }
        p { (one_line(&impact(incident).unwrap_or_else(|| "Not graded yet.".to_owned()))) }
        h2 { "Updates" }
        @if let Some(next) = incident.next_update {
            p.strong {
                "The next update is promised for " (next.format("%Y-%m-%d %H:%M UTC"))
                @if next < now { ": it is due" }
                "."
            }
        }
        table {
            @for update in incident.updates.iter().rev() {
                tr { td.when { (time(update.at)) } td { (one_line(&update.text)) } }
            }
            @for (status, at) in incident.reached.iter().rev() {
                tr { td.when { (time(*at)) } td { (words(*status)) } }
            }
            tr { td.when { (time(incident.opened_at)) } td { "It was noticed, and somebody began to look into it." } }
        }
        @if over {
            h2 { "How long it took" }
            table {
                @for (name, took) in durations.named() {
                    @if let Some(took) = took {
                        tr { td { "to " (name) } td { (super::model::long(took)) } }
                    }
                }
            }
        }
        p.dim { "As of " (time(now)) "." }
    };
    Some(page(&incident.title, &content))
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn words(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Open => "We look into it",
        IncidentStatus::Acknowledged => "Somebody works on it",
        IncidentStatus::Mitigated => "It works again; we look for the cause",
        IncidentStatus::Resolved => "It is over",
        IncidentStatus::Closed => "It is over, and closed",
    }
}
