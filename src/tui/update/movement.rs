//! Going up and down: on the board, in the tree, in the text.

use super::look;
use crate::commands::CommandId;
use crate::tui::message::Request;
use crate::tui::model::{Model, Screen};
use crate::tui::view::tree_order;

/// The last of so many.
fn last(count: usize) -> usize {
    count.saturating_sub(1)
}

pub(super) fn go(model: &mut Model, id: CommandId) -> Vec<Request> {
    let page = usize::from(model.size.1.saturating_sub(6)).max(1);
    let from = |at: usize, count: usize| match id {
        CommandId::Up => at.saturating_sub(1),
        CommandId::Down => at + 1,
        CommandId::PageUp => at.saturating_sub(page),
        CommandId::PageDown => at + page,
        CommandId::First => 0,
        _ => count,
    };
    match model.screen {
        Screen::Board => {
            let (at, count) = (model.selected_index(), model.rows().len());
            model.select(from(at, count));
            return look(model);
        }
        Screen::Incident if model.tree => {
            let Some(execution) = model
                .incident
                .as_ref()
                .and_then(|snapshot| snapshot.state.execution())
            else {
                return Vec::new();
            };
            let mut order = tree_order(&execution.playbook, &model.folded);
            order.retain(|row| !row.joins);
            let at = model
                .tree_step
                .as_ref()
                .and_then(|step| order.iter().position(|row| row.step == *step))
                .unwrap_or(0);
            model.tree_step = order
                .get(from(at, order.len()).min(order.len().saturating_sub(1)))
                .map(|row| row.step.clone());
        }
        Screen::Requests if matches!(id, CommandId::Up | CommandId::Down) => {
            // Where nothing is selected, the first key selects the first.
            let at = model.request_index();
            let to = match model.request() {
                Some(_) => from(at, 0).min(last(model.requests.asked.len())),
                None => 0,
            };
            let chosen = model.requests.asked.get(to);
            model.request = chosen.map(|one| one.sent.digest.clone());
            model.scroll = 0;
        }
        Screen::Requests => {
            let most = crate::tui::view::longest_sheet(model);
            let to = from(model.scroll.into(), most.into());
            model.scroll = u16::try_from(to).unwrap_or(u16::MAX).min(most);
        }
        Screen::Timeline | Screen::Statistics => {
            let most = crate::tui::view::longest_list(model);
            let to = from(model.scroll.into(), most.into());
            model.scroll = u16::try_from(to).unwrap_or(u16::MAX).min(most);
        }
        Screen::Evidence => {
            let logs = model.piece().is_some_and(|piece| piece.run.kind == "logs");
            if logs && !model.evidence.samples {
                let count = crate::tui::view::pattern_count(model);
                let to = from(model.evidence.pattern, count).min(last(count));
                model.evidence.pattern = to;
            } else {
                let most = crate::tui::view::longest_evidence(model);
                model.evidence.scroll = from(model.evidence.scroll.min(most), most).min(most);
            }
        }
        Screen::Healings => {
            let count = model.healings.rules.len();
            let to = from(model.rule_index(), count).min(last(count));
            model.rule = model.healings.rules.get(to).map(|rule| rule.id.clone());
        }
        Screen::Incident => {
            // The view knows how far down there is anything to see.
            let most = crate::tui::view::longest_scroll(model);
            model.scroll = u16::try_from(from(model.scroll.into(), most.into()))
                .unwrap_or(u16::MAX)
                .min(most);
        }
    }
    Vec::new()
}

/// Hides what follows from the selected step, or shows it again.
pub(super) fn fold(model: &mut Model) {
    let Some(step) = model.tree_step.clone() else {
        return;
    };
    if !model.folded.remove(&step) {
        model.folded.insert(step);
    }
}

/// Goes to a row by its place.
pub(super) fn select(model: &mut Model, at: usize) -> Vec<Request> {
    match model.screen {
        Screen::Board => {
            model.select(at);
            return look(model);
        }
        Screen::Requests => {
            let chosen = model.requests.asked.get(at);
            model.request = chosen.map(|one| one.sent.digest.clone());
        }
        Screen::Healings => {
            let chosen = model.healings.rules.get(at);
            model.rule = chosen.map(|rule| rule.id.clone());
        }
        Screen::Incident if model.tree => {
            let execution = model
                .incident
                .as_ref()
                .and_then(|snapshot| snapshot.state.execution());
            let order = execution.map(|one| tree_order(&one.playbook, &model.folded));
            let mut order = order.unwrap_or_default();
            order.retain(|row| !row.joins);
            model.tree_step = order.get(at).map(|row| row.step.clone());
        }
        Screen::Evidence => {
            let count = crate::tui::view::pattern_count(model);
            model.evidence.pattern = at.min(last(count));
        }
        Screen::Incident | Screen::Timeline | Screen::Statistics => {}
    }
    Vec::new()
}
