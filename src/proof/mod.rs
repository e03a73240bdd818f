//! The proof that what a CA issued is what was asked, and that the folders made of it are folders that Fabric accepts.
//!
//! Only [`verify`] makes a [`VerifiedEnrollment`]; the plan of a folder takes nothing else, and only a plan is installed.

mod error;
mod expected;
pub(crate) mod files;
pub(crate) mod msp_plan;
pub(crate) mod plan_error;
#[cfg(test)]
mod tests;
pub(crate) mod tls_plan;
mod usages;
mod validity;
mod verify;

pub use error::VerifyError;
pub use expected::{Expected, Purpose, RoleRule};
pub(crate) use files::OtherCas;
pub(crate) use msp_plan::{MspPlan, MspRequest};
pub(crate) use plan_error::PlanError;
pub(crate) use tls_plan::{TlsFolderRequest, TlsPlan};
pub use verify::{VerifiedEnrollment, verify};
