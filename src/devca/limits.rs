//! What one client can take of the server. The real server has no limits; a development server runs beside other programs.

use std::time::Duration;

/// The limits of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections that are open at the same time; further ones wait to be accepted.
    pub(super) connections: usize,
    /// Bytes of the head of a request.
    pub(super) head: usize,
    /// Bytes of the body of a request.
    pub(super) body: usize,
    /// The time for the TLS handshake, for the head of a request, from the end of the one before on, for its body, and for
    /// the next part of an answer that a client must take.
    pub(super) wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, head: 64 * 1024, body: 4 * 1024 * 1024, wait: Duration::from_secs(30) }
    }
}
