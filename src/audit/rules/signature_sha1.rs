//! A certificate is signed with SHA-1 or MD5.

use super::check::{Check, Context};
use crate::audit::catalogue::{SIGNATURE_SHA1, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{HeldCert, Place, Subject};
use crate::pki::x509::Hash;

pub(super) static CHECK: Check =
    Check { rule: &SIGNATURE_SHA1, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked().filter(|(held, _)| !is_judged(subject, held)) {
        let algorithm = held.cert.signature_algorithm();
        if !matches!(algorithm.hash(), Some(Hash::Sha1 | Hash::Md5)) {
            continue;
        }
        let names_itself = issuer == Issuer::Itself || held.cert.subject_raw() == held.cert.issuer_raw();
        let (severity, effect) = if names_itself {
            (
                Severity::Warning,
                "TLS clients do not verify the signature of a root, but Fabric refuses a signing root of an MSP",
            )
        } else {
            (Severity::Error, "Go refuses such signatures")
        };
        findings
            .report(&SIGNATURE_SHA1, &held.at, format!("the certificate is signed by {algorithm}: {effect}"))
            .subject(held.cert.subject())
            .severity(severity)
            .add();
    }
}

/// Whether the verdict of Fabric or Go on the folder reports that no path leads through it.
fn is_judged(subject: &Subject, held: &HeldCert) -> bool {
    match held.place {
        Place::TlsRootCa | Place::ServerAnchor | Place::Loose => false,
        Place::Server | Place::ServerChain | Place::Served | Place::ServedChain => {
            subject.at(Place::ServerAnchor).next().is_some()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::model::subject::SubjectKind;
    use crate::audit::rules::fixture::{Made, ca, found, holding, server, tls_folder};
    use crate::pki::x509::Cert;

    const SHA1: &[u64] = &[1, 2, 840, 10045, 4, 1];

    #[test]
    fn a_certificate_signed_with_sha1_is_an_error_without_a_verdict() {
        let root = ca("ca").self_signed();
        let mut leaf = server("p", &["p"]);
        let alone = |made: Made| found(&CHECK, &holding(SubjectKind::Certificate, [(Place::Loose, &made.cert)]));
        assert_eq!(alone(leaf.issued_by(&root)), []);
        leaf.signature_oid = SHA1;
        let findings = alone(leaf.issued_by(&root));
        assert!(findings[0].message.contains("ECDSA with SHA-1"), "{}", findings[0].message);
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(found(&CHECK, &tls_folder(&leaf.issued_by(&root), &root)), [], "root-mismatch reports that");
    }

    #[test]
    fn a_tls_root_that_signed_itself_with_sha1_is_a_warning() {
        let mut old = ca("ca");
        old.signature_oid = SHA1;
        let root = old.self_signed();
        let findings = found(&CHECK, &tls_folder(&server("p", &["p"]).issued_by(&root), &root));
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Warning));
    }

    #[test]
    fn a_root_whose_signature_cannot_be_verified_is_a_warning() {
        let (mut old, other) = (ca("ca"), ca("ca").self_signed());
        old.signature_oid = SHA1;
        let root = Cert::from_der(old.der(&other.key, "ca", &ca("ca").self_signed().key)).expect("a certificate");
        let findings = found(&CHECK, &holding(SubjectKind::Certificate, [(Place::Loose, &root)]));
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Warning));
    }

    #[test]
    fn a_served_certificate_without_anchors_has_no_verdict() {
        let root = ca("ca").self_signed();
        let mut leaf = server("p", &["p"]);
        leaf.signature_oid = SHA1;
        let leaf = leaf.issued_by(&root);
        let served = |more: &[(Place, &Cert)]| {
            let certs = [&[(Place::Served, &leaf.cert)], more].concat();
            found(&CHECK, &holding(SubjectKind::Endpoint, certs)).len()
        };
        assert_eq!((served(&[]), served(&[(Place::ServerAnchor, &root.cert)])), (1, 0));
    }
}
