//! A key that stands twice in one mapping of a manifest.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "manifest-repeated-key",
    title: "a key stands twice in one mapping of a manifest",
    rationale: "kubectl and Helm take the last value and say nothing; kustomize and the YAML specification refuse the file. The first value is lost.",
    remedy: "take one of them out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("YAML 1.2.2 section 3.2.1.3: keys are unique; sigs.k8s.io/yaml takes the last")],
    refusals: &[],
    applies: |subject, _| subject.manifest.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for trouble in subject.troubles.iter().filter(|t| t.rule == RULE.id) {
        findings.report(&RULE, &trouble.at, trouble.reason.as_str()).add();
    }
}
