//! The audit of one subject: a file, folder, endpoint or request is checked against the rules of the catalogue and
//! against Fabric's own verdict.
//!
//! ```text
//! input (walk, load) -> model::Subject -> judge (Fabric's verdicts) -> rules -> model::Finding
//! ```
//!
//! The audit does not use the network or a clock: files come through `disk`, and the time of judgement
//! is an argument. A run over many subjects, with policy, manifests and live endpoints, is in `auditor`.

pub mod catalogue;
pub(crate) mod input;
pub(crate) mod judge;
pub(crate) mod ledger;
pub(crate) mod model;
pub(crate) mod rules;

pub use catalogue::{Confidence, Origin, RULES, Rule, Severity, Source, rule_by_id};
pub use model::finding::{Digest, Finding};
pub use model::report::{GatewayReport, Report, SubjectReport, Summary};
pub use model::subject::SubjectKind;
pub use model::verdict::{Verdict, Verdicts};
