//! The next revocation list is overdue.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "crl-expired",
    title: "a revocation list is past its next update",
    rationale: "Fabric goes on applying the list, and knows nothing of what was revoked since.",
    remedy: "fetch the list again and put it into crls: fabric-ca-client gencrl",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "5.1.2.5" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[],
    applies: |subject, _| !subject.crls.is_empty(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in &subject.crls {
        if let Some(due) = held.crl.next_update().filter(|due| *due < context.now) {
            findings.report(&RULE, &held.at, format!("the next list of \"{}\" was due {due}", held.crl.issuer())).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::crl_ignored::tests::{list, with_crl};
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_list_is_good_until_its_next_update() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        for (month, count) in [(11, 1), (12, 0)] {
            let subject = with_crl(msp_folder(&peer, &root), list("root", &root, 7, month));
            assert_eq!(found(&RULE, &subject).len(), count, "due in month {month}");
        }
    }
}
