//! Runs that end without a certificate: the exit code gives the reason, and the folders are unchanged.

use std::path::Path;

use crate::command::{command, fabcert};
use crate::real::transport::TransportCa;
use crate::real::{CaUnderTest, RealCa, Registration, oracle};
use crate::reserved::nobody;

use super::scene::{Peer, text};

/// A crash loop with a wrong secret never locks the identity; each run ends at once.
fn a_crash_loop(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let heard = ca.count("enroll");
    for i in 0..21 {
        let ran = peer.enroll("wrong", &[]);
        assert_eq!((ran.code, ran.json()["error"]["exit_code"].as_i64()), (7, Some(7)), "run {i}: {ran:?}");
    }
    // Another after ten seconds, if the runs take that long.
    assert!((1..=3).contains(&(ca.count("enroll") - heard)));
    let right = peer.enroll("peerpw", &[]);
    assert_eq!(right.code, 0, "{right:?}");
}

#[test]
fn a_crash_loop_with_a_wrong_secret_locks_nothing() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_crash_loop(&ca);
}

/// Local and connection faults have different exit codes; no request is sent and nothing changes.
fn before_the_ca(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (before, heard) = (peer.folders(), ca.answered().len());
    let anchor = ca.tls_anchor().to_path_buf();

    let nobody = nobody().port();
    let down = peer.enroll_at(&format!("https://localhost:{nobody}"), &anchor, None, "peerpw", &["--force"]);
    assert_eq!(down.code, 6, "{down:?}");
    assert!(down.stderr.contains(&nobody.to_string()), "{down:?}");

    let stranger = TransportCa::new(&peer.dir().join("stranger"));
    let wrong = peer.enroll_at(&ca.url(), stranger.anchor(), ca.ca_name(), "peerpw", &["--force"]);
    assert_eq!(wrong.code, 6, "{wrong:?}");

    let absent = peer.dir().join("no-such-anchor.pem");
    let absent = peer.enroll_at(&ca.url(), &absent, ca.ca_name(), "peerpw", &["--force"]);
    assert_eq!(absent.code, 5, "{absent:?}");
    assert!(absent.stderr.contains("no-such-anchor.pem"), "{absent:?}");

    let (url, anchor) = (ca.url(), text(&anchor));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let start = ["enroll", "--force", "--url", &url, "--id", "org1-peer1"];
    let usage: [&[&str]; 4] = [
        // No anchors, no names, no folder, one folder inside the other.
        &["--msp-dir", &msp],
        &["--tls-ca", &anchor, "--tls-dir", &tls],
        &["--tls-ca", &anchor],
        &["--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &format!("{msp}/tls"), "--san", "org1-peer1"],
    ];
    for wrong in usage {
        let ran = fabcert(&[&start[..], wrong].concat(), Some("peerpw"));
        assert_eq!(ran.code, 2, "{wrong:?}: {ran:?}");
    }
    assert!(peer.folders() == before);
    assert_eq!(ca.answered().len(), heard);
}

#[test]
fn faults_before_a_request_have_different_exit_codes() {
    let Some(ca) = RealCa::builder().start() else { return };
    before_the_ca(&ca);
}

/// A folder keeps its identity and its root unless `--force` is given.
fn moves_only_by_force(ca: &dyn CaUnderTest, other: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    for server in [ca, other] {
        server.register(&Registration::peer("org1-peer2", "peerpw2"));
    }
    other.register(&Registration::peer("org1-peer1", "peerpw"));
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (before, heard) = (peer.folders(), ca.answered().len());

    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&peer.msp()));
    let line = ["enroll", "--url", &url, "--id", "org1-peer2", "--tls-ca", &anchor, "--msp-dir", &msp];
    let renamed = fabcert(&line, Some("peerpw2"));
    assert_eq!(renamed.code, 4, "{renamed:?}");
    assert!(renamed.stderr.contains("org1-peer1"), "{renamed:?}");
    assert_eq!(ca.answered().len(), heard, "it was refused before the CA was asked");

    let (url, anchor) = (other.url(), other.tls_anchor().to_path_buf());
    let new_name = ["--san", "org1-peer1.example.com"];
    let moved = peer.enroll_at(&url, &anchor, other.ca_name(), "peerpw", &new_name);
    assert_eq!(moved.code, 8, "{moved:?}");
    assert!(peer.folders() == before);

    let unknown = peer.enroll_at(&ca.url(), ca.tls_anchor(), Some("no-such-ca"), "peerpw", &["--force"]);
    assert_eq!(unknown.code, 7, "{unknown:?}");
    assert!(peer.folders() == before);

    let forced = peer.enroll_at(&url, &anchor, other.ca_name(), "peerpw", &["--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    let (cert, key, ca) = (peer.tls().join("server.crt"), peer.tls().join("server.key"), peer.tls().join("ca.crt"));
    if let Some(verdict) = oracle::serves_under(&cert, &key, &ca, "org1-peer-gateway-svc") {
        assert!(verdict.accept, "{verdict:?}");
    }
}

#[test]
fn another_identity_or_root_is_installed_only_with_force() {
    let Some(ca) = RealCa::builder().start() else { return };
    let Some(other) = RealCa::builder().start() else { return };
    moves_only_by_force(&ca, &other);
}

/// A first run that sends nothing leaves no state folder behind.
#[test]
fn a_first_run_that_is_refused_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&dir.path().join(name));
    let url = format!("http://localhost:{}", nobody().port());
    let (msp, tls, none) = (at("msp"), at("tls"), at("none"));
    std::fs::write(at("secret"), "pw").unwrap();
    let runs: [(&[&str], i32); 4] = [
        (&["enroll", "--plaintext", "--url", &url, "--msp-dir", &msp, "--secret-file", &none], 5),
        (&["enroll", "--plaintext", "--url", &url, "--tls-dir", &tls, "--san", "p", "--key-file", &none], 5),
        (&["csr", "--msp-dir", &msp, "--key-file", &none], 5),
        (&["install", "--msp-dir", &msp, "--cert", &at("secret"), "--chain", &at("secret")], 4),
    ];
    for (args, code) in runs {
        let ran = fabcert(&[args, &["--id", "peer1"]].concat(), None);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["secret"], "{args:?}");
    }
}

/// A folder that is replaced takes the working directory of the shell along, and `.` is the old set from then on.
#[test]
fn the_working_directory_and_a_replaced_set_are_no_targets() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}", nobody().port());
    let stranger = TransportCa::new(&dir.path().join("stranger"));
    let anchor = text(stranger.anchor());
    let here = dir.path().join("peer/tls");
    std::fs::create_dir_all(here.join("inner")).unwrap();
    std::fs::create_dir_all(dir.path().join("peer/.tls.fabcert/previous")).unwrap();
    let enroll = |from: &Path, target: &str| {
        let args = ["enroll", "--url", &url, "--id", "p", "--tls-ca", &anchor, "--san", "p", "--tls-dir", target];
        let out = command(&args, &[("FABCERT_SECRET", "pw")]).current_dir(from).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    for (from, target, word) in [
        (here.clone(), ".", "working directory"),
        (here.join("inner"), "..", "working directory"),
        (here.clone(), here.to_str().unwrap(), "working directory"),
        (dir.path().join("peer/.tls.fabcert/previous"), ".", "replaced"),
        (dir.path().join("peer/.tls.fabcert/previous"), "../next", "replaced"),
    ] {
        let (code, stderr) = enroll(&from, target);
        assert!(code == Some(4) && stderr.contains(word), "{target} in {}: {stderr}", from.display());
    }
    // The folder above and another one are targets.
    for target in [&text(&here), "other"] {
        let (code, stderr) = enroll(&dir.path().join("peer"), target);
        assert_eq!(code, Some(6), "{stderr}");
    }
}
