//! The server's certificate does not lead to the anchors beside it.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "root-mismatch",
    title: "the server certificate does not lead to ca.crt",
    rationale: "Clients are given ca.crt; a server whose chain does not lead there is refused by all of \
                them. An intermediate that is missing in server.crt has the same effect.",
    remedy: "enrol again: fabcert enroll --tls-dir DIR writes certificate, intermediates and root that \
                belong together",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/x509", item: "Certificate.Verify" }],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
