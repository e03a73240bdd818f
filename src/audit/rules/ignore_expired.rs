//! An ignore of the policy is past its date.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "ignore-expired",
    title: "an ignore is past its date",
    rationale: "An ignore ends on its day, so that nobody lives with a fault for ever without deciding so \
                again.",
    remedy: "fix what it hides, or set another date with a reason",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
