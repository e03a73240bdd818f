//! One key in two roles.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "same-key-two-roles",
    title: "one key is used in two roles",
    rationale: "Whoever gets the TLS key of a server, which more programs can read, then also signs as the \
                identity; and neither can be replaced without the other.",
    remedy: "enrol again without --key-file: each certificate gets a key of its own",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("a key for one purpose (NIST SP 800-57 part 1, section 5.2)")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};
