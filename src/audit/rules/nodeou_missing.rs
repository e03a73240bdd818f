//! The identity bears none of the OUs that make a role.

use crate::audit::finding::Severity;
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};

pub(super) static RULE: Rule = Rule {
    id: "nodeou-missing",
    title: "the identity has none of the NodeOUs of its MSP",
    rationale: "With NodeOUs on, an identity without exactly one of client, peer, admin or orderer is no \
                member. The peer ends at its start; an orderer starts, and everyone refuses it. The spelling \
                counts.",
    remedy: "register the identity with --id.type peer (orderer, admin, client) and enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[54],
    applies: elsewhere,
    check: nothing,
};
