//! Connection profiles and wallets of a peer that is enrolled at the dev CA.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::ROOT;
use crate::command::fabcert;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest as _, Registration};

/// An enrolled peer's folders, made with the dev CA.
struct Enrolled {
    dir: tempfile::TempDir,
}

impl Enrolled {
    fn new() -> Self {
        Self::with_key("p256")
    }

    fn with_key(algorithm: &str) -> Self {
        let (ca, dir) = (DevCaUnderTest::start(|_| {}, None), tempfile::tempdir().unwrap());
        ca.register(&Registration::peer("org1-peer1", "peerpw"));
        let path = |name: &str| text(&dir.path().join(name));
        let (url, anchor, msp, tls) = (ca.url(), text(ca.tls_anchor()), path("msp"), path("tls"));
        let args = ["enroll", "--url", &*url, "--tls-ca", &anchor, "--id", "org1-peer1", "--msp-dir", &msp];
        let names = ["--tls-dir", &tls, "--san", "org1-peer1,org1-peer-gateway-svc", "--key-algorithm", algorithm];
        let ran = fabcert(&[&args[..], &names].concat(), Some("peerpw"));
        assert_eq!(ran.code, 0, "{ran:?}");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[test]
fn a_profile_is_written_only_for_a_gateway_that_every_member_proves() {
    let peer = Enrolled::new();
    let out = peer.path("connection.json");
    let export = |endpoint: &str, more: &[&str]| {
        let (tls, out) = (text(&peer.path("tls")), text(&out));
        let args = ["export", "connection-profile", "--msp-id", "Org1MSP", "--endpoint", endpoint, "--tls-dir", &tls];
        fabcert(&[&args, &["--out", &*out][..], more].concat(), None)
    };
    let ran = export("other-svc:7051", &[]);
    assert!(ran.code == 4 && ran.stderr.contains("other-svc"), "{ran:?}");
    assert!(!out.exists());
    let ran = export("org1-peer-gateway-svc:7051", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let profile: Json = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let root = std::fs::read_to_string(peer.path("tls/ca.crt")).unwrap();
    let entry = &profile["peers"]["org1-peer-gateway-svc"];
    assert_eq!(entry["url"], "grpcs://org1-peer-gateway-svc:7051");
    assert_eq!(entry["tlsCACerts"]["pem"].as_str().unwrap().trim(), root.trim());
    assert_eq!(profile["client"]["organization"], "Org1");
    // It is replaced, and another file is not.
    assert_eq!(export("org1-peer1:7051", &[]).code, 0);
    std::fs::write(&out, "secrets\n").unwrap();
    let ran = export("org1-peer1:7051", &[]);
    assert!(ran.code == 4 && ran.stderr.contains("holds no connection profile"), "{ran:?}");
    assert_eq!(export("org1-peer1:7051", &["--force"]).code, 0);
    // One entry for each endpoint; no leaf as a root; no name that is empty.
    assert_eq!(export("ORG1-peer1:7051,org1-peer1:7051", &[]).code, 0);
    let profile: Json = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(profile["organizations"]["Org1"]["peers"], serde_json::json!(["org1-peer1"]));
    let leaf = text(&peer.path("tls/server.crt"));
    let args = ["export", "connection-profile", "--msp-id", "Org1MSP", "--endpoint", "a:1", "--gateway-ca", &leaf];
    let ran = fabcert(&args, None);
    assert!(ran.code == 4 && ran.stderr.contains("is not the certificate of a CA"), "{ran:?}");
    assert_eq!(export("org1-peer1:7051", &["--org", ""]).code, 2);
    // Another key, and no intermediate: what a client would refuse, the profile does not promise.
    let key = peer.path("tls/server.key");
    let own = std::fs::read(&key).unwrap();
    std::fs::write(
        &key,
        std::fs::read(std::fs::read_dir(peer.path("msp/keystore")).unwrap().next().unwrap().unwrap().path()).unwrap(),
    )
    .unwrap();
    let ran = export("org1-peer1:7051", &[]);
    assert!(ran.code == 4 && ran.stderr.contains("does not hold the key"), "{ran:?}");
    std::fs::write(&key, own).unwrap();
    let with_secret = ["--url", "https://admin:adminpw@org1-ca", "--tls-ca", ROOT];
    let ran = export("org1-peer1:7051", &with_secret);
    assert_eq!(ran.code, 0, "{ran:?}");
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.contains("\"https://org1-ca:7054\"") && !written.contains("admin"), "{written}");
}

#[test]
fn a_wallet_has_the_identity_and_keeps_those_of_others() {
    let peer = Enrolled::new();
    let (wallet, msp) = (text(&peer.path("wallet")), text(&peer.path("msp")));
    let export = |more: &[&str]| {
        let args = ["export", "wallet", "--msp-dir", &*msp, "--wallet", &wallet, "--output", "json"];
        fabcert(&[&args, more].concat(), None)
    };
    let ran = export(&["--msp-id", "Org1MSP"]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("export wallet")), "{ran:?}");
    let file = peer.path("wallet/org1-peer1.id");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let card: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let key = card["credentials"]["privateKey"].as_str().unwrap();
    let on_disk = std::fs::read_dir(peer.path("msp/keystore")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(key, std::fs::read_to_string(on_disk).unwrap());
    let leaf = std::fs::read_to_string(peer.path("msp/signcerts/cert.pem")).unwrap();
    assert_eq!(card["credentials"]["certificate"], leaf);
    assert_eq!((&card["mspId"], &card["type"], &card["version"]), (&"Org1MSP".into(), &"X.509".into(), &1.into()));
    assert!(!ran.stdout.contains("PRIVATE") && !ran.stderr.contains("PRIVATE"));
    let ran = export(&["--msp-id", "Org1MSP"]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("unchanged")), "{ran:?}");
    let before = std::fs::read(&file).unwrap();
    let ran = export(&["--msp-id", "Org2MSP"]);
    assert!(ran.code == 4 && ran.stderr.contains("holds the identity org1-peer1 of Org1MSP"), "{ran:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(export(&["--msp-id", "Org2MSP", "--label", "second"]).code, 0);
    for label in ["../x", "a/b", "", ".hidden"] {
        assert_eq!(export(&["--msp-id", "Org1MSP", "--label", label]).code, 4, "{label}");
    }
    // A copied wallet may have a mode with which others read the key.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(export(&["--msp-id", "Org1MSP"]).code, 0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let missing = ["export", "wallet", "--msp-dir", "/nowhere/msp", "--msp-id", "Org1MSP", "--wallet", &wallet];
    let ran = fabcert(&missing, None);
    assert!(ran.code == 4 && ran.stderr.contains("/nowhere/msp does not exist"), "{ran:?}");
    // A folder without its key.
    std::fs::remove_dir_all(peer.path("msp/keystore")).unwrap();
    let ran = export(&["--msp-id", "Org1MSP", "--label", "third"]);
    assert!(ran.code == 4 && ran.stderr.contains("keystore"), "{ran:?}");
    assert!(!peer.path("wallet/third.id").exists());
}

#[test]
fn what_an_older_library_cannot_use_is_a_warning() {
    let peer = Enrolled::with_key("p384");
    let path = |name: &str| text(&peer.path(name));
    let (msp, wallet, root) = (path("msp"), path("wallet"), path("tls/ca.crt"));
    let ran = fabcert(&["export", "wallet", "--msp-dir", &msp, "--msp-id", "Org1MSP", "--wallet", &wallet], None);
    assert!(ran.code == 0 && ran.stderr.contains("fabric-gateway-java) sign with a P-384 key"), "{ran:?}");

    let roots = [ROOT, &*root].map(|path| std::fs::read_to_string(path).unwrap()).concat();
    std::fs::write(peer.path("roots.pem"), roots).unwrap();
    let args = ["export", "connection-profile", "--msp-id", "Org1MSP", "--endpoint", "org1-peer1:7051", "--gateway-ca"];
    let export = |file: &str| fabcert(&[&args[..], &[file]].concat(), None);
    let ran = export(&path("roots.pem"));
    assert!(ran.code == 0 && ran.stderr.contains("of the 2 TLS roots"), "{ran:?}");
    let ran = export(&root);
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
}
