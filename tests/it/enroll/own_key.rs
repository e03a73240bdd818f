//! The user's keys, online and offline: `--key-file`, `--reuse-key`, `--key-algorithm`.

use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::x509::{Cert, Csr};

use crate::command::fabcert;
use crate::real::{CaUnderTest, RealCa};

use super::scene::{Peer, text};

fn server_point(peer: &Peer<'_>) -> Vec<u8> {
    let pem = std::fs::read(peer.tls().join("server.crt")).unwrap();
    Cert::all_from_pem(&pem).unwrap().remove(0).public_key_bits().to_vec()
}

/// A given key is used. If the certificate is for another key, it is enrolled again; if it is for this key, it is not.
pub(super) fn a_named_key(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let (first, second) =
        (KeyPair::generate(KeyAlgorithm::P256).unwrap(), KeyPair::generate(KeyAlgorithm::P384).unwrap());
    let file = text(&peer.dir().join("own.key"));
    std::fs::write(&file, first.to_pkcs8_pem().as_bytes()).unwrap();
    let run = || peer.enroll("peerpw", &["--key-file", &file]);
    let ran = run();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(server_point(&peer), first.public_point());
    assert_eq!(run().json()["action"], "unchanged");
    std::fs::write(&file, second.to_pkcs8_pem().as_bytes()).unwrap();
    let other = run();
    assert_eq!((other.code, other.json()["action"].as_str()), (0, Some("enrolled")), "{other:?}");
    assert!(other.stdout.contains("a key other than the given one"), "{other:?}");
    assert_eq!(server_point(&peer), second.public_point());
    assert_eq!(run().json()["action"], "unchanged");
    std::fs::write(&file, "no key").unwrap();
    let before = peer.folders();
    let broken = run();
    assert_eq!(broken.code, 4, "{broken:?}");
    assert!(broken.stderr.contains("own.key") && peer.folders() == before, "{broken:?}");
}

#[test]
fn a_given_key_is_the_key_of_the_certificate() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_named_key(&ca);
}

#[test]
fn a_csr_has_the_requested_key() {
    let dir = tempfile::tempdir().unwrap();
    let csr = |more: &[&str]| {
        let home = text(dir.path());
        let start = ["csr", "--id", "peer1", "--home", &home, "--tls-dir", "tls"];
        fabcert(&[&start[..], more].concat(), None)
    };
    let point = |pem: &str| Csr::from_pem(pem.as_bytes()).unwrap().spki_der().to_vec();
    let nameless = csr(&[]);
    assert_eq!(nameless.code, 2, "a TLS certificate needs names: {nameless:?}");
    let names = ["--san", "org1-peer1"];
    let made = csr(&names);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(dir.path().join(".tls.fabcert/pending.json").is_file(), "the folder is below --home");
    assert_eq!(point(&csr(&names).stdout), point(&made.stdout), "the key is kept for its certificate");

    let curve = csr(&[&names[..], &["--key-algorithm", "p384"]].concat());
    assert_eq!(curve.code, 4, "{curve:?}");
    assert!(curve.stderr.contains("P-384") && curve.stderr.contains("P-256"), "{curve:?}");
    let own = KeyPair::generate(KeyAlgorithm::P384).unwrap();
    let file = text(&dir.path().join("own.key"));
    std::fs::write(&file, own.to_pkcs8_pem().as_bytes()).unwrap();
    let with_file = [&names[..], &["--key-file", &file]].concat();
    assert_eq!(csr(&with_file).code, 4, "another key is pending");
    let forced = csr(&[&with_file[..], &["--force"]].concat());
    assert_eq!((forced.code, point(&forced.stdout)), (0, own.spki_der()), "{forced:?}");
    assert_eq!(csr(&with_file).code, 0, "the same key again");
}

#[test]
fn a_csr_has_the_current_key_with_reuse_key() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let tls = text(&peer.tls());
    let made = fabcert(&["csr", "--id", "org1-peer1", "--tls-dir", &tls, "--san", "org1-peer1", "--reuse-key"], None);
    assert_eq!(made.code, 0, "{made:?}");
    let csr = Csr::from_pem(made.stdout.as_bytes()).unwrap();
    let current = KeyPair::from_pem(&std::fs::read(peer.tls().join("server.key")).unwrap()).unwrap();
    assert_eq!(csr.spki_der(), current.spki_der());
}
