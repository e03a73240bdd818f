//! An extended key usage leaves server auth out.

use super::check::{Check, Context};
use crate::audit::catalogue::EKU_SERVER_MISSING;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

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
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

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
