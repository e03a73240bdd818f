//! Text from elsewhere inside the forms of a report: what has a meaning in the form loses it. Characters that a terminal
//! acts on are left to [`Screen`](super::Screen), through which every form is written.

use std::fmt::Write as _;

/// Text in XML, as content or in an attribute with double quotes. Characters that XML 1.0 has no form for become U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() && u32::from(c) < 0x20 => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A path inside a URI (RFC 3986): every byte but the unreserved ones and `/` in percent form. A first segment with a
/// colon would read as a scheme; the colon is escaped with the rest.
pub(crate) fn uri_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for b in path.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// A GitHub workflow command: `message` or, with `property`, the value of a property.
pub(crate) fn github(text: &str, property: bool) -> String {
    let out = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { out.replace(':', "%3A").replace(',', "%2C") } else { out }
}

/// A label's value in the Prometheus text format.
pub(crate) fn prometheus(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Text in Markdown, also in a cell of a table. Markdown itself (`CommonMark`, GFM) is escaped with backslashes. What GitHub
/// and GitLab make of the rendered text (mentions, references to issues and commits, links, mathematics, emoji) is cut by
/// an element, as GitHub's documentation does for `$`: a backslash does not stop those.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut hash_end = 0;
    for (at, c) in text.char_indices() {
        let next = bytes.get(at + c.len_utf8()).copied().unwrap_or(b' ');
        let before = &bytes[..at];
        match c {
            '@' | '#' | '$' | '~' | '^' => cut(c, &mut out),
            // `https://`, `mailto:a`, `:emoji:`; not the colon before a blank.
            ':' if next == b'/' || next.is_ascii_alphanumeric() || matches!(next, b'_' | b'+' | b'-') => {
                cut(c, &mut out);
            }
            // GitLab's references: `!1`, `%1`, `&1`.
            '!' | '%' | '&' if next.is_ascii_alphanumeric() || next == b'"' => cut(c, &mut out),
            '.' if ends_with(before, b"www") => cut(c, &mut out),
            '-' if ends_with(before, b"gh") && next.is_ascii_digit() => cut(c, &mut out),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' | '\t' => out.push(' '),
            c => {
                if at >= hash_end && c.is_ascii_hexdigit() {
                    let digits = bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
                    hash_end = at + digits;
                    // As long as an abbreviated commit, or longer.
                    if digits >= 7 {
                        cut(c, &mut out);
                        continue;
                    }
                }
                out.push(c);
            }
        }
    }
    out
}

/// Appends a character in an element of its own.
fn cut(c: char, out: &mut String) {
    let _ = write!(out, "<span>&#{};</span>", u32::from(c));
}

fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_form_loses_it() {
        assert_eq!(xml("<a b=\"c\">&\u{1}\n"), "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}&#10;");
        assert_eq!(uri_path("a b/ü:1"), "a%20b/%C3%BC%3A1");
        assert_eq!(github("50% a,b:\n", true), "50%25 a%2Cb%3A%0A");
        assert_eq!(github("a:b", false), "a:b");
        assert_eq!(prometheus("a\\\"\n"), "a\\\\\\\"\\n");
        assert_eq!(markdown("a|b<c>&"), "a\\|b&lt;c&gt;&amp;");
    }

    #[test]
    fn nothing_in_markdown_is_a_mention_a_reference_a_link_or_mathematics() {
        for (text, live) in [
            ("ask @octocat or a@b.example", "@"),
            ("see https://evil.example", "https:"),
            ("see HTTP://evil.example", "HTTP:"),
            ("see www.evil.example", "www."),
            ("mailto:a xmpp:b", ":"),
            ("fixes #123", "#1"),
            ("fixes o/r#4", "r#"),
            ("GH-12 gh-3", "-"),
            ("$x^2$ and $$y$$", "$"),
            (":tada:", ":t"),
            (":+1:", ":+"),
            ("~~a~~ ~label", "~"),
            ("!12 %3 &4", "!"),
            ("!12 %3 &4", "%3"),
            ("!12 %3 &4", "&4"),
            ("![a](b) [c]: d [^1]", "!["),
            ("![a](b) [c](d) [^1]", " [c"),
            ("0123abcd and a1b2c3d", "0123abcd"),
            ("```mermaid\ngraph", "\n"),
            ("<img src=x> <!-- a", "<img"),
        ] {
            let written = markdown(text);
            assert!(text.contains(live) && !written.contains(live), "{text:?}: {written}");
        }
        assert_eq!(markdown("org1-peer1 in line 3: a.b, c"), "org1-peer1 in line 3: a.b, c");
        assert_eq!(markdown("a@b"), "a<span>&#64;</span>b");
        assert_eq!(markdown("12abcdef0"), "<span>&#49;</span>2abcdef0");
    }
}
