//! Names that go into certificates: parsed, normalised, expanded, matched.
//!
//! A name is a [`SanName`]: text and the type that fabcert decided. Nothing is accepted that a Fabric CA would put
//! into the certificate under another type ([`server_name`]), because the CA decides again for itself: a non-empty
//! `hosts` list in the enrolment request replaces every SAN of the CSR, and carries no types.
//!
//! [`NameSet`] is the list of wanted names with the reason for each; [`holds`] compares wanted names with those of a
//! certificate; [`matches_as_go`] says whether a Go client that dials a name accepts the certificate.

mod email;
mod error;
mod expand;
mod go_match;
mod host;
mod mailbox;
mod san;
mod server;
mod uri;

#[cfg(test)]
mod properties;

pub use error::NameError;
pub use expand::{NameRequest, NameSet, RequestedName};
pub use go_match::matches_as_go;
pub use host::HostName;
pub use san::{SanKind, SanName, holds};
pub use server::{server_kind, server_name};
