//! A run that panics ends with an error as any other: one line, the right exit code.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::args::{ColorChoice, LogForm, OutputForm};
use super::output;
use crate::{Error, ErrorKind};

/// What was said by the last panic, and where: the audit catches panics and goes on.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Records panics instead of printing them: the error that ends the run contains the last one.
pub(super) fn record() {
    set_hook(Box::new(|info| {
        let text = text_of(info);
        // Other threads do not end the run by themselves.
        if !matches!(std::thread::current().name(), Some("main" | "command")) && limit(&text).is_none() {
            tracing::error!("a bug in fabcert: {text}");
        }
        keep(&mut LAST.lock().unwrap_or_else(PoisonError::into_inner), text);
    }));
}

fn keep(last: &mut Option<String>, text: String) {
    // std panics again where it joins a thread, without the cause.
    if last.is_none() || !text.starts_with("a scoped thread panicked") {
        *last = Some(text);
    }
}

fn text_of(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let owned = || payload.downcast_ref::<String>().map(String::as_str);
    let words = payload.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("unknown cause");
    info.location().map_or_else(|| words.to_owned(), |at| format!("{words} ({}:{})", at.file(), at.line()))
}

/// Runs a command; a panic becomes an error.
pub(super) fn caught(form: OutputForm, log: LogForm, command: impl FnOnce() -> ExitCode) -> ExitCode {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        let text = LAST.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        output::failure(&error_of(&text), form, log, ColorChoice::Auto)
    })
}

/// The error for a panic. Crates panic where the system refuses them a thread or a descriptor; that is not a bug.
fn error_of(text: &str) -> Error {
    let Some(errno) = limit(text) else {
        return Error::new(ErrorKind::Bug, format!("a bug in fabcert: {text}")).with_help(concat!(
            "report it with the command line: ",
            env!("CARGO_PKG_REPOSITORY"),
            "/issues"
        ));
    };
    Error::new(ErrorKind::Io, "the system refused an operation")
        .with_source(std::io::Error::from_raw_os_error(errno))
        .with_help("check the limits of this process (ulimit -a, the pids limit of the container) and the disk")
}

/// The error number in a panic's text with which the system refuses for lack of resources, or because of a failing device.
/// Any other number comes from an operation whose error was not handled: a bug.
fn limit(text: &str) -> Option<i32> {
    // std gives no number for this one.
    if text.starts_with("failed to generate random data") {
        return Some(Errno::IO.raw_os_error());
    }
    let number = ["Os { code: ", "(os error "].into_iter().find_map(|before| text.split_once(before))?.1;
    let number = number[..number.find(|c: char| !c.is_ascii_digit())?].parse().ok()?;
    let refusals = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::NOSPC, Errno::FBIG, Errno::IO];
    refusals.map(Errno::raw_os_error).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_system_is_not_a_bug() {
        let refused = [
            "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"x\" } (a.rs:1)",
            "OS can't spawn worker thread: Resource temporarily unavailable (os error 11) (a.rs:1)",
        ];
        for text in refused {
            let error = error_of(text);
            assert_eq!((error.exit_code(), error.cause().is_some_and(|c| c.contains("os error 11"))), (5, true));
        }
        let error = error_of("failed to generate random data (linux.rs:126)");
        assert_eq!((error.exit_code(), error.cause().is_some()), (5, true));
    }

    #[test]
    fn a_panic_without_a_lack_of_resources_is_a_bug() {
        let bugs = [
            "index out of bounds (a.rs:1)",
            "called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: \"x\" } (a.rs:1)",
            "cannot read: Permission denied (os error 13) (a.rs:1)",
        ];
        for text in bugs {
            let error = error_of(text);
            assert_eq!((error.exit_code(), error.to_string().contains("a.rs:1")), (70, true), "{text}");
        }
    }

    #[test]
    fn the_last_panic_is_reported() {
        let mut last = None;
        for text in ["caught by the audit (a.rs:1)", "not caught (a.rs:2)", "a scoped thread panicked (mod.rs:1)"] {
            keep(&mut last, text.to_owned());
        }
        assert_eq!(last.as_deref(), Some("not caught (a.rs:2)"));
    }
}
