//! A CA does not allow a name of the certificate.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "name-constraints",
    title: "a name is outside what a CA on the path allows",
    rationale: "Name constraints of a CA bind every certificate below it.",
    remedy: "ask a CA without that constraint, or leave the name out",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.10" },
        Source::Go { package: "crypto/x509", item: "checkChainConstraints" },
    ],
    refusals: &[42],
    applies: elsewhere,
    check: nothing,
};
