//! The credential must be of the CA that is asked.

use super::{certificate, reenroll, reenroll_in};
use crate::enroll::scene::{Peer, text};
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

/// `ca1` for the signing certificate and `ca2` for the TLS certificate, with the same id at both; `ca1` is the default.
fn two_cas() -> Option<RealCa> {
    let ca = RealCa::builder().name("ca1").also_named("ca2").start()?.with_ca_name("ca2");
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    Some(ca.with_ca_name("ca1"))
}

#[test]
fn each_folder_has_its_own_credential_where_the_tls_ca_is_another() {
    let Some(ca) = two_cas() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &["--tls-ca-name", "ca2"]).code, 0);
    for _ in 0..2 {
        let issued = peer.issued();
        let ran = reenroll(&ca, &peer, &["--tls-ca-name", "ca2"]);
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
        assert_eq!(peer.issued(), (issued.0, issued.1 + 2));
    }
    let tls = peer.tls();
    let (cert, key, anchors) = (tls.join("server.crt"), tls.join("server.key"), tls.join("ca.crt"));
    if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, "org1-peer-gateway-svc") {
        assert!(verdict.accept, "{verdict:?}");
    }
}

/// No request is signed, and the error names the issuer that is needed.
#[test]
fn a_credential_of_another_ca_is_refused_before_the_request() {
    let Some(ca) = two_cas() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &["--tls-ca-name", "ca2"]).code, 0);
    let (before, signed) = (peer.tree(), ca.count("reenroll"));
    let ran = reenroll_in(&ca, &["--tls-dir", &text(&peer.tls())], None, &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let error = &ran.json()["error"];
    let (message, remedy) = (error["message"].as_str().unwrap(), error["help"].as_str().unwrap());
    let needed = certificate(&peer.msp().join("cacerts"));
    let held = certificate(&peer.tls().join("ca.crt"));
    for text in [needed.subject(), held.subject(), &text(&peer.tls())] {
        assert!(message.contains(text), "{text}: {message}");
    }
    assert!(remedy.contains("--tls-ca-name"), "{remedy}");
    assert_eq!(ca.count("reenroll"), signed);
    let after = peer.tree();
    let written: Vec<&String> = after.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(written.iter().all(|path| path.ends_with("/lock")), "no pending key was written: {written:?}");
}

/// The TLS folder has lost its key; the signing identity of the same CA is the credential.
#[test]
fn the_other_folder_of_the_same_identity_is_used_where_one_cannot_sign() {
    let Some(ca) = two_cas() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    std::fs::remove_file(peer.tls().join("server.key")).unwrap();
    let alone = reenroll_in(&ca, &["--tls-dir", &text(&peer.tls())], None, &[]);
    assert_eq!(alone.code, 4, "{alone:?}");
    assert!(alone.json()["error"]["message"].as_str().unwrap().contains("no certificate with its key"), "{alone:?}");
    let ran = reenroll(&ca, &peer, &[]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    assert!(peer.tls().join("server.key").is_file());
}

/// A folder of the Go client has no record: the CA is asked about itself first.
#[test]
fn a_folder_of_the_go_client_is_renewed() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let home = tempfile::tempdir().unwrap();
    let url = ca.url().replace("https://", "https://org1-peer1:peerpw@");
    let ran = ca.client(home.path(), &["enroll", "-u", &url, "--csr.hosts", "org1-peer1", "--mspdir", "msp"]);
    assert!(ran.status.success(), "{ran:?}");
    let msp = home.path().join("msp");
    let asked = ca.count("cainfo");
    let ran = reenroll_in(&ca, &["--msp-dir", &text(&msp)], None, &[]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    assert_eq!((ca.count("cainfo"), &ran.json()["names_kept"][0]), (asked + 1, &"org1-peer1".into()));
    if let Some(verdict) = oracle::msp(&msp, "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    // Its record says from now on which CA issued it.
    assert_eq!(reenroll_in(&ca, &["--msp-dir", &text(&msp)], None, &[]).code, 0);
    assert_eq!(ca.count("cainfo"), asked + 1);
}
