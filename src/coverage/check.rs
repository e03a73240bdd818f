//! A check of all manifests together, beside the rule that it reports.

use super::covered::Covered;
use crate::audit::catalogue::Rule;
use crate::audit::model::finding::Findings;

/// A check of all manifests together.
#[derive(Debug)]
pub(crate) struct Check {
    /// What it reports.
    pub(crate) rule: &'static Rule,
    /// Looks at the manifests.
    pub(crate) check: fn(&Covered, &mut Findings),
}
