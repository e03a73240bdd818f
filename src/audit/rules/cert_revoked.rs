//! A certificate is revoked by a list of the same MSP.

use crate::audit::finding::Severity;
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};

pub(super) static RULE: Rule = Rule {
    id: "cert-revoked",
    title: "certificate is revoked",
    rationale: "A revoked identity is no member; a peer with it does not start.",
    remedy: "enrol a new identity; if the list is wrong, have it made anew",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" }],
    refusals: &[29, 48],
    applies: elsewhere,
    check: nothing,
};
