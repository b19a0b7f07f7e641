//! Describing a change: what the playbook says of it, and then what AWS says.

use std::collections::BTreeMap;

use super::{Draft, give_up};
use crate::expression::{Scope, Verdict};
use crate::incident::{
    AttemptId, Event, Execution, ExecutionStatus, Found, Intent, Refusal, Survey, Terms,
    can_be_asked_anew, scope, stands,
};
use crate::playbook::{
    ApprovalRule, Automated, Mode, Parameter, Remediation, Run, Step, StepId, StepKind,
};

/// Describes the change of the step where the responder stands, as far as the playbook does, and
/// has AWS asked for the rest.
pub(super) fn begin(draft: &mut Draft<'_>, step: &StepId, visit: u32) {
    anew(draft, step, visit, None);
}

/// Describes what takes a change back.
pub(super) fn undo(draft: &mut Draft<'_>, step: &StepId, visit: u32) -> Result<(), Refusal> {
    let nothing = || Refusal::NothingToUndo(step.clone());
    let execution = draft.walking()?;
    let undoes = stands(execution)
        .filter(|standing| standing.can_undo && execution.is_at(step, visit))
        .and_then(|_| execution.change.as_ref()?.attempt)
        .ok_or_else(nothing)?;
    let nonce = draft.id();
    let intent = describe(draft, step, visit, nonce, Some(undoes)).map_err(Refusal::Undescribed)?;
    draft.emit(Event::SurveyStarted {
        step: step.clone(),
        visit,
        intent,
    });
    Ok(())
}

fn describe(
    draft: &Draft<'_>,
    step: &StepId,
    visit: u32,
    nonce: uuid::Uuid,
    undoes: Option<AttemptId>,
) -> Result<Intent, String> {
    let (Some(incident), Some(execution)) = (&draft.state.incident, draft.state.walking()) else {
        return Err("no playbook is being walked".into());
    };
    let here = execution.playbook.step(&step.0);
    let Some((here, automated)) = here.and_then(|here| match &here.kind {
        StepKind::Automated(automated) => Some((here, automated)),
        _ => None,
    }) else {
        return Err("the step has nothing to run".into());
    };
    let mut scope = scope(&draft.state, draft.stamp.at);
    let run = if undoes.is_some() {
        around(execution, undoes, &mut scope);
        let remediation = here.remediation();
        remediation.and_then(|remediation| remediation.undo.as_ref())
    } else {
        automated.runs.first()
    };
    let run = run.ok_or("the step has nothing to run")?;
    let parameters = run
        .parameters
        .render(&scope)
        .map_err(|error| error.to_string())?;
    // Where it is made is part of what is approved, and where it is looked for afterwards.
    let place = incident
        .alarms
        .front()
        .filter(|alarm| !alarm.account.is_empty() && !alarm.region.is_empty())
        .ok_or("the incident has no alarm that says in which account and region to change something; open one for an alarm")?;
    let remediation = here.remediation().ok_or("the step changes nothing")?;
    Ok(Intent {
        kind: run.kind.to_owned(),
        parameters,
        account: place.account.clone(),
        region: place.region.clone(),
        incident: incident.id.clone(),
        playbook: execution.playbook.hash.clone(),
        step: step.clone(),
        visit,
        nonce,
        undoes,
        healing: execution.healing.as_deref().cloned().map(Box::new),
        terms: Some(Box::new(terms(
            (here, automated, remediation),
            (run, undoes.is_some()),
            execution,
            &scope,
            draft.stamp.at,
        ))),
        plan: None,
    })
}

/// Lets expressions read what was found before a change and after it, and what it gave back.
fn around(execution: &Execution, undoes: Option<AttemptId>, scope: &mut Scope) {
    let Some(change) = &execution.change else {
        return;
    };
    for (name, value) in [("before", &change.before), ("after", &change.after)] {
        if let Some(value) = value {
            scope.set_json(name, value);
        }
    }
    let made = undoes.and_then(|id| execution.attempts.get(&id));
    let output = made.and_then(|attempt| attempt.end.as_ref()?.0.output.as_ref());
    if let Some(output) = output {
        scope.set_json("change", output);
    }
}

fn terms(
    (step, automated, remediation): (&Step, &Automated, &Remediation),
    (run, undo): (&Run, bool),
    execution: &Execution,
    scope: &Scope,
    now: chrono::DateTime<chrono::Utc>,
) -> Terms {
    // Whoever agreed to the change read how it is undone: that wants no second agreement.
    let approval = match (&remediation.approval, undo) {
        (ApprovalRule::Others { .. }, true) => ApprovalRule::Own,
        (rule, _) => rule.clone(),
    };
    let preapproved = remediation
        .preapproved
        .as_ref()
        .filter(|preapproval| execution.trusted && !undo && now < preapproval.until)
        .filter(|preapproval| {
            let when = preapproval.when.as_ref();
            when.is_none_or(|when| when.explain(scope).verdict == Verdict::True)
        });
    Terms {
        title: step.title.clone(),
        approval,
        valid: remediation.valid.as_secs(),
        auto: !undo
            && preapproved.is_some()
            && execution
                .healing
                .as_ref()
                .is_some_and(|run| run.mode == Mode::Auto),
        preapproved: preapproved.map(|preapproval| {
            let until = preapproval.until.format("%Y-%m-%d %H:%MZ");
            format!("{}, until {until}", preapproval.by)
        }),
        preapproved_until: preapproved.map(|preapproval| preapproval.until),
        sources: sources(run, execution),
        stops: remediation
            .stops
            .as_ref()
            .filter(|_| !undo)
            .map(|stops| stops.show(scope)),
        estimate: step.estimate.filter(|_| !undo).map(|span| span.as_secs()),
        verify: remediation
            .verify
            .as_ref()
            .filter(|_| !undo)
            .and_then(|verify| Some(verify.until.as_ref()?.source().to_owned())),
        verify_within: remediation
            .verify
            .as_ref()
            .filter(|_| !undo)
            .map(|verify| verify.timeout.as_secs()),
        undo: remediation
            .undo
            .as_ref()
            .filter(|_| !undo)
            .map(|undo| shown(undo, scope)),
        ceiling: if undo {
            Default::default()
        } else {
            remediation.ceiling
        },
        raised: None,
        wave: remediation
            .waves
            .as_ref()
            .filter(|_| !undo)
            .map(|waves| waves.size),
        pause: remediation
            .waves
            .as_ref()
            .map_or(0, |waves| waves.pause.as_secs()),
    }
    .said_by(automated)
}

impl Terms {
    /// A step that says nothing of how long it takes takes as long as it may.
    fn said_by(mut self, automated: &Automated) -> Self {
        if self.estimate.is_none() && automated.timeout.as_secs() > 60 {
            self.estimate = Some(automated.timeout.as_secs());
        }
        self
    }
}

/// A change that stands by itself, in a line.
fn shown(run: &Run, scope: &Scope) -> String {
    let shown = run.parameters.show(scope);
    let document = shown["document"].as_str().unwrap_or(run.kind).to_owned();
    let with: Vec<String> = shown["parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let text = value.as_str().map(str::to_owned);
            format!("{name} = {}", text.unwrap_or_else(|| value.to_string()))
        })
        .collect();
    if with.is_empty() {
        document
    } else {
        format!("{document}, {}", with.join(", "))
    }
}

/// Where each parameter's value came from.
fn sources(run: &Run, execution: &Execution) -> BTreeMap<String, String> {
    let Parameter::Map(keys) = &run.parameters else {
        return BTreeMap::new();
    };
    let mut sources = BTreeMap::new();
    for (_, value) in keys.iter().filter(|(key, _)| key == "parameters") {
        let Parameter::Map(parameters) = value else {
            continue;
        };
        for (name, value) in parameters {
            let mut from: Vec<String> = value
                .expressions()
                .iter()
                .map(|expression| source(expression.source(), execution))
                .collect();
            from.dedup();
            let from = if from.is_empty() {
                "the playbook".to_owned()
            } else {
                from.join(", ")
            };
            sources.insert(name.clone(), from);
        }
    }
    sources
}

/// An input says in turn where it came from.
fn source(expression: &str, execution: &Execution) -> String {
    let from = expression
        .strip_prefix("inputs.")
        .and_then(|name| execution.input_sources.get(name));
    match from.map(String::as_str) {
        Some("ask") => format!("{expression}, typed"),
        Some("default") => format!("{expression}, its default"),
        Some(from) => format!("{expression}, from {from}"),
        None => expression.to_owned(),
    }
}

/// AWS has said what it is, or it could not be found out.
pub(super) fn surveyed(
    draft: &mut Draft<'_>,
    (step, visit): (&StepId, u32),
    nonce: uuid::Uuid,
    result: Result<Box<Found>, String>,
) -> Result<(), Refusal> {
    let asked = |survey: &&Survey| survey.intent.nonce == nonce && survey.failed.is_none();
    let walks = draft.state.executions.iter().rev();
    let survey = walks
        .filter(|execution| execution.status == ExecutionStatus::InProgress)
        .find_map(|execution| execution.survey.as_ref().filter(asked))
        .cloned();
    // An answer to an earlier question says nothing of this one.
    let Some(Survey { intent, .. }) = survey else {
        return Err(Refusal::NotCurrent(step.clone()));
    };
    match result {
        Err(reason) => draft.emit(Event::SurveyFailed {
            step: step.clone(),
            visit,
            reason,
        }),
        Ok(found) => {
            let intent = Intent {
                plan: Some(Box::new(found.plan)),
                ..(*intent).clone()
            };
            let digest = intent.digest();
            draft.emit(Event::ApprovalRequested {
                step: step.clone(),
                visit,
                intent,
                digest,
                before: found.before,
                at_aws: Some(draft.stamp.at_aws),
            });
            super::approval::by_itself(draft);
        }
    }
    Ok(())
}

/// Asks anew: what could not be found out, what has ended, and what nobody knows the end of.
pub(super) fn again(draft: &mut Draft<'_>, step: &StepId, visit: u32) -> Result<(), Refusal> {
    let nothing = || Refusal::NothingToApprove(step.clone());
    let execution = draft.walking()?;
    let failed = execution
        .survey
        .as_ref()
        .is_some_and(|survey| survey.failed.is_some());
    let unknown = can_be_asked_anew(execution, step)
        && execution.survey.is_none()
        && execution.approval.is_none();
    if !execution.is_at(step, visit) || !(failed || unknown) {
        return Err(nothing());
    }
    let undoes = execution
        .survey
        .as_ref()
        .map(|survey| survey.intent.undoes)
        .or_else(|| Some(execution.change.as_ref()?.intent.undoes))
        .flatten();
    anew(draft, step, visit, undoes);
    Ok(())
}

/// Describes what was described before as it is now.
fn anew(draft: &mut Draft<'_>, step: &StepId, visit: u32, undoes: Option<AttemptId>) {
    let nonce = draft.id();
    match describe(draft, step, visit, nonce, undoes) {
        Ok(intent) => draft.emit(Event::SurveyStarted {
            step: step.clone(),
            visit,
            intent,
        }),
        Err(error) => give_up(draft, step, visit, &error),
    }
}

/// A console that was asking AWS is gone: whoever takes the incident up asks. What a walk below
/// the present one asked is asked again when a responder is there.
pub(super) fn take_up(draft: &mut Draft<'_>) {
    let present = draft.state.walking().map(|execution| execution.id);
    let asking: Vec<(bool, Survey)> = draft
        .state
        .executions
        .iter()
        .filter(|execution| execution.status == ExecutionStatus::InProgress)
        .filter_map(|execution| {
            let survey = execution.survey.clone()?;
            let asks = survey.failed.is_none();
            asks.then_some((Some(execution.id) == present, survey))
        })
        .collect();
    for (present, survey) in asking {
        if present {
            anew(draft, &survey.step, survey.visit, survey.intent.undoes);
        } else {
            draft.emit(Event::SurveyFailed {
                step: survey.step,
                visit: survey.visit,
                reason: "the console that was asking AWS ended; ask again".into(),
            });
        }
    }
}
