//! An error code of a Fabric CA in a line of text.

/// An error code as the text alone, or as servers and clients print it: `"code":20`, `Code: 20`, `Response from server:
/// Error Code: 20`.
pub fn code_in(text: &str) -> Option<i64> {
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    let lower = text.to_ascii_lowercase();
    let at = lower.find("code")?;
    let digits: String = lower[at + 4..]
        .trim_start_matches(|c: char| !c.is_ascii_digit() && c.is_ascii_punctuation() || c == ' ')
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_the_lines_of_servers_and_clients() {
        for (text, code) in [
            ("20", Some(20)),
            ("Response from server: Error Code: 73 - Incorrect password", Some(73)),
            (r#"{"errors":[{"code":19,"message":"CA 'x' does not exist"}]}"#, Some(19)),
            ("nothing", None),
            ("exit code unknown", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }
}
