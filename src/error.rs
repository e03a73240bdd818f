//! The union of the modules' errors, and the exit code of each.

use std::fmt;

/// What went wrong, in the classes of the command line's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line is wrong (2).
    Usage,
    /// The paths held nothing to look at (3).
    NoInput,
    /// Configuration or input that cannot be used (4).
    Input,
    /// Local input or output failed (5).
    Io,
    /// The CA or endpoint was not reached, or its answer is no answer of a Fabric CA (6).
    Unreachable,
    /// The CA refused (7).
    Refused,
    /// What the CA issued is not what was asked (8).
    NotAsAsked,
    /// Another fabcert holds the lock (9).
    Locked,
    /// A hook failed; the certificate is in place (10).
    Hook,
    /// A bug in fabcert (70).
    Bug,
    /// A signal with this number ended the run (128 and the number: 130 for Ctrl-C, 143 for SIGTERM).
    Signal(u8),
}

impl ErrorKind {
    /// The process exit code of this class.
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

    /// The word for this class in JSON output.
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

/// An error that a command ends with: what happened, to which file or host, why, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` says what happened and to which file or host, in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, source: None }
    }

    /// Adds `detail` to what happened.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(detail);
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The class of this error.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The process exit code.
    pub const fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// What to do next, when there is something to say.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The causes below this error, outermost first, joined by `: `; `None` when there are none.
    pub fn cause(&self) -> Option<String> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = self.source.as_deref().map(|e| e as _);
        let mut parts: Vec<String> = Vec::new();
        while let Some(e) = next {
            let text = e.to_string();
            if parts.last() != Some(&text) {
                parts.push(text);
            }
            next = e.source();
        }
        if parts.is_empty() { None } else { Some(parts.join(": ")) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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
    fn causes_are_told_outermost_first_and_once() {
        let inner = std::io::Error::other("refused");
        let middle = Error::new(ErrorKind::Io, "no connection").with_source(inner);
        let outer = Error::new(ErrorKind::Unreachable, "the CA is not reached").with_source(middle);
        assert_eq!(outer.cause().as_deref(), Some("no connection: refused"));
    }
}
