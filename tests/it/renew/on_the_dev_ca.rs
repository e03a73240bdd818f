//! The same tests, and those that need another clock or slow answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fabcert::Timestamp;
use fabcert::devca::{Endpoint, Fault, FaultRule};
use fabcert::pki::key::KeyPair;
use fabcert::pki::x509::Cert;

use super::{DAY, Organisation, actions};
use crate::command::command;
use crate::enroll::faults::now;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::CaUnderTest;

#[test]
fn only_what_is_due_is_renewed() {
    super::only_what_is_due(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn an_identity_that_fails_stops_no_other() {
    super::one_failure_stops_no_other(&DevCaUnderTest::start(|_| {}, None));
}

/// The dates of two members of a gateway, in the days after their issue.
fn dates(years: i64) -> Vec<i64> {
    let behind = Arc::new(AtomicI64::new(years * 365 * DAY));
    let clock = Arc::clone(&behind);
    let ca = DevCaUnderTest::start(
        |c| c.clock = Arc::new(move || Timestamp::from_unix(now().unix() - clock.load(Ordering::SeqCst))),
        None,
    );
    behind.store(0, Ordering::SeqCst);
    let peers = Organisation::with_peers(&ca, &["peer1", "peer2"]);
    let ran = peers.renew(&["--dry-run"]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["unchanged".to_owned(); 2]), "{ran:?}");
    let json = ran.json();
    let at = |row: &serde_json::Value| {
        let due = row["folders"].as_array().unwrap().iter().map(|folder| folder["due_at"].as_str().unwrap());
        due.map(|due| Timestamp::parse_rfc3339(due).unwrap().unix()).min().unwrap() - now().unix()
    };
    json["identities"].as_array().unwrap().iter().map(at).collect()
}

#[test]
fn a_fresh_certificate_of_an_old_ca_is_due_as_one_of_a_new_ca() {
    for years in [0, 1, 3, 10] {
        let dates = dates(years);
        let window = (365 * DAY * 2 / 3 - 365 * DAY / 20 - 600)..=(365 * DAY * 2 / 3 + 3600);
        assert!(dates.iter().all(|date| window.contains(date)), "{years} years: {dates:?}");
        assert!((dates[0] - dates[1]).abs() >= 20 * 60 - 2, "members of one gateway: {dates:?}");
    }
}

#[test]
fn an_interrupted_pass_leaves_pairs_and_the_next_one_finishes() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let ids = ["peer1", "peer2"];
    let peers = Organisation::with_peers(&ca, &ids);
    for id in ids {
        peers.age(id, "tls", 2000);
    }
    let asked = ca.count("reenroll");
    ca.running.add_fault(FaultRule::new(Fault::Delay(5000)).on(Endpoint::Reenroll));
    let mut child = command(&["renew", &text(&peers.root())], &[]).spawn().unwrap();
    while ca.running.count(Endpoint::Reenroll) < asked + 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for id in ids {
        let read = |file: &str| std::fs::read(peers.folder(id, "tls").join(file)).unwrap();
        let cert = Cert::all_from_pem(&read("server.crt")).unwrap().remove(0);
        assert_eq!(KeyPair::from_pem(&read("server.key")).unwrap().spki_der(), cert.spki_der());
    }
    ca.running.clear_faults();
    let ran = peers.renew(&[]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["reenrolled".to_owned(); 2]), "{ran:?}");
}
