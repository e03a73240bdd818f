//! The log of requests and answers, for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;

/// The endpoint of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `cainfo`.
    CaInfo,
    /// `enroll`.
    Enroll,
    /// `reenroll`.
    Reenroll,
    /// `register`.
    Register,
    /// `identities`.
    Identities,
    /// `identities/{id}`.
    Identity,
    /// `certificates`.
    Certificates,
    /// `affiliations`, or one of them.
    Affiliations,
    /// `revoke`.
    Revoke,
    /// `gencrl`.
    Crl,
    /// An endpoint of the real server that the dev CA does not implement.
    Unsupported,
    /// An unknown path.
    Unknown,
}

/// One request and its answer. Contains no secrets: neither headers nor bodies are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logged {
    /// Its endpoint.
    pub endpoint: Endpoint,
    /// HTTP method.
    pub method: String,
    /// Path and query as sent by the client.
    pub target: String,
    /// Whether it had an `Authorization` header.
    pub authorized: bool,
    /// HTTP status of the answer; `None` without an answer.
    pub status: Option<u16>,
    /// The error code in the envelope, if any.
    pub code: Option<i64>,
    /// The faults applied to it.
    pub faults: Vec<Fault>,
}

/// The logged requests.
#[derive(Debug, Default)]
pub(super) struct RequestLog(Mutex<Vec<Logged>>);

impl RequestLog {
    pub(super) fn push(&self, logged: Logged) {
        lock(&self.0).push(logged);
    }

    pub(super) fn all(&self) -> Vec<Logged> {
        lock(&self.0).clone()
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// Locks, and ignores poisoning, which does not matter in a test server.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
