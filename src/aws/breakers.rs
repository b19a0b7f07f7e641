//! A circuit breaker around each operation of an account and region: what AWS answers with its own
//! failures, or not in time, is not called for a while. What decorates a screen never keeps back what
//! is on it: DescribeAlarmHistory may fail for hours, and DescribeAlarms is called as before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use chrono::{DateTime, Utc};

use super::Place;
use crate::breaker::{Breaker, Policy, State};
use crate::clock;

/// Why a call was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it kept failing; it is not called before {}", until.format("%H:%M:%SZ"))]
pub(super) struct BreakerOpen {
    until: DateTime<Utc>,
}

/// The operations of one service in one place whose breakers are not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The service, as in IAM actions: `ssm`.
    pub service: &'static str,
    /// The account and region.
    pub place: Place,
    /// The operations by name, such as `GetDocument`, and where the breaker of each stands.
    pub operations: BTreeMap<String, State>,
}

impl Broken {
    /// Whether one of these operations is not called now.
    #[must_use]
    pub fn refuses(&self, operations: &[&str]) -> bool {
        operations.iter().any(|name| {
            let state = self.operations.get(*name);
            matches!(state, Some(State::Open { .. }))
        })
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.operations.keys().map(String::as_str).collect();
        write!(f, "{}:{}", self.service, names.join(", "))?;
        write!(f, " in {} kept failing", self.place)?;
        let open = self.operations.values().filter_map(|state| match state {
            State::Open { until } => Some(*until),
            State::HalfOpen | State::Closed => None,
        });
        match open.max() {
            Some(until) => write!(f, "; no call is sent before {}", until.format("%H:%M:%SZ")),
            None => f.write_str("; calls are sent on trial"),
        }
    }
}

/// The breakers of one service, one for each operation that was called. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct ServiceBreakers {
    pub service: &'static str,
    policy: Policy,
    breakers: Arc<Mutex<BTreeMap<String, Breaker>>>,
}

impl ServiceBreakers {
    pub fn new(service: &'static str, policy: Policy) -> Self {
        Self {
            service,
            policy,
            breakers: Arc::default(),
        }
    }

    /// The operations whose breakers are not closed.
    pub fn broken(&self) -> BTreeMap<String, State> {
        let now = clock::now();
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers
            .iter()
            .map(|(operation, breaker)| (operation.clone(), breaker.state(now)))
            .filter(|(_, state)| *state != State::Closed)
            .collect()
    }

    /// Asks the breaker of the operation that a call is of. The SDK names the operation of each call.
    fn with<T>(&self, call: &ConfigBag, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let operation = call.load::<Metadata>().map_or("", Metadata::name);
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers
            .entry(operation.to_owned())
            .or_insert_with(|| Breaker::new(self.policy));
        work(breaker)
    }
}

impl Intercept for ServiceBreakers {
    fn name(&self) -> &'static str {
        "circuit breaker"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.with(call, |breaker| breaker.allows(clock::now()))
            .map_err(|until| BreakerOpen { until }.into())
    }

    /// A refusal is an answer: only AWS's own failures count, and answers that do not come.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = clock::now();
        if let Some(response) = context.response() {
            let failed = response.status().is_server_error();
            self.with(call, |breaker| {
                if failed {
                    breaker.failed(now);
                } else {
                    breaker.succeeded(now);
                }
            });
            return Ok(());
        }
        let timed_out = context
            .output_or_error()
            .and_then(Result::err)
            .is_some_and(|error| {
                error.is_timeout_error()
                    || error
                        .as_connector_error()
                        .is_some_and(ConnectorError::is_timeout)
            });
        if timed_out {
            self.with(call, |breaker| breaker.failed(now));
        }
        Ok(())
    }
}
