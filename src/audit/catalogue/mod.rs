//! The rules of the audit.

pub(crate) mod registry;
pub(crate) mod rule;

pub use registry::{RULES, rule_by_id, rule_of_refusal};
pub use rule::{Confidence, Context, Rule, Source};
