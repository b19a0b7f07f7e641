//! What a change would do, and to what: asked of AWS before anybody is asked to agree. Reads alone.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use aws_sdk_ssm::types::{CalendarState, DocumentFormat, DocumentHashType};
use futures_util::future::try_join3;
use serde_json::Value;

use super::{Request, targets};
use crate::actions::Context;
use crate::aws::{Aws, AwsError, Quota, describe};
use crate::document::sha256;
use crate::incident::{Intent, Plan, Started, Target};
use crate::redaction::Redactor;
use crate::runbook::{self, Pattern, Runbook, Text, Texts, Wanted};

/// The documents that were reviewed.
#[derive(Debug, Clone, Default)]
pub struct Reviewed {
    /// SHA-256 of their texts, by document; empty where the text cannot be read.
    pub hashes: BTreeMap<String, String>,
    /// Why nobody can say what was reviewed.
    pub unknown: Option<String>,
}

/// What a change is held against.
#[derive(Debug, Clone, Copy)]
pub struct Standards<'a> {
    /// What was reviewed.
    pub reviewed: &'a Reviewed,
    /// The change calendars, by name or ARN.
    pub calendars: &'a [String],
    /// The incident's own alarms.
    pub alarms: &'a [String],
}

/// Finds out everything that the request to start a change will hold.
///
/// # Errors
/// When something cannot be found out, or is not as it has to be.
pub async fn survey(
    intent: &Intent,
    context: &Context,
    standards: Standards<'_>,
) -> Result<Plan, String> {
    let request: Request = serde_json::from_value(intent.parameters.clone())
        .map_err(|error| format!("a parameter does not fit once it is filled in: {error}"))?;
    let aws = context.aws.aws().await?;
    let said = |error: AwsError| error.to_string();
    let (known, selected, closed) = try_join3(
        async {
            let version = request.version.as_deref();
            let read = document(&aws, &request.document, version);
            read.await.map_err(said)
        },
        targets::find(&request, &aws, context),
        async { calendar(&aws, standards.calendars).await.map_err(said) },
    )
    .await?;
    let runbook = Runbook::parse(&known.content)
        .map_err(|error| format!("the document {} cannot be read: {error}", request.document))?;
    let reviewed = reviewed(&request, &known, standards.reviewed)?;
    let mut parameters: BTreeMap<String, Vec<String>> = request
        .lists()
        .map_err(|error| error.message)?
        .into_iter()
        .collect();
    if let (Some(name), Some(found)) = (&request.target_parameter, &selected.targets) {
        let ids = found.iter().map(|target| target.id.clone()).collect();
        parameters.insert(name.clone(), ids);
    }
    let remarks = check(&runbook, &parameters, &request)?;
    let one_each = request.target_parameter.as_ref().is_some_and(|name| {
        let declared = runbook.parameters.get(name);
        declared.is_some_and(|declared| !declared.is_list())
    });
    let named = request.target_parameter.as_ref();
    let targets = selected.targets.unwrap_or_else(|| {
        named
            .and_then(|name| parameters.get(name))
            .into_iter()
            .flatten()
            .map(|id| Target {
                id: id.clone(),
                ..Target::default()
            })
            .collect()
    });
    if targets.iter().any(|target| target.id.trim().is_empty()) {
        return Err(
            "one of the targets is an empty text; what is changed has to have a name".into(),
        );
    }
    let targets = targets::online_first(&aws, targets).await.map_err(said)?;
    if let Some(alarm) = &request.alarm {
        is_quiet(&aws, alarm, standards.alarms)
            .await
            .map_err(|otherwise| otherwise.to_string())?;
    }
    let (work, gates, starts) = work(
        (&aws, standards.reviewed, &context.redactor),
        &runbook,
        known_values(&parameters, request.target_parameter.as_ref(), one_each),
    )
    .await;
    if intent.approval() == crate::playbook::ApprovalRule::Document {
        let document = &request.document;
        if gates.is_empty() {
            return Err(format!(
                "the playbook leaves the approval to the document {document}, which has no step aws:approve, in a loop neither"
            ));
        }
        if let Some(step) = runbook::unapproved(&runbook) {
            return Err(format!(
                "the playbook leaves the approval to the document {document}, whose step {step} may run before anybody approved anything"
            ));
        }
    }
    let plan = Plan {
        document: request.document.clone(),
        version: known.version,
        hash: known.hash,
        reviewed,
        role: role(&runbook, &parameters),
        steps: Vec::new(),
        work,
        starts,
        gates,
        parameters,
        target_parameter: request.target_parameter,
        one_each,
        targets,
        group: selected.group,
        alarm: request.alarm,
        closed,
        remarks,
    };
    fits(intent, plan)
}

/// The most targets that AWS takes in one request.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Target.html>
const TARGETS: usize = 50;

/// Sees to it that AWS takes each turn.
fn fits(intent: &Intent, plan: Plan) -> Result<Plan, String> {
    let planned = Intent {
        plan: Some(Box::new(plan.clone())),
        ..intent.clone()
    };
    let most = planned.waves().iter().map(Vec::len).max();
    match most {
        Some(most) if plan.one_each && most > TARGETS => Err(format!(
            "{most} targets at a time are more than the {TARGETS} that Systems Manager takes: give the remediation `waves` of at most {TARGETS}"
        )),
        _ => Ok(plan),
    }
}

/// The most documents that are read because a document starts them.
const DOCUMENTS: usize = 24;

/// What a document does, with what it starts. Where a document that it starts cannot be read, the
/// description says so: that is for whoever approves to judge.
async fn work(
    (aws, reviewed, redactor): (&Aws, &Reviewed, &Redactor),
    runbook: &Runbook,
    given: BTreeMap<String, Value>,
) -> (Vec<runbook::Work>, Vec<String>, Vec<Started>) {
    let (mut texts, mut starts) = (Texts::new(), Vec::new());
    let mut described = runbook::describe(runbook, &given, &texts);
    while !described.wanted.is_empty() {
        for wanted in std::mem::take(&mut described.wanted) {
            let text = if texts.len() < DOCUMENTS {
                started(aws, reviewed, &wanted, &mut starts).await
            } else {
                Err(format!("more than {DOCUMENTS} documents are started"))
            };
            texts.insert(wanted, text);
        }
        described = runbook::describe(runbook, &given, &texts);
    }
    for work in &mut described.work {
        for line in &mut work.says {
            *line = redactor.owned(std::mem::take(line));
        }
        work.unresolved = work.unresolved.take().map(|why| redactor.owned(why));
    }
    (described.work, described.gates, starts)
}

/// Reads a document that another one starts, and notes which one it is.
async fn started(
    aws: &Aws,
    reviewed: &Reviewed,
    wanted: &Wanted,
    starts: &mut Vec<Started>,
) -> Result<Text, String> {
    let known = document(aws, &wanted.name, wanted.version.as_deref())
        .await
        .map_err(|error| error.to_string())?;
    let review = match reviewed.hashes.get(&wanted.name) {
        Some(hash) if known.is(hash) => "the reviewed text",
        Some(_) => "NOT the reviewed text",
        None => "nobody has reviewed it here",
    };
    starts.push(Started {
        document: wanted.name.clone(),
        version: wanted.version.clone(),
        hash: known.hash.clone(),
    });
    Ok(Text {
        identity: format!(
            "version {}, SHA-256 {}…, {review}",
            known.version,
            known.hash.get(..16).unwrap_or(&known.hash)
        ),
        content: known.content,
    })
}

/// The values of the parameters, as far as a description can tell them: where each target gets an
/// execution of its own, it is one of them at a time.
fn known_values(
    parameters: &BTreeMap<String, Vec<String>>,
    target: Option<&String>,
    one_each: bool,
) -> BTreeMap<String, Value> {
    let value = |name: &String, values: &Vec<String>| {
        if one_each && target == Some(name) && values.len() > 1 {
            Value::from(format!("(each of the {} targets)", values.len()))
        } else {
            Value::from(values.clone())
        }
    };
    parameters
        .iter()
        .map(|(name, values)| (name.clone(), value(name, values)))
        .collect()
}

/// A document as Systems Manager has it.
struct Known {
    version: String,
    hash: String,
    content: String,
}

impl Known {
    /// Whether it is the text with this SHA-256. Where Systems Manager counts its hash over another
    /// form of it, the text itself still tells.
    fn is(&self, hash: &str) -> bool {
        !hash.is_empty()
            && (self.hash.eq_ignore_ascii_case(hash)
                || sha256(&self.content).eq_ignore_ascii_case(hash))
    }
}

async fn document(aws: &Aws, name: &str, version: Option<&str>) -> Result<Known, AwsError> {
    let operation = "ssm:GetDocument";
    let (version, hash) = fingerprint(aws, name, version).await?;
    aws.pace(Quota::Ssm).await;
    let text = aws
        .ssm
        .get_document()
        .name(name)
        .document_version(&version)
        .document_format(DocumentFormat::Yaml)
        .send()
        .await
        .map_err(|error| describe(operation, &error).about(name))?;
    let content = text
        .content
        .ok_or_else(|| AwsError::garbled(operation, "the answer holds no content".into()))?;
    Ok(Known {
        version,
        hash,
        content,
    })
}

/// The number of a document's version, and its SHA-256 in hex.
pub(super) async fn fingerprint(
    aws: &Aws,
    document: &str,
    version: Option<&str>,
) -> Result<(String, String), AwsError> {
    let operation = "ssm:DescribeDocument";
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .describe_document()
        .name(document)
        .set_document_version(version.map(str::to_owned))
        .send()
        .await
        .map_err(|error| describe(operation, &error).about(document))?;
    let known = answer
        .document
        .ok_or_else(|| AwsError::garbled(operation, "the answer holds no document".into()))?;
    let missing = |what: &str| AwsError::garbled(operation, format!("{document} has no {what}"));
    if known.hash_type != Some(DocumentHashType::Sha256) {
        return Err(missing("SHA-256"));
    }
    Ok((
        known.document_version.ok_or_else(|| missing("version"))?,
        known
            .hash
            .filter(|hash| is_hash(hash))
            .ok_or_else(|| missing("SHA-256 in hex"))?,
    ))
}

/// Whether a text is the SHA-256 of something, in hex. That of nothing is no fingerprint.
fn is_hash(hash: &str) -> bool {
    hash.len() == 64
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !hash.eq_ignore_ascii_case(&sha256(""))
}

/// Tells whether a document, and what it starts, is still what was shown: somebody may have deleted
/// it, and made another one under its name and number.
///
/// # Errors
/// When it is another one, or nobody knows.
pub async fn unchanged(aws: &Aws, plan: &Plan) -> Result<(), Otherwise> {
    let (_, hash) = fingerprint(aws, &plan.document, Some(&plan.version)).await?;
    if hash != plan.hash {
        return Err(Otherwise::Is(format!(
            "version {} of {} is no longer what was shown: its hash is {hash}",
            plan.version, plan.document
        )));
    }
    for started in &plan.starts {
        let (_, hash) = fingerprint(aws, &started.document, started.version.as_deref()).await?;
        if hash != started.hash {
            return Err(Otherwise::Is(format!(
                "the document {}, which {} starts, is no longer what was shown: its hash is {hash}",
                started.document, plan.document
            )));
        }
    }
    Ok(())
}

/// Why something is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Otherwise {
    /// AWS says that it is not.
    #[error("{0}")]
    Is(String),
    /// AWS does not say.
    #[error("{0}")]
    Unknown(String),
}

impl From<AwsError> for Otherwise {
    fn from(error: AwsError) -> Self {
        if error.passes() {
            Self::Unknown(error.to_string())
        } else {
            Self::Is(error.to_string())
        }
    }
}

/// Holds a document against its reviewed text. Where nobody reviewed it here, the screen says so.
fn reviewed(request: &Request, known: &Known, reviewed: &Reviewed) -> Result<bool, String> {
    if let Some(why) = &reviewed.unknown {
        return Err(format!(
            "it cannot be said which documents were reviewed: {why}"
        ));
    }
    let wanted = request
        .hash
        .as_ref()
        .or_else(|| reviewed.hashes.get(&request.document));
    let Some(wanted) = wanted else {
        return Ok(false);
    };
    if wanted.is_empty() {
        return Err(format!(
            "the reviewed text of {} cannot be read; `standdown automation list` says why",
            request.document
        ));
    }
    if known.is(wanted) {
        return Ok(true);
    }
    Err(format!(
        "version {} of {} in the account is not the reviewed one: its SHA-256 is {}, the reviewed one's {wanted}; `standdown automation diff {}` shows what differs",
        known.version, request.document, known.hash, request.document
    ))
}

/// What Systems Manager would refuse, said before anybody is asked to agree.
fn check(
    runbook: &Runbook,
    parameters: &BTreeMap<String, Vec<String>>,
    request: &Request,
) -> Result<Vec<String>, String> {
    let document = &request.document;
    let mut remarks = Vec::new();
    for (name, values) in parameters {
        let Some(declared) = runbook.parameters.get(name) else {
            let known: Vec<&str> = runbook.parameters.keys().map(String::as_str).collect();
            return Err(format!(
                "the document {document} has no parameter {name}; it has: {}",
                known.join(", ")
            ));
        };
        let pattern = declared.pattern.as_deref().unwrap_or_default();
        match declared.pattern.as_deref().map(Pattern::of) {
            Some(Pattern::Known(known)) => {
                if let Some(value) = values.iter().find(|value| !known.is_match(value)) {
                    return Err(format!(
                        "the value {value:?} of {name} does not match the document's allowedPattern {pattern}"
                    ));
                }
            }
            // Systems Manager tries it when the change is sent.
            Some(Pattern::Elsewhere(why)) => remarks.push(format!(
                "whether {name} matches the document's allowedPattern {pattern} is left to Systems Manager: {why}"
            )),
            Some(Pattern::Wrong(error)) => {
                return Err(format!("the parameter {name} of {document}: {error}"));
            }
            None => {}
        }
        let stranger = values
            .iter()
            .find(|value| !declared.allowed.contains(value));
        if let Some(value) = stranger.filter(|_| !declared.allowed.is_empty()) {
            return Err(format!(
                "the value {value:?} of {name} is none of {}",
                declared.allowed.join(", ")
            ));
        }
    }
    let missing = runbook
        .parameters
        .iter()
        .find(|(name, declared)| declared.default.is_none() && !parameters.contains_key(*name));
    if let Some((name, _)) = missing {
        return Err(format!(
            "the document {document} wants the parameter {name}"
        ));
    }
    if let Some(name) = &request.target_parameter
        && parameters.get(name).is_none_or(Vec::is_empty)
    {
        return Err("nothing was found to change: no target is there".into());
    }
    Ok(remarks)
}

/// The role that the document assumes, its parameters filled in.
fn role(runbook: &Runbook, parameters: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let written = runbook.assume_role.as_deref()?.trim();
    let name = written
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .map(str::trim);
    let role = match name {
        None => Some(written.to_owned()),
        Some(name) => parameters
            .get(name)
            .and_then(|values| values.first().cloned())
            .or_else(|| {
                let declared = runbook.parameters.get(name)?;
                Some(declared.default.as_ref()?.as_str()?.to_owned())
            }),
    };
    role.filter(|role| !role.is_empty())
}

/// Sees to it that no change calendar has closed since a change was described.
///
/// # Errors
/// When one has.
pub async fn is_still_open(aws: &Aws, plan: &Plan, calendars: &[String]) -> Result<(), Otherwise> {
    if plan.closed.is_some() {
        // Whoever agreed has read that it is, and said why.
        return Ok(());
    }
    match calendar(aws, calendars).await? {
        Some(closed) => Err(Otherwise::Is(format!(
            "{closed}, and was open when it was described"
        ))),
        None => Ok(()),
    }
}

/// The calendar that is closed now, and until when.
async fn calendar(aws: &Aws, calendars: &[String]) -> Result<Option<String>, AwsError> {
    if calendars.is_empty() {
        return Ok(None);
    }
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .get_calendar_state()
        .set_calendar_names(Some(calendars.to_vec()))
        .send()
        .await
        .map_err(|error| describe("ssm:GetCalendarState", &error))?;
    if answer.state != Some(CalendarState::Closed) {
        return Ok(None);
    }
    let until = answer
        .next_transition_time
        .map(|at| format!(" until {at}"))
        .unwrap_or_default();
    Ok(Some(format!(
        "the change calendar {} is closed{until}",
        calendars.join(", ")
    )))
}

/// Sees to it that the alarm that shall stop a change does not stop it at once, or for what the
/// incident is about.
///
/// # Errors
/// When it is the incident's own, or is not OK.
pub async fn is_quiet(aws: &Aws, alarm: &str, own: &[String]) -> Result<(), Otherwise> {
    if own.iter().any(|known| known == alarm) {
        return Err(Otherwise::Is(format!(
            "{alarm} is the incident's own alarm: it would stop the change at once; name another one in `alarm`"
        )));
    }
    match state_of(aws, alarm).await? {
        Some(StateValue::Ok) => Ok(()),
        Some(state) => Err(Otherwise::Is(format!(
            "the alarm {alarm}, which shall stop the change when it fires, is {} and not OK",
            state.as_str()
        ))),
        None => Err(Otherwise::Is(format!(
            "the alarm {alarm}, which shall stop the change when it fires, does not exist here"
        ))),
    }
}

/// Sees to it that one of the incident's alarms still fires.
///
/// # Errors
/// When none does, or nobody knows.
pub async fn still_fires(aws: &Aws, alarms: &[String]) -> Result<(), Otherwise> {
    for alarm in alarms {
        if state_of(aws, alarm).await? == Some(StateValue::Alarm) {
            return Ok(());
        }
    }
    let cleared = format!("the alarm has cleared: {}", alarms.join(", "));
    Err(Otherwise::Is(cleared))
}

/// The state of a metric alarm or a composite one, by its name.
async fn state_of(aws: &Aws, alarm: &str) -> Result<Option<StateValue>, AwsError> {
    aws.pace(Quota::DescribeAlarms).await;
    let answer = aws
        .cloudwatch
        .describe_alarms()
        .alarm_names(alarm)
        .set_alarm_types(Some(vec![
            AlarmType::MetricAlarm,
            AlarmType::CompositeAlarm,
            AlarmType::LogAlarm,
        ]))
        .send()
        .await
        .map_err(|error| describe("cloudwatch:DescribeAlarms", &error))?;
    let metric = answer.metric_alarms().first();
    let composite = answer.composite_alarms().first();
    let log = answer.log_alarms().first();
    let state = metric.and_then(|alarm| alarm.state_value());
    Ok(state
        .or_else(|| composite.and_then(|alarm| alarm.state_value()))
        .or_else(|| log.and_then(|alarm| alarm.state_value()))
        .cloned())
}
