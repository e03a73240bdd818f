//! An entry of the baseline hides nothing.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "baseline-stale",
    title: "the baseline knows findings that are gone",
    rationale: "A baseline should only shrink; entries of fixed faults would hide them when they come back.",
    remedy: "write it again: fabcert audit --write-baseline FILE",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
