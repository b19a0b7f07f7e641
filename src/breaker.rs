//! A circuit breaker: what keeps failing is left alone for a while, and tried again carefully.
//!
//! Closed, calls go through. After some failures on end it opens: calls are refused at once, until
//! the recovery time is over. Then it is half open: calls go through, the first failure opens it
//! again, and some successes on end close it.
//!
//! Pure: time comes in with every question.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When a breaker opens, and when it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// So many failures on end open it.
    pub failures: u32,
    /// So long it stays open.
    pub recovery: Duration,
    /// So many successes on end close it once that is over.
    pub successes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            failures: 5,
            recovery: Duration::from_secs(30),
            successes: 3,
        }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open {
        /// Until then.
        until: DateTime<Utc>,
    },
    /// Calls go through on trial.
    HalfOpen,
}

/// A breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    policy: Policy,
    state: State,
    /// Failures on end while closed, successes on end while half open.
    count: u32,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Closed,
            count: 0,
        }
    }

    /// Where it stands now.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> State {
        match self.state {
            State::Open { until } if now >= until => State::HalfOpen,
            state => state,
        }
    }

    /// Whether a call may leave.
    ///
    /// # Errors
    /// When none may: until when.
    pub fn allows(&self, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        match self.state(now) {
            State::Open { until } => Err(until),
            State::Closed | State::HalfOpen => Ok(()),
        }
    }

    /// A call went well.
    pub fn succeeded(&mut self, now: DateTime<Utc>) {
        match self.state(now) {
            State::Closed => self.count = 0,
            State::HalfOpen => {
                if !matches!(self.state, State::HalfOpen) {
                    self.state = State::HalfOpen;
                    self.count = 0;
                }
                self.count += 1;
                if self.count >= self.policy.successes {
                    *self = Self::new(self.policy);
                }
            }
            // It left before it opened.
            State::Open { .. } => {}
        }
    }

    /// A call failed.
    pub fn failed(&mut self, now: DateTime<Utc>) {
        match self.state(now) {
            State::Closed => {
                self.count += 1;
                if self.count >= self.policy.failures {
                    self.open(now);
                }
            }
            State::HalfOpen => self.open(now),
            State::Open { .. } => {}
        }
    }

    fn open(&mut self, now: DateTime<Utc>) {
        let recovery = TimeDelta::from_std(self.policy.recovery).unwrap_or(TimeDelta::days(1));
        self.state = State::Open {
            until: now + recovery,
        };
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(Policy::default());
        for second in 0..5 {
            assert_eq!(breaker.allows(at(second)), Ok(()));
            breaker.failed(at(second));
        }
        breaker
    }

    #[test]
    fn failures_on_end_open_it_and_others_do_not() {
        let mut breaker = Breaker::new(Policy::default());
        for second in 0..20 {
            breaker.failed(at(second));
            if second % 4 == 3 {
                breaker.succeeded(at(second));
            }
        }
        assert_eq!(breaker.state(at(20)), State::Closed);
        assert_eq!(opened().allows(at(10)), Err(at(34)));
    }

    #[test]
    fn after_a_while_it_lets_calls_through_on_trial() {
        let mut breaker = opened();
        assert_eq!(breaker.state(at(34)), State::HalfOpen);
        breaker.succeeded(at(34));
        breaker.succeeded(at(35));
        breaker.failed(at(36));
        assert_eq!(breaker.state(at(36)), State::Open { until: at(66) });
        for second in 66..69 {
            assert_eq!(breaker.state(at(second)), State::HalfOpen);
            breaker.succeeded(at(second));
        }
        assert_eq!(breaker.state(at(69)), State::Closed);
    }

    #[test]
    fn what_left_before_it_opened_changes_nothing() {
        let mut breaker = opened();
        breaker.succeeded(at(5));
        breaker.failed(at(6));
        assert_eq!(breaker.state(at(6)), State::Open { until: at(34) });
    }
}
