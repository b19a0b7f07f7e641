//! Going up and down: on the board, in the tree, in the text.

use super::look;
use crate::alarms::key;
use crate::tui::commands::CommandId;
use crate::tui::message::Request;
use crate::tui::model::{Model, Screen};
use crate::tui::view::tree_order;

pub(super) fn select(model: &mut Model, index: usize) {
    let rows = model.rows();
    let chosen = rows
        .get(index.min(rows.len().saturating_sub(1)))
        .map(|row| key(&row.alarm));
    model.selected = chosen.or(model.selected.take());
}

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
            let rows = model.rows();
            let (at, count) = (model.selected_index(&rows), rows.len());
            select(model, from(at, count));
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
            let mut order = tree_order(&execution.playbook);
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
