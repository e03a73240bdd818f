//! One enrolment from wish to folder: look at what stands, decide, ask the CA, prove, plan, install.
//!
//! ```text
//! Wish -> task (what stands in each target) -> decision -> pending key -> request (CA) -> ca::verify -> msp plan -> install
//! ```
//!
//! What is remembered between runs stands in the state folder beside each target: the record of the last issue, the
//! pending key and answer, and the CA's refusals.

mod brake;
mod decision;
mod dry_run;
mod flow;
mod folder;
mod not_as_asked;
mod offline;
mod outcome;
mod pending;
mod record;
mod refusal;
mod request;
mod task;
mod wish;

pub use decision::Reason;
pub use dry_run::{DryRun, PlannedCertificate, PlannedName, PlannedPath, plan};
pub use flow::{Environment, enroll};
pub use offline::{CarriedWish, install_answer, make_csr, roll_back};
pub use outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
pub use wish::{CaAccess, KeyWish, MspWish, SecretSource, SignWish, TlsFiles, TlsWish, Wish};
