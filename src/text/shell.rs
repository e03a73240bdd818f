//! Words of a POSIX shell.

/// The text as one word of a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/:=,@%+-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        let parts: Vec<&str> = text.split('\'').collect();
        format!("'{}'", parts.join(r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_special_characters_are_quoted() {
        assert_eq!(shell_word("a,b.c"), "a,b.c");
        assert_eq!(shell_word("*.ns"), "'*.ns'");
        assert_eq!(shell_word("a'b"), r"'a'\''b'");
    }
}
