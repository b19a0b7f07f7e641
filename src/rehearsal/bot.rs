//! Plays a rehearsal without a screen: takes the recommended branch, confirms manual steps,
//! approves escalations. It talks to the engine as a responder does, through the handle.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::engine::{Handle, Snapshot, Unanswered};
use crate::incident::{
    Absence, Command, Event, Execution, IncidentStatus, Question, Verdict, question,
};
use crate::playbook::{StepId, StepKind};

/// What came of a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Played {
    /// The scenario's id.
    pub scenario: String,
    /// The playbook's id.
    pub playbook: String,
    /// The steps arrived at, in order.
    pub path: Vec<String>,
    /// The outcome reached.
    pub outcome: Option<&'static str>,
    /// How the execution ended.
    pub status: &'static str,
    /// How many events were recorded.
    pub events: usize,
    /// From the first event to the last, in milliseconds.
    pub wall_ms: i64,
    /// From the start of the first prefetched diagnostic to the end of the last, in milliseconds.
    pub diagnostics_ms: i64,
    /// The longest single one of them, in milliseconds.
    pub longest_diagnostic_ms: i64,
}

/// Why the bot stopped before the end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A command was refused: the playbook asks for something the scenario has no answer to.
    #[error(transparent)]
    Refused(#[from] Unanswered),
    /// No branch is recommended.
    #[error(
        "no branch of the decision {step} is recommended: {missing}; give `--take-otherwise` to take the branch marked `otherwise` there"
    )]
    Undecided {
        /// The decision.
        step: StepId,
        /// What is not known.
        missing: String,
    },
}

/// How the bot plays.
#[derive(Debug, Clone, Copy)]
pub struct Play<'a> {
    /// What it answers, by the name of the input.
    pub answers: &'a BTreeMap<String, String>,
    /// Whether it takes the branch marked `otherwise` where none is recommended.
    pub take_otherwise: bool,
}

/// Walks the incident to its end and closes it.
///
/// # Errors
/// When a command is refused, or a decision has no recommended branch.
pub async fn play(handle: &Handle, play: Play<'_>) -> Result<(), Stopped> {
    let mut snapshots = handle.subscribe();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let Some(command) = next(&snapshot, play)? else {
            if is_closed(&snapshot) {
                return Ok(());
            }
            snapshots
                .changed()
                .await
                .map_err(|_| Stopped::Refused(Unanswered::Gone))?;
            continue;
        };
        handle.ask(command).await?;
    }
}

/// How often the bot has AWS asked what a change would do.
const TRIES: usize = 5;

fn is_closed(snapshot: &Snapshot) -> bool {
    snapshot
        .state
        .incident
        .as_ref()
        .is_some_and(|incident| incident.status == IncidentStatus::Closed)
}

/// What a responder who trusts the playbook does next; `None` while there is nothing to do.
fn next(snapshot: &Snapshot, play: Play<'_>) -> Result<Option<Command>, Stopped> {
    let asked = question(&snapshot.state, Utc::now());
    if let Question::Decision {
        step,
        visit,
        branches,
        missing,
    } = &asked
    {
        let otherwise = || branches.iter().position(|view| view.branch.when.is_none());
        let recommended = branches.iter().position(|view| view.recommended);
        let taken = recommended.or_else(|| otherwise().filter(|_| play.take_otherwise));
        let waits = missing.iter().any(|one| one.why == Absence::Running);
        return match taken {
            Some(branch) => Ok(Some(Command::TakeBranch {
                step: step.id.clone(),
                visit: *visit,
                branch,
                reason: recommended
                    .is_none()
                    .then(|| "played with --take-otherwise".to_owned()),
            })),
            None if waits => Ok(None),
            None => Err(Stopped::Undecided {
                step: step.id.clone(),
                missing: missing
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            }),
        };
    }
    Ok(answer_to(snapshot, asked, play.answers))
}

fn answer_to(
    snapshot: &Snapshot,
    asked: Question<'_>,
    answers: &BTreeMap<String, String>,
) -> Option<Command> {
    let answer = |name: &str| answers.get(name).cloned().unwrap_or_default();
    let incident = snapshot.state.incident.as_ref()?;
    // What holds the diagnostics up is answered first.
    if incident.status == IncidentStatus::Open && !matches!(asked, Question::Input(_)) {
        return Some(Command::SetStatus(IncidentStatus::Acknowledged));
    }
    match asked {
        Question::Input(input) => Some(Command::ProvideInput {
            name: input.name.clone(),
            text: answer(&input.name),
        }),
        Question::Escalation(escalation) => Some(Command::ApproveEscalation {
            escalation: escalation.id,
            note: None,
        }),
        Question::Approval(approval) => Some(Command::Approve {
            step: approval.step.clone(),
            visit: approval.visit,
            digest: approval.digest.clone(),
            typed: approval.intent.confirmation(),
            reason: None,
        }),
        Question::Undescribed(survey) => {
            let failed = snapshot.events.iter().filter(|recorded| {
                matches!(&recorded.event, Event::SurveyFailed { step, .. } if *step == survey.step)
            });
            let (step, visit) = (survey.step.clone(), survey.visit);
            Some(if failed.count() < TRIES {
                Command::RequestAgain { step, visit }
            } else {
                let reason = survey.failed.clone().unwrap_or_default();
                Command::Decline {
                    step,
                    visit,
                    reason,
                }
            })
        }
        // The bot trusts the playbook: what did not have its effect is taken back.
        Question::Standing {
            step,
            change,
            standing,
        } => Some(if standing.can_undo {
            Command::Undo {
                step: step.id.clone(),
                visit: change.visit,
            }
        } else {
            Command::Confirm {
                step: step.id.clone(),
                visit: change.visit,
                verdict: Verdict::Failed,
                note: Some(standing.reason),
                answers: BTreeMap::new(),
            }
        }),
        // It is certain that nothing was changed: the bot asks for it anew.
        Question::Unknown { step, visit, .. } | Question::NotStarted { step, visit, .. } => {
            Some(Command::RequestAgain {
                step: step.id.clone(),
                visit,
            })
        }
        Question::Manual { step, visit } => {
            let asked = match &step.kind {
                StepKind::Manual(manual) => manual
                    .ask
                    .iter()
                    .map(|input| (input.name.clone(), answer(&input.name)))
                    .collect(),
                _ => BTreeMap::new(),
            };
            Some(Command::Confirm {
                step: step.id.clone(),
                visit,
                verdict: Verdict::Done,
                note: None,
                answers: asked,
            })
        }
        Question::Ended if incident.status < IncidentStatus::Resolved => {
            Some(Command::SetStatus(IncidentStatus::Resolved))
        }
        Question::Ended => Some(Command::SetStatus(IncidentStatus::Closed)),
        Question::StartPlaybook
        | Question::Working(_)
        | Question::Decision { .. }
        | Question::Closed => None,
    }
}

/// Measures a rehearsal from its events.
#[must_use]
pub fn summarise(scenario: &str, snapshot: &Snapshot) -> Option<Played> {
    let execution = snapshot.state.execution()?;
    let (first, last) = (snapshot.events.front()?, snapshot.events.last()?);
    let (diagnostics_ms, longest_diagnostic_ms) = diagnostics(snapshot, execution);
    Some(Played {
        scenario: scenario.to_owned(),
        playbook: execution.playbook.id.clone(),
        path: execution
            .visits
            .iter()
            .map(|visit| visit.step.to_string())
            .collect(),
        outcome: execution.outcome.map(crate::playbook::Outcome::name),
        status: execution.status.name(),
        events: snapshot.events.len(),
        wall_ms: (last.at - first.at).num_milliseconds(),
        diagnostics_ms,
        longest_diagnostic_ms,
    })
}

/// The wall time of all prefetchable diagnostics up to the first decision, from the first start
/// to the last end, and of the longest one. What waits for the fix is not among them.
fn diagnostics(snapshot: &Snapshot, execution: &Execution) -> (i64, i64) {
    let prefetchable = |step: &StepId| match execution.playbook.step(&step.0).map(|step| &step.kind)
    {
        Some(StepKind::Automated(automated)) => automated.prefetch,
        _ => false,
    };
    let decided = snapshot
        .events
        .iter()
        .find(|recorded| matches!(recorded.event, Event::BranchTaken { .. }))
        .map_or(DateTime::<Utc>::MAX_UTC, |recorded| recorded.at);
    let spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = execution
        .attempts
        .values()
        .filter(|attempt| attempt.started_at < decided && prefetchable(&attempt.step))
        .filter_map(|attempt| Some((attempt.started_at, attempt.end.as_ref()?.1)))
        .collect();
    let longest = spans
        .iter()
        .map(|(began, ended)| (*ended - *began).num_milliseconds())
        .max();
    let wall = spans
        .iter()
        .map(|(_, ended)| *ended)
        .max()
        .zip(spans.iter().map(|(began, _)| *began).min())
        .map(|(ended, began)| (ended - began).num_milliseconds());
    (wall.unwrap_or(0), longest.unwrap_or(0))
}
