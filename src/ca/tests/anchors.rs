//! The check of the certificates that a CA serves, against each kind of anchor.

use std::time::Duration;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::pki::{Made, Pki, ca_params, issued, params, pki, self_signed, server_params};
use crate::ca::{AnchorError, TlsFailure, TrustAnchors};
use crate::{Error, ErrorKind};

const HOST: &str = "org1-ca";
/// 2026-11-23T16:00:00Z.
const NOW: u64 = 1_795_449_600;

fn anchors(certs: &[&Made]) -> TrustAnchors {
    let pem: String = certs.iter().map(|c| c.pem()).collect();
    TrustAnchors::from_pem("ca.pem", pem.as_bytes()).expect("anchors")
}

fn judge(anchors: &TrustAnchors, served: &[&Made], host: &str) -> Result<(), TlsFailure> {
    judge_at(anchors, served, host, NOW)
}

fn judge_at(anchors: &TrustAnchors, served: &[&Made], host: &str, now: u64) -> Result<(), TlsFailure> {
    let chain: Vec<CertificateDer<'static>> = served.iter().map(|c| c.der()).collect();
    let host = ServerName::try_from(host.to_owned()).expect("a host");
    anchors.judge((&chain[0], &chain[1..]), &host, UnixTime::since_unix_epoch(Duration::from_secs(now)))
}

/// As in the Go client: an intermediate CA serves TLS and sends only its leaf.
#[test]
fn a_lone_leaf_is_accepted_as_in_the_go_client() {
    let Pki { root, intermediate, leaf } = pki(&[HOST]);
    let unknown = judge(&anchors(&[&root]), &[&leaf], HOST).expect_err("root only");
    let TlsFailure::UnknownIssuer(unknown) = unknown else { panic!("{unknown}") };
    assert_eq!(unknown.missing, "CN=intermediate");
    assert_eq!(unknown.anchors, ["\"CN=root\" (ca.pem)"]);
    assert_eq!(judge(&anchors(&[&intermediate]), &[&leaf], HOST), Ok(()));
    assert_eq!(judge(&anchors(&[&root, &intermediate]), &[&leaf], HOST), Ok(()));
    assert_eq!(judge(&anchors(&[&intermediate, &root]), &[&leaf], HOST), Ok(()));
    assert_eq!(judge(&anchors(&[&leaf]), &[&leaf], HOST), Ok(()));
    assert_eq!(judge(&anchors(&[&root]), &[&leaf, &intermediate], HOST), Ok(()));
}

#[test]
fn several_files_form_one_set() {
    let (own, other) = (pki(&[HOST]), pki(&[HOST]));
    let mut both = anchors(&[&other.root]);
    both.add_pem("own.pem", own.intermediate.pem().as_bytes()).expect("anchors");
    assert_eq!(both.certs().count(), 2);
    assert_eq!(judge(&both, &[&own.leaf], HOST), Ok(()));
}

#[test]
fn host_names_are_sans_and_a_mismatch_lists_them() {
    let Pki { intermediate, leaf, .. } = pki(&[HOST, "10.0.0.7", "*.org1.example"]);
    let anchors = anchors(&[&intermediate]);
    for host in [HOST, "ORG1-CA", "10.0.0.7", "ca.org1.example"] {
        assert_eq!(judge(&anchors, &[&leaf], host), Ok(()), "{host}");
    }
    for host in ["other", "10.0.0.8", "a.b.org1.example", "org1.example"] {
        let wrong = judge(&anchors, &[&leaf], host).expect_err(host);
        assert!(wrong.to_string().ends_with("it is for org1-ca, 10.0.0.7, *.org1.example"), "{wrong}");
    }
    let nameless = issued(server_params(&[]), &intermediate);
    let wrong = judge(&anchors, &[&nameless], HOST).expect_err("the CN does not count");
    assert!(wrong.to_string().contains("has no names"), "{wrong}");
}

#[test]
fn an_anchor_leaf_still_needs_name_dates_and_usage() {
    let leaf = self_signed(server_params(&[HOST]));
    assert_eq!(judge(&anchors(&[&leaf]), &[&leaf], HOST), Ok(()));
    assert!(matches!(judge(&anchors(&[&leaf]), &[&leaf], "other"), Err(TlsFailure::WrongHost { .. })));
    assert!(matches!(judge_at(&anchors(&[&leaf]), &[&leaf], HOST, 5_000_000_000), Err(TlsFailure::Expired { .. })));
    let mut for_clients = params("c", &[HOST]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = self_signed(for_clients);
    assert!(matches!(judge(&anchors(&[&leaf]), &[&leaf], HOST), Err(TlsFailure::NotForServers { .. })));
}

/// The first-network setup: the CA's own certificate serves TLS.
#[test]
fn a_ca_certificate_serves_tls_only_as_its_own_anchor() {
    let root = self_signed(ca_params("root"));
    let mut own = ca_params("ca");
    own.subject_alt_names = server_params(&[HOST]).subject_alt_names;
    let own = issued(own, &root);
    assert_eq!(judge(&anchors(&[&own]), &[&own], HOST), Ok(()));
    assert_eq!(judge(&anchors(&[&root]), &[&own], HOST), Err(TlsFailure::CaServed { subject: "CN=ca".to_owned() }));
}

#[test]
fn an_anchor_that_is_not_a_ca_trusts_only_itself() {
    let leaf = self_signed(server_params(&[HOST]));
    let child = issued(server_params(&[HOST]), &leaf);
    assert!(matches!(judge(&anchors(&[&leaf]), &[&child], HOST), Err(TlsFailure::UnknownIssuer(_))));
    assert!(judge(&anchors(&[&leaf]), &[&child, &leaf], HOST).is_err());
}

#[test]
fn the_dates_and_path_length_of_an_anchor_apply() {
    let mut old = ca_params("root");
    old.not_after = date_time_ymd(2021, 1, 1);
    let old = self_signed(old);
    let leaf = issued(server_params(&[HOST]), &old);
    assert!(matches!(judge(&anchors(&[&old]), &[&leaf], HOST), Err(TlsFailure::Expired { .. })));

    let mut short = ca_params("root");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = self_signed(short);
    let between = issued(ca_params("between"), &short);
    let (near, far) = (issued(server_params(&[HOST]), &short), issued(server_params(&[HOST]), &between));
    assert_eq!(judge(&anchors(&[&short]), &[&near], HOST), Ok(()));
    assert!(judge(&anchors(&[&short]), &[&far, &between], HOST).is_err());
}

#[test]
fn date_errors_include_the_local_time() {
    let Pki { intermediate, leaf, .. } = pki(&[HOST]);
    let late = judge_at(&anchors(&[&intermediate]), &[&leaf], HOST, 5_000_000_000).expect_err("expired");
    assert!(late.to_string().contains("expired at 2120-01-01T00:00:00Z; the local time is 2128-"), "{late}");
    let early = judge_at(&anchors(&[&intermediate]), &[&leaf], HOST, 1_000).expect_err("not yet valid");
    assert!(matches!(early, TlsFailure::NotYetValid { .. }), "{early}");
}

#[test]
fn a_client_certificate_cannot_serve_tls() {
    let root = self_signed(ca_params("root"));
    let mut for_clients = params("c", &[HOST]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = issued(for_clients, &root);
    assert!(matches!(judge(&anchors(&[&root]), &[&leaf], HOST), Err(TlsFailure::NotForServers { .. })));
    for usages in [vec![], vec![ExtendedKeyUsagePurpose::Any]] {
        let mut fit = params("s", &[HOST]);
        fit.extended_key_usages = usages;
        assert_eq!(judge(&anchors(&[&root]), &[&issued(fit, &root)], HOST), Ok(()));
    }
}

#[test]
fn a_recreated_ca_is_distinguished_from_an_unknown_one() {
    let (then, now) = (self_signed(ca_params("root")), self_signed(ca_params("root")));
    let leaf = issued(server_params(&[HOST]), &now);
    let failure = judge(&anchors(&[&then]), &[&leaf], HOST).expect_err("another key");
    assert!(failure.to_string().contains("has the issuer's name but another key"), "{failure}");
    assert!(failure.next_step().contains("recreated"));

    let alone = self_signed(params("alone", &["elsewhere"]));
    let failure = judge(&anchors(&[&then]), &[&alone], HOST).expect_err("self-signed");
    assert!(failure.to_string().contains("it is self-signed"), "{failure}");
    assert!(failure.to_string().ends_with("do not include this host either, only elsewhere"), "{failure}");
}

#[test]
fn ingress_default_certificates_are_recognised() {
    let root = self_signed(ca_params("root"));
    let nginx = self_signed(params("Kubernetes Ingress Controller Fake Certificate", &["ingress.local"]));
    let traefik = self_signed(params("TRAEFIK DEFAULT CERT", &["x.traefik.default"]));
    for (served, name) in [(nginx, "Kubernetes"), (traefik, "Traefik")] {
        let failure = judge(&anchors(&[&root]), &[&served], HOST).expect_err("not a CA");
        assert!(matches!(failure, TlsFailure::IngressDefault { .. }), "{failure}");
        assert!(failure.to_string().contains(name) && failure.next_step().contains("passthrough"), "{failure}");
    }
}

#[test]
fn files_without_a_usable_certificate_are_refused_by_name() {
    let leaf = self_signed(server_params(&[HOST]));
    let refuse = |pem: &str| TrustAnchors::from_pem("dir/ca.pem", pem.as_bytes()).expect_err("refused");
    let empty = refuse("no PEM at all\n");
    assert!(matches!(empty, AnchorError::Empty { .. }));
    let with_key = refuse(&format!("{}{}", leaf.pem(), leaf.key_pem()));
    assert!(matches!(with_key, AnchorError::PrivateKey { .. }), "{with_key}");
    let broken = refuse("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for error in [empty, with_key, broken, refuse("-----BEGIN CERTIFICATE-----\nAAAA\n")] {
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().starts_with("dir/ca.pem: "), "{error}");
    }
    assert!(TrustAnchors::default().is_empty());
}
