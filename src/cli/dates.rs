//! Dates for people: the day, and how far away it is.

use crate::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A certificate with a shorter life is shown with its hours.
const SHORT: i64 = 3 * DAY;

/// The life of a certificate: `2026-11-29 to 2027-11-29, in 364 days`. Both times are RFC 3339, UTC.
pub(super) fn life(from: &str, until: &str, now: Timestamp) -> String {
    let (Some(start), Some(end)) = (Timestamp::parse_rfc3339(from), Timestamp::parse_rfc3339(until)) else {
        return format!("{from} to {until}");
    };
    let day = |text: &str| text.split('T').next().unwrap_or_default().to_owned();
    let span = if end.seconds_since(start) < SHORT {
        format!("{from} to {until}")
    } else {
        format!("{} to {}", day(from), day(until))
    };
    if start.seconds_since(now) > 0 {
        return format!("{span}, starts {}", relative(start, now));
    }
    let word = if end.seconds_since(now) < 0 { "expired " } else { "" };
    format!("{span}, {word}{}", relative(end, now))
}

/// How far a time is away: `in 364 days`, `3 hours ago`.
fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.seconds_since(now);
    let distance = seconds.abs();
    let (count, unit) = if distance >= 2 * DAY {
        (distance / DAY, "day")
    } else if distance >= 2 * HOUR {
        (distance / HOUR, "hour")
    } else {
        (distance / MINUTE, "minute")
    };
    let s = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("{count} {unit}{s} ago") } else { format!("in {count} {unit}{s}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_shown_by_days_and_relative_to_now() {
        let now = Timestamp::parse_rfc3339("2026-11-29T12:00:00Z").unwrap();
        let year = |until: &str| life("2026-11-28T12:00:00Z", until, now);
        assert_eq!(year("2027-11-28T13:00:00Z"), "2026-11-28 to 2027-11-28, in 364 days");
        assert_eq!(year("2026-11-29T15:00:00Z"), "2026-11-28T12:00:00Z to 2026-11-29T15:00:00Z, in 3 hours");
        assert_eq!(
            life("2025-11-28T12:00:00Z", "2026-11-26T12:00:00Z", now),
            "2025-11-28 to 2026-11-26, expired 3 days ago"
        );
        assert_eq!(
            life("2026-12-28T12:00:00Z", "2027-11-26T12:00:00Z", now),
            "2026-12-28 to 2027-11-26, starts in 29 days"
        );
    }
}
