//! Certificates for Hyperledger Fabric that hold the names clients dial, verified before they are installed.
//!
//! # Enrol
//!
//! [`Enrolment`] does what `fabcert enroll` does: it requests a certificate with every name that clients dial, verifies the
//! answer, and installs the MSP folder and the TLS folder, each in one step. [`Enrolment::reenrol`] does what `fabcert reenroll` does.
//!
//! ```no_run
//! use std::time::SystemTime;
//!
//! # async fn enrol() -> Result<(), fabcert::Error> {
//! let outcome = fabcert::Enrolment::new("https://org1-ca:7054", "org1-peer1")?
//!     .secret_file("/run/secrets/enroll")
//!     .anchor_file("ca.pem")
//!     .hostname("org1-peer1")
//!     .gateway_service("org1-peer-gateway-svc")
//!     .namespace("fabric")
//!     .msp_dir("msp")
//!     .tls_dir("tls")
//!     .run(|| SystemTime::now().into())
//!     .await?;
//! println!("{}", outcome.reason);
//! # Ok(())
//! # }
//! ```
//!
//! # Audit
//!
//! [`audit`](audit()) does what `fabcert audit` does: rules, and the verdict that Fabric itself would give.
//!
//! ```
//! use std::time::SystemTime;
//!
//! # fn main() -> Result<(), fabcert::Error> {
//! let report = fabcert::audit(["testdata/certs"], SystemTime::now().into()).run()?;
//! for finding in report.findings() {
//!     println!("{}: {}: {}", finding.path.display(), finding.rule, finding.message);
//! }
//! assert!(report.summary.certificates > 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! - **Do**: [`Enrolment`] (with its [outcome](enroll)), [`audit`](audit()), [`names`](names()) (the names that each node of Kubernetes
//!   manifests needs).
//! - **Read**: [`mod@audit`] (findings, rules), [`report`] (report forms), [`msp`] (forms of folders), [`live`] (TLS endpoints),
//!   [`explain`](mod@explain) (rules, error codes, log lines).
//! - **Build on**: [`pki`] (names, keys, certificates), [`ca`] (the Fabric CA client), [`proof`] (an answer held against a request),
//!   [`devca`] (the development CA, for tests).
//! - **Errors**: every fallible call returns an [`Error`] with an [`ErrorKind`], a message, and what to do next.
//!
//! Time is an argument: nothing here reads the clock. Nothing that a CA issued is written before it is verified: only
//! [`proof::verify`] makes a [`proof::VerifiedEnrollment`], only that can be planned, and only a plan is installed.
//!
//! What is hidden from this page (`cli`, `internals`) is for the program, the tests and the benches of this package alone,
//! and may change in any release.

mod agent;
pub mod audit;
mod auditor;
pub mod ca;
mod cainfo;
mod channel;
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "kubernetes")]
mod cluster;
mod coverage;
#[cfg(feature = "dev-ca")]
pub mod devca;
mod disk;
mod doctor;
pub mod enroll;
mod error;
pub mod explain;
mod export;
mod identity;
mod install;
#[doc(hidden)]
pub mod internals;
#[cfg(feature = "kubernetes")]
mod issuer;
pub mod live;
mod lookup;
mod manifests;
pub mod msp;
pub mod names;
mod pem_source;
pub mod pki;
mod policy;
pub mod probe;
pub mod proof;
mod registrar;
mod render;
mod renew;
pub mod report;
mod secret;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod testing;
mod text;
mod time;

pub use auditor::{AuditRequest, audit};
pub use enroll::enrolment::Enrolment;
pub use error::{Error, ErrorKind};
pub use identity::CaAccess;
pub use names::{NamesRequest, names};
pub use pem_source::PemSource;
pub use policy::{Level, Levels};
pub use secret::Secret;
pub use text::{Pattern, PatternError, PemError};
pub use time::Timestamp;
