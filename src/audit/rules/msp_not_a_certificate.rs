//! A file in a certificate folder holds something else.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "msp-not-a-certificate",
    title: "a file in a folder for certificates is no certificate that Fabric reads",
    rationale: "Every file in cacerts, signcerts and so on is taken for a certificate. A private key or a \
                revocation list there, a certificate that is cut or broken, or a key on a curve that Go does \
                not know refuses the whole MSP.",
    remedy: "move the file out of the folder: only certificates in PEM form belong there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[16, 17],
    applies: elsewhere,
    check: nothing,
};
