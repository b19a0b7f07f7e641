//! A circuit breaker around each AWS service of an account and region: what answers with its own
//! failures, or not in time, is left alone for a while.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::{BoxError, ConnectorError};
use chrono::{DateTime, Utc};

use crate::breaker::{Breaker, Policy, State};
use crate::clock;

/// Why a call did not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} kept failing: no call is sent before {}", until.format("%H:%M:%SZ"))]
pub(super) struct BreakerOpen {
    service: &'static str,
    until: DateTime<Utc>,
}

/// The breaker of one service. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct ServiceBreaker {
    pub service: &'static str,
    breaker: Arc<Mutex<Breaker>>,
}

impl ServiceBreaker {
    pub fn new(service: &'static str, policy: Policy) -> Self {
        Self {
            service,
            breaker: Arc::new(Mutex::new(Breaker::new(policy))),
        }
    }

    pub fn state(&self) -> State {
        self.with(|breaker| breaker.state(clock::now()))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        work(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for ServiceBreaker {
    fn name(&self) -> &'static str {
        "circuit breaker"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let service = self.service;
        self.with(|breaker| breaker.allows(clock::now()))
            .map_err(|until| BreakerOpen { service, until }.into())
    }

    /// A refusal is an answer: only AWS's own failures count, and answers that do not come.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = clock::now();
        if let Some(response) = context.response() {
            let failed = response.status().is_server_error();
            self.with(|breaker| {
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
            self.with(|breaker| breaker.failed(now));
        }
        Ok(())
    }
}
