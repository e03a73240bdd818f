//! Results on standard output, failures on standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::args::{LogForm, OutputForm};
use crate::{Error, ErrorKind};

/// So much is written at once.
const BUFFER: usize = 64 * 1024;

/// Writes to standard output. A reader that went away is a success.
pub(super) fn print(text: &str) -> Result<(), Error> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Lets `write` write to standard output. A reader that went away is a success.
pub(super) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = io::BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Io, "standard output cannot be written").with_source(e))
        }
        _ => Ok(()),
    }
}

/// Writes one JSON value, indented, to standard output.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Bug, "the result has no JSON form").with_source(e))?;
    text.push('\n');
    print(&text)
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

/// Says what went wrong and what to do next, and gives the exit code. On standard error it is an event where the log is
/// made of events.
pub(super) fn failure(e: &Error, form: OutputForm, log: LogForm) -> ExitCode {
    if form == OutputForm::Json {
        let body = FailureBody {
            exit_code: e.exit_code(),
            kind: e.kind().as_str(),
            message: e.to_string(),
            cause: e.cause(),
            help: e.help(),
        };
        // Nothing can be done about a standard output that is gone; the exit code still tells.
        drop(print_json(&Failure { schema_version: 1, error: body }));
    }
    if log == LogForm::Json {
        tracing::error!(exit_code = e.exit_code(), kind = e.kind().as_str(), cause = e.cause(), help = e.help(), "{e}");
        return ExitCode::from(e.exit_code());
    }
    let mut text = format!("error: {e}\n");
    if let Some(cause) = e.cause() {
        text.push_str("  cause: ");
        text.push_str(&cause);
        text.push('\n');
    }
    if let Some(help) = e.help() {
        text.push_str("  help: ");
        text.push_str(help);
        text.push('\n');
    }
    drop(io::stderr().lock().write_all(text.as_bytes()));
    ExitCode::from(e.exit_code())
}
