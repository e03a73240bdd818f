//! A run that is killed or loses its answer costs no key, and the next run finishes it.

use std::time::Duration;

use fabcert::devca::{Endpoint, Fault, FaultRule};
use fabcert::pki::key::KeyPair;

use super::{certificate, leaves, reenroll};
use crate::command::command;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::{Peer, text};
use crate::real::CaUnderTest;

fn pairs_match(peer: &Peer<'_>) {
    let [sign, tls] = leaves(peer);
    let key = |path: std::path::PathBuf| KeyPair::from_pem(&std::fs::read(path).unwrap()).unwrap();
    let keystore = std::fs::read_dir(peer.msp().join("keystore")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(key(keystore).spki_der(), sign.spki_der());
    assert_eq!(key(peer.tls().join("server.key")).spki_der(), tls.spki_der());
}

#[test]
fn a_lost_answer_costs_no_key() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", Some(1));
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    ca.running.add_fault(Fault::LostAnswer);
    let lost = reenroll(&ca, &peer, &[]);
    assert_eq!(lost.code, 6, "{lost:?}");
    assert!(peer.folders() == before);
    ca.running.clear_faults();
    // The key of the certificate that nobody received.
    let issued = ca.running.issued("org1-peer1");
    let lost = fabcert::pki::x509::Cert::all_from_pem(issued.last().unwrap().as_bytes()).unwrap().remove(0);
    let ran = reenroll(&ca, &peer, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(certificate(&peer.msp().join("signcerts")).spki_der(), lost.spki_der());
    pairs_match(&peer);
}

/// The answer for the signing certificate is kept when the run is killed while it waits for the second one: the next run
/// requests the second one only.
#[test]
fn an_answer_that_a_killed_run_kept_is_installed() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", Some(1));
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let tokens = ca.count("reenroll");
    ca.running.add_fault(FaultRule::new(Fault::Delay(700)).on(Endpoint::Reenroll));
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let args = ["reenroll", "--url", &url, "--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls];
    let mut child = command(&args, &[]).spawn().unwrap();
    while ca.running.count(Endpoint::Reenroll) < tokens + 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    pairs_match(&peer);
    ca.running.clear_faults();
    let before = ca.running.count(Endpoint::Reenroll);
    let ran = reenroll(&ca, &peer, &[]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    assert_eq!(ca.running.count(Endpoint::Reenroll), before + 1, "the answer for the signing certificate was kept");
    pairs_match(&peer);
}

#[test]
fn a_kill_at_any_time_leaves_pairs_and_the_next_run_succeeds() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", Some(1));
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let args = ["reenroll", "--url", &url, "--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls];
    for pause in 0..24 {
        let mut child = command(&args, &[]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause * 7));
        let _ = child.kill();
        child.wait().unwrap();
        pairs_match(&peer);
    }
    let ran = reenroll(&ca, &peer, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    pairs_match(&peer);
}
