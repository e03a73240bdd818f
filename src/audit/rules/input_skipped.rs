//! Something was passed over.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "input-skipped",
    title: "something was passed over",
    rationale: "Pipes, devices and sockets are never opened: reading one may block or do something. Manifests that are too \
                large are not read, and files with very many certificates only in parts.",
    remedy: "name regular files, and split those that are very large",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    applies: |subject, _| !subject.troubles.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for trouble in subject.troubles.iter().filter(|t| t.rule == RULE.id) {
        findings.report(&RULE, &trouble.at, trouble.reason.as_str()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::audit::model::subject::{Location, Trouble};

    #[test]
    fn what_was_passed_over_is_told() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        assert!(found(&RULE, &subject).is_empty());
        subject.troubles.push(Trouble { at: Location::whole("pipe"), rule: RULE.id, reason: "a pipe".into() });
        assert_eq!(found(&RULE, &subject).len(), 1);
    }
}
