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

pub use covered::{Covered, CoveredNode, HeldName, HeldNames};
pub use fix::{Fix, fixes};
pub use gathered::Coverage;
pub use mapped::{Mapped, TlsOf};
pub use rules::check;
pub use secrets::subjects;
