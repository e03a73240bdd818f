//! A CA certificate is in the place of a node's own certificate.

use super::check::{Check, Context};
use crate::audit::catalogue::{LEAF_IS_CA, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &LEAF_IS_CA, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.cert.is_ca()) {
        let severity = match held.place {
            Place::SignCert | Place::Admin => Severity::Error,
            // It works, but its key can also issue certificates.
            Place::Server | Place::Served => Severity::Warning,
            _ => continue,
        };
        findings
            .report(&LEAF_IS_CA, &held.at, "it is a CA certificate (CA:TRUE)")
            .subject(held.cert.subject())
            .severity(severity)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder, tls_folder};
    use super::*;

    #[test]
    fn a_root_as_identity_is_found() {
        let root = ca("root").self_signed();
        assert!(found(&CHECK, &msp_folder(&identity("peer1").issued_by(&root), &root)).is_empty());
        assert_eq!(found(&CHECK, &msp_folder(&root, &root)).len(), 1);
    }

    #[test]
    fn a_server_that_is_its_own_ca_is_a_warning() {
        let root = ca("root").self_signed();
        assert_eq!(found(&CHECK, &tls_folder(&root, &root))[0].severity, Severity::Warning);
    }
}
