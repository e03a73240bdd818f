//! A check of all manifests together, beside the rule that it reports.

use super::covered::Covered;
use crate::audit::catalogue::Rule;
use crate::audit::model::finding::Findings;

/// A check of all manifests together.
#[derive(Debug)]
pub(crate) struct Check {
    /// The rule that it reports.
    pub(crate) rule: &'static Rule,
    /// The check.
    pub(crate) check: fn(&Covered, &mut Findings),
}
