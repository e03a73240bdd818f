//! Names in certificates: parsed, normalised, expanded, matched.
//!
//! A name is a [`SanName`]: text and type. A name that a Fabric CA would put in the certificate with another type
//! ([`server_name`]) is refused, because the CA decides for itself: a non-empty `hosts` list in the enrolment request
//! replaces every SAN of the CSR, and has no types.
//!
//! [`NameSet`] is the list of requested names with the reason for each; [`holds`] compares requested names with those
//! of a certificate; [`matches_as_go`] returns whether a Go client that dials a name accepts the certificate.

mod email;
mod error;
mod expand;
mod go_match;
mod host;
mod index;
mod kind;
mod mailbox;
mod san;
mod server;
mod uri;

#[cfg(test)]
mod properties;

pub use error::NameError;
pub(crate) use error::masked;
pub(crate) use expand::check_place;
pub use expand::{NameRequest, NameSet, RequestedName};
pub use go_match::matches_as_go;
pub use host::HostName;
pub(crate) use index::NameIndex;
pub use kind::SanKind;
pub use san::{SanName, holds};
pub use server::{server_kind, server_name};
