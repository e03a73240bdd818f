//! A name stands twice.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::HeldCert;
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "san-duplicate",
    title: "a name stands more than once",
    rationale: "It does no harm, and shows a script that adds names without looking.",
    remedy: "enrol again with each name once",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.2.1.6" }],
    refusals: &[],
    applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let sans = held.cert.sans();
        let twice = |at: usize| {
            sans[..at]
                .iter()
                .any(|n| n.kind() == sans[at].kind() && n.to_string().eq_ignore_ascii_case(&sans[at].to_string()))
        };
        let mut names: Vec<String> = (0..sans.len()).filter(|at| twice(*at)).map(|at| sans[at].to_string()).collect();
        names.dedup();
        if !names.is_empty() {
            let message = format!("{} stands more than once", names.join(", "));
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).names(names).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_found() {
        let root = ca("root").self_signed();
        assert!(found(&RULE, &tls_folder(&server("peer1", &["a", "b"]).issued_by(&root), &root)).is_empty());
        assert_eq!(found(&RULE, &tls_folder(&server("peer1", &["a", "A"]).issued_by(&root), &root)).len(), 1);
    }
}
