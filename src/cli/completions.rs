//! `fabcert completions` and `fabcert man`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};

use super::output;
use crate::disk::Disk;
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

pub(super) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "fabcert", &mut script);
    output::document(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs, mut command: Command) -> Result<ExitCode, Error> {
    command.build();
    let render = |c: Command| page(c).map_err(|e| Error::new(ErrorKind::Bug, "cannot make a man page").with_source(e));
    let Some(dir) = &args.dir else {
        output::document(&String::from_utf8_lossy(&render(command)?))?;
        return Ok(ExitCode::SUCCESS);
    };
    let disk = Disk::real();
    disk.create_dirs(dir)?;
    for page in with_subcommands(&command) {
        let name = format!("{}.1", page.get_display_name().unwrap_or_else(|| page.get_name()));
        disk.replace(&dir.join(name), &render(page)?, 0o644)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A command and all below it, except for help.
fn with_subcommands(command: &Command) -> Vec<Command> {
    let below = command.get_subcommands().filter(|c| c.get_name() != "help").flat_map(with_subcommands);
    std::iter::once(command.clone()).chain(below).collect()
}

/// The man page of a command. Its examples and exit codes keep their lines, so that they can be copied.
fn page(command: Command) -> io::Result<Vec<u8>> {
    let after_help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_options = command.get_arguments().any(|arg| !arg.is_hide_set());
    let has_version = command.get_version().is_some();
    let has_subcommands = command.has_subcommands();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if has_options {
        man.render_options_section(&mut page)?;
    }
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    for line in after_help.lines() {
        match line {
            "Exit codes:" => page.extend(b".SH \"EXIT STATUS\"\n.nf\n"),
            "Example:" | "Examples:" => page.extend(b".SH EXAMPLES\n.nf\n"),
            "Faults:" => page.extend(b".SH FAULTS\n.nf\n"),
            line => writeln!(page, "{}", roff(line))?,
        }
    }
    page.extend(b".fi\n");
    if has_version {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
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
        let command = Command::new("x").after_help("Examples:\n  x --a \\\n      b\n.c");
        let page = String::from_utf8(page(command).unwrap()).unwrap();
        assert!(page.contains(".SH EXAMPLES\n.nf\n  x \\-\\-a \\e\n      b\n\\&.c\n.fi\n"), "{page}");
    }
}
