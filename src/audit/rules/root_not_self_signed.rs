//! A certificate in cacerts is no self-signed CA.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "root-not-self-signed",
    title: "a certificate in cacerts is no self-signed CA that may sign",
    rationale: "Fabric takes only self-signed CAs with CA:TRUE and keyCertSign, signed with their own key \
                and not over SHA-1, as roots. An intermediate belongs into intermediatecerts.",
    remedy: "put the root into cacerts and the intermediate into intermediatecerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "sanitizeCert" }],
    refusals: &[19, 22],
    applies: elsewhere,
    check: nothing,
};
