//! The data of an audit: subjects, findings, expectations, verdicts.

pub(crate) mod audited;
pub(crate) mod expectation;
pub(crate) mod finding;
pub(crate) mod links;
pub(crate) mod report;
pub(crate) mod subject;
pub(crate) mod verdict;

pub use audited::{Audited, KeyUse};
pub use expectation::{Expectation, ExpectedName, NameSource};
pub use finding::{Digest, Draft, Finding, Findings, fingerprint};
pub use report::{GatewayReport, Report, SubjectReport, Summary};
pub use subject::{
    HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, MspFacts, Place, Subject, SubjectKind, Trouble, spki_hash,
};
pub use verdict::{Verdict, Verdicts};
