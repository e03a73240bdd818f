//! A request that the CA refuses: HTTP status, and code and message of the envelope.

use super::DevCaError;

/// What the client is told (fabric-ca `lib/caerrors`).
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

    /// 401 code 20: what every failed authentication is flattened to.
    pub(super) fn authentication() -> Self {
        Self::new(401, 20, "Authentication failure")
    }

    /// 403 code 71: what every failed authorization is flattened to.
    pub(super) fn authorization() -> Self {
        Self::new(403, 71, "Authorization failure")
    }

    /// 500 code 0: everything without a code of its own.
    pub(super) fn unclassed(message: impl Into<String>) -> Self {
        Self::new(500, 0, message)
    }

    /// The refusal with `context` in front of its message, where the real server wraps an error of code 0.
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
