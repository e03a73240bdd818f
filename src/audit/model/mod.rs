//! The data of an audit: subjects, findings, expectations, verdicts.

pub(crate) mod audited;
pub(crate) mod expectation;
pub(crate) mod finding;
pub(crate) mod links;
pub(crate) mod report;
pub(crate) mod subject;
pub(crate) mod verdict;
