//! A certificate in admincerts is no administrator.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "admin-invalid",
    title: "a certificate in admincerts is not valid as an administrator",
    rationale: "Each certificate in admincerts must be of this MSP, and with NodeOUs bear the client or \
                admin OU; otherwise the whole MSP is refused.",
    remedy: "remove the file from admincerts, or put an administrator certificate of this organisation \
                there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "setupAdminsV142" }],
    refusals: &[59, 60, 61],
    applies: elsewhere,
    check: nothing,
};
