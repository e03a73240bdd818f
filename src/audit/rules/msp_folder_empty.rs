//! A folder that Fabric needs holds nothing that it can use.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "msp-folder-empty",
    title: "signcerts or cacerts holds no certificate in PEM form",
    rationale: "Fabric passes over files without a PEM block; when nothing is left, the MSP cannot be \
                loaded. DER files, a byte-order mark or a space before BEGIN all count as no PEM.",
    remedy: "put the certificate there in PEM form: openssl x509 -inform der -in CERT -out CERT.pem",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[8, 10],
    applies: elsewhere,
    check: nothing,
};
