//! A CA in tlscacerts or tlsintermediatecerts cannot be used.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "tls-ca-invalid",
    title: "a TLS CA of the MSP is refused",
    rationale: "Fabric checks the TLS CAs of an MSP as strictly as the signing CAs: CA flag, subject key \
                identifier, one path to a root of tlscacerts. One bad file there refuses the whole MSP.",
    remedy: "keep the TLS root in tlscacerts and its intermediates in tlsintermediatecerts, one \
                certificate a file",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "setupTLSCAs" }],
    refusals: &[70, 71, 72, 73, 74, 75],
    applies: elsewhere,
    check: nothing,
};
