//! An endpoint could not be reached.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "endpoint-unreachable",
    title: "an endpoint could not be reached",
    rationale: "What was not met cannot be vouched for. The exit code is 6 when nothing worse was found.",
    remedy: "check name, port and network, and that the server runs, with TLS",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
