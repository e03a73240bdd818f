//! Errors of requests to a CA.

use std::time::Duration;

use super::TlsFailure;
use super::status::{Class, Operation, ServerError};
use crate::pki::key::KeyError;
use crate::{Error, ErrorKind};

/// An error of a request to a CA. `address` is `HOST:PORT`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// An `http://` URL without permission.
    #[error("{address}: the CA's URL has the scheme http, which sends the enrolment secret in clear")]
    Plaintext {
        /// The CA.
        address: String,
    },
    /// No trust anchor was given.
    #[error("{address}: no trust anchor is given for the CA's TLS certificate")]
    NoAnchors {
        /// The CA.
        address: String,
    },
    /// The client certificate for mutual TLS cannot be used.
    #[error("the TLS client certificate for {address} cannot be used: {reason}")]
    ClientIdentity {
        /// The CA.
        address: String,
        /// The reason.
        reason: String,
    },
    /// The proxy's URL cannot be used. It is not shown, because it may contain a password.
    #[error("the proxy's URL cannot be used")]
    Proxy,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up: {reason}")]
    Setup {
        /// The reason.
        reason: String,
    },
    /// An enrolment id that cannot enrol.
    #[error("the enrolment id \"{id}\" cannot enrol: {reason}")]
    Id {
        /// The id.
        id: String,
        /// The reason.
        reason: &'static str,
    },
    /// A name that no request can address.
    #[error("\"{name}\" cannot be addressed at a CA: {reason}")]
    Name {
        /// The enrolment id or affiliation.
        name: String,
        /// The reason.
        reason: &'static str,
    },
    /// A certificate or key that cannot sign an `Authorization` header.
    #[error("the request to {address} could not be signed")]
    Signing {
        /// The CA.
        address: String,
        /// The reason.
        #[source]
        source: KeyError,
    },
    /// The host name has no address.
    #[error("{address}: the host name could not be resolved: {reason}")]
    Resolve {
        /// The CA.
        address: String,
        /// The resolver's message.
        reason: String,
    },
    /// No connection; nothing was sent.
    #[error("{address}: no connection: {reason}")]
    Connect {
        /// The CA.
        address: String,
        /// The system's message.
        reason: String,
    },
    /// No connection, TLS included, in time; nothing was sent.
    #[error("{address}: no connection within {}", humantime::format_duration(*.after))]
    ConnectTimeout {
        /// The CA.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// The proxy was not reached, or opened no connection to the CA; nothing was sent.
    #[error("the proxy {proxy}: {reason}")]
    Proxied {
        /// `HOST:PORT` of the proxy.
        proxy: String,
        /// What happened.
        reason: String,
    },
    /// No trusted TLS connection; no request was processed.
    #[error("{address}: {failure}")]
    Tls {
        /// The CA.
        address: String,
        /// The reason.
        failure: Box<TlsFailure>,
    },
    /// The request was sent, but the answer did not arrive in time.
    #[error("{address}: no complete answer to {} within {}", .operation.endpoint(), humantime::format_duration(*.after))]
    TimedOut {
        /// The CA.
        address: String,
        /// The request.
        operation: Operation,
        /// The limit.
        after: Duration,
    },
    /// The connection broke after the request was sent.
    #[error("{address}: the connection broke before the answer to {} was complete: {reason}", .operation.endpoint())]
    Lost {
        /// The CA.
        address: String,
        /// The request.
        operation: Operation,
        /// The system's message.
        reason: String,
    },
    /// The answer is longer than that of any Fabric CA.
    #[error("{address}: the answer to {} is longer than {limit} bytes (HTTP {http_status})", .operation.endpoint())]
    TooLarge {
        /// The CA.
        address: String,
        /// The request.
        operation: Operation,
        /// HTTP status.
        http_status: u16,
        /// The limit in bytes.
        limit: usize,
    },
    /// An answer that is not a success.
    #[error("{address}: {error}")]
    Server {
        /// The CA.
        address: String,
        /// The answer.
        error: ServerError,
    },
    /// An answer that reports success but lacks its content.
    #[error("{address}: the CA's answer to {} cannot be used: {reason}", .operation.endpoint())]
    Unusable {
        /// The CA.
        address: String,
        /// The request.
        operation: Operation,
        /// The missing or invalid part.
        reason: &'static str,
    },
}

/// What a failed request by secret means for the CA's count of wrong secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockRisk {
    /// It never reached the CA, or the CA answered about something else than the secret.
    None,
    /// It was refused: the CA may have counted it.
    Refused,
    /// It is open whether the CA counted it.
    Open,
}

impl LockRisk {
    /// Of an answer without the envelope of a Fabric CA: a proxy may have replaced the CA's own answer.
    const fn of_foreign(http_status: u16) -> Self {
        match http_status {
            401 | 403 | 407 => Self::Refused,
            _ => Self::Open,
        }
    }
}

impl CaError {
    /// What this failure of a request by secret means for the CA's count of wrong secrets.
    pub(crate) fn lock_risk(&self) -> LockRisk {
        match self {
            Self::TimedOut { .. } | Self::Lost { .. } | Self::Unusable { .. } => LockRisk::Open,
            Self::TooLarge { http_status, .. } => LockRisk::of_foreign(*http_status),
            Self::Server { error, .. } => {
                let known = error.error_code().is_some();
                match (error.class, error.http_status) {
                    (Class::Credential | Class::Locked, _) | (_, 401 | 407) => LockRisk::Refused,
                    // A Fabric CA answers 500 and 504, and no code that it does not define.
                    (Class::Transient | Class::TransientOnce | Class::Permanent, status)
                        if known && !matches!(status, 501..=503 | 505..) =>
                    {
                        LockRisk::None
                    }
                    (Class::Ambiguous, _) => LockRisk::Open,
                    (_, status) => LockRisk::of_foreign(status),
                }
            }
            _ => LockRisk::None,
        }
    }

    /// Whether the secret of a refused or unanswered request may be right, so that `--wait` sends it again later: no
    /// answer, or code 20, which a CA also sends for an identity that is not registered yet and while its database is
    /// locked.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Server { error, .. } if error.code == Some(20) => error.operation == Operation::Enroll,
            _ => self.is_retryable(),
        }
    }

    /// Whether the answer is not that of a Fabric CA.
    pub(crate) const fn is_foreign(&self) -> bool {
        match self {
            Self::Server { error, .. } => error.code.is_none(),
            Self::TooLarge { .. } | Self::Unusable { .. } => true,
            _ => false,
        }
    }

    /// What came back, without any text of the answer.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::TimedOut { .. } => "no answer in time".to_owned(),
            Self::Lost { .. } => "the connection broke before the answer".to_owned(),
            Self::TooLarge { http_status, .. } => format!("an answer that is too long (HTTP {http_status})"),
            Self::Unusable { .. } => "success without a certificate".to_owned(),
            Self::Server { error, .. } => match error.code {
                Some(code) => format!("code {code} (HTTP {})", error.http_status),
                None => format!("HTTP {}, not from a Fabric CA", error.http_status),
            },
            _ => "no connection".to_owned(),
        }
    }

    /// Whether the CA refused: credentials, a locked identity, policy. Must not be retried automatically.
    pub fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Refused
    }

    /// Whether the CA did not accept the credential, and did not look at the rest of the request.
    pub(crate) const fn is_about_the_credential(&self) -> bool {
        matches!(self, Self::Server { error, .. } if error.http_status == 401 && matches!(error.class, Class::Credential))
    }

    /// Whether the CA has no such identity, affiliation or certificate.
    pub(crate) const fn is_about_a_missing_entry(&self) -> bool {
        matches!(self, Self::Server { error, .. } if matches!(error.code, Some(63)))
    }

    /// Whether the problem may be temporary, so that `--wait` retries.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Proxied { .. }
            | Self::TimedOut { .. }
            | Self::Lost { .. } => true,
            Self::Server { error, .. } => {
                matches!(error.class, Class::Transient | Class::TransientOnce | Class::Gateway)
            }
            _ => false,
        }
    }

    /// The pause that the answer asks for.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { error, .. } => error.retry_after,
            _ => None,
        }
    }

    /// Whether at most one retry makes sense.
    pub(super) const fn is_retryable_once_only(&self) -> bool {
        matches!(self, Self::Server { error, .. } if matches!(error.class, Class::TransientOnce))
    }

    /// Whether the CA may have issued a certificate and counted an enrolment: keep the key.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::TimedOut { operation, .. } | Self::Lost { operation, .. } | Self::Unusable { operation, .. } => {
                operation.changes_state()
            }
            Self::TooLarge { operation, http_status, .. } => {
                operation.changes_state() && !(300..500).contains(http_status)
            }
            Self::Server { error, .. } => error.is_ambiguous(),
            _ => false,
        }
    }

    /// The class of the command line's exit codes.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Plaintext { .. } | Self::NoAnchors { .. } | Self::Proxy => ErrorKind::Usage,
            Self::ClientIdentity { .. } | Self::Id { .. } | Self::Name { .. } | Self::Signing { .. } => {
                ErrorKind::Input
            }
            Self::Setup { .. } => ErrorKind::Bug,
            Self::Unusable { .. } => ErrorKind::NotAsAsked,
            Self::Server { error, .. } => error.class.kind(),
            _ => ErrorKind::Unreachable,
        }
    }

    /// What to do next.
    pub(crate) fn help(&self) -> String {
        const AMBIGUOUS: &str = "the CA may have issued a certificate: the key is kept and the next run uses it";
        const OPEN: &str = "the CA may have made the change: look at it there, or run the same command again";
        let text = match self {
            Self::Plaintext { .. } => {
                "write https:// and give --tls-ca; --plaintext allows http:// where the network is trusted"
            }
            Self::NoAnchors { .. } => {
                "give --tls-ca FILE: the certificate that signed the CA's TLS certificate, or that certificate itself"
            }
            Self::ClientIdentity { .. } => {
                "give a certificate and its private key, both PEM, with --tls-client-cert and --tls-client-key"
            }
            Self::Proxy => "write it as --proxy http://HOST:PORT",
            Self::Setup { .. } => "report this as a bug",
            Self::Id { .. } => "have the identity registered under another id",
            Self::Name { .. } => "give another name; such an identity can only be revoked, by its certificates",
            Self::Signing { .. } => "check the identity's key and certificate files",
            Self::Resolve { .. } => "check the host in the URL and the DNS of this machine or pod; --wait keeps trying",
            Self::Connect { .. } | Self::ConnectTimeout { .. } => {
                "check host and port in the URL and that the CA runs; --wait keeps trying while it starts"
            }
            Self::Proxied { .. } => {
                "check host, port, user and password of --proxy, and that the proxy may connect to the CA; --wait keeps trying"
            }
            Self::Tls { failure, .. } => return failure.next_step(),
            Self::TimedOut { operation, .. } | Self::Lost { operation, .. } if operation.issues() => AMBIGUOUS,
            Self::TimedOut { operation, .. } | Self::Lost { operation, .. } if operation.changes_state() => OPEN,
            Self::TimedOut { .. } | Self::Lost { .. } => "check that the CA is healthy; --wait keeps trying",
            Self::TooLarge { .. } => "check host, port and path of the URL: no Fabric CA sends an answer of this size",
            Self::Server { error, .. } => return error.next_step(),
            Self::Unusable { .. } => {
                "ask the CA's operator about proxies in front of it: this is not an answer of a Fabric CA"
            }
        };
        text.to_owned()
    }
}

impl From<CaError> for Error {
    fn from(e: CaError) -> Self {
        let error = Self::new(e.kind(), e.to_string()).with_help(e.help());
        let error = e.retry_after().into_iter().fold(error, Self::with_retry_after);
        match e {
            CaError::Signing { source, .. } => error.with_source(source),
            CaError::Server { error: ServerError { code: Some(code), message, .. }, .. } => {
                error.with_answer(code, message)
            }
            _ => error,
        }
    }
}
