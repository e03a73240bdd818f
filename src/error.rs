//! The error that every operation ends with, and the exit code of each kind.

use std::fmt;
use std::time::Duration;

/// What went wrong, by the exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line is wrong (2).
    Usage,
    /// The paths hold nothing to look at (3).
    NoInput,
    /// A configuration or an input cannot be used (4).
    Input,
    /// Local input or output failed (5).
    Io,
    /// The CA or endpoint was not reached, or what answered is not a Fabric CA (6).
    Unreachable,
    /// The CA refused (7).
    Refused,
    /// What the CA issued differs from the request (8).
    NotAsAsked,
    /// Another fabcert holds the lock (9).
    Locked,
    /// A hook failed; the certificate is in place (10).
    Hook,
    /// A bug in fabcert (70).
    Bug,
    /// A signal with this number ended the run (128 plus the number: 130 for Ctrl-C, 143 for SIGTERM).
    Signal(u8),
}

impl ErrorKind {
    /// The exit code of the process.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NoInput => 3,
            Self::Input => 4,
            Self::Io => 5,
            Self::Unreachable => 6,
            Self::Refused => 7,
            Self::NotAsAsked => 8,
            Self::Locked => 9,
            Self::Hook => 10,
            Self::Bug => 70,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// The word for this kind in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NoInput => "no-input",
            Self::Input => "input",
            Self::Io => "io",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::NotAsAsked => "not-as-asked",
            Self::Locked => "locked",
            Self::Hook => "hook",
            Self::Bug => "bug",
            Self::Signal(_) => "signal",
        }
    }
}

/// The error that an operation ends with: what happened, to which file or host, why, and what to do next.
///
/// The texts may quote file names, certificates and servers. Escape them before you print them on a terminal.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    items: Vec<String>,
    help: Option<Box<str>>,
    retry_after: Option<Duration>,
    answer: Option<Box<(i64, String)>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` says what happened and to which file or host, in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            items: Vec::new(),
            help: None,
            retry_after: None,
            answer: None,
            source: None,
        }
    }

    /// Adds the things that the message is about, each printed on a line of its own.
    #[must_use]
    pub fn with_items(mut self, items: impl IntoIterator<Item = String>) -> Self {
        self.items.extend(items);
        self
    }

    /// Appends `detail` to the message.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(detail);
        self
    }

    /// Appends the flag or variable that names what the message is about.
    #[must_use]
    pub(crate) fn given_with(mut self, origin: &str) -> Self {
        self.message.push_str(" (given with ");
        self.message.push_str(origin);
        self.message.push(')');
        self
    }

    /// Begins the message with the flag or the file that it is about.
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Sets what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into().into_boxed_str());
        self
    }

    /// The same error with its message, items and help changed.
    #[cfg(feature = "kubernetes")]
    #[must_use]
    pub(crate) fn with_texts(mut self, change: &dyn Fn(&str) -> String) -> Self {
        self.message = change(&self.message);
        self.items.iter_mut().for_each(|item| *item = change(item));
        self.help = self.help.map(|help| change(&help).into_boxed_str());
        self
    }

    /// Sets the time after which the operation may be tried again.
    #[must_use]
    pub(crate) const fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Sets code and text of the answer of a Fabric CA.
    #[must_use]
    pub(crate) fn with_answer(mut self, code: i64, text: String) -> Self {
        self.answer = Some(Box::new((code, text)));
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The kind of this error.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The message without the items.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The things that the message is about.
    pub(crate) fn items(&self) -> &[String] {
        &self.items
    }

    /// What to do next, if known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The time after which the operation may be tried again, if what refused it says so.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Code and text of the answer of a Fabric CA, where the error is about one.
    pub(crate) fn answer(&self) -> Option<(i64, &str)> {
        self.answer.as_ref().map(|answer| (answer.0, answer.1.as_str()))
    }

    /// Whether the error behind this one is an `E` that fits.
    pub(crate) fn source_is<E: std::error::Error + 'static>(&self, fits: impl FnOnce(&E) -> bool) -> bool {
        self.source.as_ref().and_then(|source| source.downcast_ref()).is_some_and(fits)
    }

    /// The chain of causes, outermost first, joined by `: `, without those that the message or an outer cause says already.
    pub fn cause(&self) -> Option<String> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = self.source.as_deref().map(|e| e as _);
        let mut parts: Vec<String> = Vec::new();
        while let Some(e) = next {
            let text = e.to_string();
            if ![&self.message].into_iter().chain(&parts).any(|said| said.contains(&text)) {
                parts.push(text);
            }
            next = e.source();
        }
        if parts.is_empty() { None } else { Some(parts.join(": ")) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.items.iter().try_for_each(|item| write!(f, "\n  {item}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_frozen() {
        use ErrorKind::{Bug, Hook, Input, Io, Locked, NoInput, NotAsAsked, Refused, Signal, Unreachable, Usage};
        let all =
            [Usage, NoInput, Input, Io, Unreachable, Refused, NotAsAsked, Locked, Hook, Bug, Signal(2), Signal(15)];
        let found: Vec<(u8, &str)> = all.iter().map(|k| (k.exit_code(), k.as_str())).collect();
        let frozen = [
            (2, "usage"),
            (3, "no-input"),
            (4, "input"),
            (5, "io"),
            (6, "unreachable"),
            (7, "refused"),
            (8, "not-as-asked"),
            (9, "locked"),
            (10, "hook"),
            (70, "bug"),
            (130, "signal"),
            (143, "signal"),
        ];
        assert_eq!(found, frozen);
    }

    #[test]
    fn causes_come_outermost_first_and_once() {
        let inner = std::io::Error::other("refused");
        let middle = Error::new(ErrorKind::Io, "no connection").with_source(inner);
        let outer = Error::new(ErrorKind::Unreachable, "the CA was not reached").with_source(middle);
        assert_eq!(outer.cause().as_deref(), Some("no connection: refused"));
        let said = Error::new(ErrorKind::Io, "cannot listen: in use").with_source(std::io::Error::other("in use"));
        assert_eq!(said.cause(), None, "the message says it");
    }

    #[test]
    fn items_follow_the_message_one_a_line() {
        let error = Error::new(ErrorKind::Input, "no value for").with_items(["a".to_owned(), "b".to_owned()]);
        assert_eq!(error.to_string(), "no value for\n  a\n  b");
    }
}
