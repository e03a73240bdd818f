//! Completion scripts and man pages, made from the command line's own definition.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};

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
    /// Folder for the pages; the first page goes to standard output when left out
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "fabcert", &mut script);
    super::output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode, Error> {
    let mut command = super::Cli::command();
    command.build();
    let render = |c: clap::Command| {
        let mut page = Vec::new();
        clap_mangen::Man::new(c)
            .render(&mut page)
            .map(|()| page)
            .map_err(|e| Error::new(ErrorKind::Bug, "a man page could not be made").with_source(e))
    };
    let Some(dir) = &args.dir else {
        super::output::print(&String::from_utf8_lossy(&render(command)?))?;
        return Ok(ExitCode::SUCCESS);
    };
    let disk = Disk::real();
    disk.create_dirs(dir)?;
    let pages =
        std::iter::once(command.clone()).chain(command.get_subcommands().filter(|c| c.get_name() != "help").cloned());
    for page in pages {
        let name = format!("{}.1", page.get_display_name().unwrap_or_else(|| page.get_name()));
        disk.replace(&dir.join(name), &render(page)?, 0o644)?;
    }
    Ok(ExitCode::SUCCESS)
}
