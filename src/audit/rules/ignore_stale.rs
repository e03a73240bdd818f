//! An ignore of the policy hides nothing.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "ignore-stale",
    title: "an ignore hides nothing",
    rationale: "An ignore that hides nothing is left from a fault that was fixed, or is misspelt and does \
                not do what it should.",
    remedy: "remove it from the policy",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
