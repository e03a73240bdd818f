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

pub use baseline::{Applied, Baseline};
pub use document::{ExpectEntry, POLICY_FILE, Policy};
pub use hiding::hide;
pub use ignore::Ignore;
pub use init::{Found, write_policy};
pub use levels::{Level, Levels};
pub use member::MemberEntry;
pub use parse::PolicyError;
