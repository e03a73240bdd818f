//! An extended key usage leaves server auth out.

use std::collections::BTreeSet;

use crate::audit::coverage::{Covered, location};
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::{HeldCert, Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "eku-server-missing",
    title: "extended key usage lacks server auth",
    rationale: "A TLS client accepts no server certificate whose usage list lacks server auth. Fabric \
                demands it of every certificate with such a list, signing identities and CAs included. Go takes \
                anyExtendedKeyUsage in its place, OpenSSL and with it Node clients do not.",
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
    for held in any_alone(subject) {
        let message = "its extended key usage holds anyExtendedKeyUsage in place of server auth: OpenSSL and Node clients refuse it";
        findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
    }
}

/// Servers' certificates, and the CAs on their path, that allow any use by that word alone.
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

/// Certificates that nodes are to serve with, and that are asked for with a list of usages.
pub(in crate::audit) fn over(covered: &Covered, findings: &mut Findings) {
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
    fn any_usage_in_place_of_server_auth_is_found_on_the_whole_path() {
        let any: (&[u64], bool, Vec<u8>) = (&[2, 5, 29, 37], false, vec![0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0]);
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        spec.extended_key_usage = None;
        spec.extra.push(any.clone());
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
        let mut odd_ca = ca("root");
        odd_ca.extra.push(any);
        let odd_root = odd_ca.self_signed();
        let good = server("peer1", &["peer1"]);
        assert_eq!(found(&RULE, &tls_folder(&good.issued_by(&odd_root), &odd_root)).len(), 1);
        let mut beside = tls_folder(&good.issued_by(&root), &root);
        beside.certificates.extend(tls_folder(&good.issued_by(&odd_root), &odd_root).certificates.pop());
        assert!(found(&RULE, &beside).is_empty(), "it is not on the path");
    }

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
