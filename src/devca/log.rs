//! What the dev CA was asked and what it answered, for tests to look at.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;

/// What a request was for.
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
    /// An endpoint that the real server has and the dev CA has not.
    Unsupported,
    /// No endpoint at all.
    Unknown,
}

/// One request and its answer. Holds no secret: neither headers nor bodies are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logged {
    /// What it was for.
    pub endpoint: Endpoint,
    /// HTTP method.
    pub method: String,
    /// Path and query as the client sent them.
    pub target: String,
    /// Whether it carried an `Authorization` header.
    pub authorized: bool,
    /// HTTP status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// Code in the envelope's error, if there was one.
    pub code: Option<i64>,
    /// The faults that struck it.
    pub faults: Vec<Fault>,
}

/// The requests so far.
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

/// Locks; what a panicking thread left is good enough for a test server.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
