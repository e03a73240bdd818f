//! Classification of answers that are not a success: refused, transient, ambiguous, or not from a Fabric CA.

use std::fmt;
use std::time::Duration;

use super::codes::{ErrorCode, error_code};
use super::wire::Envelope;
use crate::ErrorKind;
use crate::secret::Redactor;

/// The class of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The CA refused the credential or its rights. Never retried automatically.
    Credential,
    /// The identity is locked until a registrar sets a new secret.
    Locked,
    /// The request is invalid; the CA will always refuse it.
    Permanent,
    /// A temporary problem of the CA; may be retried.
    Transient,
    /// As [`Transient`](Self::Transient), but retried only once.
    TransientOnce,
    /// The CA may have counted and recorded the request; a retry would use another enrolment.
    Ambiguous,
    /// A proxy in front of the CA answered 5xx. May be retried; the request may have reached the CA.
    Gateway,
    /// The answer is not from a Fabric CA: wrong host, port or path.
    Misconfigured,
}

impl Class {
    /// The class of the command line's exit codes.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Credential | Self::Locked | Self::Permanent => ErrorKind::Refused,
            _ => ErrorKind::Unreachable,
        }
    }
}

/// The request that was answered. The same code can have another meaning for a secret than for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `cainfo`.
    CaInfo,
    /// `enroll`.
    Enroll,
    /// `reenroll`.
    Reenroll,
    /// `register`.
    Register,
    /// `GET identities`, or one of them.
    Identities,
    /// `PUT identities/ID`.
    ModifyIdentity,
    /// `DELETE identities/ID`.
    RemoveIdentity,
    /// `GET affiliations`, or one of them.
    Affiliations,
    /// `POST affiliations`.
    AddAffiliation,
    /// `PUT affiliations/NAME`.
    RenameAffiliation,
    /// `DELETE affiliations/NAME`.
    RemoveAffiliation,
    /// `GET certificates`.
    Certificates,
    /// `revoke`.
    Revoke,
    /// `gencrl`.
    Crl,
}

impl Operation {
    /// The name of the endpoint.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::CaInfo => "cainfo",
            Self::Enroll => "enroll",
            Self::Reenroll => "reenroll",
            Self::Register => "register",
            Self::Identities | Self::ModifyIdentity | Self::RemoveIdentity => "identities",
            Self::Affiliations | Self::AddAffiliation | Self::RenameAffiliation | Self::RemoveAffiliation => {
                "affiliations"
            }
            Self::Certificates => "certificates",
            Self::Revoke => "revoke",
            Self::Crl => "gencrl",
        }
    }

    /// The HTTP method.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Identities | Self::Affiliations | Self::Certificates => "GET",
            Self::ModifyIdentity | Self::RenameAffiliation => "PUT",
            Self::RemoveIdentity | Self::RemoveAffiliation => "DELETE",
            _ => "POST",
        }
    }

    /// Whether the request changes the state of the CA.
    pub(super) const fn changes_state(self) -> bool {
        !matches!(self, Self::CaInfo | Self::Identities | Self::Affiliations | Self::Certificates | Self::Crl)
    }

    /// Whether a certificate is issued for it.
    pub(super) const fn issues(self) -> bool {
        matches!(self, Self::Enroll | Self::Reenroll)
    }
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerError {
    /// The request.
    pub operation: Operation,
    /// HTTP status.
    pub http_status: u16,
    /// The code in the CA's envelope; `None` without an envelope.
    pub code: Option<i64>,
    /// The server's message: at most 300 characters (80 without an envelope) that are safe for a terminal. May contain
    /// identities and profiles, but not a repeated request.
    pub message: String,
    /// The class of the failure.
    pub class: Class,
    /// The pause that the answer asks for (`Retry-After`).
    pub(super) retry_after: Option<Duration>,
    /// The sender of the answer, if known not to be the CA.
    pub(super) origin: Option<&'static Origin>,
}

/// Maximum length of a message from an envelope, in characters.
const ENVELOPE_CHARS: usize = 300;
/// Maximum length of a text without an envelope, in characters.
const FOREIGN_CHARS: usize = 80;

/// A sender that is not a Fabric CA, recognised by its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Text in its answer, in lower case.
    sign: &'static str,
    /// Its name.
    name: &'static str,
    /// The next step for the user.
    next_step: &'static str,
}

const INGRESS_HOST: &str =
    "the host or path in the URL matches no rule: check the Ingress of the CA, or use the name and port of its Service";
const TLS_PORT: &str = "the port speaks TLS: write https:// in the URL and give --tls-ca";
const PATH: &str =
    "check the path in the URL: a Fabric CA serves /cainfo, /enroll and so on below it, or below /api/v1";

/// Checked in this order, and only for answers without an envelope.
static ORIGINS: [Origin; 8] = [
    Origin { sign: "default backend", name: "a Kubernetes ingress's default backend", next_step: INGRESS_HOST },
    Origin {
        sign: "http request to an https server",
        name: "a TLS port that received plain HTTP",
        next_step: TLS_PORT,
    },
    Origin {
        sign: "plain http request was sent to https port",
        name: "a TLS port that received plain HTTP",
        next_step: TLS_PORT,
    },
    Origin {
        sign: "application is not available",
        name: "an OpenShift router without a route to the CA",
        next_step: INGRESS_HOST,
    },
    Origin {
        sign: "no healthy upstream",
        name: "an Envoy proxy without a running CA",
        next_step: "check that the CA's pod is ready",
    },
    Origin {
        sign: "upstream connect error",
        name: "an Envoy proxy that cannot connect to the CA",
        next_step: "check that the CA's pod is ready",
    },
    Origin { sign: "<center>nginx", name: "nginx, not the CA", next_step: INGRESS_HOST },
    Origin {
        sign: "404 page not found",
        name: "a Go server that does not have this path: the path in the URL may be wrong, or Traefik has no route for it",
        next_step: PATH,
    },
];

/// Classifies an answer. Returns the result of a success: status 2xx and an envelope that reports success. What the
/// `redactor` knows is not in the error, in whatever encoding the server repeats it.
pub(super) fn classify(
    operation: Operation,
    http_status: u16,
    body: &[u8],
    redactor: &Redactor,
) -> Result<serde_json::Value, ServerError> {
    let ok = (200..300).contains(&http_status);
    match Envelope::parse(body) {
        Some(envelope) if ok && envelope.success => Ok(envelope.result),
        // "success" with an error status, or a failure without an error: not from a Fabric CA.
        Some(envelope) if !envelope.success && !envelope.errors.is_empty() => {
            Err(refusal(operation, http_status, &envelope, redactor))
        }
        _ => Err(foreign(operation, http_status, body, redactor)),
    }
}

fn refusal(operation: Operation, http_status: u16, envelope: &Envelope, redactor: &Redactor) -> ServerError {
    let (code, text) = envelope.errors.first().map_or((0, ""), |e| (e.code, e.message.as_str()));
    let message = if code == 5 {
        // The server repeats the whole request here, secrets included.
        "the request body is not valid JSON (the request that the CA repeats is omitted)".to_owned()
    } else {
        harmless(&redactor.redact(text), ENVELOPE_CHARS)
    };
    let class = class_of(http_status, code, &text.to_ascii_lowercase());
    ServerError { operation, http_status, code: Some(code), message, class, retry_after: None, origin: None }
}

/// Parts, in lower case, of the messages with code 0 that speak of the CA's database.
///
/// The first group is fabric-ca's own (v1.5.21 `lib/serverrequestcontext.go`, `lib/certdbaccessor.go`,
/// `lib/dbaccessor.go`, `lib/server/user/user.go`, `lib/server/db/*/*.go`), the second its drivers' (`mattn/go-sqlite3`,
/// `go-sql-driver/mysql`, `lib/pq`, Go's `database/sql`), which follow fabric-ca's words or come alone.
static DATABASE: [&str; 34] = [
    "database",
    "failed to initialize db",
    "sqlite3 db",
    "certificate record",
    "state of identity",
    "rows affected",
    "rowsaffected",
    "rows were affected",
    "incorrect password attempt",
    "identity record",
    "failed to current ca levels",
    "failed to get migrator",
    "committing transaction",
    "creating users table",
    "creating affiliations table",
    "creating certificates table",
    "creating properties table",
    "properties table",
    "locked",
    "no such table",
    "no such column",
    "readonly",
    "read-only",
    "disk i/o error",
    "sql: ",
    "pq: ",
    "lock wait timeout",
    "deadlock",
    "bad connection",
    "invalid connection",
    "too many connections",
    "connection refused",
    "connection reset by peer",
    "broken pipe",
];

fn class_of(http_status: u16, code: i64, text: &str) -> Class {
    match (code, http_status) {
        (0, 500..) if text.contains("no rows") && text.contains("state of identity") => Class::Ambiguous,
        (0, 500..) if DATABASE.iter().any(|part| text.contains(part)) => Class::Transient,
        (29 | 73, _) => error_code(code).map_or(Class::Credential, |e| e.class),
        (_, 401 | 403) => match error_code(code).map(|e| e.class) {
            Some(Class::Permanent) => Class::Permanent,
            _ => Class::Credential,
        },
        (_, 502..=504) => Class::Transient,
        (_, 400..500) => Class::Permanent,
        _ => error_code(code).map_or(Class::Permanent, |e| e.class),
    }
}

fn foreign(operation: Operation, http_status: u16, body: &[u8], redactor: &Redactor) -> ServerError {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let class = if http_status >= 500 { Class::Gateway } else { Class::Misconfigured };
    let origin = ORIGINS.iter().find(|o| lower.contains(o.sign));
    let message = harmless(&redactor.redact(&text), FOREIGN_CHARS);
    ServerError { operation, http_status, code: None, message, class, retry_after: None, origin }
}

/// Whether a server answers so where it does not have the path, or has something else there.
const fn is_of_path(http_status: u16) -> bool {
    matches!(http_status, 404 | 405)
}

/// Returns the first `limit` characters of a foreign text, safe for a terminal or a log: control and invisible
/// characters become spaces, and runs of spaces become one.
pub(super) fn harmless(text: &str, limit: usize) -> String {
    let printable = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    // Only a bounded part is read: the text may be a megabyte.
    let text: String = text.chars().take(limit * 8).map(printable).collect();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words,
    }
}

/// Characters that change the display of other text: zero-width, direction overrides, byte order mark, replacement.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}

impl ServerError {
    /// The catalogue entry of its code.
    pub fn error_code(&self) -> Option<&'static ErrorCode> {
        self.code.and_then(error_code)
    }

    /// Whether the CA may have issued, counted or recorded something.
    pub fn is_ambiguous(&self) -> bool {
        self.operation.changes_state()
            && match self.class {
                Class::Ambiguous | Class::Gateway => true,
                // A success that cannot be parsed.
                Class::Misconfigured => (200..300).contains(&self.http_status),
                _ => false,
            }
    }

    /// The next step for the user.
    pub fn next_step(&self) -> String {
        match (self.class, self.error_code(), self.origin) {
            (Class::Transient, ..) => "the CA has a temporary problem: try again later (--wait retries), or check its log and database".to_owned(),
            (Class::Ambiguous, ..) => "a concurrent enrolment of the same identity used its last enrolment; the registrar can list the issued \
                                       certificates with fabcert ca certificate list ID"
                .to_owned(),
            (.., Some(origin)) => origin.next_step.to_owned(),
            (_, Some(entry), _) if entry.code == 20 && self.operation != Operation::Enroll => {
                error_code(25).map_or(entry.next_step, |e| e.next_step).to_owned()
            }
            (_, Some(entry), _) => entry.next_step.to_owned(),
            (Class::Gateway, ..) => "check the proxy in front of the CA, and whether the CA runs; --wait retries".to_owned(),
            (Class::Misconfigured, ..) if (300..400).contains(&self.http_status) => {
                "redirects are not followed, because they would send the secret elsewhere: give the final URL of the CA".to_owned()
            }
            _ if is_of_path(self.http_status) => PATH.to_owned(),
            _ => "check host, port and path of the URL: this is not an answer of a Fabric CA".to_owned(),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, status) = (self.operation.endpoint(), self.http_status);
        if let Some(code) = self.code {
            let verb = if self.class.kind() == ErrorKind::Refused { "refused" } else { "failed" };
            write!(f, "the CA {verb} {operation} with code {code} (HTTP {status})")?;
            if let Some(entry) = self.error_code().filter(|e| e.code != 0) {
                write!(f, ": {}", entry.cause)?;
            }
            return if self.message.is_empty() || code == 5 {
                Ok(())
            } else {
                write!(f, "; CA message: \"{}\"", self.message)
            };
        }
        match self.origin {
            Some(origin) => write!(f, "{operation} was answered by {} (HTTP {status})", origin.name)?,
            None if is_of_path(status) => {
                write!(
                    f,
                    "the answer to {operation} is HTTP {status}: the path in the URL may be wrong, or the server is not a Fabric CA"
                )?;
            }
            None => write!(f, "the answer to {operation} is HTTP {status} and not from a Fabric CA")?,
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": \"{}\"", self.message) }
    }
}

impl std::error::Error for ServerError {}
