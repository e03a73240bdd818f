//! What to run next, after a result, for people: lines that can be copied.

use super::args::{LogForm, OutputArgs, OutputForm};
use super::output;
use crate::text::escape::Lines;
use crate::text::shell_word;

/// The columns of a line to copy.
const COLUMNS: usize = 80;

/// The next steps.
#[derive(Debug, Default)]
pub(super) struct Next(Lines);

impl Next {
    /// Adds a step: what it is for, and the words of its command.
    pub(super) fn step(&mut self, what: &str, words: &[String]) -> &mut Self {
        self.0.line(format_args!("next: {what}"));
        for line in command(words) {
            self.0.verbatim(format_args!("{line}"));
        }
        self
    }

    /// Prints them on standard error, unless a program reads the output or `--quiet` is given.
    pub(super) fn print(&self, output: &OutputArgs) {
        if output.output == OutputForm::Human && output.log_format == LogForm::Text && !output.quiet {
            output::note(&self.0, output.color);
        }
    }
}

/// A command on one line, which a shell takes as it is.
pub(super) fn command_line(words: &[&str]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// The words of a command from texts.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A command on lines of at most [`COLUMNS`] columns, which a shell takes as one. A flag is on a line with its value.
fn command(words: &[String]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in words {
        let word = shell_word(word);
        let is_first = parts.len() == 1;
        match parts.last_mut() {
            Some(part) if !word.starts_with("--") && (part.starts_with("--") || is_first) => {
                part.push(' ');
                part.push_str(&word);
            }
            _ => parts.push(word),
        }
    }
    let mut lines = vec!["  ".to_owned()];
    for part in parts {
        let Some(line) = lines.last_mut() else { break };
        let is_empty = line.trim().is_empty();
        if !is_empty && line.chars().count() + 1 + part.chars().count() + 2 > COLUMNS {
            line.push_str(" \\");
            lines.push(format!("      {part}"));
        } else {
            if !is_empty {
                line.push(' ');
            }
            line.push_str(&part);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_continued_before_a_flag() {
        let long = "x".repeat(40);
        let lines = command(&words(&["fabcert", "audit", "a b", "--tls-dir", &long, "--expect-san", &long]));
        assert_eq!(
            lines,
            [format!("  fabcert audit 'a b' --tls-dir {long} \\"), format!("      --expect-san {long}"),]
        );
    }
}
