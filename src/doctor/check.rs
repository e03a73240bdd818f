//! One check and its outcome; all checks of a diagnosis.

use serde::Serialize;

use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Ok,
    Warning,
    Error,
    /// It could not be made, because of another check or because it does not apply.
    Skipped,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warn",
            Self::Error => "fail",
            Self::Skipped => "skip",
        }
    }
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// `dns`, `secret`, ...
    #[serde(rename = "check")]
    id: &'static str,
    status: Status,
    message: String,
    /// What to do; `null` if there is nothing to do.
    remedy: Option<String>,
    /// Whether the check failed because the CA was not reached.
    #[serde(skip)]
    is_unreachable: bool,
}

/// All checks, in their order.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    schema_version: u32,
    checks: Vec<Check>,
}

impl Check {
    fn new(id: &'static str, status: Status, message: impl Into<String>, remedy: Option<String>) -> Self {
        Self { id, status, message: message.into(), remedy, is_unreachable: false }
    }
}

impl Diagnosis {
    pub(crate) const fn new() -> Self {
        Self { schema_version: 1, checks: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.checks.push(Check::new(check, Status::Ok, message, None));
    }

    pub(super) fn skip(&mut self, check: &'static str, message: impl Into<String>) {
        self.checks.push(Check::new(check, Status::Skipped, message, None));
    }

    pub(super) fn warn(&mut self, check: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.checks.push(Check::new(check, Status::Warning, message, Some(remedy.into())));
    }

    pub(super) fn fail(&mut self, check: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.checks.push(Check::new(check, Status::Error, message, Some(remedy.into())));
    }

    /// Adds a check that failed with this error.
    pub(crate) fn failed(&mut self, check: &'static str, error: &Error) {
        let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("{error}{cause}");
        let remedy = error.help().map(str::to_owned);
        let is_unreachable = error.kind() == ErrorKind::Unreachable;
        self.checks.push(Check { is_unreachable, ..Check::new(check, Status::Error, message, remedy) });
    }

    fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// 0 if no check failed, 6 if only the CA was not reached, otherwise 1.
    pub(crate) fn exit_code(&self) -> u8 {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| check.status == Status::Error).collect();
        if failed.is_empty() {
            0
        } else if failed.iter().all(|check| check.is_unreachable) {
            ErrorKind::Unreachable.exit_code()
        } else {
            1
        }
    }

    /// The checks for people: a line each, and what to do below it.
    pub(crate) fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        let width = self.checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
        for Check { id, status, message, remedy, .. } in &self.checks {
            lines.line(format_args!("{:<4}  {id:<width$}  {message}", status.word()));
            if let Some(remedy) = remedy {
                lines.line(format_args!("{:6}{:width$}  -> {remedy}", "", ""));
            }
        }
        let (ok, warnings) = (self.count(Status::Ok), self.count(Status::Warning));
        let (errors, skipped) = (self.count(Status::Error), self.count(Status::Skipped));
        lines.gap().line(format_args!("{ok} ok, {warnings} to look at, {errors} failed, {skipped} skipped"));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_check_wins_over_a_ca_that_is_not_reached() {
        let mut diagnosis = Diagnosis::new();
        diagnosis.ok("url", "https://ca");
        diagnosis.warn("secret", "others may read it", "chmod 600");
        assert_eq!(diagnosis.exit_code(), 0);
        diagnosis.failed("tcp", &Error::new(ErrorKind::Unreachable, "no connection").with_help("start the CA"));
        assert_eq!(diagnosis.exit_code(), 6);
        diagnosis.fail("secret", "empty", "write it");
        assert_eq!(diagnosis.exit_code(), 1);
        let text = diagnosis.lines().to_string();
        assert!(text.contains("fail  tcp     no connection\n              -> start the CA\n"), "{text}");
        assert!(text.ends_with("1 ok, 1 to look at, 2 failed, 0 skipped\n"), "{text}");
    }
}
