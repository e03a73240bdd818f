//! An entry of the policy's members leads to no workload or to no certificate.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "member-stale",
    title: "an entry of members maps nothing",
    rationale: "Its workload is not among the manifests, or no TLS certificate was met at its path: the member's certificate is not held against the names that lead to it.",
    remedy: "fix workload or tls in the policy, or take the entry out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
