//! A certificate in admincerts is revoked or expired, and Fabric does not look.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Place;
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "admin-not-in-force",
    title: "an administrator certificate is expired, and Fabric accepts it all the same",
    rationale: "With NodeOUs only the OU's name of an administrator certificate is looked at; an expired one \
                stays an administrator.",
    remedy: "remove the certificate from admincerts",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "setupAdminsV142" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.at(Place::Admin).filter(|c| c.cert.not_after() < context.now) {
        let message = format!("it ended at {}, and Fabric still takes it for an administrator", held.cert.not_after());
        findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{NOW, ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn an_expired_administrator_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        let mut old = identity("Admin@org1");
        old.not_after = NOW.minus(std::time::Duration::from_secs(60));
        let old = old.issued_by(&root);
        let mut admin = subject.at(Place::SignCert).next().unwrap().clone();
        admin.place = Place::Admin;
        subject.certificates.push(admin.clone());
        assert!(found(&RULE, &subject).is_empty());
        admin.cert = old.cert;
        subject.certificates.push(admin);
        assert_eq!(found(&RULE, &subject).len(), 1);
    }
}
