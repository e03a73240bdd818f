//! A CA with intermediates below it issued the identity.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "inner-ca-issues",
    title: "the identity was issued by a CA that has intermediate CAs below it",
    rationale: "Once an intermediate CA of this MSP stands below a CA, Fabric takes no identities from the \
                upper one any more.",
    remedy: "enrol at the intermediate CA, or take the intermediate certificate out of this MSP",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getValidationChain" }],
    refusals: &[43],
    applies: elsewhere,
    check: nothing,
};
