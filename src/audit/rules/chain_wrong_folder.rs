//! A CA certificate is in the folder or file of the other kind.

use super::check::{Check, Context};
use crate::audit::catalogue::CHAIN_WRONG_FOLDER;
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &CHAIN_WRONG_FOLDER, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked() {
        let message = match held.place {
            Place::IntermediateCa | Place::TlsIntermediateCa if issuer == Issuer::Itself => {
                "it is a self-signed root among the intermediates".to_owned()
            }
            Place::ServerAnchor if held.cert.is_ca() && issuer == Issuer::Absent => format!(
                "it is an intermediate, and its root \"{}\" is missing: Go and Java clients accept it as trust anchor, \
                 Node clients do not",
                held.cert.issuer()
            ),
            _ => continue,
        };
        findings.report(&CHAIN_WRONG_FOLDER, &held.at, message).subject(held.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, identity, server, tls_folder};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn a_root_among_the_intermediates_is_found() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let peer = identity("peer1").issued_by(&middle);
        let folder = |intermediate| {
            let certs =
                [(Place::SignCert, &peer.cert), (Place::RootCa, &root.cert), (Place::IntermediateCa, intermediate)];
            found(&CHECK, &holding(SubjectKind::Msp, certs)).len()
        };
        assert_eq!((folder(&middle.cert), folder(&root.cert)), (0, 1));
    }

    #[test]
    fn an_anchor_that_is_an_intermediate_fails_in_node_only() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let leaf = server("peer1", &["peer1"]).issued_by(&middle);
        assert!(found(&CHECK, &tls_folder(&leaf, &middle))[0].message.contains("Node clients do not"));
        assert!(found(&CHECK, &tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root)).is_empty());
    }
}
