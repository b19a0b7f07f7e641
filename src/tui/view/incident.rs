//! The incident: where the walk stands, the question, the evidence, what runs, what happened.
//!
//! ```text
//!  high · High CPU Utilization Investigation · acknowledged · 4m · 20261120-4f3a9c
//! ── cpu-005 · decision · Decision Point: Scale or Investigate ─────────────────────
//!   Which way?
//!      1  Scale out   ◀ recommended
//! ── checks ────────────────────────────────────────────────────────────────────────
//! ── events ────────────────────────────────────────────────────────────────────────
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{evidence, history, line, prompt, rule, severity_role, tree};
use crate::engine::Snapshot;
use crate::incident::{Execution, IncidentStatus, Question, State, question, scope};
use crate::playbook::{Step, StepKind};
use crate::tui::model::{Model, state_words};
use crate::tui::text::{age, counted, wrap};
use crate::tui::theme::{Role, Theme};

/// From this width on the tree stands beside the step.
const WITH_TREE: u16 = 100;
const TREE_WIDTH: u16 = 38;
/// Recent events at the bottom.
const EVENTS: u16 = 3;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(snapshot) = &model.incident else {
        frame.render_widget(
            Paragraph::new(line(
                " No incident is open; b goes to the board.",
                area.width.into(),
                theme.style(Role::Dim),
            )),
            area,
        );
        return;
    };
    let panes = Panes::new(area, checks(model, &snapshot.state).len());
    frame.render_widget(
        Paragraph::new(title(
            model,
            &snapshot.state,
            panes.title.width.into(),
            theme,
        )),
        panes.title,
    );
    if let (Some(area), Some(execution)) = (panes.tree, snapshot.state.execution()) {
        draw_tree(model, execution, theme, frame, area);
    }
    if panes.tree.is_none() && model.tree {
        if let Some(execution) = snapshot.state.execution() {
            draw_tree(model, execution, theme, frame, panes.main);
        }
    } else {
        let lines = main(model, snapshot, panes.main.width.into(), theme);
        let height = panes.main.height;
        let hidden = u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .saturating_sub(height);
        let scroll = model.scroll.min(hidden);
        frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)), panes.main);
        if hidden > scroll && height > 0 {
            let more = format!(" ↓ {} ", counted((hidden - scroll).into(), "more line"));
            let width = u16::try_from(more.chars().count()).unwrap_or(0);
            let place = Rect {
                x: panes.main.right().saturating_sub(width),
                y: panes.main.bottom() - 1,
                width,
                height: 1,
            };
            frame.render_widget(
                Paragraph::new(Line::from(Span::styled(more, theme.style(Role::Selection)))),
                place,
            );
        }
    }
    frame.render_widget(
        Paragraph::new(check_lines(
            model,
            &snapshot.state,
            panes.checks.width.into(),
            theme,
        )),
        panes.checks,
    );
    frame.render_widget(
        Paragraph::new(history::lines(snapshot, panes.events, theme)),
        panes.events,
    );
}

/// How far down the main pane can be scrolled.
pub(in crate::tui) fn longest_scroll(model: &Model) -> u16 {
    let Some(snapshot) = &model.incident else {
        return 0;
    };
    let area = Rect {
        x: 0,
        y: 1,
        width: model.size.0,
        height: model.size.1.saturating_sub(2 + super::banner_height(model)),
    };
    let panes = Panes::new(area, checks(model, &snapshot.state).len());
    let lines = main(model, snapshot, panes.main.width.into(), &Theme::plain()).len();
    u16::try_from(lines)
        .unwrap_or(u16::MAX)
        .saturating_sub(panes.main.height)
}

struct Panes {
    title: Rect,
    tree: Option<Rect>,
    main: Rect,
    checks: Rect,
    events: Rect,
}

impl Panes {
    fn new(area: Rect, running: usize) -> Self {
        let most = if area.height >= 30 { 6 } else { 3 };
        let running = u16::try_from(running).unwrap_or(most).min(most);
        let checks = if running == 0 { 0 } else { running + 1 };
        let events = if area.height >= 18 { EVENTS + 1 } else { 0 };
        let [title, middle, checks, events] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(checks),
            Constraint::Length(events),
        ])
        .areas(area);
        let (tree, main) = if area.width >= WITH_TREE {
            let [tree, main] =
                Layout::horizontal([Constraint::Length(TREE_WIDTH), Constraint::Min(0)])
                    .areas(middle);
            (Some(tree), main)
        } else {
            (None, middle)
        };
        Self {
            title,
            tree,
            main,
            checks,
            events,
        }
    }
}

fn draw_tree(
    model: &Model,
    execution: &Execution,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(
        Paragraph::new(rule(&execution.playbook.name, head.width.into(), theme)),
        head,
    );
    tree::draw(model, execution, theme, frame, body);
}

fn title(model: &Model, state: &State, width: usize, theme: &Theme) -> Line<'static> {
    let Some(incident) = &state.incident else {
        return Line::raw("");
    };
    let end = match incident.reached.last() {
        Some((IncidentStatus::Closed, at)) => *at,
        _ => model.now,
    };
    let escalated = state
        .execution()
        .is_some_and(|execution| execution.escalated);
    let mut text = format!(
        " {}{} · {} · {} · {}",
        incident.status.name(),
        if escalated { " · escalated" } else { "" },
        age(end - incident.opened_at),
        incident.id,
        incident.title
    );
    if let Some(alarm) = incident.alarms.front() {
        text = format!("{text} · {} {}", alarm.name, state_words(alarm.state).1);
    }
    let severity = format!(" {} ", incident.severity.name());
    let room = width.saturating_sub(severity.len());
    Line::from(vec![
        Span::styled(severity, theme.style(severity_role(incident.severity))),
        Span::styled(
            crate::tui::text::fit(&text, room),
            theme.style(Role::Heading),
        ),
    ])
}

/// The step, the question, and the evidence below it.
fn main(model: &Model, snapshot: &Snapshot, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let state = &snapshot.state;
    let asked = question(state, model.now);
    let mut lines = Vec::new();
    let Some(execution) = state.execution() else {
        lines.push(rule("no playbook", width, theme));
        lines.extend(prompt::lines(model, state, &asked, width, theme));
        return lines;
    };
    if let Some(step) = model
        .reading
        .as_ref()
        .and_then(|id| execution.playbook.step(&id.0))
    {
        head(&mut lines, model, state, step, width, theme);
        lines.push(line(
            "  Esc goes back to the current step",
            width,
            theme.style(Role::Dim),
        ));
        if let StepKind::Decision(decision) = &step.kind {
            for branch in &decision.branches {
                let when = branch
                    .when
                    .as_ref()
                    .map_or("otherwise", |when| when.source());
                let text = format!("    {}: {when} → {}", branch.label, branch.next);
                lines.push(line(&text, width, theme.style(Role::Text)));
            }
        }
        describe_evidence(&mut lines, model, execution, step, width, theme);
        return lines;
    }
    let step = execution
        .visits
        .last()
        .and_then(|visit| execution.playbook.step(&visit.step.0));
    if let Question::Escalation(_) = asked {
        lines.push(rule("escalation", width, theme));
        lines.extend(prompt::lines(model, state, &asked, width, theme));
        lines.push(Line::raw(""));
    }
    match step {
        Some(step) => head(&mut lines, model, state, step, width, theme),
        None => lines.push(rule(&execution.playbook.name, width, theme)),
    }
    if !matches!(asked, Question::Escalation(_)) {
        lines.extend(prompt::lines(model, state, &asked, width, theme));
    }
    // At the first step, what helped before; later, what was found.
    let begins = execution.visits.len() <= 1;
    if begins {
        earlier(&mut lines, model, width, theme);
    }
    evidence_so_far(&mut lines, model, execution, width, theme);
    if !begins {
        earlier(&mut lines, model, width, theme);
    }
    lines
}

/// What ended earlier incidents of the same alarm.
fn earlier(lines: &mut Vec<Line<'static>>, model: &Model, width: usize, theme: &Theme) {
    let open = model
        .incident
        .as_ref()
        .and_then(|snapshot| snapshot.state.incident.as_ref());
    let same = open.map(|incident| &incident.id) == model.lists.of.as_ref();
    if !same || model.lists.earlier.is_empty() {
        return;
    }
    lines.push(rule("earlier incidents of this alarm", width, theme));
    for one in &model.lists.earlier {
        for (index, part) in wrap(one, width.saturating_sub(4)).into_iter().enumerate() {
            let indent = if index == 0 { "  " } else { "    " };
            lines.push(line(
                &format!("{indent}{part}"),
                width,
                theme.style(Role::Dim),
            ));
        }
    }
}

fn head(
    lines: &mut Vec<Line<'static>>,
    model: &Model,
    state: &State,
    step: &Step,
    width: usize,
    theme: &Theme,
) {
    let kind = match &step.kind {
        StepKind::Automated(_) => "automated",
        StepKind::Manual(_) => "manual",
        StepKind::Decision(_) => "decision",
        StepKind::Outcome(outcome) => outcome.name(),
        StepKind::Playbook(_) => "playbook",
    };
    lines.push(rule(
        &format!("{} · {kind} · {}", step.id, step.title),
        width,
        theme,
    ));
    let description = step.description.show(&scope(state, model.now));
    lines.extend(
        wrap(&description, width.saturating_sub(2))
            .into_iter()
            .map(|text| Line::from(Span::styled(format!("  {text}"), theme.style(Role::Text)))),
    );
}

/// What every automated step on the way found, the latest first.
fn evidence_so_far(
    lines: &mut Vec<Line<'static>>,
    model: &Model,
    execution: &Execution,
    width: usize,
    theme: &Theme,
) {
    let mut seen = Vec::new();
    for visit in execution.visits.iter().rev() {
        if seen.contains(&&visit.step) {
            continue;
        }
        seen.push(&visit.step);
        if let Some(step) = execution
            .playbook
            .step(&visit.step.0)
            .filter(|step| matches!(step.kind, StepKind::Automated(_)))
        {
            let state = tree::state(execution, &step.id);
            lines.push(Line::raw(""));
            lines.push(line(
                &format!("  {} {}", state.mark(), step.title),
                width,
                theme.style(state.role()),
            ));
            describe_evidence(lines, model, execution, step, width, theme);
        }
    }
}

fn describe_evidence(
    lines: &mut Vec<Line<'static>>,
    model: &Model,
    execution: &Execution,
    step: &Step,
    width: usize,
    theme: &Theme,
) {
    let StepKind::Automated(automated) = &step.kind else {
        return;
    };
    if let Some(snapshot) = &model.incident {
        let scope = scope(&snapshot.state, model.now);
        lines.extend(evidence::lines(
            execution, step, automated, &scope, model.now, width, theme,
        ));
        let expect = automated.expect.show(&scope);
        let text = format!("expect: {expect}");
        lines.extend(
            wrap(&text, width.saturating_sub(4))
                .into_iter()
                .map(|text| {
                    Line::from(Span::styled(format!("    {text}"), theme.style(Role::Dim)))
                }),
        );
    }
}

/// What runs now, and what is ready ahead.
fn checks(model: &Model, state: &State) -> Vec<(String, Role)> {
    let Some(execution) = state.walking() else {
        return Vec::new();
    };
    let title = |id: &crate::playbook::StepId| {
        execution
            .playbook
            .step(&id.0)
            .map_or("", |step| step.title.as_str())
    };
    let mut all: Vec<(String, Role)> = execution
        .running()
        .map(|attempt| {
            let ahead = if attempt.used
                || execution
                    .current()
                    .is_some_and(|visit| visit.step == attempt.step)
            {
                ""
            } else {
                ", ahead of you"
            };
            (
                format!(
                    " ◌ {} {}{ahead}",
                    title(&attempt.step),
                    age(model.now - attempt.started_at)
                ),
                Role::Running,
            )
        })
        .collect();
    all.extend(execution.latest.keys().filter_map(|id| {
        let state = tree::state(execution, id);
        (state == tree::StepState::Ready)
            .then(|| (format!(" ◆ {} is ready", title(id)), Role::Ready))
    }));
    all
}

fn check_lines(model: &Model, state: &State, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let checks = checks(model, state);
    if checks.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![rule("checks", width, theme)];
    lines.extend(
        checks
            .iter()
            .map(|(text, role)| line(text, width, theme.style(*role))),
    );
    lines
}
