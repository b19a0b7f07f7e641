//! Hours of the week, in a time zone.

use chrono::{DateTime, Datelike as _, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Hours of some days of the week; those that end before they begin end on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The time zone they are meant in.
    #[serde(with = "zone")]
    pub time_zone: Tz,
    /// The days on which they begin.
    pub days: Vec<Weekday>,
    /// When they begin.
    pub from: NaiveTime,
    /// When they end; that minute does not belong to them.
    pub to: NaiveTime,
}

impl Hours {
    /// Whether a time belongs to them.
    #[must_use]
    pub fn hold(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.time_zone);
        let (today, time) = (local.weekday(), local.time());
        let begins = |day: Weekday| self.days.contains(&day);
        if self.from < self.to {
            begins(today) && self.from <= time && time < self.to
        } else {
            (begins(today) && time >= self.from) || (begins(today.pred()) && time < self.to)
        }
    }
}

/// The first full minute after a time that belongs to none of these hours; `None` where there is
/// none within eight days.
#[must_use]
pub fn end_of(all: &[Hours], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let minute = at.timestamp().div_euclid(60) + 1;
    (minute..minute + 8 * 24 * 60)
        .filter_map(|minute| DateTime::from_timestamp(minute * 60, 0))
        .find(|minute| !all.iter().any(|hours| hours.hold(*minute)))
        .filter(|end| *end - at <= TimeDelta::days(8))
}

mod zone {
    use chrono_tz::Tz;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
    pub(super) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn hours(days: &[Weekday], from: u32, to: u32) -> Hours {
        Hours {
            time_zone: chrono_tz::Europe::Berlin,
            days: days.to_vec(),
            from: NaiveTime::from_hms_opt(from, 0, 0).unwrap(),
            to: NaiveTime::from_hms_opt(to, 0, 0).unwrap(),
        }
    }

    #[test]
    fn hours_are_meant_where_they_are_written() {
        let office = hours(&[Weekday::Fri], 9, 17);
        // Winter: Berlin is an hour ahead.
        assert!(!office.hold(at("2026-11-20T07:59:59Z")));
        assert!(office.hold(at("2026-11-20T08:00:00Z")));
        assert!(!office.hold(at("2026-11-20T16:00:00Z")));
        // Summer: two.
        assert!(office.hold(at("2026-07-10T07:00:00Z")));
        assert!(!office.hold(at("2026-11-21T10:00:00Z")), "a Saturday");
    }

    #[test]
    fn a_night_ends_on_the_next_day() {
        let night = hours(&[Weekday::Fri], 22, 6);
        assert!(night.hold(at("2026-11-20T21:00:00Z")));
        assert!(night.hold(at("2026-11-21T04:59:00Z")));
        assert!(!night.hold(at("2026-11-21T05:00:00Z")));
        assert!(!night.hold(at("2026-11-20T04:00:00Z")), "Thursday's night");
        let end = end_of(&[night], at("2026-11-20T23:10:30Z"));
        assert_eq!(end, Some(at("2026-11-21T05:00:00Z")));
    }

    #[test]
    fn hours_without_an_end_have_none() {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let always = hours(&[Mon, Tue, Wed, Thu, Fri, Sat, Sun], 0, 0);
        assert!(always.hold(at("2026-11-20T23:10:30Z")));
        assert_eq!(end_of(&[always], at("2026-11-20T23:10:30Z")), None);
    }
}
