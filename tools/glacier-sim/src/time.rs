//! Instants of the simulated world, in whole seconds since the Unix epoch (UTC).

use std::fmt;
use std::time::{Duration, SystemTime};

use s3s::dto::{Timestamp, TimestampFormat};
use serde::{Deserialize, Serialize};

/// Seconds in a day; leap seconds do not exist here, as they do not in Unix time.
pub const DAY: u64 = 86_400;
/// Seconds in an hour.
pub const HOUR: u64 = 3_600;
/// The last instant that is accepted: the end of the year 9999, which is as far as the date formats reach.
const LAST: u64 = 253_402_300_799;

/// An instant: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// What is wrong with an instant given as text.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no instant: write it as 2026-01-31T00:00:00Z, between 1970 and 9999")]
pub struct BadTime(String);

impl Time {
    /// The instant `seconds` after the epoch; later than the year 9999 counts as its end.
    pub fn from_unix(seconds: u64) -> Time {
        Time(seconds.min(LAST))
    }

    /// Parses RFC 3339, e.g. `2026-01-31T00:00:00Z`; fractions of a second are dropped.
    ///
    /// # Errors
    /// [`BadTime`] when the text is not RFC 3339 or lies before 1970.
    pub fn parse(text: &str) -> Result<Time, BadTime> {
        let bad = || BadTime(text.to_owned());
        let stamp = Timestamp::parse(TimestampFormat::DateTime, text).map_err(|_| bad())?;
        let mut seconds = Vec::new();
        stamp.format(TimestampFormat::EpochSeconds, &mut seconds).map_err(|_| bad())?;
        let seconds = String::from_utf8(seconds).map_err(|_| bad())?;
        let whole = seconds.split('.').next().unwrap_or_default();
        whole.parse().ok().filter(|s| *s <= LAST).map(Time).ok_or_else(bad)
    }

    /// What the machine's own clock says.
    pub fn wall() -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Time::from_unix(since.unwrap_or_default().as_secs())
    }

    /// Seconds since the epoch.
    pub fn unix(self) -> u64 {
        self.0
    }

    /// The instant `seconds` later; it stops at the end of the year 9999.
    pub fn plus(self, seconds: u64) -> Time {
        Time::from_unix(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to here; 0 when `earlier` is the later one.
    pub fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant if it is a midnight UTC, else the next one.
    pub fn up_to_midnight(self) -> Time {
        Time::from_unix(self.0.div_ceil(DAY).saturating_mul(DAY))
    }

    /// As in HTTP headers: `Fri, 21 Dec 2012 00:00:00 GMT`.
    pub fn http_date(self) -> String {
        self.formatted(TimestampFormat::HttpDate)
    }

    /// As the S3 types want it.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(self.0))
    }

    fn formatted(self, format: TimestampFormat) -> String {
        let mut text = Vec::new();
        // Years up to 9999 can be written in every format; the bound is kept by the constructors.
        let _ = self.timestamp().format(format, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.formatted(TimestampFormat::DateTime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let t = Time::parse("2012-12-21T00:00:00Z").unwrap();
        assert_eq!(t.unix(), 1_356_048_000);
        assert_eq!(t.http_date(), "Fri, 21 Dec 2012 00:00:00 GMT");
        assert_eq!(Time::parse(&t.to_string()).unwrap(), t);
        assert_eq!(Time::parse("2012-12-21T01:00:00.75+01:00").unwrap(), t);
        for bad in ["", "yesterday", "1969-12-31T23:59:59Z", "2012-12-21", "99999-01-01T00:00:00Z"] {
            assert!(Time::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn midnights() {
        let midnight = Time::parse("2026-03-01T00:00:00Z").unwrap();
        assert_eq!(midnight.up_to_midnight(), midnight);
        assert_eq!(midnight.plus(1).up_to_midnight(), midnight.plus(DAY));
        assert_eq!(midnight.plus(DAY - 1).up_to_midnight(), midnight.plus(DAY));
    }

    #[test]
    fn the_end_of_time_is_an_instant() {
        let end = Time::from_unix(u64::MAX);
        assert_eq!(end.plus(u64::MAX), end);
        assert_eq!(end.to_string(), "9999-12-31T23:59:59.000Z");
        assert_eq!(end.up_to_midnight(), end);
    }
}
