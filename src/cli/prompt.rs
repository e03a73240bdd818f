//! Questions to a person at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::args::{LogForm, OutputArgs, OutputForm};
use super::{output, process};
use crate::identity::SecretSource;
use crate::{Error, ErrorKind};

/// A person who can answer: the questions go to standard error, the answers come from standard input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prompt(());

impl Prompt {
    /// A prompt, if standard input and standard error are terminals and nothing says that a program reads the output.
    pub(super) fn on_a_terminal(output: &OutputArgs) -> Option<Self> {
        let is_for_people =
            output.output == OutputForm::Human && output.log_format == LogForm::Text && !output.quiet && !is_ci();
        (is_for_people && io::stdin().is_terminal() && output::errors_go_to_a_terminal()).then_some(Self(()))
    }

    /// Asks for one line. The answer may be empty.
    #[allow(clippy::unused_self, reason = "only a prompt on a terminal asks")]
    pub(super) fn line(self, question: &str, example: &str) -> Result<String, Error> {
        output::ask(&format!("{question} (for example {example}): "));
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer).map_err(unreadable)? {
            0 => Err(ended()),
            _ => Ok(answer.trim().to_owned()),
        }
    }

    /// Asks for a secret, which is not echoed.
    #[allow(clippy::unused_self, reason = "only a prompt on a terminal asks")]
    pub(super) fn secret(self, question: &str) -> Result<SecretSource, Error> {
        // Before the question: a program may answer at once.
        let silent = Silent::new()?;
        output::ask(&format!("{question} (not shown): "));
        let answer = typed(io::stdin().lock().bytes());
        drop(silent);
        SecretSource::given(&answer?, "the secret that was typed")
    }
}

/// Whether a CI system runs this: they set `CI`.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// The line that is typed, up to Enter: Backspace removes a character, Ctrl-U all of them, Ctrl-C and Ctrl-D end the run.
fn typed(bytes: impl Iterator<Item = io::Result<u8>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    for byte in bytes {
        match byte.map_err(unreadable)? {
            b'\r' | b'\n' => return Ok(line),
            0x03 => {
                return Err(Error::new(ErrorKind::Signal(2), "ended by Ctrl-C; nothing was sent or written"));
            }
            0x04 if line.is_empty() => return Err(ended()),
            0x08 | 0x7f => {
                // The bytes of one character of UTF-8.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            0x15 => line.clear(),
            byte => line.push(byte),
        }
    }
    Err(ended())
}

fn unreadable(e: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot read the answer from the terminal").with_source(e)
}

fn ended() -> Error {
    Error::new(ErrorKind::Usage, "the terminal was closed before the answer")
        .with_help("give the value with its flag; fabcert enroll --help shows all options")
}

/// The terminal without echo, and without its keys for signals, which would leave it so. Restored when it goes.
struct Silent;

/// The modes of the terminal before its echo was turned off.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Restores the echo of the terminal if a question turned it off.
pub(super) fn restore_echo() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        // Enter was not echoed.
        output::ask("\n");
    }
}

impl Silent {
    fn new() -> Result<Self, Error> {
        let failed = |e: rustix::io::Errno| {
            Error::new(ErrorKind::Io, "cannot turn off the echo of the terminal")
                .with_source(io::Error::from(e))
                .with_help("give the secret with --secret-file")
        };
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        process::SILENT.notify_one();
        process::HANDLED.wait();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent).map_err(failed)?;
        Ok(Self)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        restore_echo();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Result<String, u8> {
        let line = typed(bytes.iter().map(|byte| Ok(*byte))).map_err(|e| e.exit_code())?;
        Ok(String::from_utf8(line.to_vec()).unwrap())
    }

    #[test]
    fn keys_of_a_terminal_edit_the_secret() {
        assert_eq!(line(b"abc\r"), Ok("abc".to_owned()));
        assert_eq!(line("a\u{e4}\u{7f}b\n".as_bytes()), Ok("ab".to_owned()));
        assert_eq!(line(b"wrong\x15right\n"), Ok("right".to_owned()));
        assert_eq!(line(b"ab\x03"), Err(130));
        assert_eq!(line(b"\x04"), Err(2));
        assert_eq!(line(b"ab"), Err(2));
    }
}
