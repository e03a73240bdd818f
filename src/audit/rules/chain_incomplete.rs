//! A server does not send the intermediate CA that issued its certificate.

use super::check::{Check, Context};
use crate::audit::catalogue::CHAIN_INCOMPLETE;
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{HeldCert, Place, Subject, SubjectKind};

pub(super) static CHECK: Check =
    Check { rule: &CHAIN_INCOMPLETE, applies: |subject, _| subject.certificates.len() > 1, check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    if subject.kind == SubjectKind::Certificate {
        return bundled(subject, findings);
    }
    let is_servers = |c: &HeldCert| matches!(c.place, Place::Server | Place::Served);
    let Some(leaf) = subject.certificates.iter().position(is_servers) else { return };
    let links = subject.links();
    for at in links.path(leaf) {
        let ca = &subject.certificates[at];
        let is_root = links.issuer(at) == Issuer::Itself;
        // Reported by chain-wrong-folder.
        let is_bare_anchor = ca.place == Place::ServerAnchor && links.issuer(at) == Issuer::Absent;
        // The Go client keeps intermediates in a folder of their own, from which the server file is put together.
        let is_sent = matches!(ca.place, Place::ServerChain | Place::ServedChain);
        if !is_root && !is_bare_anchor && !is_sent && ca.cert.is_ca() {
            let held = &subject.certificates[leaf];
            let message = format!("\"{}\" is on its path, but only in {}", ca.cert.subject(), ca.at.path.display());
            findings.report(&CHAIN_INCOMPLETE, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

/// A leaf beside CAs that did not issue it: the file is meant as a chain, but is not one.
fn bundled(subject: &Subject, findings: &mut Findings) {
    if subject.is_part || !subject.certificates.iter().any(|c| c.cert.is_ca()) {
        return;
    }
    for (held, issuer) in subject.linked() {
        if issuer == Issuer::Absent && !held.cert.is_ca() {
            let message =
                format!("it is in a file with CAs, but its issuer \"{}\" is not one of them", held.cert.issuer());
            findings.report(&CHAIN_INCOMPLETE, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, server};
    use super::*;

    #[test]
    fn an_intermediate_in_the_anchors_only_is_found() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let leaf = server("peer1", &["peer1"]).issued_by(&middle);
        let folder = |place| {
            let certs = [(Place::Server, &leaf.cert), (place, &middle.cert), (Place::ServerAnchor, &root.cert)];
            found(&CHECK, &holding(SubjectKind::Tls, certs)).len()
        };
        assert_eq!((folder(Place::ServerChain), folder(Place::ServerAnchor)), (0, 1));
        let bare = [(Place::Server, &leaf.cert), (Place::ServerAnchor, &middle.cert)];
        assert!(found(&CHECK, &holding(SubjectKind::Tls, bare)).is_empty(), "chain-wrong-folder reports that");
    }

    #[test]
    fn a_leaf_in_a_bundle_of_other_cas_is_found() {
        let (root, other) = (ca("root").self_signed(), ca("other").self_signed());
        let leaf = server("peer1", &["peer1"]).issued_by(&root);
        let bundle = |certs: &[&crate::pki::x509::Cert]| {
            found(&CHECK, &holding(SubjectKind::Certificate, certs.iter().map(|c| (Place::Loose, *c)))).len()
        };
        assert_eq!(bundle(&[&leaf.cert, &other.cert]), 1);
        assert_eq!(bundle(&[&leaf.cert, &root.cert]), 0);
        assert_eq!(bundle(&[&root.cert, &other.cert]), 0);
        assert_eq!(bundle(&[&leaf.cert, &leaf.cert]), 0);
        let mut part = holding(SubjectKind::Certificate, [(Place::Loose, &leaf.cert), (Place::Loose, &other.cert)]);
        part.is_part = true;
        assert!(found(&CHECK, &part).is_empty(), "the issuer may be in another part");
    }
}
