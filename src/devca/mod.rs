//! A server that answers as Hyperledger Fabric CA does, for development and tests only: its CA keys are generated at
//! startup and its registrar's secret is public.
//!
//! It follows fabric-ca 1.5.21 in the visible behaviour of `cainfo`, `enroll`, `reenroll`, `register`, `identities` and
//! `certificates`: statuses, codes, messages, order of checks, the password lock, and the encoding of certificates. It
//! shares no code with the client in [`crate::ca`], so that both sides cannot have the same misreading of the protocol.
//! Any difference from the real server is a bug of the dev CA.
//!
//! ```text
//! server (TLS, hyper) -> route -> call (CA name, Basic, token) -> enroll | register -> csr, attribute, issue
//!                          |-> delivery, fault                       identity (registry) -> store (state file)
//! ```

mod affiliation;
mod attribute;
mod call;
mod certificates;
mod chain;
mod config;
mod csr;
mod delivery;
mod enroll;
mod fault;
mod identity;
mod issue;
mod limits;
mod log;
mod refusal;
mod register;
mod revoke;
mod route;
mod running;
mod san;
mod sending;
mod server;
mod state;
mod store;
mod subject;
mod token;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use config::{Clock, DevCaConfig, FormerRoot, IdentitySpec};
pub use fault::{FAULT_NAMES, Fault, FaultError, FaultRule};
pub use identity::Attribute;
pub use log::{Endpoint, Logged};
pub use running::{DevCa, Running};

use crate::ErrorKind;

/// The warning printed at every start.
pub const WARNING: &str = "this is a development CA: its secrets are public and its keys are unprotected; use it for development and tests only";

/// An error of the dev CA.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevCaError {
    /// Listening on the address failed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The server's thread or runtime failed to start.
    #[error("cannot start the dev CA's thread: {0}")]
    Thread(std::io::Error),
    /// The system returned no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The configuration has no CA name.
    #[error("the dev CA needs at least one CA name")]
    NoCa,
    /// Encoding or decoding failed.
    #[error("the dev CA cannot encode or decode {0}")]
    Encoding(&'static str),
    /// The state file has another format.
    #[error("{}: not a state file of a dev CA: {reason}", path.display())]
    State {
        /// Its path.
        path: PathBuf,
        /// The error in it.
        reason: String,
    },
    /// The state file cannot be read or written.
    #[error("{0}")]
    File(String),
}

impl From<crate::disk::FsError> for DevCaError {
    fn from(e: crate::disk::FsError) -> Self {
        Self::File(e.to_string())
    }
}

impl From<DevCaError> for crate::Error {
    fn from(e: DevCaError) -> Self {
        let (kind, help) = match &e {
            DevCaError::Listen { .. } => {
                (ErrorKind::Io, "choose another address with --listen; port 0 selects a free one")
            }
            DevCaError::Thread(_) | DevCaError::NoRandomness => (ErrorKind::Io, "try again; report it if it persists"),
            DevCaError::NoCa => (ErrorKind::Usage, "give a name with --ca-name"),
            DevCaError::Encoding(_) => (ErrorKind::Bug, "report it with the command line"),
            DevCaError::State { .. } => (ErrorKind::Input, "give another file with --state, or remove this one"),
            DevCaError::File(_) => (ErrorKind::Io, "check that the state file's folder exists and is writable"),
        };
        Self::new(kind, e.to_string()).with_help(help).with_source(e)
    }
}
