//! The Fabric CA client: requests, answers, and the proof of what came back.

mod verify;

pub use verify::{Expected, Purpose, RoleRule, VerifiedEnrollment, VerifyError, verify};
