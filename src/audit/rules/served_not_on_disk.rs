//! An endpoint serves another certificate than the folders hold.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "served-not-on-disk",
    title: "an endpoint serves a certificate that is not on disk",
    rationale: "A peer reads its certificate at its start and never again: after a renewal it serves the old \
                one until it is restarted, and the old one ends one day.",
    remedy: "restart the peer, or look which server answers there",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "internal/pkg/comm/server.go", item: "GRPCServer.SetServerCertificate" }],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
