//! A key usage lacks digital signature.

use super::check::{Check, Context};
use crate::audit::catalogue::KU_DIGITAL_SIGNATURE_MISSING;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &KU_DIGITAL_SIGNATURE_MISSING, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_evident_server()) {
        let cert = &held.cert;

        if cert.key_usage().is_some_and(|u| !u.digital_signature) {
            findings
                .report(
                    &KU_DIGITAL_SIGNATURE_MISSING,
                    &held.at,
                    "its key usage lacks digital signature: Java clients refuse it",
                )
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
    fn a_server_that_may_not_sign_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.key_usage = Some(vec![2]);
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
