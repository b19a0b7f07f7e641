//! In which zone times are shown.

use chrono::{DateTime, Local, Utc};

/// In which zone times are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC, as AWS and logs write them.
    #[default]
    Utc,
    /// The zone of this host, with its distance from UTC.
    Local,
}

impl Zone {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Utc => Self::Local,
            Self::Local => Self::Utc,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Local => "local",
        }
    }

    /// A time in a pattern of [`chrono::format::strftime`], with what says in which zone.
    #[must_use]
    pub fn show(self, at: DateTime<Utc>, pattern: &str) -> String {
        match self {
            Self::Utc => format!("{}Z", at.format(pattern)),
            Self::Local => {
                let at = at.with_timezone(&Local);
                let minutes = at.offset().local_minus_utc() / 60;
                let rest = match minutes.abs() % 60 {
                    0 => String::new(),
                    rest => format!(":{rest:02}"),
                };
                let sign = if minutes < 0 { '-' } else { '+' };
                format!(
                    "{}{sign}{:02}{rest}",
                    at.format(pattern),
                    minutes.abs() / 60
                )
            }
        }
    }

    /// Hours and minutes.
    #[must_use]
    pub fn minute(self, at: DateTime<Utc>) -> String {
        self.show(at, "%H:%M")
    }

    /// Hours, minutes and seconds.
    #[must_use]
    pub fn second(self, at: DateTime<Utc>) -> String {
        self.show(at, "%H:%M:%S")
    }

    /// The date and the time, to the second.
    #[must_use]
    pub fn date(self, at: DateTime<Utc>) -> String {
        self.show(at, "%Y-%m-%d %H:%M:%S")
    }
}
