//! No path leads from a certificate to a root.

use super::check::{Check, Context};
use crate::audit::catalogue::CHAIN_BROKEN;
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{Subject, SubjectKind};

pub(super) static CHECK: Check = Check {
    rule: &CHAIN_BROKEN,
    // The verdicts of Fabric and Go cover folders, but not bundles.
    applies: |subject, _| subject.kind == SubjectKind::Certificate && !subject.is_part,
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked() {
        if let Issuer::Forged(at) = issuer {
            let ca = &subject.certificates[at];
            let line = ca.at.line.map(|l| format!(" in line {l}")).unwrap_or_default();
            let message = format!(
                "\"{}\"{line} has the name of its issuer, but its key did not sign it: another CA of that name did",
                ca.cert.subject()
            );
            findings.report(&CHAIN_BROKEN, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, server};
    use super::*;
    use crate::audit::model::subject::Place;

    #[test]
    fn a_ca_of_the_same_name_that_did_not_sign_is_found() {
        let (root, other) = (ca("root").self_signed(), ca("root").self_signed());
        let leaf = server("peer1", &["peer1"]).issued_by(&root);
        let bundle = |ca| holding(SubjectKind::Certificate, [(Place::Loose, &leaf.cert), (Place::Loose, ca)]);
        assert!(found(&CHECK, &bundle(&root.cert)).is_empty());
        let mut subject = bundle(&other.cert);
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.is_part = true;
        assert!(found(&CHECK, &subject).is_empty(), "the CA may be in another part");
    }
}
