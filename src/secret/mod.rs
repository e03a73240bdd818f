//! An enrolment secret that is never printed by accident.

mod cleaned;
mod redactor;
#[cfg(test)]
mod tests;
mod user_info;
mod view;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use cleaned::{Cleaned, LIMIT, TOO_LARGE};
pub(crate) use redactor::Redactor;
pub(crate) use user_info::without_passwords;

/// An enrolment secret. Wiped from memory when dropped; `Debug` does not show it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret with exactly this text, spaces included.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text of the secret.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the secret is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks every occurrence of the secret in `text`, in whatever encoding: percent, base64, hexadecimal, HTML, JSON, folded,
    /// several of them, and parts of the secret.
    pub fn redact(&self, text: &str) -> String {
        Redactor::default().secret(self).redact(text)
    }
}

/// Bytes that may hold a key, such as standard input. Wiped from memory when dropped; `Debug` does not show them.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) Zeroizing<Vec<u8>>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
