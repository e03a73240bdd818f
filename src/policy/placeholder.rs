//! Placeholders of a path, filled in.

/// The text with each `{NAME}` replaced by what the path had in its place.
pub(super) fn fill(text: &str, captures: &[(String, String)]) -> String {
    captures.iter().fold(text.to_owned(), |text, (name, value)| {
        let parts: Vec<&str> = text.split(&format!("{{{name}}}")).collect();
        parts.join(value)
    })
}
