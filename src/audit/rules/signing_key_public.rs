//! Fabric takes a public key for the private one.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "signing-key-public",
    title: "a public key stands in the way of the private key",
    rationale: "The keystore is searched by name, and a file ending in _pk sorts before the one ending in \
                _sk: Fabric takes it and ends at the first signature.",
    remedy: "remove the _pk file from keystore",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "GetKey" }],
    refusals: &[35],
    applies: elsewhere,
    check: nothing,
};
