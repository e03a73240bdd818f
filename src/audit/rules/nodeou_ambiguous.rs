//! The identity bears two NodeOUs.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "nodeou-ambiguous",
    title: "the identity has more than one NodeOU",
    rationale: "An identity must have one role. Two NodeOUs, or the same one twice, make it invalid.",
    remedy: "enrol an identity of one type; an affiliation must not be called like a role",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[55],
    applies: elsewhere,
    check: nothing,
};
