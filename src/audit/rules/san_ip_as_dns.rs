//! An IP address is in a SAN of type DNS.

use super::check::{Check, Context};
use crate::audit::catalogue::{SAN_IP_AS_DNS, Severity};
use std::net::IpAddr;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::{NameIndex, SanName};

pub(super) static CHECK: Check =
    Check { rule: &SAN_IP_AS_DNS, applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let sans = held.cert.sans();
        let addresses: Vec<&str> = sans.iter().filter_map(address).collect();
        if addresses.is_empty() {
            continue;
        }
        let index = NameIndex::new(sans);
        let lost: Vec<&str> = addresses.iter().copied().filter(|a| !index.matches_as_go(a)).collect();
        let draft = if lost.is_empty() {
            let message = format!("{} is also a DNS name, where it has no effect", addresses.join(", "));
            findings.report(&SAN_IP_AS_DNS, &held.at, message).severity(Severity::Note)
        } else {
            let message =
                format!("{} is a DNS name in the certificate: no client that dials it accepts it", lost.join(", "));
            findings.report(&SAN_IP_AS_DNS, &held.at, message)
        };
        let names = if lost.is_empty() { addresses } else { lost };
        draft.subject(held.cert.subject()).names(names.into_iter().map(str::to_owned)).add();
    }
}

fn address(name: &SanName) -> Option<&str> {
    match name {
        SanName::Dns(host) if host.as_str().parse::<IpAddr>().is_ok() => Some(host.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn an_address_as_a_dns_name_is_an_error_unless_it_is_also_an_address() {
        let root = ca("tlsca").self_signed();
        let mut spec = server("peer0", &["peer0", "10.0.0.1"]);
        let findings = found(&CHECK, &tls_folder(&spec.issued_by(&root), &root));
        assert_eq!((findings[0].severity, findings[0].names.clone()), (Severity::Error, vec!["10.0.0.1".to_owned()]));
        spec.sans.push((7, vec![10, 0, 0, 1]));
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root))[0].severity, Severity::Note);
    }

    #[test]
    fn an_address_as_an_address_gives_nothing() {
        let root = ca("tlsca").self_signed();
        let mut spec = server("peer0", &["peer0"]);
        spec.sans.push((7, vec![10, 0, 0, 1]));
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)), []);
    }
}
