//! The tree: every step with its state, and the way taken through it.
//!
//! ```text
//!  ✓ Verify CPU Metrics
//!  ✓ Identify Top Processes
//!  ▶ Decision Point: Scale or …
//!    ├ Scale out
//!    · Raise the desired capacity
//! ```

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::put;
use crate::incident::{AttemptStatus, Execution, ExecutionStatus, Verdict, VisitResult};
use crate::playbook::{OnFailure, Playbook, Step, StepId, StepKind};
use crate::tui::model::Model;
use crate::tui::text::fit;
use crate::tui::theme::{Role, Theme};

/// A line of the drawn tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct TreeRow {
    /// The step.
    pub step: StepId,
    /// How many branches stand above it.
    pub depth: usize,
    /// The step that leads here.
    pub from: Option<StepId>,
    /// The label of the branch that leads here.
    pub branch: Option<String>,
    /// Whether the step stands elsewhere in the tree, and this only points there.
    pub joins: bool,
    /// How many steps are hidden below it.
    pub hidden: usize,
}

/// The label of the way that a step takes when it fails.
const IF_IT_FAILS: &str = "if it fails";

/// An edge: where it leads, and its label where it branches off.
type Edge<'a> = (&'a StepId, Option<String>);

/// The edges out of a step.
fn edges(step: &Step) -> Vec<Edge<'_>> {
    let mut edges: Vec<Edge<'_>> = match &step.kind {
        StepKind::Automated(automated) => vec![(&automated.next, None)],
        StepKind::Manual(manual) => vec![(&manual.next, None)],
        StepKind::Decision(decision) => decision
            .branches
            .iter()
            .map(|branch| (&branch.next, Some(branch.label.clone())))
            .collect(),
        StepKind::Outcome(_) | StepKind::Playbook(_) => Vec::new(),
    };
    if let OnFailure::Step(id) = &step.on_failure {
        edges.push((id, Some(IF_IT_FAILS.into())));
    }
    edges
}

/// Lists the steps as a tree: each stands where the shortest way leads to it; longer ways point
/// there. Below a folded step nothing stands.
pub(in crate::tui) fn tree_order(playbook: &Playbook, folded: &BTreeSet<StepId>) -> Vec<TreeRow> {
    let mut parents: HashMap<&StepId, Option<&StepId>> = HashMap::from([(&playbook.start, None)]);
    let mut queue = VecDeque::from([&playbook.start]);
    while let Some(id) = queue.pop_front() {
        for (next, _) in playbook.step(&id.0).map(edges).unwrap_or_default() {
            if let Entry::Vacant(vacant) = parents.entry(next) {
                vacant.insert(Some(id));
                queue.push_back(next);
            }
        }
    }
    let mut rows: Vec<TreeRow> = Vec::new();
    let mut todo = vec![TreeRow {
        step: playbook.start.clone(),
        depth: 0,
        from: None,
        branch: None,
        joins: false,
        hidden: 0,
    }];
    while let Some(row) = todo.pop() {
        let mut next = Vec::new();
        if let Some(step) = playbook.step(&row.step.0).filter(|_| !row.joins) {
            let mut placed = HashSet::new();
            for (to, branch) in edges(step) {
                let here =
                    parents.get(to).copied().flatten() == Some(&step.id) && placed.insert(to);
                let depth = row.depth + usize::from(branch.is_some());
                next.push(TreeRow {
                    step: to.clone(),
                    depth,
                    from: Some(step.id.clone()),
                    branch,
                    joins: !here,
                    hidden: 0,
                });
            }
        }
        rows.push(row);
        todo.extend(next.into_iter().rev());
    }
    fold(rows, folded, playbook, &parents)
}

/// Takes out what stands below folded steps.
fn fold(
    rows: Vec<TreeRow>,
    folded: &BTreeSet<StepId>,
    playbook: &Playbook,
    parents: &HashMap<&StepId, Option<&StepId>>,
) -> Vec<TreeRow> {
    if folded.is_empty() {
        return rows;
    }
    // The folded step furthest up that a step stands below.
    let above = |id: &StepId| {
        let own = playbook.step(&id.0).map(|step| &step.id)?;
        let up = std::iter::successors(parents.get(own).copied().flatten(), |id| {
            parents.get(*id).copied().flatten()
        });
        up.filter(|id| folded.contains(*id)).last().cloned()
    };
    let mut hidden: HashMap<StepId, usize> = HashMap::new();
    let mut kept: Vec<TreeRow> = Vec::new();
    // A pointer belongs to the step that it stands below, the last one that was kept or hidden.
    let mut inside: Option<StepId> = None;
    for row in rows {
        if !row.joins {
            inside = above(&row.step).or_else(|| folded.get(&row.step).cloned());
        }
        let below = if row.joins {
            inside.clone()
        } else {
            above(&row.step)
        };
        match below {
            Some(step) if row.joins => drop(step),
            Some(step) => *hidden.entry(step).or_default() += 1,
            None => kept.push(row),
        }
    }
    for row in &mut kept {
        row.hidden = hidden.get(&row.step).copied().unwrap_or_default();
    }
    kept
}

pub(super) fn draw(
    model: &Model,
    execution: &Execution,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let rows = tree_order(&execution.playbook, &model.folded);
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
            let (mark, role) = if is_taken(execution, row) {
                ("✓ ", Role::Ok)
            } else {
                ("", Role::Dim)
            };
            lines.push(super::line(
                &format!(" {indent}└ {mark}{branch}"),
                width,
                theme.style(role),
            ));
        }
        if row.joins {
            let text = format!(" {indent}  → {}", step.title);
            lines.push(super::line(&text, width, theme.style(Role::Dim)));
            continue;
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
        let hidden = match row.hidden {
            0 => String::new(),
            count => format!("▸{count} "),
        };
        let text = fit(
            &format!(" {indent}{} {hidden}{}", state.mark(), step.title),
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
    put(lines.into_iter().skip(first), frame, area);
}

/// Whether the responder went along the branch that leads to a row.
fn is_taken(execution: &Execution, row: &TreeRow) -> bool {
    let Some((from, label)) = row.from.as_ref().zip(row.branch.as_ref()) else {
        return false;
    };
    let visit = execution.visits.iter().rev();
    let visit = visit.into_iter().find(|visit| visit.step == *from);
    match visit.and_then(|visit| visit.result.as_ref()) {
        Some(VisitResult::Branched { branch, .. }) => branch == label,
        Some(
            VisitResult::Failed { .. }
            | VisitResult::Confirmed {
                verdict: Verdict::Failed,
            },
        ) => label == IF_IT_FAILS,
        _ => false,
    }
}

/// The steps that can be selected, as text, in the order of the tree.
pub(in crate::tui) fn tree_text(model: &Model) -> Vec<String> {
    let execution = model
        .incident
        .as_ref()
        .and_then(|snapshot| snapshot.state.execution());
    let Some(execution) = execution else {
        return Vec::new();
    };
    let rows = tree_order(&execution.playbook, &model.folded).into_iter();
    let rows = rows.filter(|row| !row.joins).filter_map(|row| {
        let step = execution.playbook.step(&row.step.0)?;
        let state = state(execution, &row.step);
        let branch = row
            .branch
            .as_ref()
            .map(|label| {
                let taken = if is_taken(execution, &row) {
                    "taken: "
                } else {
                    ""
                };
                format!("{taken}if \"{label}\": ")
            })
            .unwrap_or_default();
        let word = match state.word() {
            "" => String::new(),
            word => format!(" ({word})"),
        };
        let hidden = match row.hidden {
            0 => String::new(),
            count => format!(", {count} steps folded"),
        };
        Some(format!(
            "{}{branch}{}{word}{hidden}",
            "  ".repeat(row.depth.min(6)),
            step.title
        ))
    });
    rows.collect()
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
