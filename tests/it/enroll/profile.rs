//! `--profile`, and the Go client's profile `tls`.

use std::path::{Path, PathBuf};

use crate::command::{fabcert, tree};
use crate::real::{CaUnderTest, RealCa, oracle};

use super::scene::{Peer, text};

#[test]
fn an_unknown_profile_is_named_with_the_key_that_defines_profiles() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&peer.msp()));
    let line = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--msp-dir", &msp];
    let ran = fabcert(&[&line[..], &["--profile", "no-such-profile"]].concat(), Some("peerpw"));
    assert_eq!(ran.code, 7, "{ran:?}");
    for word in ["no-such-profile", "--profile", "signing.profiles"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert!(!peer.msp().exists());
}

/// The command line of a `fabric-ca-client` user, with only the program's name changed.
fn go_line<'a>(ca: &dyn CaUnderTest, url: &'a str, anchor: &'a str, msp: &'a str) -> Vec<&'a str> {
    assert_eq!(ca.ca_name(), Some("org1-ca"));
    let start = ["enroll", "-u", url, "--caname", "org1-ca", "--tls.certfiles", anchor, "--mspdir", msp];
    [&start[..], &["--enrollment.profile", "tls", "--csr.hosts", "org1-peer1,org1-peer-gateway-svc"]].concat()
}

/// Folders and files below `dir`, with a fixed name for the key.
fn shape(dir: &Path) -> Vec<String> {
    let key = |path: String| if path.starts_with("keystore/") { "keystore/<SKI>_sk".to_owned() } else { path };
    tree(dir).into_keys().map(key).collect()
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(dir).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "{}", dir.display());
    file
}

#[test]
fn the_go_clients_line_for_tls_gives_the_go_clients_folder() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor) = (ca.url().replace("https://", "https://org1-peer1:peerpw@"), text(ca.tls_anchor()));
    let folder = peer.dir().join("peer/tls-msp");
    let folder_text = text(&folder);
    let line = [&go_line(&ca, &url, &anchor, &folder_text)[..], &["--output", "json"]].concat();
    let ran = fabcert(&line, None);
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!((json["action"].as_str(), json["certificates"][0]["role"].as_str()), (Some("enrolled"), Some("tls")));
    assert_eq!(
        (json["identity"]["msp_dir"].as_str(), json["identity"]["tls_dir"].as_str()),
        (Some(&*folder_text), None)
    );

    let home = peer.dir().join("go");
    let reference = ca.client(
        &home,
        &["enroll", "-u", &url, "--mspdir", "msp", "--enrollment.profile", "tls", "--csr.hosts", "org1-peer1"],
    );
    assert!(reference.status.success(), "{reference:?}");
    let mut expected = shape(&home.join("msp"));
    // Idemix, which fabcert does not read.
    expected.retain(|path| !["IssuerPublicKey", "IssuerRevocationPublicKey", "user"].contains(&path.as_str()));
    assert_eq!(shape(&folder), expected);
    let (cert, key) = (folder.join("signcerts/cert.pem"), only_file(&folder.join("keystore")));
    let anchors = only_file(&folder.join("tlscacerts"));
    for name in ["org1-peer1", "org1-peer-gateway-svc"] {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            assert!(verdict.accept, "{name}: {verdict:?}");
        }
    }

    let (before, heard) = (tree(&peer.dir().join("peer")), ca.answered().len());
    let again = fabcert(&line, None);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
    assert!(tree(&peer.dir().join("peer")) == before && ca.answered().len() == heard);
    let named = fabcert(&[&line[..], &["--csr.hosts", "org1-peer1.example.com"]].concat(), None);
    assert_eq!((named.code, named.json()["action"].as_str()), (0, Some("enrolled")), "{named:?}");
    assert_eq!(shape(&folder), expected);
}

#[test]
fn intermediates_in_an_msp_shaped_tls_folder_have_a_file_each() {
    let Some(ca) = RealCa::builder().intermediates(2).start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor, msp) =
        (ca.url().replace("https://", "https://org1-peer1:peerpw@"), text(ca.tls_anchor()), text(&peer.msp()));
    let line = [&go_line(&ca, &url, &anchor, &msp)[..], &["--output", "json"]].concat();
    assert_eq!(fabcert(&line, None).code, 0);
    let files = |folder: &str| tree(&peer.msp().join(folder)).into_values().map(|(_, pem)| pem).collect::<Vec<_>>();
    assert_eq!((files("tlscacerts").len(), files("tlsintermediatecerts").len(), files("cacerts").len()), (1, 2, 0));
    for pem in files("tlsintermediatecerts") {
        assert_eq!(String::from_utf8(pem).unwrap().matches("BEGIN CERTIFICATE").count(), 1);
    }
    assert_eq!(fabcert(&line, None).json()["action"], "unchanged");
}

#[test]
fn an_msp_is_not_replaced_by_a_tls_certificate() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (before, heard) = (peer.folders(), ca.answered().len());
    let (url, anchor, msp) =
        (ca.url().replace("https://", "https://org1-peer1:peerpw@"), text(ca.tls_anchor()), text(&peer.msp()));
    let ran = fabcert(&go_line(&ca, &url, &anchor, &msp), None);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("holds an MSP") && peer.folders() == before, "{ran:?}");
    assert_eq!(ca.answered().len(), heard);
    // With cryptogen's names there is no MSP-shaped TLS folder: the profile is then the signing certificate's.
    let line = [&go_line(&ca, &url, &anchor, &msp)[..], &["--layout", "cryptogen"]].concat();
    let ran = fabcert(&line, None);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(peer.msp().join("config.yaml").is_file());
}

/// Each profile has its own expiry (`signing.profiles.tls.expiry`).
pub(super) fn a_tls_certificate_has_its_own_life(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let ran = peer.enroll("peerpw", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let end = |at: usize| {
        let text = ran.json()["certificates"][at]["not_after"].as_str().unwrap().to_owned();
        fabcert::Timestamp::parse_rfc3339(&text).unwrap()
    };
    let apart = end(0).seconds_since(end(1));
    // Both ends are rounded to the minute.
    assert!((apart - (8760 - 2) * 3600).abs() <= 60, "{apart}");
}

#[test]
fn tls_certificate_has_its_own_life_at_the_real_ca() {
    let Some(ca) = RealCa::builder().tls_expiry("2h").start() else { return };
    a_tls_certificate_has_its_own_life(&ca);
}
