//! The proof that what a CA issued is what was asked, and that the folders made of it are folders that Fabric accepts.
//!
//! [`verify`] makes the only [`VerifiedEnrollment`] there is; [`MspPlan`] and [`TlsPlan`] take nothing else, and only a
//! plan is installed.

mod error;
mod files;
mod msp_plan;
#[cfg(test)]
mod tests;
mod tls_plan;
mod verify;

pub use error::MspError;
pub use msp_plan::{MspPlan, MspRequest};
pub use tls_plan::TlsPlan;
pub use verify::{Expected, Purpose, RoleRule, VerifiedEnrollment, VerifyError, verify};
