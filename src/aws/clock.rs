//! AWS's own clock, as its answers tell it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};

use crate::clock;

/// Answers are dated in whole seconds, and take a while: less than this is no difference.
const NO_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);

/// Reads AWS's clock from the `Date` header of each answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct AwsClock(Arc<Mutex<Option<Reading>>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    /// What AWS said.
    said: DateTime<Utc>,
    /// By how much that is later than this process's own time.
    ahead: TimeDelta,
}

impl AwsClock {
    /// What the last answer said, in whole seconds.
    pub fn said(&self) -> Option<DateTime<Utc>> {
        self.reading().map(|reading| reading.said)
    }

    /// The time there now. Until AWS has answered, and where it agrees, it is this process's own:
    /// a machine whose clock is wrong, or is set meanwhile, still asks for the right window.
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self
            .reading()
            .map(|reading| reading.ahead)
            .filter(|ahead| ahead.abs() > NO_DIFFERENCE);
        clock::now() + ahead.unwrap_or_default()
    }

    fn reading(&self) -> Option<Reading> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, date: Option<&str>) {
        let said = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let reading = said.map(|said| Reading {
            said: said.to_utc(),
            ahead: said.to_utc() - clock::now(),
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "clock of AWS"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.read(context.response().headers().get("date"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_is_followed_and_one_that_agrees_is_not() {
        let aws = AwsClock::default();
        assert!((aws.now() - clock::now()).abs() < TimeDelta::seconds(1));
        let hour = TimeDelta::hours(1);
        for (ahead, wanted) in [
            (hour, hour),
            (-hour, -hour),
            (TimeDelta::seconds(2), TimeDelta::zero()),
        ] {
            let date = (clock::now() + ahead).to_rfc2822();
            aws.read(Some(&date));
            let found = aws.now() - clock::now();
            assert!((found - wanted).abs() <= TimeDelta::seconds(1), "{found}");
        }
        aws.read(Some("yesterday"));
        assert_eq!(aws.said(), None);
    }
}
