//! Further certificates of a file are not seen.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{HeldCert, Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "msp-extra-block",
    title: "a file in an MSP folder holds more than one certificate",
    rationale: "Fabric reads the first PEM block of a file and nothing else. A second CA in the same file \
                does not exist for it.",
    remedy: "put each certificate into a file of its own",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "readPemFile" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let watched = |c: &&HeldCert| {
        matches!(
            c.place,
            Place::RootCa | Place::IntermediateCa | Place::Admin | Place::TlsRootCa | Place::TlsIntermediateCa
        )
    };
    for held in subject.certificates.iter().filter(watched).filter(|c| c.at.block.is_some_and(|b| b > 1)) {
        let message = "Fabric does not see this certificate: it reads the first of a file only";
        findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn the_second_block_of_a_ca_file_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        assert!(found(&RULE, &subject).is_empty());
        let mut second = subject.at(Place::RootCa).next().unwrap().clone();
        second.at.block = Some(2);
        subject.certificates.push(second);
        assert_eq!(found(&RULE, &subject).len(), 1);
    }
}
