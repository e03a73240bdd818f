//! No path leads from a certificate to a root.

use crate::audit::finding::Severity;
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};

pub(super) static RULE: Rule = Rule {
    id: "chain-broken",
    title: "no path leads to a root",
    rationale: "The issuer is not in cacerts or intermediatecerts, or the signature is not its own: the \
                certificate is of another CA, or a CA certificate is missing.",
    remedy: "put the certificates of the CA that issued it there: fabcert enroll writes them",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "6.1" },
        Source::Fabric { path: "msp/mspimpl.go", item: "getValidationChain" },
    ],
    refusals: &[24, 36, 37],
    applies: elsewhere,
    check: nothing,
};
