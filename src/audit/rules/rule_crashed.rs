//! A rule of fabcert failed.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "rule-crashed",
    title: "a rule of fabcert failed on this subject",
    rationale: "This is a bug in fabcert: the other rules were run all the same.",
    remedy: "report it with the file, if it can be shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
