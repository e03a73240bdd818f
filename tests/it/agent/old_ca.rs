//! A CA whose own certificate is three years old: a certificate of it begins with it, unless a later time is requested.

use std::path::Path;
use std::time::Duration;

use fabcert::Timestamp;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::x509::Cert;

use super::Agent;
use crate::command::fabcert;
use crate::enroll::scene::text;
use crate::real::{ADMIN, CaUnderTest, RealCa, Registration};

const THREE_YEARS: Duration = Duration::from_secs(3 * 365 * 86_400);

/// An agent that enrols `peer1` at the CA with this key, and then looks again some times. Returns how long after its issue each
/// certificate is due, in seconds: the signing one, then the TLS one.
fn due_after(ca: &RealCa, key: &str) -> Vec<i64> {
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer("peer1", "pw") });
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&dir.path().join("node/msp")), text(&dir.path().join("node/tls")));
    let args = ["--url", &url, "--ca-name", ca.ca_name().unwrap(), "--tls-ca", &anchor, "--id", "peer1"];
    let args = [&args[..], &["--msp-dir", &msp, "--tls-dir", &tls, "--san", "peer1", "--key-file", key]].concat();
    let mut agent = Agent::start(dir.path(), &args, Some("pw"));
    agent.until_it_watches();
    let asked = || (ca.count("enroll"), ca.count("reenroll"));
    let requests = asked();
    for _ in 0..5 {
        agent.signal("-HUP");
    }
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(agent.end("-TERM"), Some(143));
    for _ in 0..3 {
        let mut agent = Agent::start(dir.path(), &args, Some("pw"));
        agent.until_it_watches();
        assert_eq!(agent.end("-TERM"), Some(143));
    }
    assert_eq!(asked(), requests, "no loop");

    let ran = fabcert(&["renew", "--dry-run", "--output", "json", &text(&dir.path().join("node"))], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    let issued_at = |state: &str| {
        let record = std::fs::read(dir.path().join("node").join(state).join("record.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&record).unwrap();
        Timestamp::from_unix(json["issued_at"].as_i64().unwrap())
    };
    let folders = ran.json()["identities"][0]["folders"].clone();
    let due = |at: usize| Timestamp::parse_rfc3339(folders[at]["due_at"].as_str().unwrap()).unwrap();
    [(0, ".msp.fabcert"), (1, ".tls.fabcert")].map(|(at, state)| due(at).seconds_since(issued_at(state))).to_vec()
}

/// The same key has the same place in the spread of due dates.
#[test]
fn certificates_of_an_old_ca_are_due_as_those_of_a_fresh_one() {
    let Some(fresh) = RealCa::builder().start() else { return };
    let Some(old) = RealCa::builder().root_age(THREE_YEARS).start() else { return };
    let age = |ca: &RealCa| {
        let root = Cert::all_from_pem(ca.root_pem().as_bytes()).unwrap().remove(0);
        crate::enroll::faults::now().seconds_since(root.not_before())
    };
    assert!(age(&fresh) < 86_400 && age(&old) > 1000 * 86_400, "{} {}", age(&fresh), age(&old));
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("own.key");
    std::fs::write(&key, KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem().as_bytes()).unwrap();
    let [fresh, old] = [&fresh, &old].map(|ca| due_after(ca, &text(&key)));
    for (fresh, old) in fresh.iter().zip(&old) {
        // The CA rounds the end to a minute, of which two thirds count.
        assert!((fresh - old).abs() <= 60, "{fresh} and {old} seconds after the issue");
        assert!(*old > 200 * 86_400, "{old}");
    }
}

/// A certificate of the Go client begins with its CA, three years ago: two thirds of that life are over, and it is not due.
#[test]
fn a_certificate_that_begins_with_an_old_ca_is_no_loop() {
    let Some(ca) = RealCa::builder().root_age(THREE_YEARS).start() else { return };
    let home = tempfile::tempdir().unwrap();
    let url = ca.url().replace("https://", &format!("https://{}:{}@", ADMIN.0, ADMIN.1));
    let ran = ca.client(home.path(), &["enroll", "-u", &url, "--mspdir", "msp"]);
    assert!(ran.status.success(), "{ran:?}");
    let leaf = |folder: &Path| {
        let file = std::fs::read_dir(folder.join("signcerts")).unwrap().next().unwrap().unwrap().path();
        Cert::all_from_pem(&std::fs::read(file).unwrap()).unwrap().remove(0)
    };
    let msp = home.path().join("msp");
    let begins = crate::enroll::faults::now().seconds_since(leaf(&msp).not_before());
    assert!(begins > 1000 * 86_400, "{begins}");
    let (asked, url, anchor) = (ca.count("reenroll"), ca.url(), text(ca.tls_anchor()));
    let args = ["--url", &url, "--ca-name", ca.ca_name().unwrap(), "--tls-ca", &anchor, &text(&msp)];
    let mut agent = Agent::start(home.path(), &args, None);
    agent.until_it_watches();
    agent.signal("-HUP");
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(ca.count("reenroll"), asked, "{}", agent.log());
    assert_eq!(agent.end("-TERM"), Some(143));
}
