//! Lines below the header that stay as long as what they say holds.
//!
//! ```text
//!  ✗ NOT RECORDING since 03:14: disk full · 3 events kept in memory · changes are refused
//! ```

use ratatui::text::Line;

use super::{countdown, line};
use crate::commands::CommandId;
use crate::engine::{Recording, Role as Writes, Snapshot};
use crate::incident::Reach;
use crate::tui::model::{Model, Screen, Zone};
use crate::tui::text::wrap;
use crate::tui::theme::{Role, Theme};

/// Lines at most, so that the question stays on the screen.
const MOST: usize = 4;

/// What has to be said above everything else.
pub(super) fn lines(model: &Model, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut said: Vec<(String, Role)> = Vec::new();
    if let Some(snapshot) = &model.incident {
        said.extend(recording(snapshot, model.zone));
        said.extend(nobody_paged(model, snapshot));
        said.extend(writes(model, snapshot));
        said.extend(record(snapshot));
        said.extend(playbook(model, snapshot));
        said.extend(healing(model, snapshot));
        said.extend(unanswered(model, snapshot));
        said.extend(chase(model, snapshot));
        said.extend(promised(model, snapshot));
    }
    if let (1.., true) = (model.answerable(), model.screen != Screen::Requests) {
        let text = format!(
            "? {} for your approval · {} shows it",
            match model.answerable() {
                1 => "somebody asks".to_owned(),
                count => format!("{count} requests wait"),
            },
            model.key_here(CommandId::Requests)
        );
        said.push((text, Role::Late));
    }
    let requests = &model.requests;
    if let (Some(error), true, true) = (
        &requests.error,
        requests.configured,
        model.screen != Screen::Requests,
    ) {
        said.push((format!("✗ {error}"), Role::Late));
    }
    if model.catalog.escalation.unreadable {
        let text = "✗ an escalation.toml cannot be read: what the others say of whom to ask counts instead, and nobody can agree to changes of yours · `standdown check` says why";
        said.push((text.to_owned(), Role::Error));
    }
    if let Some(refused) = model.catalog.refused() {
        let text = format!("✗ {refused} · `standdown check` says what to do");
        said.push((text, Role::Error));
    }
    let operations = model.broken.iter().map(ToString::to_string);
    for broken in operations.chain(model.untold.iter().cloned()) {
        said.push((format!("✗ {broken}"), Role::Late));
    }
    if let Some(recovered) = &model.recovered {
        said.push((
            format!(
                "✗ {recovered} · {} hides this",
                model.key_here(CommandId::Back)
            ),
            Role::Error,
        ));
    }
    said.into_iter()
        .flat_map(|(text, role)| {
            wrap(&text, width.saturating_sub(2))
                .into_iter()
                .map(move |part| (format!(" {part}"), role))
        })
        .take(MOST)
        .map(|(text, role)| line(&text, width, theme.style(role)))
        .collect()
}

fn recording(snapshot: &Snapshot, zone: Zone) -> Option<(String, Role)> {
    let Recording::No {
        since,
        reason,
        kept,
    } = &snapshot.recording
    else {
        return None;
    };
    let text = format!(
        "✗ NOT RECORDING since {}: {reason} · {kept} events kept in memory · changes to the system are refused",
        zone.minute(*since)
    );
    Some((text, Role::Error))
}

fn writes(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let take = model.key_here(CommandId::TakeOver);
    let text = match &snapshot.role {
        Writes::Writer { asked: None } => return None,
        Writes::Writer { asked: Some(who) } => {
            format!(
                "? {who} asks to take over: {} hands over, {} keeps it",
                model.key_here(CommandId::HandOver),
                model.key_here(CommandId::KeepIt)
            )
        }
        Writes::Imported => "READ-ONLY: recorded elsewhere and imported".to_owned(),
        Writes::Follower { writer: None, .. } => {
            format!("READ-ONLY: nobody writes this incident · {take} takes over")
        }
        Writes::Follower {
            writer: Some(who),
            stale: true,
            ..
        } => {
            format!("READ-ONLY: {who} wrote this incident and went silent · {take} takes over")
        }
        Writes::Follower {
            writer: Some(who),
            asking: true,
            ..
        } => {
            format!(
                "READ-ONLY: {who} writes this incident · asked to hand over, waiting for an answer"
            )
        }
        Writes::Follower {
            writer: Some(who), ..
        } => {
            format!("READ-ONLY: {who} writes this incident, you follow · {take} takes over")
        }
    };
    Some((text, Role::Late))
}

/// What is wrong with the record itself.
fn record(snapshot: &Snapshot) -> Option<(String, Role)> {
    if let Some(broken) = snapshot.broken {
        return Some((format!("✗ the record does not hold: {broken}"), Role::Error));
    }
    let sequence = snapshot.state.unreadable?;
    let text = format!("✗ event {sequence} cannot be read by this version");
    Some((text, Role::Error))
}

/// A healing rule that waits, or that acts by itself.
fn healing(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    if let Some(walk) = snapshot.state.walking()
        && let Some(run) = &walk.healing
    {
        let text = format!(
            "healing: {} · {} {} · automated on layer {}; the playbook goes on after it",
            run.rule,
            run.action.name(),
            run.resource,
            run.layer.name()
        );
        return Some((text, Role::Late));
    }
    let waiting = snapshot.state.proposed()?;
    let title = waiting.rule.as_ref().map_or("", |rule| rule.title.as_str());
    let text = format!(
        "{} proposes: {title} ({}) · {} opens it; nothing runs before you approve it",
        waiting.run.rule,
        waiting.run.resource,
        model.key_here(CommandId::Heal)
    );
    Some((text, Role::Recommended))
}

/// What escalates by itself, while the question is not on the screen.
fn unanswered(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let pending = snapshot.state.pending_escalation()?;
    let at = pending.by_itself_at(&snapshot.state)?;
    (model.screen != Screen::Incident).then(|| {
        let text = format!(
            "? escalate? · critical: by itself in {} · {} answers it",
            countdown(at - model.now),
            model.key_here(CommandId::Incident)
        );
        (text, Role::Late)
    })
}

/// Nobody was paged although an escalation stands: the loudest line there is, until somebody acts.
fn nobody_paged(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let (one, asked) = snapshot.state.nobody_paged().pop()?;
    let has = model.key_here(CommandId::Answered);
    let text = match asked {
        None => format!(
            "✗ NOBODY WAS PAGED: there is no escalation path {:?}. Call somebody, then record who answered ({has})",
            one.path
        ),
        Some(asked) => format!(
            "✗ NOBODY WAS PAGED{}: {}. Call {}, then record who answered ({has})",
            asked.at_level(),
            asked.why_nobody(),
            asked.contacts.join(", "),
        ),
    };
    Some((text, Role::Error))
}

/// Whom an escalation has paged, and which level follows.
fn chase(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let one = snapshot.state.chases().next_back()?;
    let next = one.next_at.map(|at| countdown(at - model.now));
    let next = next.unwrap_or_default();
    let has = model.key_here(CommandId::Answered);
    if one.held {
        let text = format!(
            "escalated, quiet hours: level {} is paged in {next} · {has} records who answered",
            one.level + 1
        );
        return Some((text, Role::Late));
    }
    let asked = one.asked.last()?;
    let contacts = asked.contacts.join(", ");
    let rehearsal = snapshot.state.is_rehearsal();
    let how = match asked.reach() {
        _ if rehearsal => format!(
            "rehearsal: level {} ({contacts}) would be paged",
            asked.level
        ),
        Reach::Paged => format!(
            "level {} paged ({contacts}) through {}",
            asked.level,
            asked.through()
        ),
        Reach::Sending => format!(
            "paging level {} ({contacts}), not accepted yet",
            asked.level
        ),
        // The line above says it.
        Reach::Nobody => return None,
    };
    let text = format!("escalated: {how} · next level in {next} · {has} records who answered");
    Some((text, Role::Late))
}

/// An update that was promised, and is due.
fn promised(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let at = snapshot.state.incident.as_ref()?.next_update?;
    (at <= model.now).then(|| {
        let text = format!(
            "an update was promised for {} · {} gives it",
            model.zone.minute(at),
            model.key_here(CommandId::Update)
        );
        (text, Role::Late)
    })
}

/// A walk keeps the playbook it began with.
fn playbook(model: &Model, snapshot: &Snapshot) -> Option<(String, Role)> {
    let walking = snapshot.state.walking()?;
    let now = model.catalog.get(&walking.playbook.id)?;
    (now.playbook.hash != walking.playbook.hash).then(|| {
        let text = format!(
            "the playbook {} has changed since this walk began; it goes on with the version it began with",
            walking.playbook.id
        );
        (text, Role::Late)
    })
}
