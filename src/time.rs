//! Time as an argument: nothing in the library asks the system clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in whole seconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Whole seconds; a time before 1970 is negative.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
        })
    }
}

impl Timestamp {
    /// The instant `seconds` after the Unix epoch.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This instant moved forward by `d` (whole seconds; saturating).
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
    }

    /// This instant moved back by `d` (whole seconds; saturating).
    #[must_use]
    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
    }

    /// Seconds from `earlier` to this instant; negative if this one is earlier.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from `earlier` to this instant; none if this one is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds_since(earlier)).unwrap_or(0))
    }

    /// RFC 3339 in UTC, for example `2026-11-23T16:00:00Z`; instants outside years 1 to 9999 are printed as `@SECONDS`.
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("@{}", self.0))
    }

    /// Parses an RFC 3339 time.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(|t| Self(t.unix_timestamp()))
    }

    /// Parses an HTTP `Date` header (RFC 9110 section 5.6.7, IMF-fixdate only: `Mon, 23 Nov 2026 16:00:00 GMT`).
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let text = text.strip_suffix(" GMT")?;
        OffsetDateTime::parse(&format!("{text} +0000"), &time::format_description::well_known::Rfc2822)
            .ok()
            .map(|t| Self(t.unix_timestamp()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_date_and_rfc3339_agree() {
        let t = Timestamp::parse_http_date("Mon, 23 Nov 2026 03:42:39 GMT").expect("a date");
        assert_eq!(t.rfc3339(), "2026-11-23T03:42:39Z");
        assert_eq!(Timestamp::parse_rfc3339("2026-11-23T03:42:39Z"), Some(t));
        assert_eq!(Timestamp::parse_http_date("yesterday"), None);
    }

    #[test]
    fn instants_out_of_range_are_printed() {
        assert_eq!(Timestamp::from_unix(i64::MAX).rfc3339(), format!("@{}", i64::MAX));
        assert_eq!(Timestamp::from_unix(0).minus(Duration::from_secs(5)).unix(), -5);
    }
}
