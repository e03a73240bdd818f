//! An enrolment secret that is never printed by accident.

use std::fmt;

use zeroize::Zeroizing;

/// An enrolment secret. Wiped from memory when dropped; `Debug` does not show it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret with exactly this text, spaces included.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A secret from a file or standard input: one trailing line end (LF or CRLF) is dropped.
    pub fn from_file_text(text: &str) -> Self {
        let text = text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t));
        Self::new(text)
    }

    /// The text of the secret.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the secret is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks every occurrence of the secret in `text`, plain or percent-encoded.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let encoded: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        text.replace(self.0.as_str(), "[redacted]").replace(&encoded, "[redacted]")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_printed() {
        let s = Secret::new("peerpw");
        assert_eq!(format!("{s:?}"), "[redacted]");
        assert_eq!(s.redact("https://a:peerpw@h"), "https://a:[redacted]@h");
    }

    #[test]
    fn exactly_one_line_end_is_dropped() {
        assert_eq!(Secret::from_file_text("pw\r\n").expose(), "pw");
        assert_eq!(Secret::from_file_text(" pw \n\n").expose(), " pw \n");
    }
}
