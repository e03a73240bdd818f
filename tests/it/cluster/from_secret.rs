//! `install --from-secret`: what a Secret holds becomes a folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use serde_json::json;

use super::api_server::Namespace;
use super::secrets::{ID, content, enroll};
use crate::command::Ran;
use crate::real::{CaUnderTest as _, RealCa, Registration, oracle};

fn install(namespace: &Namespace, secret: &str, folder: [&str; 2], more: &[&str]) -> Ran {
    let dir = namespace.path(folder[1]).display().to_string();
    let args = ["install", "--id", ID, "--from-secret", secret, folder[0], &dir, "--output", "json"];
    namespace.fabcert(&[&args[..], more].concat(), None)
}

#[test]
fn the_pair_and_the_msp_of_an_identity_become_folders() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("from-secret")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    let ran = enroll(&namespace, &ca, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (secret, flag, dir) in [(ID, "--tls-dir", "tls"), ("org1-peer1-msp", "--msp-dir", "msp")] {
        let ran = install(&namespace, secret, [flag, dir], &[]);
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("enrolled")), "{ran:?}");
        let again = install(&namespace, secret, [flag, dir], &[]);
        assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
    }
    let key = std::fs::read(namespace.path("tls/server.key")).unwrap();
    let stored = content(&namespace.secret(ID).unwrap(), "tls.key");
    let [key, stored] = [key, stored].map(|pem| KeyPair::from_pem(&pem).unwrap());
    assert_eq!(key.public_point(), stored.public_point());
    if let Some(verdict) = oracle::msp(&namespace.path("msp"), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "Fabric refuses the folder");
    }
}

#[test]
fn a_secret_that_cannot_be_installed_writes_nothing() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("from-wrong")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    assert_eq!(enroll(&namespace, &ca, &[]).code, 0);
    let stored = namespace.secret(ID).unwrap();
    let other_key = STANDARD.encode(KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem().as_bytes());
    let secret = |name: &str, data: serde_json::Value| {
        namespace.post_secret(&json!({"metadata": {"name": name}, "type": "Opaque", "data": data}));
    };
    let data = |key: &str| stored["data"][key].clone();
    secret("other-key", json!({"tls.crt": data("tls.crt"), "tls.key": other_key, "ca.crt": data("ca.crt")}));
    secret("no-root", json!({"tls.crt": data("tls.crt"), "tls.key": data("tls.key")}));
    secret("no-pair", json!({"ca.crt": data("ca.crt")}));
    for (name, code, words) in [
        ("other-key", 8, "key"),
        ("no-root", 8, "--chain"),
        ("no-pair", 4, "holds no certificate with its key, but ca.crt"),
        ("nowhere", 4, "there is no Secret nowhere"),
    ] {
        let ran = install(&namespace, name, ["--tls-dir", "tls"], &[]);
        assert!(ran.code == code && ran.stderr.contains(words), "{name}: {ran:?}");
        assert!(!namespace.path("tls").exists(), "{name}");
    }
    // The root comes from elsewhere.
    let root = namespace.path("root.pem");
    std::fs::write(&root, content(&stored, "ca.crt")).unwrap();
    let ran = install(&namespace, "no-root", ["--tls-dir", "tls"], &["--chain", root.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let both = install(&namespace, "no-root", ["--tls-dir", "tls"], &["--cert", root.to_str().unwrap()]);
    assert_eq!(both.code, 2, "{both:?}");
}
