//! Results on standard output, errors and the log on standard error: the only place that writes to either. Everything goes
//! through [`Screen`], so that text from elsewhere (names, paths, answers of servers) gives a terminal or a CI system no
//! command.

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::args::{ColorChoice, LogForm, OutputForm};
use super::place_names;
use super::progress::wipe;
use crate::audit::Report;
use crate::report::{self, Format, Style};
use crate::secret::without_passwords;
use crate::text::escape::{Form, Lines, Screen, Shown, indent, wrapped};
use crate::{Error, ErrorKind};

/// Bytes that are written at once.
const BUFFER: usize = 64 * 1024;
/// The columns of a terminal that does not give their number.
const USUAL: usize = 80;
/// The columns between which text is wrapped: longer lines are hard to read, shorter ones hold too few words.
const NARROWEST: usize = 30;
const WIDEST: usize = 120;
const PLAIN: Form = Form::Text { colour: false };

/// Prints lines for people, as wide as the terminal if standard output is one.
pub(super) fn print(lines: &Lines) -> Result<(), Error> {
    match columns(&io::stdout()) {
        Some(columns) => document(&lines.wrapped(columns)),
        None => document(lines.as_str()),
    }
}

/// The number of columns of a terminal, at most [`WIDEST`]; `None` for anything else.
fn columns(stream: &(impl io::IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let columns = rustix::termios::tcgetwinsize(stream).map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { USUAL } else { columns.clamp(NARROWEST, WIDEST) })
}

/// Prints one line for people.
pub(super) fn print_line(line: std::fmt::Arguments<'_>) -> Result<(), Error> {
    print(Lines::new().line(line))
}

/// Prints a document whose line ends are fabcert's own: a script, a page, a CSR, a manifest.
pub(super) fn document(text: &str) -> Result<(), Error> {
    to_stdout(|out| {
        let mut screen = Screen::new(out, PLAIN);
        screen.write_all(text.as_bytes())?;
        screen.flush()
    })
}

/// Prints one JSON value, indented.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Bug, "the result has no JSON form").with_source(e))?;
    let text = place_names::in_text(&text);
    to_stdout(|out| {
        let mut screen = Screen::new(out, Form::Json);
        writeln!(screen, "{text}")?;
        screen.flush()
    })
}

/// Prints the report of an audit.
pub(super) fn print_report(format: Format, report: &Report, color: ColorChoice) -> Result<(), Error> {
    let style = Style { colour: colored(color, io::stdout().is_terminal()) };
    let columns = columns(&io::stdout()).filter(|_| format == Format::Human);
    to_stdout(|out| match columns {
        Some(columns) => {
            let mut out = Wrapping { out, columns, line: Vec::new() };
            report::render(format, report, style, &mut out)?;
            out.flush()
        }
        None => report::render(format, report, style, out),
    })
}

/// Wraps each line at the columns of a terminal.
struct Wrapping<'a> {
    out: &'a mut dyn Write,
    columns: usize,
    line: Vec<u8>,
}

impl Write for Wrapping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if let Some(line) = self.line.strip_suffix(b"\n") {
                let line = String::from_utf8_lossy(line);
                // Below the head of a finding, text is in its eighth column, and a command stays on its line.
                match (line.starts_with("  "), line.starts_with("  fix  fabcert ")) {
                    (_, true) => writeln!(self.out, "{line}")?,
                    (true, _) => writeln!(self.out, "{}", wrapped(&line, self.columns, 7))?,
                    _ => writeln!(self.out, "{}", wrapped(&line, self.columns, 2))?,
                }
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.line)?;
        self.line.clear();
        self.out.flush()
    }
}

/// Lets `write` write to standard output. A reader that went away is a success.
fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = io::BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(e)),
        _ => Ok(()),
    }
}

/// The result of printing what was done: an error says that it is done, and where.
pub(super) fn after(printed: Result<(), Error>, done: impl FnOnce() -> String) -> Result<(), Error> {
    printed.map_err(|e| e.with_items([done()]))
}

/// Paths for a message: `a and b`.
pub(super) fn paths<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    paths.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn unwritable(e: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot write to standard output").with_source(e)
}

/// `{"schema_version":1,"error":{...}}`.
#[derive(Serialize)]
struct Failure<'a> {
    schema_version: u32,
    error: FailureBody<'a>,
}

#[derive(Serialize)]
struct FailureBody<'a> {
    exit_code: u8,
    kind: &'a str,
    message: String,
    cause: Option<String>,
    help: Option<&'a str>,
}

/// Prints an error with its cause and what to do next, and gives the exit code. With `--output json` the error is a JSON
/// object on standard output as well; with `--log-format json` it is an event on standard error.
pub(super) fn failure(e: &Error, form: OutputForm, log: LogForm, color: ColorChoice) -> ExitCode {
    if form == OutputForm::Json {
        let body = FailureBody {
            exit_code: e.exit_code(),
            kind: e.kind().as_str(),
            message: without_passwords(&e.to_string()).into_owned(),
            cause: e.cause().map(|cause| without_passwords(&cause).into_owned()),
            help: e.help(),
        };
        // A closed standard output cannot be reported there; the exit code still says what happened.
        drop(print_json(&Failure { schema_version: 1, error: body }));
    }
    if log == LogForm::Json {
        tracing::error!(exit_code = e.exit_code(), kind = e.kind().as_str(), cause = e.cause(), help = e.help(), "{e}");
        return ExitCode::from(e.exit_code());
    }
    to_stderr_as(ERROR, e, color, str::to_owned);
    ExitCode::from(e.exit_code())
}

/// Prints an error for people after another word than usual, and in other words.
pub(super) fn failure_as(head: &str, e: &Error, worded: impl Fn(&str) -> String) {
    to_stderr_as(head, e, ColorChoice::Auto, worded);
}

fn to_stderr_as(head: &str, e: &Error, color: ColorChoice, worded: impl Fn(&str) -> String) {
    let mut lines = Lines::new();
    lines.line(format_args!("{head} {}", worded(&without_passwords(e.message()))));
    for item in e.items() {
        lines.hanging(6, format_args!("  {}", worded(&without_passwords(item))));
    }
    if let Some(cause) = e.cause() {
        lines.hanging(9, format_args!("{CAUSE} {}", without_passwords(&cause)));
    }
    if let Some(help) = e.help() {
        lines.hanging(8, format_args!("{HELP} {}", worded(help)));
    }
    drop(to_stderr_wrapped(&lines, color));
}

/// Prints what clap says: help and the version on standard output, usage errors on standard error. Words of the command
/// line in it are expected to be [shown](shown) already.
pub(super) fn clap(e: &clap::Error, choice: ColorChoice, after: Option<String>) -> ExitCode {
    let is_error = e.use_stderr();
    let is_terminal = if is_error { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
    let colour = colored(choice, is_terminal);
    let rendered = e.render();
    let mut text = if colour { rendered.ansi().to_string() } else { rendered.to_string() };
    if let Some(after) = after {
        text.push('\n');
        text.push_str(&after);
        text.push('\n');
    }
    let form = Form::Text { colour };
    let written = if is_error {
        to_stderr(form, text.as_bytes())
    } else {
        let mut screen = Screen::new(io::stdout().lock(), form);
        screen.write_all(text.as_bytes()).and_then(|()| screen.flush())
    };
    match written {
        _ if is_error => ExitCode::from(ErrorKind::Usage.exit_code()),
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            failure(&unwritable(e), OutputForm::Human, LogForm::Text, choice)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints a note for people on standard error.
pub(super) fn note(lines: &Lines, color: ColorChoice) {
    drop(to_stderr_wrapped(lines, color));
}

/// Prints a text for people whose lines are made already, as wide as the terminal if standard output is one.
pub(super) fn page(text: &str) -> Result<(), Error> {
    let text = &*place_names::in_text(text);
    match columns(&io::stdout()) {
        Some(columns) => {
            let lines: Vec<String> = text.lines().map(|line| wrapped(line, columns, indent(line) + 2)).collect();
            document(&format!("{}\n", lines.join("\n")))
        }
        None => document(text),
    }
}

/// Whether standard error is a terminal.
pub(super) fn errors_go_to_a_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints a question on standard error; the answer follows on the same line.
pub(super) fn ask(question: &str) {
    drop(to_stderr(PLAIN, question.as_bytes()));
}

/// A word of the command line as one line of text.
pub(super) fn shown(text: &str) -> String {
    Shown(text).to_string()
}

const ERROR: &str = "error:";
const CAUSE: &str = "  cause:";
const HELP: &str = "  help:";
/// What lines on standard error begin with, and its colour (SGR).
const HEADS: [(&str, &str); 5] =
    [(ERROR, "1;31"), ("warning:", "1;33"), (CAUSE, "1"), (HELP, "1;36"), ("next:", "1;32")];

/// Prints lines on standard error: as wide as the terminal, and with colour, if it is one.
fn to_stderr_wrapped(lines: &Lines, color: ColorChoice) -> io::Result<()> {
    let stderr = io::stderr();
    let text = match columns(&stderr) {
        Some(columns) => lines.wrapped(columns),
        None => lines.to_string(),
    };
    if !colored(color, stderr.is_terminal()) {
        return to_stderr(PLAIN, text.as_bytes());
    }
    let painted: Vec<String> = text.lines().map(painted).collect();
    to_stderr(Form::Text { colour: true }, format!("{}\n", painted.join("\n")).as_bytes())
}

/// A line with its first word in colour, if it is one that has a colour.
fn painted(line: &str) -> String {
    let head = HEADS.iter().find_map(|(head, colour)| Some((head, colour, line.strip_prefix(head)?)));
    match head {
        Some((head, colour, rest)) => format!("\u{1b}[{colour}m{head}\u{1b}[0m{rest}"),
        None => line.to_owned(),
    }
}

fn to_stderr(form: Form, bytes: &[u8]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    wipe(&mut stderr);
    let mut screen = Screen::new(stderr, form);
    screen.write_all(bytes)?;
    screen.flush()
}

/// Where the log goes: each write is one event, and becomes one line.
pub(super) fn log_writer(log: LogForm, color: ColorChoice) -> impl Fn() -> LogWriter {
    move || LogWriter(log, color)
}

/// See [`log_writer`].
pub(super) struct LogWriter(LogForm, ColorChoice);

impl Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = without_passwords(text.strip_suffix('\n').unwrap_or(&text));
        let text = place_names::in_text(&text);
        match self.0 {
            LogForm::Text => to_stderr_wrapped(Lines::new().line(format_args!("{text}")), self.1)?,
            LogForm::Json => to_stderr(Form::Json, format!("{text}\n").as_bytes())?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Whether to colour a stream.
fn colored(choice: ColorChoice, is_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let is_forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
            !is_set("NO_COLOR") && (is_forced || is_terminal && takes_escapes())
        }
    }
}

/// Whether the terminal understands escape sequences: those of editors and of some CI systems do not.
pub(super) fn takes_escapes() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
