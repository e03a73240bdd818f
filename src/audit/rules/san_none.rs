//! A TLS server certificate names no host.

use super::check::{Check, Context};
use super::wanted;
use crate::audit::catalogue::SAN_NONE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::SanName;

pub(super) static CHECK: Check = Check {
    rule: &SAN_NONE,
    applies: |subject, _| subject.certificates.iter().any(HeldCert::is_evident_server),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    // A CA certificate in the place of a server certificate has no names; leaf-is-ca reports it.
    for held in subject.certificates.iter().filter(|c| c.is_evident_server() && !c.cert.is_ca()) {
        let names_a_host = held.cert.sans().iter().any(|n| matches!(n, SanName::Dns(_) | SanName::Ip(_)));
        // san-cn-only reports it with the name.
        let only_cn = context.expectation.required().any(|n| wanted::is_common_name(held, &n.name));
        if !names_a_host && !only_cn && held.cert.unreadable_sans().is_empty() {
            findings
                .report(
                    &SAN_NONE,
                    &held.at,
                    "the certificate has no DNS name and no IP address, so Go clients refuse it under every name",
                )
                .subject(held.cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn a_server_without_names_is_found_and_one_with_an_address_is_not() {
        let root = ca("tlsca").self_signed();
        assert_eq!(found(&CHECK, &tls_folder(&server("peer0", &[]).issued_by(&root), &root)).len(), 1);
        let mut spec = server("peer0", &[]);
        spec.sans.push((7, vec![10, 0, 0, 1]));
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)), []);
    }
}
