//! A revocation list makes Fabric refuse the MSP or every identity in it.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "crl-unusable",
    title: "a revocation list cannot be used",
    rationale: "What stands in crls must be a PEM revocation list with nothing before it, and carry an \
                authority key identifier: without one, Fabric refuses every certificate of the MSP.",
    remedy: "make the list again with the CA: fabric-ca-client gencrl",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCRLs" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[65, 66],
    applies: elsewhere,
    check: nothing,
};
