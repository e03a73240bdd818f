//! An extended key usage lacks server auth.

use super::check::{Check, Context};
use crate::audit::catalogue::EKU_SERVER_MISSING;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &EKU_SERVER_MISSING, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in
        subject.certificates.iter().filter(|c| matches!(c.place, Place::Server | Place::Served | Place::SignCert))
    {
        let cert = &held.cert;

        if cert.extended_key_usage().is_some_and(|u| !u.server_auth && !u.any) {
            findings
                .report(&EKU_SERVER_MISSING, &held.at, "its extended key usage lacks server auth")
                .subject(cert.subject())
                .add();
        }
    }
    for held in any_alone(subject) {
        let message = "its extended key usage holds anyExtendedKeyUsage in place of server auth: OpenSSL and Node clients refuse it";
        findings.report(&EKU_SERVER_MISSING, &held.at, message).subject(held.cert.subject()).add();
    }
}

/// Server certificates, and the CAs on their path, with anyExtendedKeyUsage but without server auth.
fn any_alone(subject: &Subject) -> Vec<&HeldCert> {
    let certificates = &subject.certificates;
    let is_any_alone = |c: &HeldCert| c.cert.extended_key_usage().is_some_and(|u| u.any && !u.server_auth);
    if !certificates.iter().any(is_any_alone) {
        return Vec::new();
    }
    let links = subject.links();
    let leaves = (0..certificates.len()).filter(|at| matches!(certificates[*at].place, Place::Server | Place::Served));
    let paths = leaves.flat_map(|leaf| [leaf].into_iter().chain(links.path(leaf)));
    paths.map(|at| &certificates[at]).filter(|c| is_any_alone(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn any_usage_in_place_of_server_auth_is_found_on_the_whole_path() {
        let any: (&[u64], bool, Vec<u8>) = (&[2, 5, 29, 37], false, vec![0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0]);
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        spec.extended_key_usage = None;
        spec.extra.push(any.clone());
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
        let mut odd_ca = ca("root");
        odd_ca.extra.push(any);
        let odd_root = odd_ca.self_signed();
        let good = server("peer1", &["peer1"]);
        assert_eq!(found(&CHECK, &tls_folder(&good.issued_by(&odd_root), &odd_root)).len(), 1);
        let mut beside = tls_folder(&good.issued_by(&root), &root);
        beside.certificates.extend(tls_folder(&good.issued_by(&odd_root), &odd_root).certificates.pop());
        assert!(found(&CHECK, &beside).is_empty(), "it is not on the path");
    }

    #[test]
    fn a_client_certificate_as_server_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.extended_key_usage = Some(vec![2]);
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
        spec.extended_key_usage = None;
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty(), "no list allows all");
    }
}
