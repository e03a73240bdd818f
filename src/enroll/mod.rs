//! One enrolment from wish to folder: look at what stands, decide, ask the CA, prove, plan, install.
//!
//! ```text
//! Wish -> standing (what is there) -> decision -> pending key -> request (CA) -> ca::verify -> msp plan -> msp install
//! ```
//!
//! What is remembered between runs stands in the state folder beside each target: the record of the last issue
//! ([`record`]), the pending key and answer ([`pending`]), and the CA's refusals ([`refusal`]).

mod decision;
mod flow;
mod offline;
mod outcome;
mod pending;
mod record;
mod refusal;
mod request;
mod standing;
mod wish;

pub use decision::Reason;
pub use flow::{Environment, enroll, plan};
pub use offline::{install_answer, make_csr, rollback};
pub use outcome::{Action, CertificateSummary, Outcome, PlannedPath};
pub use wish::{CaAccess, KeyWish, MspWish, SecretSource, SignWish, TlsWish, Wish};
