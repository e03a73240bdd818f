//! The Fabric CA client: requests and answers.
//!
//! A [`Client`] sends each request once, to one CA, over TLS that leads to one of the given [`TrustAnchors`]. It
//! follows no redirects and ignores the proxies of the environment. A [`CaError`] reports whether the CA refused,
//! whether a retry can help, and whether the CA may have issued a certificate. The CA returns an
//! unverified [`Enrollment`]; [`crate::proof::verify`] turns it into a [`crate::proof::VerifiedEnrollment`].

mod anchor;
mod auth;
mod client;
mod codes;
mod connections;
mod error;
mod registrar;
mod registry;
mod retry;
mod rows;
mod status;
#[cfg(test)]
mod tests;
mod tls;
mod tls_failure;
mod transport;
mod url;
mod wire;

pub use self::url::{CaUrl, CaUrlError, DEFAULT_PORT};
pub use anchor::{AnchorError, TrustAnchors};
pub use auth::Credential;
pub use client::{Client, ClientBuilder, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
pub use codes::{ERROR_CODES, ErrorCode, error_code};
pub(crate) use connections::Connections;
pub use error::CaError;
pub(crate) use error::LockRisk;
pub use registry::{
    CertificateFilter, CrlFilter, IdentityChange, RegisteredIdentity, Revocation, RevocationReason, RevokedCertificate,
};
pub(crate) use retry::Patience;
pub use status::{Class, Operation, ServerError};
#[cfg(feature = "dev-ca")]
pub(crate) use tls::crypto_provider;
pub use tls_failure::{TlsFailure, UnknownIssuer};
pub use wire::{AttrRequest, Attribute, CaInfo, EnrollRequest, Enrollment, RegisterRequest};
