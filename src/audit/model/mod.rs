//! What an audit is about and what it says: subjects, findings, expectations, verdicts.

pub(crate) mod expectation;
pub(crate) mod finding;
pub(crate) mod links;
pub(crate) mod subject;
pub(crate) mod verdict;

pub use expectation::{Expectation, ExpectedName, NameSource};
pub use finding::{Digest, Draft, Finding, Findings, Severity, fingerprint};
pub use subject::{
    HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, MspFacts, Place, Subject, SubjectKind, Trouble, spki_hash,
};
pub use verdict::{Verdict, Verdicts};
