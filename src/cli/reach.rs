//! Who would be paged, and who was not.

use super::on_a_line;
use crate::actions::VOCABULARY;
use crate::actions::programs::{LocalPrograms, Programs as _};
use crate::config::Settings;
use crate::incident::{Asked, IncidentStatus, State, evolve};
use crate::journal::{Hash, Journal, JournalError};
use crate::playbook::{EscalationLevel, EscalationPaths};

/// The levels of the escalation paths that reach nobody from this host, each in a sentence.
pub(super) fn unreachable(settings: &Settings, paths: &EscalationPaths) -> Vec<String> {
    let mut all = Vec::new();
    for path in &paths.paths {
        for (number, level) in (1..).zip(&path.levels) {
            if let Some(why) = nobody(settings, level) {
                let contacts: Vec<&str> =
                    level.contacts.iter().map(|one| one.name.as_str()).collect();
                all.push(on_a_line(&format!(
                    "escalation path {}, level {number} ({}) reaches NOBODY: {why}",
                    path.name,
                    contacts.join(", ")
                )));
            }
        }
    }
    all
}

/// Why a level reaches nobody; `None` where one channel at least can be tried.
fn nobody(settings: &Settings, level: &EscalationLevel) -> Option<String> {
    let mut reasons: Vec<String> = Vec::new();
    for name in level.channels() {
        let known = settings
            .channels
            .value
            .iter()
            .find(|one| one.channel.name == name);
        let Some(known) = known else {
            reasons.push(format!("no channel is named {name:?} on this host"));
            continue;
        };
        if !known.channel.kind.is_told() {
            reasons.push(format!(
                "the channel {name} only rings the terminal of a console"
            ));
            continue;
        }
        if known.channel.kind.name() == "opscenter" {
            reasons.push(format!(
                "the channel {name} makes OpsItems, and pages nobody"
            ));
            continue;
        }
        let secret = known.secret.as_ref();
        match secret.and_then(|source| LocalPrograms.secret(source)) {
            Some(Err(why)) => reasons.push(format!("the secret of the channel {name}: {why}")),
            // A secret in Parameter Store is read when it is needed.
            Some(Ok(_)) | None => return None,
        }
    }
    if reasons.is_empty() {
        return Some(
            "no channel; name `channels` in `escalation.toml`, and configure them as [[channels]]"
                .to_owned(),
        );
    }
    Some(reasons.join("; "))
}

/// What of the unfinished incidents reached nobody, each in a sentence.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn nobody_paged(journal: &Journal) -> Result<Vec<String>, JournalError> {
    let mut all = Vec::new();
    for summary in journal.incidents()? {
        if summary.status == IncidentStatus::Closed {
            continue;
        }
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let state = events.iter().fold(State::new(VOCABULARY), evolve);
        all.extend(said(&state));
    }
    Ok(all)
}

/// What of one incident reached nobody.
pub(super) fn said(state: &State) -> Vec<String> {
    let id = state.incident.as_ref().map(|incident| incident.id.clone());
    let id = id.map_or_else(String::new, |id| id.to_string());
    let each = state.nobody_paged().into_iter().map(|(one, asked)| {
        let why = asked.map_or_else(
            || format!("there is no escalation path {:?}", one.path),
            Asked::why_nobody,
        );
        let level = asked.map_or_else(String::new, crate::incident::Asked::at_level);
        let whom = asked.map_or_else(|| "somebody".to_owned(), |asked| asked.contacts.join(", "));
        on_a_line(&format!(
            "NOBODY WAS PAGED for incident {id}{level}: {why}. Call {whom}, then record who answered: standdown ack {id} WHO"
        ))
    });
    each.collect()
}
