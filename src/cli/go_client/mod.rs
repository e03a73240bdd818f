//! The command line of the Go client, fabric-ca-client 1.5.21, whole: its grammar, variables, configuration file, home, files
//! and exit codes. Enrolments run as `fabcert enroll` does: with its proof, installed in one step, with its memory of
//! refusals.
//!
//! ```text
//! words -> grammar (flags) -> settings (variables, file, default) -> site (home, CA, MSP folder) -> one file a command
//! ```

mod affiliation;
mod caller;
mod certificate;
mod csv;
mod custom;
mod enroll;
mod file;
mod flags;
mod folder;
mod gencsr;
mod getcainfo;
mod grammar;
mod home;
mod identity;
mod mutual_tls;
mod register;
mod revoke;
mod settings;
mod site;
mod url;
mod usage;
mod version;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use super::args::{ColorChoice, LogForm, OutputArgs, OutputForm, fabric_env};
use super::{crash, logging, output, process};
use crate::disk::Disk;
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};
use flags::Command;
use grammar::{Line, Stop};
use home::Home;
use settings::{Settings, variable};
use site::{Process, Site};
use usage::Machine;

pub(super) use flags::NAME;

/// Whether the program was called by the name of the Go client.
pub(super) fn is_called(program: Option<&std::ffi::OsStr>) -> bool {
    program.is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == NAME))
}

/// Carries out a command line of the Go client; `words` follow the name of the program. Every failure ends with 1.
pub(super) fn main(words: Vec<OsString>) -> ExitCode {
    crash::caught(OutputForm::Human, LogForm::Text, || {
        process::outlive_file_size_limit();
        match process::watched(move || run(&texts(words)?)) {
            Ok(code) => code,
            Err(e) => {
                output::failure_as("Error:", &e, words::in_go_words);
                match e.kind() {
                    ErrorKind::Signal(_) => ExitCode::from(e.exit_code()),
                    _ => ExitCode::FAILURE,
                }
            }
        }
    })
}

/// The words as text. One that is not UTF-8 may have a secret in it.
fn texts(words: Vec<OsString>) -> Result<Vec<String>, Error> {
    let text = |(index, word): (usize, OsString)| {
        word.into_string().map_err(|_| {
            Error::new(ErrorKind::Usage, format!("argument {} is not UTF-8", index + 1))
                .with_help("fabcert takes ids, secrets and paths in UTF-8 alone")
        })
    };
    words.into_iter().enumerate().map(text).collect()
}

fn run(words: &[String]) -> Result<ExitCode, Error> {
    let env = fabric_env::of_process(&["CA_CFG_PATH", "HOME"])?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let process = Process { env: &env, working_dir: Disk::working_directory()?, host, disk: Disk::real() };
    let home = Home::default_dir(&env).display().to_string();
    let machine = Machine { home: &home, host: &process.host };
    let line = match Line::parse(words) {
        Ok(line) => line,
        Err(Stop::Help(command)) => {
            output::document(&usage::help(command, &machine))?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(Stop::UnknownCommand(word)) => {
            start_log(0, false);
            let similar = usage::similar(&word);
            let mut help = format!("run '{NAME} --help' for usage");
            if !similar.is_empty() {
                help = format!("did you mean {}? {help}", similar.join(" or "));
            }
            let message = format!("unknown command \"{word}\" for \"{NAME}\"");
            return Err(Error::new(ErrorKind::Usage, message).with_help(help));
        }
        Err(Stop::Flag(command, message)) => return Ok(misused(command, &machine, message)),
    };
    let command = line.command;
    if let (false, Some(_)) = (takes_words(command), line.rest.first()) {
        let message = format!("Unrecognized arguments found: [{}]", line.rest.join(" "));
        return Ok(misused(command, &machine, message));
    }
    log_of(&line, &env)?;
    // The Go client decides by the first word what a command needs.
    let first = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
    let open = || Site::open(&line, &first, &process);
    match command.path().as_str() {
        "version" => version::run(),
        "enroll" => enroll::enroll(&open()?),
        "reenroll" => enroll::reenroll(&open()?),
        "register" => register::run(&open()?),
        "gencsr" => gencsr::run(&open()?),
        "getcainfo" => getcainfo::run(&open()?),
        "revoke" => {
            let site = open()?;
            if !revoke::is_named(&site)? {
                return Ok(misused(command, &machine, revoke::UNNAMED.to_owned()));
            }
            revoke::revoke(&site)
        }
        "gencrl" => revoke::gencrl(&open()?),
        "identity list" => identity::list(&open()?),
        "identity add" => with_word(&line, "Identity", open, identity::add),
        "identity modify" => with_word(&line, "Identity", open, identity::modify),
        "identity remove" => with_word(&line, "Identity", open, identity::remove),
        "affiliation list" => affiliation::list(&open()?),
        "affiliation add" => with_word(&line, "affiliation", open, affiliation::add),
        "affiliation modify" => with_word(&line, "affiliation", open, affiliation::modify),
        "affiliation remove" => with_word(&line, "affiliation", open, affiliation::remove),
        "certificate list" => certificate::list(&open()?),
        other => Err(Error::new(ErrorKind::Bug, format!("no code for the command {other}"))),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a command about the one thing that a line names.
fn with_word<'a>(
    line: &Line,
    what: &str,
    open: impl FnOnce() -> Result<Site<'a>, Error>,
    command: impl FnOnce(&Site<'a>, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    match &line.rest[..] {
        [] => Err(Error::new(ErrorKind::Usage, format!("{what} name is required"))),
        [name] => command(&open()?, name),
        [_, other, ..] => Err(Error::new(
            ErrorKind::Usage,
            format!("Unknown argument '{other}', only the identity name should be passed in as non-flag argument"),
        )),
    }
}

/// Whether a command takes words that are not flags, or passes over them as the Go client does.
fn takes_words(command: &Command) -> bool {
    command.path().contains(' ') || command.name == "version"
}

/// Reports a wrong flag or word with the usage of the command.
fn misused(command: &Command, machine: &Machine<'_>, message: String) -> ExitCode {
    output::failure_as("Error:", &Error::new(ErrorKind::Usage, message), str::to_owned);
    let mut lines = Lines::new();
    for line in usage::usage(command, machine).lines() {
        lines.line(format_args!("{line}"));
    }
    output::note(&lines, ColorChoice::Never);
    ExitCode::FAILURE
}

/// Starts the log as the flags and variables ask; the Go client starts it before it reads the file.
fn log_of(line: &Line, env: &dyn Fn(&str) -> Option<String>) -> Result<(), Error> {
    let none = file::ConfigFile::default();
    let settings = Settings { line, env, file: &none };
    let level = settings.text("loglevel")?.to_ascii_lowercase();
    let is_debug = settings.switch("debug").map_err(|e| e.about(&variable("debug")))?;
    let verbose = u8::from(level == "debug" || level.is_empty() && is_debug);
    start_log(verbose, matches!(level.as_str(), "error" | "critical" | "fatal"));
    Ok(())
}

fn start_log(verbose: u8, quiet: bool) {
    let (output, log_format, color) = (OutputForm::Human, LogForm::Text, ColorChoice::Auto);
    logging::start(&OutputArgs { output, verbose, quiet, log_format, color }, false, false);
}
