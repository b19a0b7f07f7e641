//! AWS's own clock, as its answers tell it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

use crate::clock;

/// Answers are dated in whole seconds: less than this is no difference.
const NO_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);
/// What took longer says too little about the time at which it was dated.
const SLOW: TimeDelta = TimeDelta::seconds(3);

/// Reads AWS's clock from the `Date` header of each answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct AwsClock(Arc<Mutex<Read>>);

#[derive(Debug, Default, Clone, Copy)]
struct Read {
    /// What the last answer said.
    said: Option<DateTime<Utc>>,
    /// By how much AWS is ahead of this process's own time, as far as is known.
    ahead: TimeDelta,
    /// Whether anything is known of that.
    known: bool,
}

/// When a request left, by this process's own time.
#[derive(Debug, Clone, Copy)]
struct Left(DateTime<Utc>);

impl Storable for Left {
    type Storer = StoreReplace<Self>;
}

impl AwsClock {
    /// What the last answer said, in whole seconds.
    pub fn said(&self) -> Option<DateTime<Utc>> {
        self.last().said
    }

    /// The time there now. Until AWS has answered, and where it agrees, it is this process's own:
    /// a machine whose clock is wrong, or is set meanwhile, still asks for the right window.
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self.last().ahead;
        if ahead.abs() > NO_DIFFERENCE {
            clock::now() + ahead
        } else {
            clock::now()
        }
    }

    /// Whether AWS has told its time.
    pub fn is_known(&self) -> bool {
        self.last().known
    }

    /// By how many seconds AWS is ahead, from four minutes on: AWS refuses what is signed with a
    /// clock that is five minutes off.
    pub fn difference(&self) -> Option<i64> {
        const MATTERS: i64 = 240;
        let seconds = self.last().ahead.num_seconds();
        (seconds.abs() >= MATTERS).then_some(seconds)
    }

    fn last(&self) -> Read {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, date: Option<&str>, left: DateTime<Utc>, arrived: DateTime<Utc>) {
        let said = date
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.to_utc())
            .filter(is_plausible);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.said = said;
        let took = arrived - left;
        if let Some(said) = said.filter(|_| took < SLOW) {
            last.ahead = said - (left + took / 2);
            last.known = true;
        }
    }
}

/// Whether it can be the time: a service, or a proxy, that says anything else says nothing.
fn is_plausible(date: &DateTime<Utc>) -> bool {
    (2015..2100).contains(&date.year())
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "clock of AWS"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(Left(clock::now()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let arrived = clock::now();
        let left = bag.load::<Left>().map_or(arrived, |left| left.0);
        let date = context.response().headers().get("date");
        self.read(date, left, arrived);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_is_no_time() {
        let clock = AwsClock::default();
        let now = clock::now();
        for absurd in [
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "yesterday",
        ] {
            clock.read(Some(absurd), now, now);
            assert!(!clock.is_known(), "{absurd}");
            assert!((clock.now() - now).num_minutes() < 5);
        }
    }

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
            let now = clock::now();
            let date = (now + ahead).to_rfc2822();
            aws.read(Some(&date), now, now);
            let found = aws.now() - clock::now();
            assert!((found - wanted).abs() <= TimeDelta::seconds(1), "{found}");
        }
        let now = clock::now();
        aws.read(Some(&(now + hour).to_rfc2822()), now, now);
        // An answer without a time, and one that took long, change nothing.
        aws.read(Some("yesterday"), now, now);
        assert_eq!(aws.said(), None);
        aws.read(Some(&now.to_rfc2822()), now, now + TimeDelta::seconds(8));
        assert!(aws.now() - clock::now() > TimeDelta::minutes(59));
    }
}
