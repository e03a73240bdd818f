//! Durations on the command line.

use std::time::Duration;

/// Parses a duration. The error does not repeat the text, which may belong to another argument.
pub(in crate::cli) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "expected a duration such as 30s, 5m or 1h30m")
}
