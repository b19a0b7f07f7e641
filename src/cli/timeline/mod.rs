//! `standdown timeline`: what happened when, from every source.

use chrono::{DateTime, Utc};

use super::record::Record;
use super::{CliError, SUCCESS, on_a_line, print_json, say};
use crate::clock;
use crate::config::Settings;
use crate::engine::{DELIVERY, Found};
use crate::report::{Entry, Source, timeline};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The incident's id, or the beginning of it.
    incident: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Only what was read there: alarm, api or journal; several with commas.
    #[arg(long, value_name = "SOURCE", value_delimiter = ',', value_parser = ["alarm", "api", "journal"])]
    source: Vec<String>,
    /// Only what somebody did whose name contains this.
    #[arg(long, value_name = "TEXT")]
    actor: Option<String>,
    /// Only what contains this.
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Only from then on, as 2026-11-20T03:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Only before then.
    #[arg(long, value_name = "TIME")]
    to: Option<DateTime<Utc>>,
    /// So many entries a page.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Which page, from 1.
    #[arg(long, value_name = "PAGE", default_value_t = 1, requires = "limit", value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
    /// Print what is known here, and do not ask AWS again.
    #[arg(long)]
    offline: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let mut record = Record::find(settings, &arguments.incident)?;
    let (moments, found) = record.moments(settings, !arguments.offline).await?;
    let all = timeline(&record.state, &record.events, &moments);
    let wanted: Vec<Entry> = all.into_iter().filter(|one| arguments.wants(one)).collect();
    let (from, to) = arguments.window(wanted.len());
    let shown = &wanted[from..to];
    if arguments.json {
        return print_json(&shown);
    }
    for one in shown {
        say!("{}", line(one));
    }
    if shown.is_empty() {
        say!("nothing of {} entries fits here", wanted.len());
    } else if shown.len() < wanted.len() {
        say!("entries {} to {to} of {}", from + 1, wanted.len());
    }
    for what in notes(&found, arguments.offline) {
        say!("{}", on_a_line(&what));
    }
    Ok(SUCCESS)
}

impl Arguments {
    fn wants(&self, one: &Entry) -> bool {
        let within = |text: &str, part: &Option<String>| {
            let lower = text.to_lowercase();
            part.as_ref()
                .is_none_or(|part| lower.contains(&part.to_lowercase()))
        };
        (self.source.is_empty() || self.source.iter().any(|name| name == one.source.name()))
            && within(&one.actor, &self.actor)
            && within(&one.text, &self.contains)
            && self.from.is_none_or(|from| one.at >= from)
            && self.to.is_none_or(|to| one.at < to)
    }

    /// The places of the page's first entry and of the one after its last.
    fn window(&self, count: usize) -> (usize, usize) {
        let Some(limit) = self.limit else {
            return (0, count);
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let before = usize::try_from(self.page - 1).unwrap_or(usize::MAX);
        let from = limit.saturating_mul(before).min(count);
        (from, from.saturating_add(limit).min(count))
    }
}

pub(super) fn line(one: &Entry) -> String {
    let mark = one
        .minutes_before_alarm
        .map_or_else(String::new, |minutes| {
            let what = if one.deployment { "deployment " } else { "" };
            format!("  ◆ {what}{minutes} min before the alarm")
        });
    let width = Source::ALL.map(|(name, _)| name.len()).into_iter().max();
    format!(
        "{}  {:width$}  {}  {}{mark}",
        one.at.format("%Y-%m-%d %H:%M:%SZ"),
        one.source.name(),
        on_a_line(&one.actor),
        on_a_line(&one.text),
        width = width.unwrap_or_default()
    )
}

/// The same for a screen: what is pointed out stands before what it is about.
pub(super) fn brief(one: &Entry) -> String {
    let mark = one
        .minutes_before_alarm
        .map_or_else(String::new, |minutes| {
            let what = if one.deployment { "deployment " } else { "" };
            format!("◆ {what}{minutes} min before the alarm · ")
        });
    let actor = one.actor.rsplit('/').next().unwrap_or_default();
    format!(
        "{:7} {mark}{}: {}",
        one.source.name(),
        on_a_line(actor),
        on_a_line(&one.text)
    )
}

/// What may still be missing, and why.
pub(super) fn notes(found: &Found, offline: bool) -> Vec<String> {
    let mut all: Vec<String> = found
        .missing
        .iter()
        .map(|what| format!("missing: {what}"))
        .collect();
    if offline {
        all.push("AWS was not asked again: what came in since is missing".into());
    }
    let late = found.until.filter(|until| clock::now() - *until < DELIVERY);
    if let Some(until) = late {
        all.push(format!(
            "CloudTrail delivers within {} minutes: calls after {} may still be missing; the next look adds them",
            DELIVERY.num_minutes(),
            (until - DELIVERY).format("%H:%M:%SZ")
        ));
    }
    all
}
