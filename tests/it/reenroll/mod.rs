//! `fabcert reenroll`, on the real Fabric CA and on the dev CA with the same code.

#[cfg(feature = "dev-ca")]
mod expired;
#[cfg(feature = "dev-ca")]
mod interrupted;
mod other_ca;
mod usage;

#[cfg(feature = "dev-ca")]
pub(crate) use expired::expired_on;

use std::path::Path;

use fabcert::pki::x509::Cert;

use crate::command::{Ran, fabcert};
#[cfg(feature = "dev-ca")]
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::{NAMES, Peer, text};
use crate::real::{CaUnderTest, RealCa, oracle};

/// Re-enrols at `ca` in the folders that `folders` names.
fn reenroll_in(ca: &dyn CaUnderTest, folders: &[&str], secret: Option<&str>, more: &[&str]) -> Ran {
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let mut args = vec!["reenroll", "--url", &url, "--tls-ca", &anchor, "--output", "json"];
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    args.extend(folders);
    args.extend(more);
    fabcert(&args, secret)
}

/// Re-enrols both folders of `peer` at `ca`.
fn reenroll(ca: &dyn CaUnderTest, peer: &Peer<'_>, more: &[&str]) -> Ran {
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    reenroll_in(ca, &["--msp-dir", &msp, "--tls-dir", &tls], None, more)
}

fn certificate(path: &Path) -> Cert {
    let path =
        if path.is_dir() { std::fs::read_dir(path).unwrap().next().unwrap().unwrap().path() } else { path.into() };
    Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap().remove(0)
}

/// The signing and the TLS certificate.
fn leaves(peer: &Peer<'_>) -> [Cert; 2] {
    [certificate(&peer.msp().join("signcerts")), certificate(&peer.tls().join("server.crt"))]
}

fn words<'a>(json: &'a serde_json::Value, key: &str) -> Vec<&'a str> {
    json[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// The limit of enrolments is used up. Each run makes new certificates with the current ones as credentials, and keeps their
/// names.
fn renewed_again_and_again(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", Some(1));
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (mut before, mut keys) = (leaves(&peer), Vec::new());
    for round in 0..3 {
        let issued = peer.issued();
        let ran = reenroll(ca, &peer, &[]);
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
        assert_eq!(peer.issued(), (issued.0, issued.1 + 2), "by token only");
        let json = ran.json();
        let mut kept = words(&json, "names_kept");
        kept.sort_unstable();
        assert_eq!((kept, words(&json, "names_dropped")), (vec![NAMES[1], NAMES[0]], vec![]), "round {round}");
        assert_eq!(json["identity"]["id"], "org1-peer1");
        let after = leaves(&peer);
        for (old, new) in before.iter().zip(&after) {
            assert!(old.serial() != new.serial() && old.spki_der() != new.spki_der(), "round {round}");
            assert_eq!((old.subject(), old.sans().len()), (new.subject(), new.sans().len()));
        }
        keys.push(after[0].ski().hex());
        before = after;
        assert_eq!(std::fs::read_dir(peer.msp().join("keystore")).unwrap().count(), 1);
    }
    let ran = reenroll(ca, &peer, &["--reuse-key"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = leaves(&peer);
    assert!(
        after.iter().zip(&before).all(|(new, old)| new.spki_der() == old.spki_der() && new.serial() != old.serial())
    );
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer() && verdict.verifies, "{verdict:?}");
    }
    let tls = peer.tls();
    let (cert, key, anchors) = (tls.join("server.crt"), tls.join("server.key"), tls.join("ca.crt"));
    for name in NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            assert!(verdict.accept, "{name}: {verdict:?}");
        }
    }
    // The other command finds nothing to do afterwards.
    let unchanged = peer.enroll("wrong", &[]);
    assert_eq!((unchanged.code, unchanged.json()["action"].as_str()), (0, Some("unchanged")), "{unchanged:?}");
}

#[test]
fn certificates_are_renewed_again_and_again_with_one_enrolment() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    renewed_again_and_again(&ca);
}

#[cfg(feature = "dev-ca")]
#[test]
fn certificates_of_the_dev_ca_are_renewed_again_and_again() {
    renewed_again_and_again(&DevCaUnderTest::start(|c| c.intermediates = 1, None));
}

/// A name is lost only if it is dropped by its name, and names can be added. The curve can change.
fn names_are_joined(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let tls = text(&peer.tls());
    let alone = |more: &[&str]| reenroll_in(ca, &["--tls-dir", &tls], None, more);
    let misspelt = alone(&["--drop-san", "org1-peer-gateway"]);
    assert_eq!(misspelt.code, 4, "{misspelt:?}");
    let planned = alone(&["--san", "new.example.com", "--drop-san", NAMES[1], "--dry-run"]);
    assert_eq!((planned.code, words(&planned.json(), "names_dropped")), (0, vec![NAMES[1]]), "{planned:?}");
    let before = peer.folders();
    let issued = peer.issued();
    let ran = alone(&["--san", "new.example.com", "--drop-san", NAMES[1], "--key-algorithm", "p384"]);
    assert_eq!((ran.code, peer.issued()), (0, (issued.0, issued.1 + 1)), "{ran:?}");
    let json = ran.json();
    assert_eq!((words(&json, "names_kept"), words(&json, "names_dropped")), (vec![NAMES[0]], vec![NAMES[1]]));
    let mut sans = words(&json["certificates"][0], "sans");
    sans.sort_unstable();
    assert_eq!(sans, ["new.example.com", NAMES[0]]);
    assert!(peer.folders()[0] == before[0], "the MSP folder was not named");
    let length = leaves(&peer)[1].spki_der().len();
    let both = reenroll(ca, &peer, &[]);
    assert_eq!(both.code, 0, "a P-384 key signs too: {both:?}");
    assert_eq!(leaves(&peer)[1].spki_der().len(), length, "the curve stays");
}

#[test]
fn names_are_joined_and_lost_only_by_name() {
    let Some(ca) = RealCa::builder().start() else { return };
    names_are_joined(&ca);
}

#[cfg(feature = "dev-ca")]
#[test]
fn names_are_joined_on_the_dev_ca() {
    names_are_joined(&DevCaUnderTest::start(|_| {}, None));
}

/// The CA takes profile, attributes and subject from the new request alone: those of the last request are sent again.
fn the_request_is_repeated(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let ran = peer.enroll("peerpw", &["--attrs", "hf.Type", "--csr-names", "C=GB,O=Org1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let before = leaves(&peer);
    let ran = reenroll(ca, &peer, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (old, new) in before.iter().zip(leaves(&peer)) {
        assert!(new.subject().contains("O=Org1") && new.subject().contains("C=GB"), "{}", new.subject());
        assert_eq!(old.attributes(), new.attributes());
        assert_eq!(old.extended_key_usage(), new.extended_key_usage());
    }
    let other = reenroll(ca, &peer, &["--attrs", "hf.EnrollmentID", "--csr-names", "O=Org2"]);
    assert_eq!(other.code, 0, "{other:?}");
    let [sign, _] = leaves(&peer);
    let names: Vec<&str> = sign.attributes().unwrap().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["hf.EnrollmentID"]);
    assert!(sign.subject().contains("O=Org2") && sign.subject().contains("C=GB"), "{}", sign.subject());
}

#[test]
fn profile_attributes_and_subject_are_requested_again() {
    let Some(ca) = RealCa::builder().start() else { return };
    the_request_is_repeated(&ca);
}

#[cfg(feature = "dev-ca")]
#[test]
fn profile_attributes_and_subject_are_requested_again_on_the_dev_ca() {
    the_request_is_repeated(&DevCaUnderTest::start(|_| {}, None));
}

/// The CA gives no reason; the message says what is left.
fn a_revoked_identity_is_refused(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    ca.revoke("org1-peer1");
    let before = peer.folders();
    for more in [&[][..], &["--enroll-if-expired"]] {
        let msp = text(&peer.msp());
        let ran = reenroll_in(ca, &["--msp-dir", &msp], Some("peerpw"), more);
        assert_eq!(ran.code, 7, "{ran:?}");
        let error = &ran.json()["error"];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("is from this CA and has not expired"), "{message}");
        assert!(error["help"].as_str().unwrap().contains("revoked or was removed"), "{error}");
    }
    assert!(peer.folders() == before, "nothing was changed");
    assert_eq!(ca.count_status("enroll", 401), 0, "the secret is not for a certificate that has not expired");
}

#[test]
fn a_revoked_identity_is_refused_with_what_it_can_mean() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_revoked_identity_is_refused(&ca);
}

#[cfg(feature = "dev-ca")]
#[test]
fn a_revoked_identity_is_refused_by_the_dev_ca() {
    a_revoked_identity_is_refused(&DevCaUnderTest::start(|_| {}, None));
}

/// The TLS key of an orderer stays, as over an enrolment.
#[test]
fn the_tls_key_of_an_orderer_stays() {
    let Some(ca) = RealCa::builder().start() else { return };
    let registration =
        crate::real::Registration { kind: "orderer", ..crate::real::Registration::peer("orderer1", "pw") };
    ca.register(&registration);
    let dir = tempfile::tempdir().unwrap();
    let (msp, tls) = (text(&dir.path().join("o/msp")), text(&dir.path().join("o/tls")));
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let folders = ["--msp-dir", msp.as_str(), "--tls-dir", &tls];
    let start = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", "orderer1", "--san", "orderer1"];
    assert_eq!(fabcert(&[&start[..], &folders].concat(), Some("pw")).code, 0);
    let keys = || {
        let dir = dir.path().join("o");
        [dir.join("msp/signcerts"), dir.join("tls/server.crt")].map(|path| certificate(&path).ski().hex())
    };
    let before = keys();
    let ran = reenroll_in(&ca, &folders, None, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = keys();
    assert!(before[0] != after[0] && before[1] == after[1], "{before:?} {after:?}");
    let ran = reenroll_in(&ca, &folders, None, &["--new-tls-key"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(after[1], keys()[1]);
}
