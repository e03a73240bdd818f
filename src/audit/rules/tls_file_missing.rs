//! A file of a TLS folder is not there.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "tls-file-missing",
    title: "a TLS folder lacks its certificate, its key or its anchors",
    rationale: "A peer names all three files in its settings and does not start when one is missing.",
    remedy: "enrol again: fabcert enroll --tls-dir DIR writes all three",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "core/peer/config.go", item: "GetServerConfig" }],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
