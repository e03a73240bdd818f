//! Text for people, made line by line, and its form on a terminal, where a line is as wide as the terminal.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthChar as _;

use super::screen::show;

/// Text for people, made line by line: nothing that is interpolated into a line can begin another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The lines, each with its line end.
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// Where its line end is in the text.
    end: usize,
    hang: Hang,
}

/// Where a line goes on when it is wrapped.
#[derive(Clone, Copy, Debug)]
enum Hang {
    /// Two columns to the right of its beginning.
    Indented,
    /// At a column.
    At(usize),
    /// It is never wrapped.
    Never,
}

impl Lines {
    /// No line.
    pub(crate) const fn new() -> Self {
        Self { text: String::new(), lines: Vec::new() }
    }

    /// Whether there is no line.
    pub(crate) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Appends one line. When it is wrapped, it goes on two columns to the right of its beginning.
    pub(crate) fn line(&mut self, line: fmt::Arguments<'_>) -> &mut Self {
        self.push(Hang::Indented, line)
    }

    /// Appends one line, which goes on at the column `hang` when it is wrapped.
    pub(crate) fn hanging(&mut self, hang: usize, line: fmt::Arguments<'_>) -> &mut Self {
        self.push(Hang::At(hang), line)
    }

    /// Appends one line that is never wrapped, such as one to copy.
    pub(crate) fn verbatim(&mut self, line: fmt::Arguments<'_>) -> &mut Self {
        self.push(Hang::Never, line)
    }

    /// Appends an empty line.
    pub(crate) fn gap(&mut self) -> &mut Self {
        self.push(Hang::Never, format_args!(""))
    }

    fn push(&mut self, hang: Hang, line: fmt::Arguments<'_>) -> &mut Self {
        let start = self.text.len();
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(line);
        show(&mut self.text, start);
        self.lines.push(Line { end: self.text.len(), hang });
        self.text.push('\n');
        self
    }

    /// The text where nothing is wrapped.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text on a terminal with this number of columns.
    pub(crate) fn wrapped(&self, columns: usize) -> String {
        let mut out = String::new();
        let mut start = 0;
        for Line { end, hang } in &self.lines {
            let line = &self.text[start..*end];
            match hang {
                Hang::Indented => wrap(line, columns, indent(line) + 2, &mut out),
                Hang::At(hang) => wrap(line, columns, *hang, &mut out),
                Hang::Never => out.push_str(line),
            }
            out.push('\n');
            start = end + 1;
        }
        out
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One line of text, maybe coloured, on a terminal with this number of columns. It goes on at the column `hang`.
pub(crate) fn wrapped(line: &str, columns: usize, hang: usize) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    wrap(line, columns, hang, &mut out);
    out
}

/// The number of spaces at the beginning of a line.
pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Appends `line` with breaks at spaces. A word that is longer than a line, such as a path, is not broken.
fn wrap(line: &str, columns: usize, hang: usize, out: &mut String) {
    if width(line) <= columns {
        out.push_str(line);
        return;
    }
    let hang = if hang > columns / 2 { (indent(line) + 2).min(columns / 2) } else { hang };
    let mut at = 0;
    let mut rest = line;
    let mut is_first = true;
    while !rest.is_empty() {
        let spaces = indent(rest);
        let word_end = rest[spaces..].find(' ').map_or(rest.len(), |end| spaces + end);
        let (blank, word) = (&rest[..spaces], &rest[spaces..word_end]);
        let needed = spaces + width(word);
        if !is_first && at > hang && at + needed > columns {
            let _ = write!(out, "\n{:hang$}{word}", "");
            at = hang + width(word);
        } else {
            out.push_str(blank);
            out.push_str(word);
            at += needed;
        }
        is_first = false;
        rest = &rest[word_end..];
    }
}

/// The columns that a text takes on a terminal: wide characters take two, combining ones and colour sequences none.
fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| *c == 'm');
        } else {
            columns += c.width().unwrap_or(0);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_spaces_and_go_on_below_their_text() {
        let mut lines = Lines::new();
        lines.hanging(9, format_args!("  names  alpha, beta, gamma, delta"));
        lines.line(format_args!("help: a/path/that/is/longer/than/the/line then words"));
        lines.verbatim(format_args!("fabcert enroll --url https://org1-ca --id peer1"));
        let text = lines.wrapped(20);
        assert_eq!(
            text,
            "  names  alpha,\n         beta,\n         gamma,\n         delta\n\
             help:\n  a/path/that/is/longer/than/the/line\n  then words\n\
             fabcert enroll --url https://org1-ca --id peer1\n"
        );
        assert_eq!(lines.to_string().lines().count(), 3, "without a terminal nothing is wrapped");
    }

    #[test]
    fn a_hang_beyond_the_middle_is_not_kept() {
        let mut lines = Lines::new();
        lines.hanging(15, format_args!("  a              b c d e f"));
        assert_eq!(lines.wrapped(20), "  a              b c\n    d e f\n");
    }

    #[test]
    fn wide_and_combining_characters_are_counted_by_their_columns() {
        assert_eq!(width("\u{4e2d}\u{6587}"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("\u{1b}[31merror\u{1b}[0m"), 5);
        assert_eq!(wrapped("\u{4e2d}\u{6587} \u{4e2d}\u{6587}", 8, 2), "\u{4e2d}\u{6587}\n  \u{4e2d}\u{6587}");
    }
}
