//! The healing rules, what they have done, and the selected one in detail.
//!
//! ```text
//!  15 rules, 15 enabled · 3 acted: 2 healed, 1 failed (67 %) · 0 active
//!  ✓ on   propose  platform        ecs-service-healing           completed 4m ago  orders
//! ── ecs-service-healing ───────────────────────────────────────────────────────────
//!  restarts · cooldown 5m · 3 attempts in 1h · rung 3
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::prompt::Prompt;
use super::{line, put, rule};
use crate::journal::{ALL, HealingRecord, HealingStatus, is_on};
use crate::tui::model::Model;
use crate::tui::panes::Rule;
use crate::tui::text::{age, column, counted};
use crate::tui::theme::{Role, Theme};

/// Lines for the selected rule.
const DETAIL: u16 = 11;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let detail = DETAIL.min(area.height / 3);
    let [list, detail] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(detail)]).areas(area);
    let width = usize::from(list.width);
    let mut lines = summary(model, width, theme);
    let shown = usize::from(list.height).saturating_sub(lines.len());
    let at = model.rule_index();
    let first = at.saturating_sub(shown.saturating_sub(1));
    let rules = model.healings.rules.iter().enumerate();
    lines.extend(rules.skip(first).take(shown).map(|(index, one)| {
        let role = match (index == at, counts(model, one)) {
            (true, _) => Role::Selection,
            (false, true) => Role::Text,
            (false, false) => Role::Dim,
        };
        line(&row(model, one), width, theme.style(role))
    }));
    put(lines, frame, list);
    if let Some(chosen) = model.rule() {
        let mut lines = vec![rule(&chosen.id, detail.width.into(), theme)];
        lines.extend(about(model, chosen, detail.width.into(), theme));
        lines.truncate(detail.height.into());
        put(lines, frame, detail);
    }
}

fn counts(model: &Model, rule: &Rule) -> bool {
    rule.enabled && is_on(&model.healings.switches, &rule.id)
}

fn summary(model: &Model, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let healings = &model.healings;
    if let Some(error) = &healings.error {
        return vec![line(
            &format!(" ✗ {error}"),
            width,
            theme.style(Role::Error),
        )];
    }
    let all = &healings.tally.all;
    let rate = all
        .success_rate
        .map(|rate| format!(" ({rate:.0} %)"))
        .unwrap_or_default();
    let text = format!(
        " {}, {} enabled · {} acted: {} healed, {}{} failed{rate} · {} active · {} skipped",
        counted(all.rules_registered, "rule"),
        all.rules_enabled,
        all.total,
        all.succeeded,
        match all.applied {
            0 => String::new(),
            count => format!("{count} applied but not verified, "),
        },
        all.failed,
        all.active,
        all.skipped
    );
    let mut lines = vec![line(&text, width, theme.style(Role::Dim))];
    let stopped = healings.switches.iter();
    if let Some(stopped) = stopped
        .into_iter()
        .find(|one| one.rule == ALL && !one.enabled)
    {
        let text = format!(
            " ✗ all healing was stopped by {} {} ago · S lets rules act again",
            stopped.by,
            age(model.now - stopped.at)
        );
        lines.push(line(&text, width, theme.style(Role::Late)));
    }
    lines
}

fn row(model: &Model, rule: &Rule) -> String {
    let (mark, word) = if counts(model, rule) {
        ("✓", "on")
    } else {
        ("○", "off")
    };
    let last = model.healings.runs.iter().find(|run| run.rule == rule.id);
    let last = last.map_or_else(|| "never set off".to_owned(), |run| told(model, run));
    format!(
        " {mark} {} {} {} {} {last}",
        column(word, 3),
        column(rule.mode.name(), 7),
        column(rule.layer.name(), 14),
        column(&rule.id, 28)
    )
}

fn told(model: &Model, run: &HealingRecord) -> String {
    let at = run.ended_at.or(run.started_at).unwrap_or(run.at);
    format!(
        "{} {} ago · {}",
        run.status.name(),
        age(model.now - at),
        run.resource
    )
}

fn about(model: &Model, chosen: &Rule, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut out = Prompt::new(&model.keys, width, theme);
    out.text(&chosen.title, Role::Heading);
    let span = |seconds| {
        age(chrono::Duration::seconds(
            i64::try_from(seconds).unwrap_or(0),
        ))
    };
    let text = format!(
        "{} on {} · cooldown {} · {} in {} · rung {}",
        chosen.action.name(),
        chosen.trigger,
        span(chosen.cooldown),
        counted(chosen.attempts as usize, "attempt"),
        span(chosen.window),
        chosen.rung
    );
    out.text(&text, Role::Text);
    let switch = model
        .healings
        .switches
        .iter()
        .find(|one| one.rule == chosen.id);
    if !chosen.enabled {
        out.text("its file says `enabled = false`", Role::Late);
    } else if let Some(switch) = switch.filter(|one| !one.enabled) {
        let ago = age(model.now - switch.at);
        out.text(&format!("disabled by {} {ago} ago", switch.by), Role::Late);
    }
    let mut any = false;
    for run in model
        .healings
        .runs
        .iter()
        .filter(|run| run.rule == chosen.id)
    {
        any = true;
        let role = match run.status {
            HealingStatus::Completed => Role::Ok,
            HealingStatus::Applied => Role::Late,
            HealingStatus::Failed => Role::Failed,
            HealingStatus::Skipped => Role::Dim,
            HealingStatus::Pending | HealingStatus::InProgress => Role::Running,
        };
        let why = run.error.as_deref().map(|why| format!(" · {why}"));
        let text = format!(
            "{} · attempt {} · {}{}",
            told(model, run),
            run.attempt,
            run.incident,
            why.unwrap_or_default()
        );
        out.fact(&model.zone.second(run.at), &text, role);
    }
    if !any {
        out.text("It was never set off.", Role::Dim);
    }
    out.done()
}
