//! Two paths lead to a root.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "chain-ambiguous",
    title: "more than one path leads to a root",
    rationale: "Fabric wants exactly one path from a certificate to a root. A CA that was renewed with the \
                same name and key, current beside the old one, makes two.",
    remedy: "remove the CA certificate that is no longer used from cacerts or intermediatecerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getUniqueValidationChain" }],
    refusals: &[28],
    applies: elsewhere,
    check: nothing,
};
