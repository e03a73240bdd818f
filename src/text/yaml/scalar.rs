//! Writes text as a YAML scalar that every reader takes for this text.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::text::escape::is_active;

/// What YAML 1.1 reads as a boolean or null; YAML 1.2 has fewer words.
const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"];

/// Text as a scalar on one line, for block style and for brackets: in double quotes unless it is made of letters, digits
/// and `-_./`, begins with a letter or a `/`, and is not a word of YAML 1.1. So no reader sees a boolean, a null, a number (`1e3`,
/// `0x1`, `1:30`), a date, an alias, a tag, a comment or another line.
pub(crate) fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(double_quoted(text)) }
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Text in double quotes (YAML 1.1 and 1.2, section 5.7; with few escapes, so that JSON readers take it as well).
pub(crate) fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        // `#` and `:` may give a command to a CI system that logs the line.
        let is_command = c == '#' && out.ends_with('#')
            || c == ':' && (out.ends_with(':') || out.ends_with("section_start") || out.ends_with("section_end"));
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            c if is_command || is_active(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                // YAML has no pairs of surrogates; it writes these in one, as JSON does not.
                let code = u32::from(c);
                if code > 0xffff { write!(out, "\\U{code:08x}") } else { write!(out, "\\u{code:04x}") }
            }
            c => out.write_char(c),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::yaml::documents;

    #[test]
    fn what_a_reader_would_take_for_something_else_is_quoted() {
        for text in [
            "",
            " ",
            "on",
            "On",
            "OFF",
            "yes",
            "no",
            "y",
            "N",
            "true",
            "False",
            "null",
            "NULL",
            "None",
            "~",
            "1",
            "1e3",
            "0x1",
            "0o7",
            "1:30",
            "1_000",
            ".5",
            ".inf",
            ".NaN",
            "-1",
            "2026-01-01",
            "10.0.0.1",
            "=",
            "<<",
            "*a",
            "&a",
            "!a",
            "- a",
            "-",
            "?",
            "? a",
            ": a",
            "a: b",
            "a #b",
            "#a",
            "a:",
            "%a",
            "@a",
            "`a`",
            "|",
            ">",
            "'a'",
            "\"a\"",
            "[a]",
            "{a}",
            "a,b",
            "a\nb",
            "a\tb",
            "a\u{1b}",
            "\u{feff}a",
            "a\u{85}",
            "a\u{2028}b",
            "ü",
            "---",
            "...",
            "a\\",
        ] {
            let written = scalar(text);
            assert!(written.starts_with('"') && !written.contains('\n'), "{text:?}: {written}");
            assert!(written.chars().all(|c| !is_active(c)), "{text:?}: {written}");
        }
        for text in ["org1-peer1", "a.b.svc.cluster.local", "onion", "yes-peer", "e3", "org_1", "a/b.pem"] {
            assert_eq!(scalar(text), text);
        }
        assert_eq!(scalar("\u{e0100}"), "\"\\U000e0100\"");
        assert_eq!(scalar("##[group]::error::"), "\"#\\u0023[group]:\\u003aerror:\\u003a\"");
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "\\PC{0,12}|[ -~\n\r\t\u{85}\u{2028}\u{1b}\u{7f}ü名]{0,20}|[yYnN0-9oOeExX:._~+-]{0,6}") {
            let written = scalar(&text);
            for (document, path) in [
                (format!("k: {written}\n"), &["k"][..]),
                (format!("{{k: {written}, l: 1}}\n"), &["k"]),
            ] {
                let read = documents(&document).unwrap();
                prop_assert_eq!(read[0].text_at(path).unwrap_or_default(), text.as_str(), "{}", document);
            }
            let list = documents(&format!("- {written}\n- x\n")).unwrap();
            prop_assert_eq!(list[0].items().unwrap()[0].text(), Some(text.as_str()));
            // And by the reader of another crate, as a string.
            let value: serde_json::Value = yaml_serde::from_str(&written).unwrap();
            prop_assert_eq!(value, serde_json::Value::String(text));
        }
    }
}
