//! Enrolment (first issue): online, offline, and as a dry run.
//!
//! ```text
//! identity::Request -> task (current state of each target) -> due -> pending key -> obtain (CA) -> proof -> install
//! ```

mod carried;
mod dry_run;
mod enrolment;
mod flow;
mod offline;
mod outcome;

pub use dry_run::{DryRun, PlannedCertificate, PlannedName, PlannedPath, plan};
pub use enrolment::Enrolment;
pub use flow::enroll;
pub use offline::{OfflineRequest, install_answer, make_csr, roll_back};
pub use outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
