//! The key of a TLS folder cannot be read.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "tls-key-unusable",
    title: "the TLS key is encrypted or of a kind that Go does not read",
    rationale: "Go reads PKCS#1, PKCS#8 and SEC 1 keys without a password, and nothing else. The peer does \
                not start.",
    remedy: "write it as plain PKCS#8: openssl pkcs8 -topk8 -nocrypt -in server.key -out server.key.new && mv server.key.new server.key",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/tls", item: "X509KeyPair" }],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
