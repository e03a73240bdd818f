//! Certificates that have expired while no agent ran, or no CA.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fabcert::Timestamp;

use super::Agent;
use crate::command::fabcert;
use crate::enroll::faults::now;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{ADMIN, CaUnderTest, RealCa};
use crate::reenroll::expired_on;

/// An expired certificate: the CA refuses it once an hour at most, over restarts too; the agent runs on, and with the secret it enrols.
/// `msp` holds the certificate of the registrar.
fn an_expired_certificate(ca: &dyn CaUnderTest, dir: &Path, msp: &str) {
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let mut args = vec!["--url", &url, "--tls-ca", &anchor, "--id", ADMIN.0, "--msp-dir", msp, "--no-node-ous"];
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    let (secrets, tokens) = (ca.count("enroll"), ca.count("reenroll"));
    for _ in 0..3 {
        let mut agent = Agent::start(dir, &args, Some(ADMIN.1));
        agent.until_it_watches();
        agent.until("the refusal is known", |log| log.contains("next try at"));
        assert!(agent.log().contains("ca.reenrollIgnoreCertExpiry"), "{}", agent.log());
        assert_eq!((ca.count("enroll"), ca.count("reenroll")), (secrets, tokens + 1), "{}", agent.log());
        assert_eq!(agent.end("-TERM"), Some(143));
    }
    let mut agent = Agent::start(dir, &[&args[..], &["--enroll-if-expired"]].concat(), Some(ADMIN.1));
    agent.until("it is enrolled", |log| log.contains("new certificates are in place"));
    agent.until_it_watches();
    assert_eq!((ca.count("enroll"), ca.count("reenroll")), (secrets + 1, tokens + 1), "{}", agent.log());
}

#[test]
fn an_expired_certificate_is_refused_once_an_hour_and_the_secret_helps() {
    let Some(ca) = RealCa::builder().start() else { return };
    let home = expired_on(&ca);
    an_expired_certificate(&ca, home.path(), &text(&home.path().join("msp")));
}

/// The server takes expired certificates: the agent recovers without a secret.
#[test]
fn an_expired_certificate_is_enough_where_the_server_is_configured_so() {
    let Some(ca) = RealCa::builder().reenroll_expired().start() else { return };
    let home = expired_on(&ca);
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&home.path().join("msp")));
    let secrets = ca.count("enroll");
    let args = ["--url", &url, "--tls-ca", &anchor, "--ca-name", ca.ca_name().unwrap(), &msp];
    let mut agent = Agent::start(home.path(), &args, None);
    agent.until("it is renewed", |log| log.contains("new certificates are in place"));
    agent.until_it_watches();
    assert_eq!(ca.count("enroll"), secrets);
}

/// The CA is down until the certificate has expired, and comes back: the agent renews by it, or is refused once and stays up.
fn a_ca_that_comes_back(ca: &RealCa, takes_expired: bool) {
    let home = expired_on(ca);
    let port = crate::reserved::ReservedPort::new();
    let url = format!("https://localhost:{}", port.number());
    let (anchor, msp) = (text(ca.tls_anchor()), text(&home.path().join("msp")));
    let asked = || (ca.count("enroll"), ca.count("reenroll"));
    let before = asked();
    let args = ["--url", &url, "--tls-ca", &anchor, "--ca-name", ca.ca_name().unwrap(), &msp];
    let mut agent = Agent::start(home.path(), &args, None);
    agent.until("the failure is known", |log| log.contains("next try at"));
    assert_eq!(asked(), before);
    let target = ca.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let _relay = crate::real::relay::Relay::to(target, ("127.0.0.1", port.number()));
    if takes_expired {
        agent.until("it is renewed", |log| log.contains("new certificates are in place"));
    } else {
        agent.until("it is refused", |log| log.contains("ca.reenrollIgnoreCertExpiry"));
    }
    agent.signal("-HUP");
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(agent.end("-TERM"), Some(143));
    assert_eq!(asked(), (before.0, before.1 + 1));
}

#[test]
fn a_ca_that_is_back_after_the_expiry_renews_where_it_takes_expired_certificates() {
    let Some(ca) = RealCa::builder().reenroll_expired().start() else { return };
    a_ca_that_comes_back(&ca, true);
}

#[test]
fn a_ca_that_is_back_after_the_expiry_refuses_once_where_it_does_not() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_ca_that_comes_back(&ca, false);
}

/// By the clock of the system the certificate is due and has not expired; the CA's decides.
#[test]
fn the_clock_of_the_ca_decides_what_has_expired() {
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&ahead);
    let ca = DevCaUnderTest::start(
        |config| config.clock = Arc::new(move || Timestamp::from_unix(now().unix() + clock.load(Ordering::SeqCst))),
        None,
    );
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&dir.path().join("node/msp")));
    let args = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", ADMIN.0, "--msp-dir", &msp, "--no-node-ous"];
    let ran = fabcert(&args, Some(ADMIN.1));
    assert_eq!(ran.code, 0, "{ran:?}");
    super::age(&dir.path().join("node"), 2000);
    ahead.store(366 * 86_400, Ordering::SeqCst);
    an_expired_certificate(&ca, dir.path(), &msp);
}
