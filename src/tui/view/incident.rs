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

use super::{evidence, history, line, prompt, put, rule, tree};
use crate::commands::{CommandId, Place};
use crate::engine::Snapshot;
use crate::incident::{Execution, IncidentStatus, Question, State, question, scope};
use crate::playbook::{Step, StepKind};
use crate::tui::model::{Model, state_words};
use crate::tui::text::{age, counted, wrap};
use crate::tui::theme::{Role, Theme};

/// From this width on the tree stands beside the step.
const WITH_TREE: u16 = 100;
/// From this width on the evidence stands beside both.
const WITH_EVIDENCE: u16 = 140;
const TREE_WIDTH: u16 = 38;
/// Recent events at the bottom.
const EVENTS: u16 = 3;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(snapshot) = &model.incident else {
        let text = format!(
            " No incident is open; {} goes to the board.",
            model.key(CommandId::Board, Place::Everywhere)
        );
        put(
            [line(&text, area.width.into(), theme.style(Role::Dim))],
            frame,
            area,
        );
        return;
    };
    let panes = Panes::new(area, &snapshot.state);
    let width = panes.title.width.into();
    put(
        [title(model, &snapshot.state, width, theme)],
        frame,
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
        let (step, found) = panes.lines(model, snapshot, theme);
        let scrolls = panes.scrolls(step.len(), found.len());
        draw_lines(
            step,
            if scrolls == Scrolls::Step {
                model.scroll
            } else {
                0
            },
            theme,
            frame,
            panes.main,
        );
        if let Some(area) = panes.evidence {
            let scroll = if scrolls == Scrolls::Evidence {
                model.scroll
            } else {
                0
            };
            draw_lines(found, scroll, theme, frame, area);
        }
    }
    let checks = check_lines(model, &snapshot.state, panes.checks, theme);
    put(checks, frame, panes.checks);
    let summary = summary(model, &snapshot.state, panes.checks);
    let events = history::lines(model, snapshot, panes.events, &summary, theme);
    put(events, frame, panes.events);
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
    let panes = Panes::new(area, &snapshot.state);
    let (step, found) = panes.lines(model, snapshot, &Theme::plain());
    let (lines, height) = match (panes.scrolls(step.len(), found.len()), panes.evidence) {
        (Scrolls::Evidence, Some(area)) => (found.len(), area.height),
        _ => (step.len(), panes.main.height),
    };
    u16::try_from(lines)
        .unwrap_or(u16::MAX)
        .saturating_sub(height)
}

/// Draws lines from one on, and says how many are hidden below.
fn draw_lines(
    lines: Vec<Line<'static>>,
    scroll: u16,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let hidden = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let hidden = hidden.saturating_sub(area.height);
    let scroll = scroll.min(hidden);
    put(lines.into_iter().skip(scroll.into()), frame, area);
    if hidden > scroll && area.height > 0 {
        let more = format!(" ↓ {} ", counted((hidden - scroll).into(), "more line"));
        let width = u16::try_from(more.chars().count()).unwrap_or(0);
        let place = Rect {
            x: area.right().saturating_sub(width),
            y: area.bottom() - 1,
            width,
            height: 1,
        };
        let more = Line::from(Span::styled(more, theme.style(Role::Selection)));
        put([more], frame, place);
    }
}

struct Panes {
    title: Rect,
    tree: Option<Rect>,
    main: Rect,
    evidence: Option<Rect>,
    checks: Rect,
    events: Rect,
}

/// Which part goes up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scrolls {
    Step,
    Evidence,
}

impl Panes {
    /// Nothing moves when data arrives: the places depend on the size, and on whether there is a
    /// playbook.
    fn new(area: Rect, state: &State) -> Self {
        let checks = match (state.walking(), area.height) {
            // In a small window the question has the room; the tree shows them, a key away.
            (None, _) | (_, ..28) => 0,
            (Some(_), _) => 5,
        };
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
        let beside = area.width >= WITH_EVIDENCE && state.execution().is_some();
        let (main, evidence) = if beside {
            let parts = [Constraint::Fill(3), Constraint::Fill(2)];
            let [main, evidence] = Layout::horizontal(parts).spacing(1).areas(main);
            (main, Some(evidence))
        } else {
            (main, None)
        };
        Self {
            title,
            tree,
            main,
            evidence,
            checks,
            events,
        }
    }

    /// The step with its question, and what was found where it has a place of its own.
    fn lines(
        &self,
        model: &Model,
        snapshot: &Snapshot,
        theme: &Theme,
    ) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
        let width = usize::from(self.main.width);
        match self.evidence {
            Some(area) => (
                main(model, snapshot, width, theme, false),
                found(model, snapshot, area.width.into(), theme),
            ),
            None => (main(model, snapshot, width, theme, true), Vec::new()),
        }
    }

    /// What does not fit is what moves; the question first.
    fn scrolls(&self, step: usize, found: usize) -> Scrolls {
        let evidence = self.evidence.map_or(0, |area| usize::from(area.height));
        if step <= usize::from(self.main.height) && found > evidence {
            Scrolls::Evidence
        } else {
            Scrolls::Step
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
    let title = rule(&execution.playbook.name, head.width.into(), theme);
    put([title], frame, head);
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
        Span::styled(severity, theme.style(Role::of_severity(incident.severity))),
        Span::styled(
            crate::tui::text::fit(&text, room),
            theme.style(Role::Heading),
        ),
    ])
}

/// The step, the question, and the evidence below it.
fn main(
    model: &Model,
    snapshot: &Snapshot,
    width: usize,
    theme: &Theme,
    with_evidence: bool,
) -> Vec<Line<'static>> {
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
        let back = model.key(CommandId::Back, Place::Everywhere);
        let text = format!("  {back} goes back to the current step");
        lines.push(line(&text, width, theme.style(Role::Dim)));
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
    if with_evidence {
        evidence_so_far(&mut lines, model, execution, width, theme);
    }
    if !begins {
        earlier(&mut lines, model, width, theme);
    }
    lines
}

/// The step and its question as text, without what answers it; what the steps on the way found
/// stands before it.
pub(in crate::tui) fn question_text(model: &Model) -> Vec<String> {
    let Some(snapshot) = &model.incident else {
        return vec!["No incident is open.".into()];
    };
    let (width, theme) = (usize::from(model.size.0), Theme::plain());
    let state = &snapshot.state;
    let mut lines = vec![title(model, state, width, &theme)];
    if model.reading.is_some() {
        lines.extend(main(model, snapshot, width, &theme, false));
        return super::text(lines);
    }
    let asked = question(state, model.now);
    let execution = state.execution();
    if let Some(execution) = execution {
        evidence_so_far(&mut lines, model, execution, width, &theme);
    }
    earlier(&mut lines, model, width, &theme);
    let here = execution.and_then(|one| one.visits.last().map(|visit| (one, visit)));
    if let Some(step) = here.and_then(|(one, visit)| one.playbook.step(&visit.step.0)) {
        head(&mut lines, model, state, step, width, &theme);
    }
    lines.extend(prompt::asked(model, state, &asked, width));
    super::text(lines)
}

/// What was found, where it stands beside the step.
fn found(model: &Model, snapshot: &Snapshot, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![rule("evidence", width, theme)];
    if let Some(execution) = snapshot.state.execution() {
        evidence_so_far(&mut lines, model, execution, width, theme);
    }
    if lines.len() == 1 {
        lines.push(line(
            " nothing was found yet",
            width,
            theme.style(Role::Dim),
        ));
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

/// How many checks run and are ready, where they have no place of their own.
fn summary(model: &Model, state: &State, place: Rect) -> String {
    if place.height > 0 {
        return String::new();
    }
    let all = checks(model, state);
    let ready = all.iter().filter(|(_, role)| *role == Role::Ready).count();
    let mut said = String::new();
    for (count, word) in [(all.len() - ready, "running"), (ready, "ready ahead")] {
        if count > 0 {
            said = format!("{said} · {} {word}", counted(count, "check"));
        }
    }
    said
}

fn check_lines(model: &Model, state: &State, area: Rect, theme: &Theme) -> Vec<Line<'static>> {
    if area.height == 0 {
        return Vec::new();
    }
    let (width, room) = (usize::from(area.width), usize::from(area.height - 1));
    let checks = checks(model, state);
    let more = match checks.len().saturating_sub(room) {
        0 => String::new(),
        more => format!(" · {more} more in the tree"),
    };
    let mut lines = vec![rule(&format!("checks{more}"), width, theme)];
    if checks.is_empty() {
        lines.push(line(" nothing runs", width, theme.style(Role::Dim)));
    }
    lines.extend(
        checks
            .iter()
            .take(room)
            .map(|(text, role)| line(text, width, theme.style(*role))),
    );
    lines
}
