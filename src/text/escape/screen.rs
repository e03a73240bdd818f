//! What reaches a terminal or the log of a CI run. Text from elsewhere (a subject, a file name, an answer of a server) must
//! not move the cursor, hide or reorder what is next to it, begin a line of its own, or give the CI system a command.
//!
//! [`is_active`] says which characters do that, [`Shown`] and [`Lines`](super::Lines) make one line of what is interpolated, and
//! [`Screen`] is the writer that all output passes through.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::Ipv6Addr;

/// Whether a character does more on a terminal than show itself: controls (C0, DEL, C1), bidirectional controls (UAX 9),
/// zero-width and invisible characters, line and paragraph separators, interlinear annotations, tag characters.
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
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
        loop {
            let plain = line[at..].bytes().take_while(|b| is_itself(*b)).count();
            out.push_str(&line[at..at + plain]);
            at += plain;
            let rest = &line[at..];
            let Some(c) = rest.chars().next() else { return };
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

/// What a byte may mean for a terminal or a CI system.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Itself.
    None,
    /// With the byte before it, maybe the beginning of a command.
    Command,
    /// More than itself, or a part of a character outside ASCII.
    Active,
}

const MEANINGS: [Meaning; 256] = {
    let mut meanings = [Meaning::Active; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        meanings[byte as usize] = Meaning::None;
        byte += 1;
    }
    meanings[b'\t' as usize] = Meaning::None;
    meanings[b'\n' as usize] = Meaning::None;
    meanings[b':' as usize] = Meaning::Command;
    meanings[b'#' as usize] = Meaning::Command;
    meanings
};

/// Whether a byte is a letter that means nothing else within a line. Most are, and are copied many at once.
fn is_itself(byte: u8) -> bool {
    byte >= b' ' && MEANINGS[usize::from(byte)] == Meaning::None
}

/// Whether lines can be written as they are; most can, and are not looked at letter by letter.
fn is_plain(lines: &[u8]) -> bool {
    let mut at = 0;
    while let Some(next) = lines[at..].iter().position(|byte| MEANINGS[usize::from(*byte)] != Meaning::None) {
        at += next;
        let before = &lines[..at];
        let is_plain = match lines[at] {
            b':' => !before.ends_with(b":") && !before.ends_with(b"section_start") && !before.ends_with(b"section_end"),
            b'#' => !before.ends_with(b"#"),
            _ => false,
        };
        if !is_plain {
            return false;
        }
        at += 1;
    }
    true
}

/// Makes the text from `start` on one line: line ends and everything else that a terminal acts on become visible.
pub(super) fn show(text: &mut String, start: usize) {
    let line = &text.as_bytes()[start..];
    if !is_plain(line) || memchr::memchr2(b'\n', b'\t', line).is_some() {
        let given = text.split_off(start);
        Form::Text { colour: false }.line(&given, true, false, text);
    }
}

/// One value from elsewhere as one line of text: line ends and everything else that a terminal acts on become visible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        show(&mut text, 0);
        f.pad(&text)
    }
}

/// Bytes after which the whole lines among them are written.
const BUFFER: usize = 16 * 1024;

/// A writer through which everything goes that may be read on a terminal or in the log of a CI run. It keeps line ends and
/// tabs, and writes whole lines, many at once; [`flush`](Write::flush) writes what is left.
#[derive(Debug)]
pub(crate) struct Screen<W: Write> {
    out: W,
    form: Form,
    buffer: Vec<u8>,
    /// The size of the buffer at which it is written.
    full: usize,
    /// Whether the beginning of the first line in the buffer was written already.
    begun: bool,
}

impl<W: Write> Screen<W> {
    /// Writes to `out`.
    pub(crate) const fn new(out: W, form: Form) -> Self {
        Self { out, form, buffer: Vec::new(), full: BUFFER, begun: false }
    }

    /// Writes the first `length` bytes of the buffer.
    fn write_first(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write_lines(&buffer[..length]);
        buffer.drain(..length);
        self.buffer = buffer;
        written
    }

    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(last) = lines.last() else { return Ok(()) };
        if is_plain(lines) {
            self.out.write_all(lines)?;
        } else {
            let mut begins = !self.begun;
            for line in lines.split_inclusive(|b| *b == b'\n') {
                if is_plain(line) {
                    self.out.write_all(line)?;
                } else {
                    let (text, end) = line.strip_suffix(b"\n").map_or((line, ""), |text| (text, "\n"));
                    let mut safe = String::with_capacity(line.len());
                    self.form.line(&String::from_utf8_lossy(text), begins, true, &mut safe);
                    safe.push_str(end);
                    self.out.write_all(safe.as_bytes())?;
                }
                begins = true;
            }
        }
        self.begun = *last != b'\n';
        Ok(())
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len();
        let mut bytes = bytes;
        if self.buffer.is_empty() && count >= self.full {
            // Lines that are whole already need no buffer.
            let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            self.write_lines(&bytes[..whole])?;
            bytes = &bytes[whole..];
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= self.full {
            let whole = self.buffer.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            self.write_first(whole)?;
            // A long line is not searched for its end at every write.
            self.full = BUFFER.max(2 * self.buffer.len());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_first(self.buffer.len())?;
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
    fn lines_are_judged_alone_however_many_are_written_at_once() {
        let (plain, odd) = ("a plain line\n".repeat(1000), "::error::a\u{1b}\n");
        let long = "x".repeat(3 * BUFFER);
        let text = format!("{plain}{odd}{plain}{long}{odd}::1 {odd}{long}");
        let expected = format!(
            "{plain}\\u{{3a}}:error::a\\u{{1b}}\n{plain}{long}::error::a\\u{{1b}}\n::1 ::error::a\\u{{1b}}\n{long}"
        );
        for size in [1, 100, BUFFER, 10 * BUFFER] {
            let mut out = Vec::new();
            let mut screen = Screen::new(&mut out, TEXT);
            text.as_bytes().chunks(size).for_each(|part| screen.write_all(part).unwrap());
            screen.flush().unwrap();
            // The same line goes on.
            screen.write_all(b"::error::").unwrap();
            screen.flush().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}::error::"), "{size}");
        }
    }

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
        let mut lines = crate::text::escape::Lines::new();
        lines.line(format_args!("{}: {:>4}", "a\n::error::x", "b")).gap();
        assert_eq!(lines.to_string(), "a\\n::error::x:    b\n\n");
        assert_eq!(format!("{:<4}|", Shown("a")), "a   |");
    }
}
