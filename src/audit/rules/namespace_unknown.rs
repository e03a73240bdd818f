//! A Service whose namespace nothing tells.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "namespace-unknown",
    title: "the namespace of a Service is not known",
    rationale: "Nothing in the manifests says where it will be, so it was matched with workloads of every namespace, and the longer forms of its name could not be looked for.",
    remedy: "say where they are applied: fabcert audit --namespace NS",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    for (s, service) in covered.network.services.iter().enumerate() {
        if service.meta.namespace.is_none() && !covered.network.members(s).is_empty() {
            let message = format!("{} names no namespace, and no object that it is linked to names one", service.meta);
            findings.report(&RULE, &location(&service.meta.at), message).subject(&service.meta.to_string()).add();
        }
    }
}
