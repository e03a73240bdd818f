//! An IP address stands where a DNS name belongs.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;
use std::net::IpAddr;

use crate::audit::subject::HeldCert;
use crate::name::SanName;

pub(super) static RULE: Rule = Rule {
    id: "san-ip-as-dns",
    title: "an IP address stands as a DNS name",
    rationale: "A client that dials an address looks at IP SANs only; a DNS SAN that looks like an address \
                matches nothing.",
    remedy: "enrol again with fabcert, which gives addresses their own type: --san 10.0.0.1",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.6" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let addresses: Vec<String> = held
            .cert
            .sans()
            .iter()
            .filter_map(|n| match n {
                SanName::Dns(host) if host.as_str().parse::<IpAddr>().is_ok() => Some(host.as_str().to_owned()),
                _ => None,
            })
            .collect();
        if !addresses.is_empty() {
            let message = format!("{} stands as a DNS name and matches no client", addresses.join(", "));
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).names(addresses).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn an_address_as_dns_name_is_found() {
        let root = ca("root").self_signed();
        assert!(found(&RULE, &tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root)).is_empty());
        let findings = found(&RULE, &tls_folder(&server("peer1", &["peer1", "10.0.0.1"]).issued_by(&root), &root));
        assert_eq!(findings[0].names, ["10.0.0.1"]);
    }
}
