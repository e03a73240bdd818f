//! A certificate begins before its CA does.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "ca-window",
    title: "a certificate begins before the CA that issued it",
    rationale: "Fabric judges a path as of one second after the start of the certificate in question. An \
                intermediate CA that is older than its root, or a back-dated leaf under a fresh CA, is \
                refused for ever.",
    remedy: "issue the certificate again, with a start that is not before its CA's",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getUniqueValidationChain" }],
    refusals: &[26],
    applies: elsewhere,
    check: nothing,
};
