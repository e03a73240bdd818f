//! The TLS certificate comes from another CA, or has another identity, than the signing certificate.

use std::path::Path;

use fabcert::pki::x509::Cert;

use crate::command::{Ran, fabcert_in};
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

use super::scene::{Peer, text};

/// A server with the root CAs `ca1` and `ca2`; `ca1` is the default CA.
fn two_cas() -> Option<RealCa> {
    RealCa::builder().name("ca1").also_named("ca2").start()
}

/// One run for both folders. The first CA's secret is `peerpw`, the second one's is the given one.
fn enroll(peer: &Peer<'_>, ca: &RealCa, more: &[&str], tls_secret: Option<&str>) -> Ran {
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let start = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--role", "peer"];
    let target =
        ["--msp-dir", &msp, "--tls-dir", &tls, "--san", "org1-peer1,org1-peer-gateway-svc", "--output", "json"];
    let name: Vec<&str> = ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
    let secrets: Vec<_> =
        [("FABCERT_SECRET", "peerpw")].into_iter().chain(tls_secret.map(|s| ("FABCERT_TLS_SECRET", s))).collect();
    fabcert_in(&[&start[..], &target, &name, more].concat(), &secrets)
}

fn certificates(path: &Path) -> Vec<Cert> {
    let pem = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Cert::all_from_pem(&pem).unwrap()
}

fn only_one(folder: &Path) -> Cert {
    let mut files = std::fs::read_dir(folder).unwrap();
    let cert = certificates(&files.next().unwrap().unwrap().path()).remove(0);
    assert!(files.next().is_none(), "{}", folder.display());
    cert
}

/// Each leaf has the given CN and the given root; Fabric loads the MSP folder, which has the TLS root too, and a Go
/// client accepts the TLS folder.
fn assert_installed(peer: &Peer<'_>, sign: (&str, &str), tls: (&str, &str)) {
    let root = |pem: &str| Cert::all_from_pem(pem.as_bytes()).unwrap().remove(0);
    let (sign_root, tls_root) = (root(sign.1), root(tls.1));
    let (msp, folder) = (peer.msp(), peer.tls());
    let leaf = only_one(&msp.join("signcerts"));
    assert_eq!(leaf.common_name(), Some(sign.0));
    assert!(leaf.is_issued_by(&sign_root), "{}", leaf.issuer());
    assert_eq!(only_one(&msp.join("cacerts")).der(), sign_root.der());
    assert_eq!(only_one(&msp.join("tlscacerts")).der(), tls_root.der());
    let leaf = certificates(&folder.join("server.crt")).remove(0);
    assert_eq!(leaf.common_name(), Some(tls.0));
    assert!(leaf.is_issued_by(&tls_root), "{}", leaf.issuer());
    assert_eq!(certificates(&folder.join("ca.crt")).remove(0).der(), tls_root.der());
    if let Some(verdict) = oracle::msp(&msp, "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer() && verdict.verifies, "{verdict:?}");
    }
    let (cert, key, anchors) = (folder.join("server.crt"), folder.join("server.key"), folder.join("ca.crt"));
    if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, "org1-peer-gateway-svc") {
        assert!(verdict.accept, "{verdict:?}");
    }
}

#[test]
fn another_ca_of_the_same_server_gives_the_tls_certificate() {
    let Some(ca) = two_cas() else { return };
    let ca = ca.with_ca_name("ca2");
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let ca = ca.with_ca_name("ca1");
    let peer = Peer::register(&ca, "peerpw", None);
    let issued = peer.issued();
    // The same id and secret at both. A token of one CA is not valid at the other: two enrolments.
    let ran = enroll(&peer, &ca, &["--tls-ca-name", "ca2"], None);
    assert_eq!((ran.code, peer.issued()), (0, (issued.0 + 2, issued.1)), "{ran:?}");
    assert_installed(&peer, ("org1-peer1", &ca.root_pem()), ("org1-peer1", &ca.further_root_pem("ca2")));
    let again = enroll(&peer, &ca, &["--tls-ca-name", "ca2"], None);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
}

#[test]
fn another_identity_at_another_ca_gives_the_tls_certificate() {
    let Some(ca) = two_cas() else { return };
    let ca = ca.with_ca_name("ca2");
    ca.register(&Registration::peer("org1-peer1-tls", "tlspw"));
    let ca = ca.with_ca_name("ca1");
    let peer = Peer::register(&ca, "peerpw", Some(1));
    let other = ["--tls-ca-name", "ca2", "--tls-id", "org1-peer1-tls"];

    // The first CA's answer is kept when the second CA fails: it was the only enrolment.
    let refused = enroll(&peer, &ca, &other, Some("wrong"));
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(refused.stderr.contains("for the TLS certificate of org1-peer1-tls"), "{refused:?}");
    assert!(!peer.msp().exists() && !peer.tls().exists());
    let issued = peer.issued();

    let ran = enroll(&peer, &ca, &other, Some("tlspw"));
    assert_eq!((ran.code, peer.issued()), (0, (issued.0 + 1, issued.1)), "{ran:?}");
    assert_installed(&peer, ("org1-peer1", &ca.root_pem()), ("org1-peer1-tls", &ca.further_root_pem("ca2")));
    let again = enroll(&peer, &ca, &other, Some("tlspw"));
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
}

#[test]
fn another_identity_at_the_same_ca_gives_the_tls_certificate() {
    let Some(ca) = two_cas() else { return };
    let ca = ca.with_ca_name("ca1");
    ca.register(&Registration::peer("org1-peer1-tls", "tlspw"));
    let peer = Peer::register(&ca, "peerpw", None);
    let issued = peer.issued();
    let ran = enroll(&peer, &ca, &["--tls-id", "org1-peer1-tls"], Some("tlspw"));
    assert_eq!((ran.code, peer.issued()), (0, (issued.0 + 2, issued.1)), "{ran:?}");
    assert_installed(&peer, ("org1-peer1", &ca.root_pem()), ("org1-peer1-tls", &ca.root_pem()));
}

#[test]
fn another_server_gives_the_tls_certificate() {
    let (Some(ca), Some(other)) = (RealCa::builder().start(), RealCa::builder().name("org1-tlsca").start()) else {
        return;
    };
    let peer = Peer::register(&ca, "peerpw", None);
    other.register(&Registration::peer("org1-peer1", "tlspw"));
    let (url, anchor) = (other.url(), text(other.tls_anchor()));
    let there = ["--tls-url", &url, "--tls-ca-name", "org1-tlsca"];
    // The first server's anchors do not verify the second one.
    let untrusted = enroll(&peer, &ca, &there, Some("tlspw"));
    assert_eq!(untrusted.code, 6, "{untrusted:?}");
    assert!(!peer.msp().exists() && !peer.tls().exists());
    let ran = enroll(&peer, &ca, &[&there[..], &["--tls-url-ca", &anchor]].concat(), Some("tlspw"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_installed(&peer, ("org1-peer1", &ca.root_pem()), ("org1-peer1", &other.root_pem()));
}

/// An id that only another CA of the server knows, and plain HTTP at a port that speaks TLS: the help names the remedy.
#[test]
fn the_wrong_ca_of_the_server_and_the_wrong_scheme_are_named() {
    let Some(ca) = two_cas() else { return };
    let ca = ca.with_ca_name("ca2");
    ca.register(&Registration::peer("only2", "only2pw"));
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&dir.path().join("msp")));
    let args = ["enroll", "--id", "only2", "--tls-ca", &anchor];
    let wrong =
        fabcert_in(&[&args[..], &["--url", &url, "--msp-dir", &msp]].concat(), &[("FABCERT_SECRET", "only2pw")]);
    assert_eq!(wrong.code, 7, "{wrong:?}");
    assert!(wrong.stderr.contains("default CA") && wrong.stderr.contains("--ca-name"), "{wrong:?}");

    let plain = url.replace("https://", "http://");
    // Elsewhere, where no refusal is remembered.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = text(&elsewhere.path().join("msp"));
    let plain = ["--url", &plain, "--plaintext", "--msp-dir", &other];
    let ran = fabcert_in(&[&args[..], &plain].concat(), &[("FABCERT_SECRET", "only2pw")]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("may speak TLS") && !ran.stderr.contains("may have issued"), "{ran:?}");
}
