//! Gateway coverage: judges the manifests of a run together with the certificates of their nodes, at the end of the
//! run.
//!
//! ```text
//! Manifest (from each file) -> Coverage -> manifests::Network -> Covered (each node: names it needs, certificates it has) -> rules
//! ```

pub(crate) mod check;
pub(crate) mod covered;
pub(crate) mod fix;
pub(crate) mod gathered;
pub(crate) mod mapped;
mod place;
pub(crate) mod rules;
pub(crate) mod secrets;
#[cfg(test)]
mod tests;

pub(crate) use covered::Covered;
pub(crate) use fix::{Fix, fixes};
pub(crate) use gathered::Coverage;
pub(crate) use mapped::TlsOf;
pub(crate) use rules::check;
pub(crate) use secrets::subjects;
