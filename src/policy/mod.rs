//! `fabcert.yaml`: the expected content of a repository's certificates, the levels of rules, and ignored findings with
//! reason and end date.
//!
//! ```yaml
//! version: 1
//! expect:
//!   - path: organizations/peerOrganizations/{org}/peers/{node}/tls
//!     names: ["{node}", org1-peer-gateway-svc]
//!     role: peer
//!     min_days_left: 14
//! members:
//!   - workload: "{node}"
//!     tls: organizations/peerOrganizations/*/peers/{node}/tls
//! levels:
//!   san-wildcard: error
//! exclude: [vendor/**]
//! ignore:
//!   - rule: key-mode
//!     path: testdata/**
//!     reason: throwaway keys
//!     until: 2027-06-30
//! ```

mod baseline;
mod document;
pub(crate) mod file;
mod hiding;
mod ignore;
mod init;
pub(crate) mod levels;
mod member;
mod parse;
mod placeholder;

pub(crate) use baseline::Baseline;
pub(crate) use document::{POLICY_FILE, Policy};
pub(crate) use hiding::hide;
pub(crate) use init::{Found, write_policy};
pub use levels::{Level, Levels};
pub(crate) use member::MemberEntry;
pub(crate) use parse::PolicyError;
