//! The tree: every step with its state, and the way taken through it.
//!
//! ```text
//!  ✓ Verify CPU Metrics
//!  ✓ Identify Top Processes
//!  ▶ Decision Point: Scale or …
//!    ├ Scale out
//!    · Raise the desired capacity
//! ```

use std::collections::HashSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::incident::{AttemptStatus, Execution, ExecutionStatus, Verdict, VisitResult};
use crate::playbook::{OnFailure, Playbook, StepId, StepKind};
use crate::tui::model::Model;
use crate::tui::text::fit;
use crate::tui::theme::{Role, Theme};

/// A step's place in the drawn tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct TreeRow {
    /// The step.
    pub step: StepId,
    /// How many decisions stand above it.
    pub depth: usize,
    /// The label of the branch that leads here first.
    pub branch: Option<String>,
}

/// Lists the steps as a tree: each once, where it is reached first, the shortest branches first.
pub(in crate::tui) fn tree_order(playbook: &Playbook) -> Vec<TreeRow> {
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    let mut todo = vec![TreeRow {
        step: playbook.start.clone(),
        depth: 0,
        branch: None,
    }];
    while let Some(row) = todo.pop() {
        let Some(step) = playbook
            .step(&row.step.0)
            .filter(|step| seen.insert(step.id.clone()))
        else {
            continue;
        };
        let mut next: Vec<TreeRow> = match &step.kind {
            StepKind::Automated(automated) => vec![TreeRow {
                step: automated.next.clone(),
                depth: row.depth,
                branch: None,
            }],
            StepKind::Manual(manual) => vec![TreeRow {
                step: manual.next.clone(),
                depth: row.depth,
                branch: None,
            }],
            StepKind::Decision(decision) => decision
                .branches
                .iter()
                .map(|branch| TreeRow {
                    step: branch.next.clone(),
                    depth: row.depth + 1,
                    branch: Some(branch.label.clone()),
                })
                .collect(),
            StepKind::Outcome(_) => Vec::new(),
        };
        if let OnFailure::Step(id) = &step.on_failure {
            next.push(TreeRow {
                step: id.clone(),
                depth: row.depth + 1,
                branch: Some("if it fails".into()),
            });
        }
        rows.push(row);
        todo.extend(next.into_iter().rev());
    }
    rows
}

pub(super) fn draw(
    model: &Model,
    execution: &Execution,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let rows = tree_order(&execution.playbook);
    let width = usize::from(area.width);
    let here = execution.visits.last().map(|visit| &visit.step);
    let focus = if model.tree {
        model.tree_step.as_ref()
    } else {
        here
    };
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut focus_line = 0;
    for row in &rows {
        let Some(step) = execution.playbook.step(&row.step.0) else {
            continue;
        };
        let indent = "  ".repeat(row.depth.min(6));
        if let Some(branch) = &row.branch {
            lines.push(super::line(
                &format!(" {indent}└ {branch}"),
                width,
                theme.style(Role::Dim),
            ));
        }
        let state = state(execution, &row.step);
        let selected = model.tree && focus == Some(&row.step);
        if focus == Some(&row.step) {
            focus_line = lines.len();
        }
        let style = if selected {
            theme.style(Role::Selection)
        } else {
            theme.style(state.role())
        };
        let word = if width >= 44 {
            format!("  {}", state.word())
        } else {
            String::new()
        };
        let text = fit(
            &format!(" {indent}{} {}", state.mark(), step.title),
            width.saturating_sub(word.len()),
        );
        lines.push(Line::from(vec![
            Span::styled(text, style),
            Span::styled(word, theme.style(Role::Dim)),
        ]));
    }
    let height = usize::from(area.height);
    let most = lines.len().saturating_sub(height);
    let first = focus_line.saturating_sub(height / 2).min(most);
    let shown: Vec<Line<'static>> = lines.into_iter().skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(shown), area);
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    Waiting,
    Running,
    Ready,
    Here,
    Done,
    Failed,
    Skipped,
}

impl StepState {
    pub fn mark(self) -> &'static str {
        match self {
            Self::Waiting => "·",
            Self::Running => "◌",
            Self::Ready => "◆",
            Self::Here => "▶",
            Self::Done => "✓",
            Self::Failed => "✗",
            Self::Skipped => "–",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Here => "you are here",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    pub fn role(self) -> Role {
        match self {
            Self::Waiting | Self::Skipped => Role::Dim,
            Self::Running => Role::Running,
            Self::Ready => Role::Ready,
            Self::Here => Role::Prompt,
            Self::Done => Role::Ok,
            Self::Failed => Role::Failed,
        }
    }
}

pub(super) fn state(execution: &Execution, step: &StepId) -> StepState {
    let visit = execution
        .visits
        .iter()
        .rev()
        .find(|visit| visit.step == *step);
    match visit.map(|visit| &visit.result) {
        Some(None) if execution.status == ExecutionStatus::InProgress => return StepState::Here,
        Some(None) => return StepState::Waiting,
        Some(Some(
            VisitResult::Failed { .. }
            | VisitResult::Confirmed {
                verdict: Verdict::Failed,
            },
        )) => return StepState::Failed,
        Some(Some(VisitResult::Confirmed {
            verdict: Verdict::Skipped,
        })) => return StepState::Skipped,
        Some(Some(_)) => return StepState::Done,
        None => {}
    }
    match execution.latest_attempt(step).map(|attempt| &attempt.end) {
        Some(None) => StepState::Running,
        Some(Some((result, _))) if result.status == AttemptStatus::Succeeded => StepState::Ready,
        // What failed ahead runs again on arrival; it is no failure yet.
        _ => StepState::Waiting,
    }
}
