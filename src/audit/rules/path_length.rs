//! A CA allows fewer intermediate CAs below it.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "path-length",
    title: "the path is longer than a CA on it allows",
    rationale: "A path length constraint says how many CAs may stand below. Go refuses a longer path.",
    remedy: "have the upper CA issued again with a larger pathlen (csr.ca.pathlength of a Fabric CA)",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.9" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[27],
    applies: elsewhere,
    check: nothing,
};
