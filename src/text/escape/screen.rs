//! What reaches a terminal or the log of a CI run. Text from elsewhere (a subject, a file name, an answer of a server) must
//! not move the cursor, hide or reorder what is next to it, begin a line of its own, or give the CI system a command.
//!
//! [`is_active`] says which characters do that, [`Shown`] and [`Lines`] make one line of what is interpolated, and
//! [`Screen`] is the writer that all output passes through.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::Ipv6Addr;

/// Whether a character does more on a terminal than show itself: controls (C0, DEL, C1), bidirectional controls (UAX 9),
/// zero-width characters, line and paragraph separators, interlinear annotations, tag characters.
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// How [`Screen`] writes a character that must not be written as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text for people: `\u{1b}`. With `colour`, colour sequences (SGR) pass.
    Text {
        /// Whether fabcert colours this text.
        colour: bool,
    },
    /// Workflow commands of GitHub Actions: as text, but lines may begin with a command.
    Commands,
    /// JSON, where such a character can only be inside a string: `\u001b`.
    Json,
    /// XML, in text or an attribute: `&#x202e;`.
    Xml,
    /// Markdown: `\\u{1b}`.
    Markdown,
    /// The value of a Prometheus label: `\\u{1b}`.
    Prometheus,
}

impl Form {
    fn push(self, c: char, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Text { .. } | Self::Commands => match c {
                '\n' => out.write_str("\\n"),
                '\r' => out.write_str("\\r"),
                '\t' => out.write_str("\\t"),
                c => write!(out, "{}", c.escape_unicode()),
            },
            Self::Json => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
            // XML 1.0 has no form for the C0 controls but three (section 2.2).
            Self::Xml if u32::from(c) < 0x20 && !matches!(c, '\t' | '\n' | '\r') => out.write_char('\u{fffd}'),
            Self::Xml => write!(out, "&#x{:x};", u32::from(c)),
            Self::Markdown | Self::Prometheus => write!(out, "\\\\u{{{:x}}}", u32::from(c)),
        };
    }

    /// Whether a line of this form may begin with a command because fabcert gives it.
    const fn may_command(self) -> bool {
        !matches!(self, Self::Text { .. })
    }

    /// The length of a colour sequence at the start of `rest`, where such pass.
    fn colour(self, rest: &str) -> Option<usize> {
        let codes = rest.strip_prefix("\u{1b}[").filter(|_| self == Self::Text { colour: true })?;
        let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        codes[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
    }

    /// Appends one line, without its line end.
    fn line(self, line: &str, begins: bool, keep_tabs: bool, out: &mut String) {
        let mut at = 0;
        let command = if begins && !self.may_command() { command_at_start(line) } else { None };
        while let Some(c) = line[at..].chars().next() {
            let rest = &line[at..];
            if let Some(length) = self.colour(rest) {
                out.push_str(&rest[..length]);
                at += length;
                continue;
            }
            if Some(at) == command || ends_a_command(&line[..at], rest) || is_active(c) && !(c == '\t' && keep_tabs) {
                self.push(c, out);
            } else {
                out.push(c);
            }
            at += c.len_utf8();
        }
    }
}

/// Where a line begins with a workflow command of GitHub (`::error::`), of which the first colon is there. An IPv6 address
/// such as `::a` is not one.
fn command_at_start(line: &str) -> Option<usize> {
    let trimmed = line.trim_start();
    let name = trimmed.strip_prefix("::")?;
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let first = trimmed.split(|c: char| c.is_whitespace() || c == ',').next()?;
    (is_word && first.parse::<Ipv6Addr>().is_err()).then(|| line.len() - trimmed.len())
}

/// Whether the character between `before` and `rest` makes a command that counts anywhere in a line: the second `#` of
/// `##[group]` (GitHub), `##vso[` (Azure), `##teamcity[`; the colon of `section_start:` and `section_end:` (GitLab).
fn ends_a_command(before: &str, rest: &str) -> bool {
    if let Some(name) = rest.strip_prefix('#') {
        return before.ends_with('#') && name.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[');
    }
    rest.starts_with(':') && (before.ends_with("section_start") || before.ends_with("section_end"))
}

/// Whether a line can be written as it is; most can, and are not looked at letter by letter.
fn is_plain(line: &[u8]) -> bool {
    let is_printable = |b: &u8| matches!(b, b'\t' | b' '..=b'~');
    let could_command = |w: &[u8]| matches!(w, b"::" | b"##" | b"t:" | b"d:");
    line.iter().all(is_printable) && !line.windows(2).any(could_command)
}

/// One value from elsewhere as one line of text: line ends and everything else that a terminal acts on become visible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let mut line = String::with_capacity(text.len());
        Form::Text { colour: false }.line(&text, true, false, &mut line);
        f.pad(&line)
    }
}

/// Text for people, made line by line: nothing that is interpolated into a line can begin another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// No line.
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    /// Appends one line.
    pub(crate) fn line(&mut self, line: fmt::Arguments<'_>) -> &mut Self {
        let _ = writeln!(self.0, "{}", Shown(line));
        self
    }

    /// Appends an empty line.
    pub(crate) fn gap(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A writer through which everything goes that may be read on a terminal or in the log of a CI run. It keeps line ends and
/// tabs, and writes whole lines; [`flush`](Write::flush) writes what is left.
#[derive(Debug)]
pub(crate) struct Screen<W: Write> {
    out: W,
    form: Form,
    line: Vec<u8>,
    /// Whether the beginning of this line was written already.
    begun: bool,
}

impl<W: Write> Screen<W> {
    /// Writes to `out`.
    pub(crate) const fn new(out: W, form: Form) -> Self {
        Self { out, form, line: Vec::new(), begun: false }
    }

    fn write_line(&mut self, end: &[u8]) -> io::Result<()> {
        let line = if is_plain(&self.line) {
            Cow::Borrowed(&self.line[..])
        } else {
            let mut line = String::with_capacity(self.line.len());
            self.form.line(&String::from_utf8_lossy(&self.line), !self.begun, true, &mut line);
            Cow::Owned(line.into_bytes())
        };
        self.out.write_all(&line)?;
        self.out.write_all(end)?;
        self.begun = end.is_empty();
        self.line.clear();
        Ok(())
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            match part.split_last() {
                Some((b'\n', line)) => {
                    self.line.extend_from_slice(line);
                    self.write_line(b"\n")?;
                }
                _ => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.write_line(b"")?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, text: &str) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, form);
        // However it is cut into pieces.
        text.as_bytes().iter().for_each(|b| screen.write_all(&[*b]).unwrap());
        screen.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    const TEXT: Form = Form::Text { colour: false };

    #[test]
    fn active_characters_become_visible() {
        for c in ['\u{7}', '\u{8}', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{200f}', '\u{2028}', '\u{202e}'] {
            assert_eq!(written(TEXT, &format!("a{c}b\n")), format!("a{}b\n", Shown(c)));
            assert!(!Shown(c).to_string().contains(c), "{c:?}");
        }
        assert_eq!(Shown("a\u{1b}[2J\u{202e}\r\n\t\u{e0041}").to_string(), "a\\u{1b}[2J\\u{202e}\\r\\n\\t\\u{e0041}");
        assert_eq!(written(TEXT, "ü é 名 ⚠️ a\tb\n"), "ü é 名 ⚠️ a\tb\n");
    }

    #[test]
    fn only_colours_pass_and_only_where_text_is_coloured() {
        let coloured = Form::Text { colour: true };
        assert_eq!(written(coloured, "\u{1b}[31;1mx\u{1b}[0m\u{1b}[2J"), "\u{1b}[31;1mx\u{1b}[0m\\u{1b}[2J");
        assert_eq!(written(TEXT, "\u{1b}[0m"), "\\u{1b}[0m");
    }

    #[test]
    fn no_line_gives_a_command() {
        for (given, expected) in [
            ("::error::x", "\\u{3a}:error::x"),
            (" ::set-output name=a::b", " \\u{3a}:set-output name=a::b"),
            ("::1,::a b", "::1,::a b"),
            ("a ::error::x", "a ::error::x"),
            ("a ##vso[task]", "a #\\u{23}vso[task]"),
            ("##[group]", "#\\u{23}[group]"),
            ("## [a] ##b", "## [a] ##b"),
            ("section_start:1:a", "section_start\\u{3a}1:a"),
            ("section_end:1:a", "section_end\\u{3a}1:a"),
        ] {
            assert_eq!(Shown(given).to_string(), expected);
            assert_eq!(written(TEXT, &format!("x\n{given}\n")), format!("x\n{expected}\n"));
        }
        assert_eq!(written(Form::Commands, "::error::a\u{1b} ##[x]\n"), "::error::a\\u{1b} #\\u{23}[x]\n");
    }

    #[test]
    fn each_form_spells_an_active_character_as_its_readers_do() {
        let json = written(Form::Json, "\"a\u{7f}\u{202e}\u{e0001} ##[x]\"");
        assert_eq!(json, "\"a\\u007f\\u202e\\udb40\\udc01 #\\u0023[x]\"");
        let read: String = serde_json::from_str(&json).unwrap();
        assert_eq!(read, "a\u{7f}\u{202e}\u{e0001} ##[x]");
        assert_eq!(written(Form::Xml, "a\u{85}\u{202e}\u{1}"), "a&#x85;&#x202e;\u{fffd}");
        assert_eq!(written(Form::Markdown, "\u{1b}"), "\\\\u{1b}");
        assert_eq!(written(Form::Prometheus, "\u{1b}"), "\\\\u{1b}");
    }

    #[test]
    fn what_is_interpolated_into_a_line_begins_no_other() {
        let mut lines = Lines::new();
        lines.line(format_args!("{}: {:>4}", "a\n::error::x", "b")).gap();
        assert_eq!(lines.to_string(), "a\\n::error::x:    b\n\n");
        assert_eq!(format!("{:<4}|", Shown("a")), "a   |");
    }
}
