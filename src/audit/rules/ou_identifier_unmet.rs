//! `OrganizationalUnitIdentifiers` of `config.yaml` are not met.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "ou-identifier-unmet",
    title: "the identity meets none of OrganizationalUnitIdentifiers",
    rationale: "When config.yaml lists OrganizationalUnitIdentifiers, a member must bear one of those OUs, \
                issued by the CA named there.",
    remedy: "drop OrganizationalUnitIdentifiers from config.yaml unless they are meant, or enrol with the \
                OU",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV1" }],
    refusals: &[57],
    applies: elsewhere,
    check: nothing,
};
