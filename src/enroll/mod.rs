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
mod rollback;

pub(crate) use carried::UNREADABLE_ANSWER;
pub(crate) use dry_run::{DryRun, plan, prepare};
pub(crate) use flow::{Prepared, enroll, enroll_at_date, enroll_due};
pub(crate) use offline::{OfflineRequest, install_answer, make_csr};
pub use outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
pub(crate) use rollback::{Folder, RolledBack, SetSummary, Step, roll_back};
