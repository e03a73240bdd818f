//! The audit of one subject: a file, folder, endpoint or request is checked against the rules of the catalogue and
//! against Fabric's own verdict.
//!
//! ```text
//! input (walk, load) -> model::Subject -> judge (Fabric's verdicts) -> rules -> model::Finding
//! ```
//!
//! The audit does not use the network or a clock: files come through [`crate::disk`], and the time of judgement
//! is an argument. A run over many subjects, with policy, manifests and live endpoints, is in [`crate::auditor`].

pub mod catalogue;
pub mod input;
pub(crate) mod judge;
pub(crate) mod ledger;
pub mod model;
pub(crate) mod rules;

pub use catalogue::{Confidence, Origin, RULES, Rule, Severity, Source, rule_by_id, rule_of_refusal};
pub(crate) use ledger::word;
pub use ledger::{Ledger, Record, Sorted, Sorter, Word};
pub use model::{
    Audited, Digest, Draft, Expectation, ExpectedName, Finding, Findings, GatewayReport, HeldCert, HeldCrl, HeldCsr,
    HeldKey, KeyKind, KeyUse, Location, MspFacts, NameSource, Place, Report, Subject, SubjectKind, SubjectReport,
    Summary, Trouble, Verdict, Verdicts, fingerprint, spki_hash,
};
