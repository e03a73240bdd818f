//! config.yaml cannot be read.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "config-unusable",
    title: "config.yaml cannot be loaded",
    rationale: "Fabric refuses the whole MSP when config.yaml is no YAML, a value is of the wrong kind, the \
                file cannot be read, or a certificate that OrganizationalUnitIdentifiers names is missing.",
    remedy: "fix config.yaml; fabcert enroll writes a good one",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[12, 13, 14],
    applies: elsewhere,
    check: nothing,
};
