//! A server that answers as Hyperledger Fabric CA does, for development and tests only: its CA keys are made on the spot
//! and its registrar's secret is public.
//!
//! It follows fabric-ca 1.5.21 in what a client sees of `cainfo`, `enroll`, `reenroll`, `register`, `identities` and
//! `certificates`: statuses, codes, messages, order of checks, the password lock, and certificates byte for byte in the
//! order of the real ones. It shares no code with the client in [`crate::ca`], so that one misreading of the protocol
//! cannot hide on both sides. Where it differs from the real server, the dev CA is wrong.
//!
//! ```text
//! server (TLS, hyper) -> route -> call (CA name, Basic, token) -> enroll | register -> csr, attribute, issue
//!                          |-> delivery, fault                       identity (registry) -> store (state file)
//! ```

mod attribute;
mod call;
mod chain;
mod config;
mod csr;
mod delivery;
mod enroll;
mod fault;
mod identity;
mod issue;
mod log;
mod refusal;
mod register;
mod route;
mod running;
mod san;
mod server;
mod store;
mod subject;
mod token;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use config::{Clock, DevCaConfig, IdentitySpec};
pub use fault::{FAULT_NAMES, Fault, FaultError, FaultRule};
pub use identity::Attribute;
pub use log::{Endpoint, Logged};
pub use running::{DevCa, Running};

use crate::ErrorKind;

/// What every start says.
pub const WARNING: &str = "this is a development CA: its secrets are public and its keys are unprotected; use it for development and tests only";

/// A dev CA that cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevCaError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The server's own thread or runtime cannot be started.
    #[error("cannot start the dev CA's thread: {0}")]
    Thread(std::io::Error),
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The configuration names no CA.
    #[error("the dev CA is given no CA name")]
    NoCa,
    /// Something cannot be encoded or decoded.
    #[error("the dev CA cannot encode or decode {0}")]
    Encoding(&'static str),
    /// The state file holds something else.
    #[error("{}: this is no state file of a dev CA: {reason}", path.display())]
    State {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state file cannot be read or written.
    #[error(transparent)]
    File(#[from] crate::disk::FsError),
}

impl From<DevCaError> for crate::Error {
    fn from(e: DevCaError) -> Self {
        let (kind, help) = match &e {
            DevCaError::Listen { .. } => {
                (ErrorKind::Io, "choose another address with --listen; port 0 takes a free one")
            }
            DevCaError::Thread(_) | DevCaError::NoRandomness => (ErrorKind::Io, "try again; if it stays, report it"),
            DevCaError::NoCa => (ErrorKind::Usage, "give a name with --ca-name"),
            DevCaError::Encoding(_) => (ErrorKind::Bug, "report it with the command line"),
            DevCaError::State { .. } => (ErrorKind::Input, "name another file with --state, or remove this one"),
            DevCaError::File(_) => (ErrorKind::Io, "check that the state file's folder exists and can be written"),
        };
        Self::new(kind, e.to_string()).with_help(help).with_source(e)
    }
}
