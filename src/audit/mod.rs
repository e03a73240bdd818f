//! The audit: what is on disk, or served, or requested, against the rules of the field and against Fabric's own verdict.
//!
//! ```text
//! input (walk, load) -> Subject -> judge (Fabric's verdicts) -> rules -> Finding -> levels, policy -> Report
//! ```
//!
//! The audit knows neither CA nor network nor clock: files come through [`crate::disk`], and the time of judgement is an
//! argument. A subject is loaded, judged, checked and dropped again, so that memory does not grow with their number.

mod baseline;
pub mod coverage;
mod drive;
mod expectation;
mod finding;
mod gateway;
mod hiding;
pub mod input;
mod judge;
mod key_sharing;
mod ledger;
mod levels;
mod links;
mod policy;
mod registry;
mod rule;
mod rules;
mod run;
mod served_on_disk;
mod subject;
mod verdict;

pub use baseline::{Applied, Baseline};
pub use drive::{Progress, Source as UnitSource, drive};
pub use expectation::{Expectation, ExpectedName, NameSource};
pub use finding::{Digest, Draft, Finding, Findings, Severity, fingerprint};
pub use gateway::{Gateway, GatewayMember, GatewayReport, GatewayWatch};
pub use hiding::hide;
pub use key_sharing::KeySharing;
pub(crate) use ledger::word;
pub use ledger::{Ledger, Record, Sorted, Sorter, Word};
pub use levels::{Level, Levels};
pub use policy::{
    ExpectEntry, Found, Ignore, MemberEntry, POLICY_FILE, Pattern, PatternError, Policy, PolicyError, write_policy,
};
pub use registry::{RULES, rule_by_id, rule_of_refusal};
pub use rule::{Confidence, Context, Rule, Source};
pub use run::{Audit, Audited, KeyUse, Report, SubjectReport, Summary};
pub use served_on_disk::{ServedOnDisk, unreachable};
pub use subject::{
    HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, MspFacts, Place, Subject, SubjectKind, Trouble, spki_hash,
};
pub use verdict::{Verdict, Verdicts};
