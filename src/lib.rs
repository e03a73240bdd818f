//! Enrol identities at a Hyperledger Fabric CA with the names that clients really dial, prove what came back,
//! and put MSP and TLS folders in place as one step.
//!
//! How data flows through the crate:
//!
//! ```text
//! cli -> enroll -> name, key, x509 (CSR) -> ca (request, answer) -> ca::verify -> msp::plan -> msp::install -> fsx
//! cli -> audit::input -> audit::judge (msp, tls: Fabric's verdicts) -> audit::rules -> audit findings -> report
//! ```
//!
//! Nothing that the CA issued can be written before it is verified: only a `ca::VerifiedEnrollment` can be planned,
//! and only an `msp::MspPlan` can be installed.

pub mod audit;
pub mod auditor;
pub mod ca;
pub mod cli;
pub mod coverage;
#[cfg(feature = "dev-ca")]
pub mod devca;
pub mod disk;
pub mod enroll;
mod error;
pub mod identity;
pub mod install;
pub mod live;
pub mod manifests;
pub mod msp;
pub mod names;
pub mod pki;
pub mod policy;
pub mod proof;
pub mod render;
pub mod report;
mod secret;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod testing;
pub mod text;
mod time;

pub use auditor::{AuditRequest, audit};
pub use enroll::Enrolment;
pub use error::{Error, ErrorKind};
pub use names::{NamesRequest, names};
pub use secret::Secret;
pub use time::Timestamp;
