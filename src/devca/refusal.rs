//! A refused request: HTTP status, and code and message of the envelope.

use super::DevCaError;

/// The error sent to the client (fabric-ca `lib/caerrors`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 401 code 20: the public error of every failed authentication.
    pub(super) fn authentication() -> Self {
        Self::new(401, 20, "Authentication failure")
    }

    /// 403 code 71: the public error of every failed authorization.
    pub(super) fn authorization() -> Self {
        Self::new(403, 71, "Authorization failure")
    }

    /// 500 code 0: errors without a specific code.
    pub(super) fn unclassed(message: impl Into<String>) -> Self {
        Self::new(500, 0, message)
    }

    /// Prefixes the message with `context`, as the real server wraps errors of code 0.
    pub(super) fn within(mut self, context: &str) -> Self {
        if self.code == 0 {
            self.message = format!("{context}: {}", self.message);
        }
        self
    }
}

impl From<DevCaError> for Refusal {
    fn from(e: DevCaError) -> Self {
        Self::unclassed(e.to_string())
    }
}
