//! Reads what happened outside while an incident went on: its alarms' history and the calls on what
//! it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::actions::{Change, names, writes};
use crate::alarms::{HistoryEntry, history};
use crate::aws::{Aws, Place, Pool};
use crate::document::sha256;
use crate::incident::{AlarmRef, IncidentStatus, State};
use crate::journal::{Moment, MomentSource};
use crate::redaction::Redactor;

/// How long before the alarm it is looked for what may have caused it.
pub const BEFORE: TimeDelta = TimeDelta::hours(2);
/// CloudTrail delivers within about this many minutes.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
pub const DELIVERY: TimeDelta = TimeDelta::minutes(15);
/// Names that are looked up at one place: each takes a call, of which two can be had in a second.
const NAMES: usize = 20;

/// What was read, and what could not be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// What happened.
    pub moments: Vec<Moment>,
    /// Why something is missing, in words.
    pub missing: Vec<String>,
    /// Until when it was looked, by AWS's clock.
    pub until: Option<DateTime<Utc>>,
}

/// Reads what happened outside, from two hours before the first alarm until the incident ended.
pub async fn outside(state: &State, pool: &Pool, redactor: &Redactor) -> Found {
    let mut found = Found::default();
    let Some(incident) = &state.incident else {
        return found;
    };
    let simulated = incident.rehearsal.is_some();
    let began = incident.alarm_since.unwrap_or(incident.opened_at);
    let from = began - BEFORE;
    let ended = incident
        .reached
        .iter()
        .find(|(status, _)| *status == IncidentStatus::Closed)
        .map(|(_, at)| *at);
    let mut places: BTreeMap<(String, String), Vec<&AlarmRef>> = BTreeMap::new();
    for alarm in &incident.alarms {
        let place = (alarm.profile.clone(), alarm.region.clone());
        places.entry(place).or_default().push(alarm);
    }
    for ((profile, region), alarms) in places {
        let aws = match pool.at(&Place::new(&profile, &region)).await {
            Ok(aws) => aws,
            Err(error) => {
                found.missing.push(format!("{region}: {error}"));
                continue;
            }
        };
        let aws = if simulated {
            Arc::new(aws.unrationed())
        } else {
            aws
        };
        let to = ended.unwrap_or_else(|| aws.now()).max(from);
        found.until = Some(found.until.map_or(to, |until| until.min(to)));
        for alarm in &alarms {
            match history(&aws, &alarm.name, from, to).await {
                Ok(read) => {
                    if read.truncated {
                        let name = &alarm.name;
                        let why = format!("the history of {name} is longer than what was read");
                        found.missing.push(why);
                    }
                    let entries = read.entries.iter();
                    found
                        .moments
                        .extend(entries.map(|one| of_alarm(alarm, one)));
                }
                Err(error) => found.missing.push(error.to_string()),
            }
        }
        // What may have caused it and what was done about it are swept apart: CloudTrail tells the
        // latest first, and a busy account has more than is read.
        let sweeps = [(from, began.min(to)), (began.min(to), to)];
        calls(&aws, &resources(state, &alarms), &sweeps, &mut found).await;
    }
    for one in &mut found.moments {
        for text in [&mut one.text, &mut one.actor]
            .into_iter()
            .chain(&mut one.about)
        {
            *text = redactor.text(text).into_owned();
        }
    }
    found
}

async fn calls(
    aws: &Aws,
    resources: &[String],
    windows: &[(DateTime<Utc>, DateTime<Utc>)],
    found: &mut Found,
) {
    let mut wanted = names(resources);
    if wanted.is_empty() {
        return;
    }
    if wanted.len() > NAMES {
        found.missing.push(format!(
            "of {} resources, the calls on the first {NAMES} were looked up",
            wanted.len()
        ));
        wanted.truncate(NAMES);
    }
    let read = writes(aws, &wanted, windows, true).await;
    if read.truncated {
        let why = "CloudTrail has more calls than were read";
        found.missing.push(why.into());
    }
    found.moments.extend(read.changes.into_iter().map(of_api));
    if let Some(error) = read.failed {
        found.missing.push(error.message);
    }
}

/// What an incident is about: its alarms and what they watch, what its playbooks were given, and
/// what was changed.
fn resources(state: &State, alarms: &[&AlarmRef]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for alarm in alarms {
        all.push(alarm.name.clone());
        all.extend(alarm.dimensions.values().cloned());
    }
    for walk in &state.executions {
        all.extend(walk.healing.iter().map(|run| run.resource.clone()));
        let typed = walk
            .playbook
            .inputs
            .iter()
            .filter(|input| input.is_resource());
        let values = typed.filter_map(|input| walk.inputs.get(&input.name)?.as_str());
        all.extend(values.map(str::to_owned));
        let intents = walk.attempts.values().filter_map(|one| one.intent.as_ref());
        let plans = intents.filter_map(|intent| intent.plan.as_ref());
        all.extend(plans.flat_map(|plan| plan.targets.iter().map(|target| target.id.clone())));
    }
    all.retain(|name| !name.trim().is_empty());
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    all
}

fn of_alarm(alarm: &AlarmRef, entry: &HistoryEntry) -> Moment {
    let (text, actor) = match entry {
        HistoryEntry::State {
            from, to, reason, ..
        } => {
            let why = if reason.is_empty() {
                String::new()
            } else {
                format!(": {reason}")
            };
            (format!("{} {from} → {to}{why}", alarm.name), "CloudWatch")
        }
        HistoryEntry::Update { summary, .. } => (format!("{}: {summary}", alarm.name), "unknown"),
        HistoryEntry::Action { summary, .. } => {
            (format!("{}: {summary}", alarm.name), "CloudWatch")
        }
    };
    let at = entry.at();
    Moment {
        // CloudWatch gives it none.
        id: sha256(&format!("{}/{}/{text}", alarm.arn, at.timestamp_millis())),
        at,
        source: MomentSource::Alarm,
        actor: actor.into(),
        text,
        about: vec![alarm.name.clone()],
        deployment: false,
        failed: false,
    }
}

fn of_api(change: Change) -> Moment {
    let deployment = change.is_deployment();
    let service = change.source.trim_end_matches(".amazonaws.com");
    let on = if change.resources.is_empty() {
        String::new()
    } else {
        format!(" {}", change.resources.join(", "))
    };
    let failed = change
        .error
        .as_ref()
        .map(|error| format!(" failed: {error}"));
    Moment {
        at: change.at,
        source: MomentSource::Api,
        text: format!(
            "{service} {}{on}{}",
            change.event,
            failed.unwrap_or_default()
        ),
        id: change.id,
        actor: change.actor,
        failed: change.error.is_some(),
        about: change.resources,
        deployment,
    }
}
