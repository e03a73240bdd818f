//! A template that Helm has yet to fill.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "manifest-template",
    title: "a template was left out",
    rationale: "What Helm has yet to fill says nothing about names. Its Services and certificates were not looked at.",
    remedy: "helm template CHART | fabcert audit -",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    applies: |subject, _| subject.manifest.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for trouble in subject.troubles.iter().filter(|t| t.rule == RULE.id) {
        findings.report(&RULE, &trouble.at, trouble.reason.as_str()).add();
    }
}
