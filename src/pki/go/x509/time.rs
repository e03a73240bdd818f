//! Times in certificates (`cryptobyte.ReadASN1UTCTime`, `ReadASN1GeneralizedTime`) and in revocation lists
//! (`encoding/asn1.parseUTCTime`, `parseGeneralizedTime`): a time is valid when Go would print it unchanged.

use ::time::{Date, Month, Time};

use crate::Timestamp;

pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// `YYMMDDhhmm[ss]` and a zone; years from 50 are 19xx.
pub(super) fn utc_time(content: &[u8]) -> Option<Timestamp> {
    let mut digits = Digits(content);
    let year = i32::from(digits.pair()?);
    let year = if year >= 50 { 1900 + year } else { 2000 + year };
    let date = digits.date(year)?;
    let (hour, minute) = (digits.pair()?, digits.pair()?);
    let second = if digits.0.first().is_some_and(u8::is_ascii_digit) { digits.pair()? } else { 0 };
    digits.finish(date, (hour, minute, second))
}

/// `YYYYMMDDhhmmss` and a zone.
pub(super) fn generalized_time(content: &[u8]) -> Option<Timestamp> {
    generalized(content, false)
}

/// Like [`generalized_time`], with an optional fraction of a second, which is ignored.
pub(super) fn generalized_time_with_fraction(content: &[u8]) -> Option<Timestamp> {
    generalized(content, true)
}

fn generalized(content: &[u8], fraction: bool) -> Option<Timestamp> {
    let mut digits = Digits(content);
    let year = i32::from(digits.pair()?) * 100 + i32::from(digits.pair()?);
    let date = digits.date(year)?;
    let time = (digits.pair()?, digits.pair()?, digits.pair()?);
    if fraction && let Some(rest) = digits.0.strip_prefix(b".") {
        let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        if !(1..=9).contains(&end) || rest[end - 1] == b'0' {
            return None;
        }
        digits.0 = &rest[end..];
    }
    digits.finish(date, time)
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn pair(&mut self) -> Option<u8> {
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] = self.0 else { return None };
        self.0 = rest;
        Some((a - b'0') * 10 + b - b'0')
    }

    fn date(&mut self, year: i32) -> Option<Date> {
        let (month, day) = (self.pair()?, self.pair()?);
        Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
    }

    /// Reads the zone, which must end the text.
    fn finish(mut self, date: Date, (hour, minute, second): (u8, u8, u8)) -> Option<Timestamp> {
        let time = Time::from_hms(hour, minute, second).ok()?;
        let local = date.with_time(time).assume_utc().unix_timestamp();
        let sign = match self.0.split_first()? {
            (b'Z', []) => return Some(Timestamp::from_unix(local)),
            (b'+', rest) => {
                self.0 = rest;
                -1
            }
            (b'-', rest) => {
                self.0 = rest;
                1
            }
            _ => return None,
        };
        let (hours, minutes) = (i64::from(self.pair()?), i64::from(self.pair()?));
        let offset = hours * 3600 + minutes * 60;
        // Go prints a zero offset as Z.
        (self.0.is_empty() && hours <= 24 && minutes < 60 && offset != 0)
            .then(|| Timestamp::from_unix(local + sign * offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each case was checked with `x509.ParseCertificate` of Go 1.26.
    #[test]
    fn times_are_read_as_in_go() {
        let utc = |text: &str| utc_time(text.as_bytes()).map(Timestamp::rfc3339);
        let general = |text: &str| generalized_time(text.as_bytes()).map(Timestamp::rfc3339);
        assert_eq!(utc("261123050000Z").as_deref(), Some("2026-11-23T05:00:00Z"));
        assert_eq!(utc("500101000000Z").as_deref(), Some("1950-01-01T00:00:00Z"));
        assert_eq!(utc("2611230500Z").as_deref(), Some("2026-11-23T05:00:00Z"));
        assert_eq!(utc("261123050000+0130").as_deref(), Some("2026-11-23T03:30:00Z"));
        assert_eq!(general("20261123050000Z").as_deref(), Some("2026-11-23T05:00:00Z"));
        assert_eq!(general("99991231235959Z").as_deref(), Some("9999-12-31T23:59:59Z"));
        for refused in [
            "261123050000",
            "261123050000+0000",
            "261323050000Z",
            "260230050000Z",
            "261123240000Z",
            "261123050060Z",
            "261123050000.5Z",
            "261123050000ZZ",
            "26112305000Z",
            "261123050000z",
            "261123050000+0060",
            "",
        ] {
            assert_eq!(utc(refused), None, "{refused}");
        }
        for refused in ["202611230500Z", "20261123050000.5Z", "20261123050000", "20261123050000-0000"] {
            assert_eq!(general(refused), None, "{refused}");
        }
        let fraction = |text: &str| generalized_time_with_fraction(text.as_bytes()).is_some();
        assert!(fraction("20261123050000.5Z") && fraction("20261123050000Z"));
        assert!(!fraction("20261123050000.50Z") && !fraction("20261123050000.Z"));
    }
}
