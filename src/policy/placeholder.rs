//! Replaces the placeholders of a path.

/// The text with each `{NAME}` replaced by the matching part of the path.
pub(super) fn fill(text: &str, captures: &[(String, String)]) -> String {
    captures.iter().fold(text.to_owned(), |text, (name, value)| {
        let parts: Vec<&str> = text.split(&format!("{{{name}}}")).collect();
        parts.join(value)
    })
}
