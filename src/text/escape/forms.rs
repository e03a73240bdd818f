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

/// Text in Markdown, also in a cell of a table.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
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
        assert_eq!(markdown("a|b<c>~~"), "a\\|b&lt;c&gt;\\~\\~");
    }
}
