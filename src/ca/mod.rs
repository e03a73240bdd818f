//! The Fabric CA client: requests and answers.
//!
//! A [`Client`] sends each request once, to one CA, over TLS that leads to the given [`TrustAnchors`] and nowhere else; it
//! follows no redirect and uses no proxy of the environment. A [`CaError`] tells what happened, whether the CA refused,
//! whether trying again can help ([`RetryPolicy`]), and whether something may have been issued all the same. What the CA
//! issued is an [`Enrollment`], unproven, until [`crate::proof::verify`] makes a [`crate::proof::VerifiedEnrollment`] of it.

mod anchor;
mod auth;
mod client;
mod codes;
mod error;
mod retry;
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
pub use error::CaError;
pub use retry::RetryPolicy;
pub use status::{Class, Operation, ServerError};
#[cfg(feature = "dev-ca")]
pub(crate) use tls::crypto_provider;
pub use tls_failure::{TlsFailure, UnknownIssuer};
pub use wire::{AttrRequest, Attribute, CaInfo, EnrollRequest, Enrollment, RegisterRequest};
