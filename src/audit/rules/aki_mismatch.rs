//! A TLS certificate names another CA certificate than the one that issued it.

use super::check::{Check, Context};
use crate::audit::catalogue::AKI_MISMATCH;
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{Place, Subject};
use crate::pki::x509::{AuthorityMismatch, Cert};

pub(super) static CHECK: Check = Check {
    rule: &AKI_MISMATCH,
    applies: |subject, _| subject.certificates.iter().any(|c| matches!(c.place, Place::Server | Place::Served)),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let links = subject.links();
    let leaves = (0..subject.certificates.len())
        .filter(|at| matches!(subject.certificates[*at].place, Place::Server | Place::Served));
    for leaf in leaves {
        for at in [leaf].into_iter().chain(links.path(leaf)) {
            let held = &subject.certificates[at];
            let ca = match links.issuer(at) {
                Issuer::Itself => &held.cert,
                Issuer::Held(ca) => &subject.certificates[ca].cert,
                Issuer::Forged(_) | Issuer::Absent => continue,
            };
            let Err(mismatch) = held.cert.check_authority(ca) else { continue };
            if !has_another(subject, &held.cert) {
                findings.report(&AKI_MISMATCH, &held.at, said(mismatch, ca)).subject(held.cert.subject()).add();
            }
        }
    }
}

/// Whether the subject holds another certificate of the issuer, and it is the named one.
fn has_another(subject: &Subject, cert: &Cert) -> bool {
    let mut named = subject.certificates.iter().filter(|c| cert.check_authority(&c.cert).is_ok());
    named.any(|c| cert.is_issued_by(&c.cert))
}

fn said(mismatch: AuthorityMismatch, ca: &Cert) -> String {
    let what = match mismatch {
        AuthorityMismatch::KeyId => "its authority key identifier is not the subject key identifier",
        AuthorityMismatch::IssuerAndSerial => {
            "its authority key identifier has the issuer or serial number of a certificate other than that"
        }
    };
    format!("{what} of \"{}\", which issued it: OpenSSL and Node clients refuse it", ca.subject())
}

#[cfg(test)]
mod tests {
    use yasna::{Tag, construct_der};

    use super::super::fixture::{Made, ca, found, holding, server, tls_folder};
    use super::*;
    use crate::audit::model::subject::SubjectKind;
    use crate::pki::key::{KeyAlgorithm, KeyPair};

    #[test]
    fn a_key_identifier_of_another_ca_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.key_ids = false;
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty(), "nothing is named");
        let other = construct_der(|w| {
            w.write_sequence(|w| w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(&[7; 20])));
        });
        spec.extra.push((&[2, 5, 29, 35], false, other));
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }

    #[test]
    fn another_certificate_of_the_ca_with_the_named_identifier_is_enough() {
        let key = KeyPair::generate(KeyAlgorithm::P256).expect("a key");
        let authority = |id: u8| {
            let mut spec = ca("root");
            spec.key_ids = false;
            spec.extra.push((&[2, 5, 29, 14], false, construct_der(|w| w.write_bytes(&[id; 20]))));
            let der = spec.der(&key, "root", &key);
            Made {
                cert: Cert::from_der(der).expect("a certificate"),
                key: KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).expect("a key"),
            }
        };
        let [named, other] = [7, 8].map(authority);
        let mut spec = server("peer1", &["peer1"]);
        spec.key_ids = false;
        let id = construct_der(|w| {
            w.write_sequence(|w| w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(&[7; 20])));
        });
        spec.extra.push((&[2, 5, 29, 35], false, id));
        let leaf = spec.issued_by(&named);
        let folder = |anchors: &[&Made]| {
            let anchors = anchors.iter().map(|ca| (Place::ServerAnchor, &ca.cert));
            let certs = std::iter::once((Place::Server, &leaf.cert)).chain(anchors).collect::<Vec<_>>();
            found(&CHECK, &holding(SubjectKind::Tls, certs)).len()
        };
        assert_eq!(folder(&[&other]), 1);
        assert_eq!((folder(&[&other, &named]), folder(&[&named, &other])), (0, 0));
    }
}
