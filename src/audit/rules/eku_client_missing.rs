//! An extended key usage lacks client auth.

use super::check::{Check, Context};
use crate::audit::catalogue::{EKU_CLIENT_MISSING, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &EKU_CLIENT_MISSING, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_evident_server()) {
        let cert = &held.cert;
        // A TLS folder belongs to a node; elsewhere the certificate may belong to a server only, such as a CA.
        let severity = if held.place == Place::Server { Severity::Error } else { Severity::Warning };
        if cert.extended_key_usage().is_some_and(|u| !u.client_auth && !u.any) {
            findings
                .report(
                    &EKU_CLIENT_MISSING,
                    &held.at,
                    "its extended key usage lacks client auth: it is refused as a client certificate",
                )
                .subject(cert.subject())
                .severity(severity)
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use yasna::models::ObjectIdentifier;

    use super::super::fixture::{ca, found, holding, server, tls_folder};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn a_server_certificate_without_client_auth_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.extended_key_usage = Some(vec![1]);
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }

    #[test]
    fn a_server_certificate_elsewhere_than_in_a_tls_folder_is_a_warning() {
        let root = ca("root").self_signed();
        let mut spec = server("ca", &["ca"]);
        spec.extended_key_usage = Some(vec![1]);
        let leaf = spec.issued_by(&root);
        for (place, severity) in [(Place::Server, Severity::Error), (Place::Loose, Severity::Warning)] {
            let subject = holding(SubjectKind::Certificate, [(place, &leaf.cert)]);
            assert_eq!(found(&CHECK, &subject)[0].severity, severity, "{place:?}");
        }
    }

    #[test]
    fn any_usage_includes_client_auth() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        spec.extended_key_usage = None;
        let any = yasna::construct_der(|w| {
            w.write_sequence(|w| w.next().write_oid(&ObjectIdentifier::from_slice(&[2, 5, 29, 37, 0])));
        });
        spec.extra.push((&[2, 5, 29, 37], false, any));
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
    }
}
