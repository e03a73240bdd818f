//! Enrolment (first issue): online, offline, and as a dry run.
//!
//! ```text
//! identity::Request -> task (current state of each target) -> due -> pending key -> obtain (CA) -> proof -> install
//! ```

mod carried;
mod dry_run;
pub(crate) mod enrolment;
pub(crate) mod flow;
mod offline;
mod outcome;

pub(crate) use dry_run::plan;
pub(crate) use flow::enroll;
pub(crate) use offline::{OfflineRequest, install_answer, make_csr, roll_back};
pub use outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
