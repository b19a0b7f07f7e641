//! The first line: whose account this is, and how far the data can be trusted.
//!
//! ```text
//!  REHEARSAL cpu-spike ×1  111122223333 · eu-central-1 · responder/rehearsal        live 2s
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::put;
use crate::alarms::Freshness;
use crate::tui::model::{Model, Screen};
use crate::tui::text::{age, counted, fit};
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (badge, badge_role) = match &model.header.rehearsal {
        Some(rehearsal) => (format!(" REHEARSAL {rehearsal} "), Role::Rehearsal),
        None => (" LIVE ".to_owned(), Role::Live),
    };
    let badge = if model.header.read_only {
        format!("{badge}READ-ONLY ")
    } else {
        badge
    };
    let (right, right_role) = freshness(model);
    let place = place(model);
    // Production has a colour, and a word.
    let place_role = if model.source().is_some_and(|source| source.production) {
        Role::Critical
    } else {
        Role::Heading
    };
    let width = usize::from(area.width);
    let badge = fit(&badge, width.saturating_sub(right.width() + 2));
    let room = width.saturating_sub(badge.width() + right.width() + 3);
    let place = fit(&place, room);
    let gap = width.saturating_sub(badge.width() + place.width() + right.width() + 2);
    let line = Line::from(vec![
        Span::styled(badge, theme.style(badge_role)),
        Span::raw(" "),
        Span::styled(place, theme.style(place_role)),
        Span::raw(" ".repeat(gap)),
        Span::styled(right, theme.style(right_role)),
        Span::raw(" "),
    ]);
    put([line], frame, area);
}

/// Whose account this is: of the incident, or of everything that is watched.
fn place(model: &Model) -> String {
    let sources = &model.board.sources;
    let Some(source) = model.source() else {
        let mut accounts: Vec<&str> = sources
            .iter()
            .map(|source| source.account.as_str())
            .filter(|account| !account.is_empty())
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut regions: Vec<&str> = sources
            .iter()
            .map(|source| source.place.region.as_str())
            .collect();
        regions.sort_unstable();
        regions.dedup();
        return format!(
            "{} · {}",
            counted(accounts.len(), "account"),
            counted(regions.len(), "region")
        );
    };
    // What follows the last slash of the ARN is what tells people apart.
    let who = source
        .identity
        .rsplit_once(':')
        .map_or("", |(_, who)| who.trim_start_matches("assumed-role/"));
    let environment = model
        .incident
        .as_ref()
        .filter(|_| model.screen == Screen::Incident)
        .and_then(|snapshot| snapshot.state.environment());
    let parts = [
        if source.production { "PRODUCTION" } else { "" },
        source.alias.as_str(),
        source.account.as_str(),
        source.place.region.as_str(),
        environment.unwrap_or_default(),
        who,
    ];
    let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match (said.is_empty(), &source.freshness) {
        (_, Freshness::Lost { .. }) if source.account.is_empty() => "not connected to AWS".into(),
        (true, _) => "connecting to AWS…".into(),
        (false, _) => match &model.header.playbooks {
            Some(folder) => format!("{} · playbooks {folder}", said.join(" · ")),
            None => said.join(" · "),
        },
    }
}

fn freshness(model: &Model) -> (String, Role) {
    let sources = &model.board.sources;
    let troubles = model.troubles();
    match (sources.as_slice(), troubles.as_slice()) {
        ([_], [(_, text)]) => {
            let word = text.split([':', ';']).next().unwrap_or("late").to_owned();
            (word, Role::Late)
        }
        (_, []) => {
            let oldest = sources
                .iter()
                .map(|source| match source.freshness {
                    Freshness::Live { at } => Some(at),
                    _ => None,
                })
                .min()
                .flatten();
            match oldest {
                Some(at) => (format!("live {}", age(model.now - at)), Role::Dim),
                None => ("waiting for alarms".to_owned(), Role::Dim),
            }
        }
        (all, some) => {
            let live = all.len() - all.iter().filter(|source| !model.is_live(source)).count();
            if live == all.len() {
                (format!("{} to see", some.len()), Role::Late)
            } else {
                (format!("{live} of {} live", all.len()), Role::Late)
            }
        }
    }
}
