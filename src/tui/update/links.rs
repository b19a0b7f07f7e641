//! Links to the AWS console: of what is on the screen.

use crossterm::event::{KeyCode, KeyEvent};
use serde_json::Value;

use crate::aws::console_links as link;
use crate::incident::{AlarmRef, scope_of};
use crate::tui::message::Request;
use crate::tui::model::{Model, Overlay, Piece, Screen};

/// Copies the one link there is, or offers those that there are.
pub(super) fn open(model: &mut Model) -> Vec<Request> {
    let mut links = links(model);
    match links.len() {
        0 => {
            model.say("nothing here has a page in the AWS console", true);
            Vec::new()
        }
        1 => copy(links.remove(0)),
        _ => {
            model.overlay = Some(Overlay::Links { links, at: 0 });
            Vec::new()
        }
    }
}

pub(super) fn key(
    model: &mut Model,
    mut links: Vec<(String, String)>,
    at: usize,
    key: KeyEvent,
) -> Vec<Request> {
    let last = links.len().saturating_sub(1);
    let at = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return copy(links.swap_remove(at.min(last))),
        _ => super::choice::step(at, last, key),
    };
    model.overlay = Some(Overlay::Links { links, at });
    Vec::new()
}

fn copy((what, url): (String, String)) -> Vec<Request> {
    vec![Request::Copy {
        text: url,
        what: format!("the link to {what}"),
    }]
}

fn of_alarm(alarm: &AlarmRef) -> Option<(String, String)> {
    let known = !alarm.region.is_empty();
    known.then(|| {
        let url = link::alarm(&alarm.region, &alarm.name);
        (format!("the alarm {}", alarm.name), url)
    })
}

fn links(model: &Model) -> Vec<(String, String)> {
    let mut links: Vec<(String, String)> = Vec::new();
    match model.screen {
        Screen::Incident | Screen::Evidence => {
            let incident = model
                .incident
                .as_ref()
                .and_then(|snapshot| snapshot.state.incident.as_ref());
            let alarms = incident.iter().flat_map(|incident| &incident.alarms);
            let region = alarms.clone().next().map_or("", |alarm| &alarm.region);
            let pieces = match model.screen {
                Screen::Evidence => model.piece().into_iter().collect(),
                _ => model.pieces(),
            };
            for piece in pieces {
                links.extend(of_piece(model, &piece, region));
            }
            links.extend(alarms.filter_map(of_alarm));
        }
        _ => links.extend(model.selected_row().and_then(|row| of_alarm(&row.alarm))),
    }
    let mut seen = std::collections::HashSet::new();
    links.retain(|(_, url)| seen.insert(url.clone()));
    links
}

/// What a run read, or started.
fn of_piece(model: &Model, piece: &Piece<'_>, region: &str) -> Vec<(String, String)> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    let scope = scope_of(&snapshot.state, model.now, &piece.step.id);
    let own = piece.run.region.as_ref().map(|region| region.show(&scope));
    let region = own
        .as_ref()
        .and_then(serde_json::Value::as_str)
        .unwrap_or(region);
    if region.is_empty() {
        return Vec::new();
    }
    let mut links = Vec::new();
    if piece.run.kind == "logs" || piece.run.kind == "logs_insights" {
        let parameters = piece.run.parameters.render(&scope).unwrap_or_default();
        let groups = parameters["groups"].as_array().into_iter().flatten();
        links.extend(groups.filter_map(|group| group.as_str()).map(|group| {
            let url = link::log_group(region, group);
            (format!("the log group {group}"), url)
        }));
    }
    let commands = named(piece.value, "command_id").into_iter();
    links.extend(commands.map(|id| (format!("the command {id}"), link::command(region, id))));
    let automations = named(piece.value, "execution_id").into_iter();
    links.extend(automations.map(|id| {
        let url = link::automation(region, id);
        (format!("the automation {id}"), url)
    }));
    links
}

/// What stands under a name, however deep: an execution has steps, and those may have started others.
fn named<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    match value {
        Value::Object(entries) => {
            let own = entries.get(name).and_then(Value::as_str);
            let own = own.filter(|id| !id.is_empty());
            let inner = entries.values().flat_map(|inner| named(inner, name));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(|inner| named(inner, name)).collect(),
        _ => Vec::new(),
    }
}
