//! The MSP has no administrator.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "admins-missing",
    title: "no administrator: neither NodeOUs with an admin OU nor admincerts",
    rationale: "An MSP needs an administrator. Without config.yaml (also under another name, or with Enable: \
                false) that is a certificate in admincerts.",
    remedy: "write config.yaml with NodeOUs (fabcert enroll does), or put an administrator certificate \
                into admincerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "postSetupV142" }],
    refusals: &[58],
    applies: elsewhere,
    check: nothing,
};
