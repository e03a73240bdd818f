//! Defects of the Go client (`docs/defects.md`), tried on fabcert's binary at the real CA.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use fabcert::pki::x509::Cert;

use crate::command::{Ran, fabcert, fabcert_in, tree};
use crate::real::transport::TransportCa;
use crate::real::{CaUnderTest, RealCa, Registration};
use crate::reserved::nobody;

use super::scene::{NAMES, Peer, text};

/// The first certificate in a file.
fn leaf(path: &Path) -> Cert {
    Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap().remove(0)
}

/// A URL without a listener.
fn dead_url() -> String {
    format!("https://localhost:{}", nobody().port())
}

/// Enrols at a port without a listener.
fn at_a_dead_port(peer: &Peer<'_>, ca: &RealCa, more: &[&str]) -> Ran {
    peer.enroll_at(&dead_url(), ca.tls_anchor(), ca.ca_name(), "peerpw", more)
}

/// Defect 2: the Go client replaces the old key before it sends the request.
#[test]
fn a_dead_port_or_a_wrong_secret_costs_no_key() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    for more in [&["--force"][..], &["--force", "--reuse-key"], &["--force", "--key-algorithm", "p384"]] {
        let dead = at_a_dead_port(&peer, &ca, more);
        assert_eq!(dead.code, 6, "{more:?}: {dead:?}");
        assert!(peer.folders() == before, "{more:?}");
        let wrong = peer.enroll("wrong", more);
        assert_eq!(wrong.code, 7, "{more:?}: {wrong:?}");
        assert!(peer.folders() == before, "{more:?}");
    }
    // The CA still accepts the current key's token: one more name needs no secret.
    let issued = peer.issued();
    let named = peer.enroll("wrong", &["--san", "org1-peer1.example.com"]);
    assert_eq!((named.code, peer.issued()), (0, (issued.0, issued.1 + 1)), "{named:?}");
}

/// Defect 3: a plain `reenroll` of the Go client requests the SANs and the subject of a generated configuration.
#[test]
fn a_reenrolled_certificate_has_every_name_and_subject_field() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let requested = ["--csr-names", "C=GB,ST=Kent,L=Dover,O=Example", "--san", "10.20.30.40,ops@example.com"];
    let holds = |path: &Path, names: &[&str]| {
        let leaf = leaf(path);
        for part in ["C=GB", "ST=Kent", "L=Dover", "O=Example", "CN=org1-peer1"] {
            assert!(leaf.subject().contains(part), "{part}: {}", leaf.subject());
        }
        let mut found: Vec<String> = leaf.sans().iter().map(ToString::to_string).collect();
        found.sort();
        let mut wanted: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        wanted.sort();
        assert_eq!(found, wanted, "{}", path.display());
    };
    let by_token = peer.issued().1;
    assert_eq!(peer.enroll("peerpw", &requested).code, 0);
    assert_eq!(peer.issued().1, by_token + 1);
    let all = [NAMES[0], NAMES[1], "10.20.30.40", "ops@example.com"];
    holds(&peer.msp().join("signcerts/cert.pem"), &[]);
    holds(&peer.tls().join("server.crt"), &all);
    let named = peer.enroll("peerpw", &[&requested[..], &["--san", "org1-peer1.example.com"]].concat());
    assert_eq!((named.code, peer.issued().1), (0, by_token + 2), "{named:?}");
    holds(&peer.tls().join("server.crt"), &[&all[..], &["org1-peer1.example.com"]].concat());
}

/// Defect 8: the Go client's usual command line shows the secret to everybody who lists processes.
#[test]
fn a_secret_in_the_url_is_accepted_with_a_warning() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (anchor, msp) = (text(ca.tls_anchor()), text(&peer.msp()));
    let line = ["enroll", "--tls-ca", &anchor, "--ca-name", "org1-ca", "--msp-dir", &msp, "--force"];
    let file = peer.dir().join("secret");
    std::fs::write(&file, "peerpw\n").unwrap();
    let with = ca.url().replace("https://", "https://org1-peer1:peerpw@");
    let plain = ca.url().replace("https://", "https://org1-peer1@");
    let from_url = fabcert(&[&line[..], &["--url", &with]].concat(), None);
    let from_variable = fabcert(&[&line[..], &["--url", &plain]].concat(), Some("peerpw"));
    let from_file = fabcert(&[&line[..], &["--url", &plain, "--secret-file", &text(&file)]].concat(), None);
    for (ran, warned) in [(from_url, true), (from_variable, false), (from_file, false)] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.contains("prefer --secret-file or FABCERT_SECRET"), warned, "{ran:?}");
    }
}

/// Defect 10: the Go client's default is plain HTTP, and it sends the secret to a TLS port in clear text before it
/// fails.
#[test]
fn plain_http_is_refused_before_a_connection_is_made() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let msp = text(&dir.path().join("msp"));
    for url in [format!("http://org1-peer1:peerpw@localhost:{port}"), format!("localhost:{port}")] {
        let ran = fabcert(&["enroll", "--url", &url, "--id", "org1-peer1", "--msp-dir", &msp], Some("peerpw"));
        assert_eq!(ran.code, 2, "{url}: {ran:?}");
        assert!(!ran.stderr.contains("peerpw"), "{ran:?}");
    }
    assert!(listener.accept().is_err(), "nobody may have come here");
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}

/// Defect 11: only the anchors on the command line count.
#[test]
fn the_systems_anchors_are_never_used() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&peer.msp()));
    let stranger = TransportCa::new(&peer.dir().join("stranger"));
    let heard = ca.answered().len();
    let variables = [("FABCERT_SECRET", "peerpw"), ("SSL_CERT_FILE", &*anchor), ("CURL_CA_BUNDLE", &*anchor)];
    let line = ["enroll", "--url", &url, "--id", "org1-peer1", "--ca-name", "org1-ca", "--msp-dir", &msp];
    let without = fabcert_in(&line, &variables);
    assert_eq!(without.code, 2, "{without:?}");
    assert!(without.stderr.contains("--tls-ca"), "{without:?}");
    let other = fabcert_in(&[&line[..], &["--tls-ca", &text(stranger.anchor())]].concat(), &variables);
    assert_eq!(other.code, 6, "{other:?}");
    assert_eq!(ca.answered().len(), heard);
    assert!(!peer.msp().exists());
}

/// Defects 12 and 15: each failure of the Go client leaves a key, in an MSP folder without other files.
#[test]
fn failed_runs_create_no_folder_and_leave_no_key() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    for i in 0..3 {
        assert_eq!(at_a_dead_port(&peer, &ca, &[]).code, 6);
        assert_eq!(peer.enroll("wrong", &["--force"]).code, 7);
        assert_eq!(peer.enroll("peerpw", &["--attrs", "no-such-attribute"]).code, 7);
        assert!(!peer.msp().exists() && !peer.tls().exists(), "run {i}");
    }
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let keys: Vec<String> = peer
        .tree()
        .into_iter()
        .filter(|(_, (_, content))| String::from_utf8_lossy(content).contains("PRIVATE KEY"))
        .map(|(path, _)| path)
        .collect();
    let [sign, tls] = &keys[..] else { panic!("{keys:?}") };
    assert!(sign.starts_with("msp/keystore/") && tls == "tls/server.key", "{keys:?}");
}

/// Defect 14: the Go client does not close an open keystore.
#[test]
fn a_keystore_open_to_all_is_closed() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let keystore = peer.msp().join("keystore");
    std::fs::create_dir_all(&keystore).unwrap();
    std::fs::set_permissions(&keystore, PermissionsExt::from_mode(0o777)).unwrap();
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&keystore), 0o700);
    let key = std::fs::read_dir(&keystore).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&key), mode(&peer.tls().join("server.key"))), (0o600, 0o600));
}

/// Defect 18: the Go client makes file names from ids, and puts ids into URLs unescaped.
#[test]
fn an_identity_named_like_a_path_writes_no_file_elsewhere() {
    let Some(ca) = RealCa::builder().start() else { return };
    for id in ["../../evil", "q?x#y", "a b%2f"] {
        ca.register(&Registration::peer(id, "peerpw"));
        let dir = tempfile::tempdir().unwrap();
        let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
        let msp = dir.path().join("deep/er/msp");
        let line = ["enroll", "--url", &url, "--id", id, "--tls-ca", &anchor, "--ca-name", "org1-ca"];
        let ran = fabcert(&[&line[..], &["--msp-dir", &text(&msp)]].concat(), Some("peerpw"));
        assert_eq!(ran.code, 0, "{id}: {ran:?}");
        assert_eq!(leaf(&msp.join("signcerts/cert.pem")).common_name(), Some(id));
        let elsewhere: Vec<String> = tree(dir.path())
            .into_keys()
            .filter(|path| !["deep", "deep/er"].contains(&path.as_str()))
            .filter(|path| !path.starts_with("deep/er/msp") && !path.starts_with("deep/er/.msp.fabcert"))
            .collect();
        assert!(elsewhere.is_empty(), "{id}: {elsewhere:?}");
    }
}

/// Defect 19: with a trailing slash in the URL the Go client requests `//enroll`, which is redirected.
#[test]
fn trailing_slashes_of_the_url_are_ignored() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    for slashes in ["/", "//"] {
        let url = format!("{}{slashes}", ca.url());
        let ran = peer.enroll_at(&url, ca.tls_anchor(), ca.ca_name(), "peerpw", &["--force"]);
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("enrolled")), "{ran:?}");
    }
    let odd: Vec<_> = ca.answered().into_iter().filter(|a| (300..500).contains(&a.status)).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

/// Defect 21: the Go client's `reenroll` ignores attribute requests.
#[test]
fn attributes_are_requested_by_secret_and_by_token() {
    let Some(ca) = RealCa::builder().start() else { return };
    let attributes = &["colour=blue", "size=9"];
    ca.register(&Registration { attributes, ..Registration::peer("org1-peer1", "peerpw") });
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor) = (ca.url().replace("https://", "https://org1-peer1:peerpw@"), text(ca.tls_anchor()));
    let (msp, tls) = (dir.path().join("msp"), dir.path().join("tls"));
    let line = ["enroll", "--url", &url, "--tls-ca", &anchor, "--ca-name", "org1-ca", "--san", "org1-peer1"];
    let target = ["--msp-dir", &text(&msp), "--tls-dir", &text(&tls)];
    let (by_flag, by_variable) =
        (&["--attrs", "colour"][..], [("FABRIC_CA_CLIENT_ENROLLMENT_ATTRS", "colour,size:opt")]);
    for (more, variables, size) in [(by_flag, &[][..], None), (&["--force"], &by_variable, Some("9"))] {
        let ran = fabcert_in(&[&line[..], &target, more].concat(), variables);
        assert_eq!(ran.code, 0, "{ran:?}");
        for path in [msp.join("signcerts/cert.pem"), tls.join("server.crt")] {
            let leaf = leaf(&path);
            let attributes = leaf.attributes().unwrap_or_else(|| panic!("no attributes in {}", path.display()));
            assert_eq!((attributes.get("colour"), attributes.get("size")), (Some("blue"), size), "{}", path.display());
        }
    }
    assert_eq!(ca.count_status("reenroll", 201), 2);
}

/// Defect 22: the Go client writes through a link in place of its own file.
#[test]
fn a_link_at_a_certificate_or_key_is_replaced_not_followed() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let outside = peer.dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let files = [peer.msp().join("signcerts/cert.pem"), peer.tls().join("server.crt"), peer.tls().join("server.key")];
    for (i, file) in files.iter().enumerate() {
        let moved = outside.join(i.to_string());
        std::fs::rename(file, &moved).unwrap();
        symlink(&moved, file).unwrap();
    }
    let before = tree(&outside);
    let ran = peer.enroll("peerpw", &["--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(tree(&outside) == before, "something was written through a link");
    for (i, file) in files.iter().enumerate() {
        assert!(std::fs::symlink_metadata(file).unwrap().is_file(), "{}", file.display());
        assert!(std::fs::read(file).unwrap() != before[&i.to_string()].1, "{}", file.display());
    }
}
