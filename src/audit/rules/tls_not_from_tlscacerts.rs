//! No TLS CA of the MSP issued the TLS certificate of a node.

use super::check::{Check, Context};
use crate::audit::catalogue::TLS_NOT_FROM_TLSCACERTS;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};
use crate::pki::x509::SignatureCheck;

pub(super) static CHECK: Check = Check {
    rule: &TLS_NOT_FROM_TLSCACERTS,
    applies: |subject, _| !subject.tls_cas_beside.is_empty() && subject.at(Place::Server).next().is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(server) = subject.at(Place::Server).next() else { return };
    // Any certificate that the server sends may be the one below a TLS CA of the MSP.
    let leads_there = std::iter::once(server).chain(subject.at(Place::ServerChain)).any(|held| {
        subject.tls_cas_beside.iter().any(|ca| {
            held.cert.der() == ca.der()
                || held.cert.issuer_raw() == ca.subject_raw() && held.cert.signature_by(ca) != SignatureCheck::Bad
        })
    });
    if !leads_there {
        let message = format!("\"{}\" issued it, but the MSP beside it has another TLS CA", server.cert.issuer());
        findings.report(&TLS_NOT_FROM_TLSCACERTS, &server.at, message).subject(server.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, server, tls_folder};
    use super::*;
    use crate::audit::model::subject::SubjectKind;
    use crate::pki::x509::Cert;

    #[test]
    fn a_certificate_of_another_ca_than_the_msps_is_found() {
        let (root, other) = (ca("tlsca").self_signed(), ca("tlsca").self_signed());
        let mut subject = tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root);
        assert!(found(&CHECK, &subject).is_empty(), "no MSP beside it");
        subject.tls_cas_beside = vec![other.cert, root.cert];
        assert!(found(&CHECK, &subject).is_empty());
        subject.tls_cas_beside.pop();
        assert_eq!(found(&CHECK, &subject).len(), 1);
    }

    #[test]
    fn the_tls_ca_may_be_above_what_the_server_sends_or_the_certificate_itself() {
        let root = ca("tlsca").self_signed();
        let middle = ca("middle").issued_by(&root);
        let leaf = server("peer1", &["peer1"]).issued_by(&middle);
        let with = |beside: &Cert, chain: &[&Cert]| {
            let chain = chain.iter().map(|cert| (Place::ServerChain, *cert));
            let certs = std::iter::once((Place::Server, &leaf.cert)).chain(chain).collect::<Vec<_>>();
            let mut subject = holding(SubjectKind::Tls, certs);
            subject.tls_cas_beside = vec![beside.clone()];
            found(&CHECK, &subject).len()
        };
        assert_eq!((with(&root.cert, &[]), with(&root.cert, &[&middle.cert])), (1, 0));
        assert_eq!(with(&leaf.cert, &[]), 0);
    }
}
