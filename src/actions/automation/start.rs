//! Starting an Automation once, and finding it again by its tag.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_sdk_ssm::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::{BoxError, SdkError};
use aws_sdk_ssm::types::{
    Alarm, AlarmConfiguration, AutomationExecutionFilter, AutomationExecutionFilterKey, Tag, Target,
};
use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ActionError, Request};
use crate::aws::{Aws, AwsClock, AwsError, Class, Pages, Quota, describe};
use crate::incident::Intent;

/// What every tag key of an attempt begins with.
const TAG: &str = "standdown:attempt:";

/// The tag key by which an attempt's execution is found.
#[must_use]
pub fn tag(attempt: Uuid) -> String {
    format!("{TAG}{attempt}")
}

/// What came of the one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// AWS accepted it: the execution's id.
    Identified(String),
    /// AWS did not accept it, and says why.
    Refused(String),
    /// AWS did not accept it because it is asked for too much: it can be asked for again.
    Throttled(String),
    /// AWS did not accept it because it was signed too long ago: it can be asked for again.
    Expired(String),
    /// It did not leave this machine.
    NotSent(String),
    /// It left, and nobody knows whether AWS accepted it.
    Unclear(String),
}

/// Signs with a given time instead of the time of sending.
#[derive(Debug)]
struct SignedAt(SystemTime);

impl TimeSource for SignedAt {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// The last door before the wire, and a witness whether the request went through it.
struct Door<F> {
    may_send: F,
    sent: Arc<AtomicBool>,
}

impl<F> std::fmt::Debug for Door<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

impl<F: Fn() -> bool + Send + Sync> Intercept for Door<F> {
    fn name(&self) -> &'static str {
        "last door"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !(self.may_send)() {
            return Err("another console may have taken the incident over".into());
        }
        self.sent.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Which of its targets a change is sent for.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The change.
    pub intent: &'a Intent,
    /// Which turn, counted from 1.
    pub number: u32,
}

impl Turn<'_> {
    fn call(self, aws: &Aws) -> Result<Call, String> {
        let Some(plan) = &self.intent.plan else {
            // It was approved by a version that asked AWS nothing before.
            let request: Request =
                serde_json::from_value(self.intent.parameters.clone()).map_err(|error| {
                    format!("a parameter does not fit once it is filled in: {error}")
                })?;
            return build(aws, &request).map_err(|error| error.message);
        };
        let at = usize::try_from(self.number.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut waves = self.intent.waves();
        if at >= waves.len() {
            return Err(format!("there is no turn {}", self.number));
        }
        let targets = waves.swap_remove(at);
        let mut parameters: HashMap<String, Vec<String>> =
            plan.parameters.clone().into_iter().collect();
        let mut call = aws
            .ssm
            .start_automation_execution()
            .document_name(&plan.document)
            .document_version(&plan.version);
        if let Some(name) = &plan.target_parameter {
            if plan.one_each && targets.len() > 1 {
                parameters.remove(name);
                let several = Target::builder()
                    .key("ParameterValues")
                    .set_values(Some(targets.clone()))
                    .build();
                // All of a turn at once: the turns are what limits it. One failure ends it.
                call = call
                    .target_parameter_name(name)
                    .targets(several)
                    .max_concurrency(targets.len().to_string())
                    .max_errors("0");
            } else {
                parameters.insert(name.clone(), targets);
            }
        }
        if let Some(alarm) = &plan.alarm {
            let alarm = Alarm::builder()
                .name(alarm)
                .build()
                .map_err(|error| error.to_string())?;
            let stops = AlarmConfiguration::builder()
                .alarms(alarm)
                // An alarm that cannot be asked stops it: nobody would see that it fires.
                .ignore_poll_alarm_failure(false)
                .build()
                .map_err(|error| error.to_string())?;
            call = call.alarm_configuration(stops);
        }
        Ok(call.set_parameters((!parameters.is_empty()).then_some(parameters)))
    }
}

/// Sends the request once: no retries, the attempt as its token and tag, signed with the time of
/// the intent, and only if `may_send` holds at the last moment.
pub async fn start(
    aws: &Aws,
    turn: Turn<'_>,
    attempt: Uuid,
    signed_at: DateTime<Utc>,
    may_send: impl Fn() -> bool + Send + Sync + 'static,
) -> Started {
    let call = match turn.call(aws) {
        Ok(call) => call,
        Err(error) => return Started::Refused(error),
    };
    let tag = match Tag::builder().key(tag(attempt)).value("standdown").build() {
        Ok(tag) => tag,
        Err(error) => return Started::NotSent(error.to_string()),
    };
    let sent = Arc::new(AtomicBool::new(false));
    let once = aws_sdk_ssm::Config::builder()
        .retry_config(RetryConfig::disabled())
        // The time given is AWS's own already.
        .disable_clock_skew_correction(true)
        .time_source(SignedAt(signed_at.into()));
    aws.pace(Quota::Ssm).await;
    let answer = call
        .client_token(attempt.to_string())
        .tags(tag)
        .customize()
        .config_override(once)
        .interceptor(Door {
            may_send,
            sent: Arc::clone(&sent),
        })
        .send()
        .await;
    let sent = sent.load(Ordering::SeqCst);
    let error = match answer {
        Ok(answer) => {
            return answer.automation_execution_id.map_or_else(
                || Started::Unclear("AWS named no execution".into()),
                Started::Identified,
            );
        }
        Err(error) => error,
    };
    let described = describe("ssm:StartAutomationExecution", &error);
    // What a breaker holds back never leaves, whichever door it passed before.
    if !sent || described.class == Class::Open {
        return Started::NotSent(described.to_string());
    }
    match &error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let same_token = described.code.as_deref() == Some("IdempotentParameterMismatch");
            // An error in AWS's own words with a 4xx status: it decided not to start anything.
            if described.class == Class::Clock {
                Started::Expired(described.to_string())
            } else if described.class == Class::Throttled && (400..500).contains(&status) {
                Started::Throttled(described.for_once())
            } else if (400..500).contains(&status)
                && described.class != Class::Garbled
                && !same_token
            {
                Started::Refused(described.to_string())
            } else {
                Started::Unclear(described.to_string())
            }
        }
        _ => Started::Unclear(described.to_string()),
    }
}

/// Starts one that changes nothing: it may be tried again.
pub(super) async fn read_only(
    aws: &Aws,
    request: &Request,
    token: Uuid,
) -> Result<String, ActionError> {
    aws.pace(Quota::Ssm).await;
    let answer = build(aws, request)?
        .client_token(token.to_string())
        .send()
        .await
        .map_err(|error| describe("ssm:StartAutomationExecution", &error))?;
    answer
        .automation_execution_id
        .ok_or_else(|| ActionError::failed("ssm:StartAutomationExecution named no execution"))
}

/// What a look for an attempt's execution found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The execution with its tag.
    pub execution: Option<String>,
    /// AWS's own time of the answer.
    pub at: DateTime<Utc>,
}

/// Those executions of which something has a value.
pub(super) fn filter(
    key: AutomationExecutionFilterKey,
    value: &str,
) -> Result<AutomationExecutionFilter, AwsError> {
    AutomationExecutionFilter::builder()
        .key(key)
        .values(value)
        .build()
        .map_err(|error| AwsError::garbled("ssm:DescribeAutomationExecutions", error.to_string()))
}

/// Looks for the execution with an attempt's tag, through all pages.
///
/// # Errors
/// When AWS does not answer, or does not say what time it is there.
pub async fn look_up(aws: &Aws, attempt: Uuid) -> Result<Looked, AwsError> {
    let operation = "ssm:DescribeAutomationExecutions";
    let filter = filter(AutomationExecutionFilterKey::TagKey, &tag(attempt))?;
    let clock = AwsClock::default();
    let mut token = None;
    let mut pages = Pages::default();
    // The first page's time counts: what appeared on it later was not looked at again.
    let mut first: Option<DateTime<Utc>> = None;
    loop {
        aws.pace(Quota::Ssm).await;
        let page = aws
            .ssm
            .describe_automation_executions()
            .filters(filter.clone())
            .set_next_token(token)
            .customize()
            .interceptor(clock.clone())
            .send()
            .await
            .map_err(|error| describe(operation, &error))?;
        let at = clock
            .said()
            .ok_or_else(|| AwsError::garbled(operation, "the answer has no date".into()))?;
        let at = *first.get_or_insert(at);
        let found = page
            .automation_execution_metadata_list()
            .iter()
            .find_map(|one| one.automation_execution_id());
        if let Some(id) = found {
            return Ok(Looked {
                execution: Some(id.to_owned()),
                at,
            });
        }
        // An empty page with a token is not the end.
        token = pages.next(operation, page.next_token)?;
        if token.is_none() {
            return Ok(Looked {
                execution: None,
                at,
            });
        }
    }
}

type Call = aws_sdk_ssm::operation::start_automation_execution::builders::StartAutomationExecutionFluentBuilder;

fn build(aws: &Aws, request: &Request) -> Result<Call, ActionError> {
    let lists = request.lists()?;
    Ok(aws
        .ssm
        .start_automation_execution()
        .document_name(&request.document)
        .set_document_version(request.version.clone())
        .set_parameters((!lists.is_empty()).then_some(lists)))
}
