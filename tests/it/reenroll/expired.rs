//! An expired certificate is a credential only where the CA is configured so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fabcert::Timestamp;

use super::{certificate, reenroll_in};
use crate::enroll::faults::now;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::{Peer, text};
use crate::real::{ADMIN, CaUnderTest, RealCa};

/// The certificate in `msp` has expired; the CA does not take it.
fn refused_once_then_enrolled(ca: &dyn CaUnderTest, msp: &str) {
    let renew = |more: &[&str]| reenroll_in(ca, &["--msp-dir", msp], Some(ADMIN.1), more);
    let (tokens, secrets) = (ca.count("reenroll"), ca.count("enroll"));
    let refused = renew(&[]);
    assert_eq!(refused.code, 7, "{refused:?}");
    let error = refused.json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("expired at"), "{error}");
    for words in ["ca.reenrollIgnoreCertExpiry: true", "--enroll-if-expired"] {
        assert!(error["help"].as_str().unwrap().contains(words), "{error}");
    }
    assert_eq!((ca.count("reenroll"), ca.count("enroll")), (tokens + 1, secrets));
    // The refusal is remembered, and is not one of a secret.
    let again = renew(&[]);
    assert_eq!((again.code, ca.count("reenroll")), (7, tokens + 1), "{again:?}");
    assert!(again.json()["error"]["message"].as_str().unwrap().contains("no request was sent"), "{again:?}");
    let forced = renew(&["--force"]);
    assert_eq!((forced.code, ca.count("reenroll")), (7, tokens + 2), "{forced:?}");
    let enrolled = renew(&["--enroll-if-expired"]);
    assert_eq!((enrolled.code, enrolled.json()["action"].as_str()), (0, Some("enrolled")), "{enrolled:?}");
    assert_eq!((ca.count("reenroll"), ca.count("enroll")), (tokens + 2, secrets + 1), "the secret was sent at once");
    let renewed = renew(&[]);
    assert_eq!((renewed.code, renewed.json()["action"].as_str()), (0, Some("reenrolled")), "{renewed:?}");
}

/// The certificate in `msp` has expired; the CA takes it.
fn taken(ca: &dyn CaUnderTest, msp: &str) {
    let secrets = ca.count("enroll");
    let ran = reenroll_in(ca, &["--msp-dir", msp], None, &[]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    assert_eq!(ca.count("enroll"), secrets);
}

/// An MSP folder with a certificate that has expired. The identity is one without attributes in its certificate, which only the
/// default profile allows.
pub(crate) fn expired_on(ca: &RealCa) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let url = ca.url().replace("https://", &format!("https://{}:{}@", ADMIN.0, ADMIN.1));
    let args = ["enroll", "-u", &url, "--enrollment.profile", "short", "--mspdir", "msp"];
    let ran = ca.client(home.path(), &args);
    assert!(ran.status.success(), "{ran:?}\n{}", ca.log());
    let end = certificate(&home.path().join("msp/signcerts")).not_after();
    while now() <= end {
        std::thread::sleep(Duration::from_millis(500));
    }
    home
}

#[test]
fn an_expired_certificate_is_refused_once_and_the_secret_helps() {
    let Some(ca) = RealCa::builder().start() else { return };
    let home = expired_on(&ca);
    refused_once_then_enrolled(&ca, &text(&home.path().join("msp")));
}

#[test]
fn an_expired_certificate_is_enough_where_the_server_is_configured_so() {
    let Some(ca) = RealCa::builder().reenroll_expired().start() else { return };
    let home = expired_on(&ca);
    taken(&ca, &text(&home.path().join("msp")));
}

/// A dev CA whose clock is ahead, so that a certificate that is valid by the local clock has expired for the CA. The record of
/// the folder is removed, because it would make the question to the CA unnecessary.
fn at_a_dev_ca(allows: bool, then: impl FnOnce(&dyn CaUnderTest, &str)) {
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&ahead);
    let ca = DevCaUnderTest::start(
        |config| {
            config.reenroll_expired = allows;
            config.clock = Arc::new(move || Timestamp::from_unix(now().unix() + clock.load(Ordering::SeqCst)));
        },
        None,
    );
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    for entry in std::fs::read_dir(peer.msp().parent().unwrap()).unwrap() {
        let record = entry.unwrap().path().join("record.json");
        if record.is_file() {
            std::fs::remove_file(record).unwrap();
        }
    }
    ahead.store(366 * 86_400, Ordering::SeqCst);
    then(&ca, &text(&peer.msp()));
}

#[test]
fn the_clock_of_the_ca_decides_what_has_expired() {
    at_a_dev_ca(true, taken);
    at_a_dev_ca(false, |ca, msp| {
        let tokens = ca.count("reenroll");
        let refused = reenroll_in(ca, &["--msp-dir", msp], None, &[]);
        assert_eq!((refused.code, ca.count("reenroll")), (7, tokens + 1), "{refused:?}");
        let help = refused.json()["error"]["help"].as_str().unwrap().to_owned();
        assert!(help.contains("ca.reenrollIgnoreCertExpiry: true"), "{help}");
    });
}
