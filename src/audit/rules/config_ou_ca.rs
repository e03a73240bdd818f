//! A certificate that config.yaml names cannot vouch for an OU.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "config-ou-ca",
    title: "config.yaml names a certificate that is no CA of this MSP",
    rationale: "An OU is bound to the CA that issues the identities. A certificate outside cacerts and \
                intermediatecerts, one that is no PEM, or a CA with intermediate CAs below it cannot be that \
                one, and Fabric refuses the MSP.",
    remedy: "name the file of the CA that directly issues the identities: Certificate: cacerts/FILE or \
                intermediatecerts/FILE",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupNodeOUs" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "getCertifiersIdentifier" },
    ],
    refusals: &[49, 50, 51, 52],
    applies: elsewhere,
    check: nothing,
};
