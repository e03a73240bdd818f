//! The proof that what a CA issued is what was asked, and that the folders made of it are folders that Fabric accepts.
//!
//! [`verify`] makes the only [`VerifiedEnrollment`] there is; [`MspPlan`] and [`TlsPlan`] take nothing else, and only a
//! plan is installed.

mod error;
mod expected;
mod files;
mod msp_plan;
mod plan_error;
#[cfg(test)]
mod tests;
mod tls_plan;
mod usages;
mod validity;
mod verify;

pub use error::VerifyError;
pub use expected::{Expected, Purpose, RoleRule};
pub use msp_plan::{MspPlan, MspRequest};
pub use plan_error::PlanError;
pub use tls_plan::{TlsFolderRequest, TlsPlan};
pub use verify::{VerifiedEnrollment, verify};
