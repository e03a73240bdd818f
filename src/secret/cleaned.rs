//! A secret from a file, standard input or a variable: cleaned of the marks of editors and shells, or refused. Each wrong
//! secret costs one of the tries before the CA locks the identity.

use super::Secret;

const MARK: char = '\u{feff}';
const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// Size limit of a source of a secret, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The fault of a source above [`LIMIT`], as the end of a sentence about it.
pub(crate) const TOO_LARGE: &str = "holds more than 64 KiB; expected the secret alone";

/// A secret, and what there is to say about its source.
#[derive(Debug)]
pub(crate) struct Cleaned {
    /// The secret.
    pub(crate) secret: Secret,
    /// What was removed, or kept although it looks like an accident, each as the end of a sentence about the source.
    pub(crate) notes: Vec<&'static str>,
}

impl Cleaned {
    /// Reads the secret. A byte order mark and line ends around it are removed; one LF at the end is not worth a note. Blanks
    /// stay, because a secret may end with one.
    ///
    /// # Errors
    /// When the bytes hold no secret: the reason as the end of a sentence about the source.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() > LIMIT {
            return Err(TOO_LARGE);
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err("is UTF-16 text; save it as UTF-8");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text")?;
        if text.contains('\0') {
            return Err("contains a NUL character; a UTF-16 file without a byte order mark looks like that");
        }
        let secret = text.trim_start_matches(MARK).trim_matches(LINE_ENDS);
        if secret.contains(LINE_ENDS) {
            return Err("contains several lines; expected the secret alone");
        }
        if secret.is_empty() {
            return Err("is empty");
        }
        if secret.contains(|c: char| c.is_control() && c != '\t') {
            return Err(
                "contains a control character, such as those that the arrow keys send; expected the secret alone",
            );
        }
        let without_mark = text.trim_start_matches(MARK);
        let mut notes = Vec::new();
        if without_mark.len() < text.len() {
            notes.push("begins with a byte order mark, which was removed");
        }
        let without_end = without_mark.strip_suffix('\n').unwrap_or(without_mark);
        if without_end != secret {
            notes.push(if without_end.contains('\r') {
                "has carriage returns or empty lines around the secret, which were removed"
            } else {
                "has empty lines around the secret, which were removed"
            });
        }
        let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | MARK);
        if secret.starts_with(is_blank) || secret.ends_with(is_blank) {
            notes.push("has a blank before or after the secret, which is sent as a part of it");
        }
        Ok(Self { secret: Secret::new(secret), notes })
    }
}
