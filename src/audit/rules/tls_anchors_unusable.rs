//! The anchors of a TLS folder hold no certificate.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "tls-anchors-unusable",
    title: "ca.crt holds no certificate",
    rationale: "A peer starts with an empty or broken file of roots and says nothing; clients that are given \
                the same file can trust nothing by it, and gossip fails.",
    remedy: "put the root certificate of the TLS CA into ca.crt",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/x509", item: "CertPool.AppendCertsFromPEM" }],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
