//! `fabcert completions` and `fabcert man`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};

use super::output;
use crate::audit::RULES;
use crate::disk::{Disk, WorkingTree};
use crate::report::Format;
use crate::{Error, ErrorKind};

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fabcert completions bash > /etc/bash_completion.d/fabcert")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Write man pages.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fabcert man /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Folder for the pages. Without it the first page goes to standard output
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs, command: Command) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    let mut command = with_values(command);
    clap_complete::generate(args.shell, &mut command, "fabcert", &mut script);
    output::document(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// The command with the values that only fabcert's own checks know: rules and report formats.
fn with_values(command: Command) -> Command {
    let rules = || PossibleValuesParser::new(RULES.iter().map(|rule| rule.id));
    let formats = || PossibleValuesParser::new(Format::ALL.iter().map(|format| format.as_str()));
    command
        .mut_subcommand("audit", |audit| {
            let audit = ["allow", "warn", "deny"]
                .into_iter()
                .fold(audit, |audit, id| audit.mut_arg(id, |arg| arg.value_parser(rules())));
            audit.mut_arg("format", |arg| arg.value_parser(formats()))
        })
        .mut_subcommand("explain", |explain| explain.mut_arg("what", |arg| arg.value_parser(rules())))
}

pub(super) fn man(args: &ManArgs, mut command: Command) -> Result<ExitCode, Error> {
    command.build();
    let status = exit_status(&command);
    let render =
        |c: Command| page(c, &status).map_err(|e| Error::new(ErrorKind::Bug, "cannot make a man page").with_source(e));
    let Some(dir) = &args.dir else {
        output::document(&String::from_utf8_lossy(&render(command)?))?;
        return Ok(ExitCode::SUCCESS);
    };
    let disk = Disk::real();
    let tree = WorkingTree::here(&disk)?;
    tree.create_dirs(dir)?;
    for page in with_subcommands(&command) {
        let name = format!("{}.1", page.get_display_name().unwrap_or_else(|| page.get_name()));
        tree.replace(&dir.join(name), &render(page)?, 0o644)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A command and all below it, except for help.
fn with_subcommands(command: &Command) -> Vec<Command> {
    let below =
        command.get_subcommands().filter(|c| c.get_name() != "help" && !c.is_hide_set()).flat_map(with_subcommands);
    std::iter::once(command.clone()).chain(below).collect()
}

/// The lines about exit codes in the help of fabcert, which hold for every command.
fn exit_status(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let section = help.lines().skip_while(|line| *line != "Exit codes:").skip(1);
    section.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Files and folders that commands read and write beside those that flags name.
const FILES: [(&str, &str); 4] = [
    (".DIR.fabcert/", "beside the folder DIR: lock, record of the last issue, pending key and earlier refusals"),
    ("DIR/.fabcert/", "the same, in a folder that is a mount point"),
    ("fabcert.yaml", "policy of fabcert audit, in the working directory or above it, up to the root of the repository"),
    ("/etc/group", "names of groups for --group"),
];

/// The man page of a command. Words are not hyphenated, so that paths and flags can be copied, and examples keep their
/// lines.
fn page(mut command: Command, exit_status: &[String]) -> io::Result<Vec<u8>> {
    let after_help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_options = command.get_arguments().any(|arg| !arg.is_hide_set());
    let has_version = command.get_version().is_some();
    let has_subcommands = command.has_subcommands();
    let variables = variables(&command);
    let usage = command.render_usage().to_string();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    page.extend(b".nh\n.ad l\n");
    man.render_name_section(&mut page)?;
    writeln!(page, ".SH SYNOPSIS\n.nf")?;
    for line in usage.trim_start_matches("Usage:").lines() {
        writeln!(page, "{}", roff(line.trim()))?;
    }
    page.extend(b".fi\n");
    man.render_description_section(&mut page)?;
    if has_options {
        man.render_options_section(&mut page)?;
    }
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    let (notes, examples) = sections(&after_help);
    if !exit_status.is_empty() {
        page.extend(b".SH \"EXIT STATUS\"\n");
        for line in exit_status {
            let line = line.trim();
            let (code, meaning) = line.split_once("  ").unwrap_or_else(|| line.split_once(' ').unwrap_or((line, "")));
            writeln!(page, ".TP\n.B {code}\n{}", roff(meaning.trim()))?;
        }
    }
    page.extend(b".SH ENVIRONMENT\nA flag overrides its variable.\n");
    for (variable, flag) in variables {
        writeln!(page, ".TP\n.B {}\n{}", roff(&variable), roff(&flag))?;
    }
    page.extend(b".SH FILES\n");
    for (file, what) in FILES {
        writeln!(page, ".TP\n.I {}\n{}", roff(file), roff(what))?;
    }
    for (title, lines) in examples {
        writeln!(page, ".SH {title}\n.nf")?;
        for line in lines {
            writeln!(page, "{}", roff(line))?;
        }
        page.extend(b".fi\n");
    }
    if !notes.is_empty() {
        page.extend(b".SH NOTES\n");
        for line in notes {
            writeln!(page, "{}", if line.is_empty() { ".PP".to_owned() } else { roff(line) })?;
        }
    }
    if has_version {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

/// The variables of a command, each with its flag and the first sentence of its help.
fn variables(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let mut variables: Vec<(String, String)> = shown
        .filter_map(|arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let sentence = help.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
            let text = format!("--{}: {sentence}", arg.get_long()?);
            Some((arg.get_env()?.to_string_lossy().into_owned(), text))
        })
        .collect();
    if variables.iter().any(|(name, _)| name == "FABCERT_SECRET_FILE") {
        variables.push(("FABCERT_SECRET".to_owned(), "the enrolment secret itself".to_owned()));
    }
    if variables.iter().any(|(name, _)| name == "FABCERT_TLS_SECRET_FILE") {
        variables.push(("FABCERT_TLS_SECRET".to_owned(), "the secret for the TLS CA itself".to_owned()));
    }
    variables
        .push(("NO_COLOR, CLICOLOR_FORCE".to_owned(), "no colours, or colours also without a terminal".to_owned()));
    variables
}

/// The text after the options: paragraphs, and the parts below headings such as `Examples:`, whose lines are kept.
fn sections(text: &str) -> (Vec<&str>, Vec<(&'static str, Vec<&str>)>) {
    let (mut notes, mut parts): (Vec<&str>, Vec<(&str, Vec<&str>)>) = (Vec::new(), Vec::new());
    let mut in_part = false;
    for line in text.lines() {
        let heading = match line {
            "Exit codes:" => Some("EXIT"),
            "Example:" | "Examples:" => Some("EXAMPLES"),
            "Faults:" => Some("FAULTS"),
            _ => None,
        };
        if let Some(heading) = heading {
            parts.push((heading, Vec::new()));
            in_part = true;
        } else if in_part && (line.is_empty() || line.starts_with(' ')) {
            parts.iter_mut().next_back().into_iter().for_each(|(_, lines)| lines.push(line));
        } else {
            in_part = false;
            notes.push(line);
        }
    }
    for (_, lines) in &mut parts {
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
    }
    parts.retain(|(heading, _)| *heading != "EXIT");
    while notes.last().is_some_and(|line| line.is_empty()) {
        notes.pop();
    }
    (notes, parts)
}

/// A line of text in roff: what would be a request, an escape or a hyphen is the character itself.
fn roff(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn man_pages_keep_the_lines_of_examples() {
        let command = Command::new("x").after_help("Examples:\n  x --a \\\n      b\n\nA note.\n.c");
        let page = String::from_utf8(page(command, &["  0  Done".to_owned()]).unwrap()).unwrap();
        assert!(page.contains(".SH EXAMPLES\n.nf\n  x \\-\\-a \\e\n      b\n.fi\n"), "{page}");
        assert!(page.contains(".SH NOTES\nA note.\n\\&.c\n"), "{page}");
        assert!(page.contains(".SH \"EXIT STATUS\"\n.TP\n.B 0\nDone\n"), "{page}");
        assert!(page.contains("\n.nh\n.ad l\n"), "words are not hyphenated: {page}");
    }
}
