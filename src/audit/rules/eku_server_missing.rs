//! An extended key usage leaves server auth out.

use std::collections::BTreeSet;

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "eku-server-missing",
    title: "extended key usage lacks server auth",
    rationale: "A TLS client accepts no server certificate whose usage list lacks server auth. Fabric \
                demands it of every certificate with such a list, signing identities and CAs included.",
    remedy: "enrol with the profile tls: fabcert enroll --tls-dir DIR",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.12" },
        Source::Go { package: "crypto/x509", item: "Certificate.Verify" },
    ],
    refusals: &[23, 40],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in
        subject.certificates.iter().filter(|c| matches!(c.place, Place::Server | Place::Served | Place::SignCert))
    {
        let cert = &held.cert;

        if cert.extended_key_usage().is_some_and(|u| !u.server_auth && !u.any) {
            findings.report(&RULE, &held.at, "its extended key usage lacks server auth").subject(cert.subject()).add();
        }
    }
}

/// Certificates that nodes are to serve with, and that are asked for with a list of usages.
pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    let certificates = &covered.network.certificates;
    let asked: BTreeSet<usize> =
        covered.nodes.iter().flat_map(|n| &n.held).filter_map(|held| held.certificate).collect();
    for certificate in asked.into_iter().map(|c| &certificates[c]).filter(|c| c.excludes_servers()) {
        let line = certificate.usages.first().map_or(certificate.meta.at.line, |usage| usage.line);
        let message = format!("{} asks for extended key usages without server auth", certificate.meta);
        let draft = findings.report(&RULE, &location(&certificate.meta.at.line(line)), message);
        draft.subject(&certificate.meta.to_string()).remedy("add to its usages: server auth").add();
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
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.extended_key_usage = Some(vec![2]);
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
        spec.extended_key_usage = None;
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty(), "no list allows all");
    }
}
