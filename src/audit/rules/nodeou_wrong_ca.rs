//! The identity bears an OU that config.yaml binds to another CA.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "nodeou-wrong-ca",
    title: "config.yaml binds the OU to another CA than the one that issued the identity",
    rationale: "With an intermediate CA the identity is issued by the intermediate; a config.yaml that names \
                the root makes every identity invalid.",
    remedy: "let config.yaml name the CA that issued signcerts/cert.pem",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[56],
    applies: elsewhere,
    check: nothing,
};
