//! Later runs for both folders.

use fabcert::Timestamp;
use fabcert::internals::{Disk, FolderPlan, Lock, Place, Placement, install};

use crate::command::{fabcert, tree};
use crate::real::{CaUnderTest, RealCa, oracle};

use super::scene::{Peer, text};

/// Nothing is written, not even beside the folders, and no request is sent.
pub(super) fn does_nothing(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let first = peer.enroll("peerpw", &[]);
    assert_eq!((first.code, first.json()["action"].as_str()), (0, Some("enrolled")), "{first:?}");
    let (before, heard) = (peer.tree(), ca.answered().len());
    let second = peer.enroll("peerpw", &[]);
    assert_eq!((second.code, second.json()["action"].as_str()), (0, Some("unchanged")), "{second:?}");
    let after = peer.tree();
    let touched: Vec<&String> = before.keys().chain(after.keys()).filter(|p| before.get(*p) != after.get(*p)).collect();
    assert!(touched.is_empty(), "the second run wrote {touched:?}");
    // No secret is needed, and none is read.
    let wrong = peer.enroll("wrong", &[]);
    assert_eq!((wrong.code, wrong.json()["action"].as_str()), (0, Some("unchanged")), "{wrong:?}");
    assert_eq!(ca.answered().len(), heard);
}

#[test]
fn a_second_run_writes_nothing_and_sends_no_request() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    does_nothing(&ca);
}

/// In a mount the lock is inside the target.
#[test]
fn a_second_run_writes_nothing_into_a_mount_either() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    for target in [peer.msp(), peer.tls()] {
        std::fs::create_dir_all(&target).unwrap();
        let place = Place::with_layout(&target.canonicalize().unwrap(), Placement::Mounted);
        let lock = Lock::acquire(&Disk::real(), &place, Timestamp::from_unix(0)).unwrap();
        install(&Disk::real(), &lock, &FolderPlan::default(), &|_| Ok(())).unwrap();
    }
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let state = || {
        [peer.msp(), peer.tls()]
            .map(|target| (target.metadata().unwrap().modified().unwrap(), tree(&target.join(".fabcert"))))
    };
    let before = state();
    assert!(before.iter().all(|(_, files)| files.contains_key("lock")), "{before:?}");
    let second = peer.enroll("peerpw", &[]);
    assert_eq!((second.code, second.json()["action"].as_str()), (0, Some("unchanged")), "{second:?}");
    assert!(state() == before);
}

/// A run requests only what is missing: a name, a folder, a file. `--force` requests both again.
pub(super) fn requests_what_is_missing(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let [msp, _] = peer.folders();

    let issued = peer.issued();
    let named = peer.enroll("peerpw", &["--san", "org1-peer1.example.com"]);
    assert_eq!((named.code, named.json()["action"].as_str()), (0, Some("enrolled")), "{named:?}");
    assert_eq!(peer.issued(), (issued.0, issued.1 + 1), "a name in the TLS certificate costs one token");
    assert!(peer.folders()[0] == msp, "the MSP folder lacked nothing");

    std::fs::remove_dir_all(peer.tls()).unwrap();
    let issued = peer.issued();
    let restored = peer.enroll("peerpw", &[]);
    assert_eq!((restored.code, peer.issued()), (0, (issued.0, issued.1 + 1)), "{restored:?}");

    let root = std::fs::read_dir(peer.msp().join("cacerts")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&root).unwrap();
    let fixed = peer.enroll("peerpw", &[]);
    assert_eq!((fixed.code, fixed.json()["action"].as_str()), (0, Some("enrolled")), "{fixed:?}");
    assert!(root.is_file());

    let before = peer.folders();
    let issued = peer.issued();
    let forced = peer.enroll("peerpw", &["--force"]);
    assert_eq!((forced.code, peer.issued()), (0, (issued.0 + 1, issued.1 + 1)), "{forced:?}");
    let after = peer.folders();
    assert!(before[0] != after[0] && before[1] != after[1], "both are new");
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
}

#[test]
fn a_run_requests_only_what_is_missing() {
    let Some(ca) = RealCa::builder().start() else { return };
    requests_what_is_missing(&ca);
}

/// The signing identity is the credential for the TLS certificate, which the CA does not count.
pub(super) fn one_enrolment_is_enough(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", Some(1));
    let first = peer.enroll("peerpw", &[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(peer.enroll("peerpw", &[]).json()["action"], "unchanged");
    // Names may still change afterwards, because only the token is needed.
    let named = peer.enroll("peerpw", &["--san", "org1-peer1.example.com"]);
    assert_eq!(named.code, 0, "{named:?}");
    let before = peer.folders();
    let spent = peer.enroll("peerpw", &["--force"]);
    assert_eq!(spent.code, 7, "{spent:?}");
    assert!(peer.folders() == before);
}

#[test]
fn an_identity_with_one_enrolment_gets_both_folders() {
    let Some(ca) = RealCa::builder().start() else { return };
    one_enrolment_is_enough(&ca);
}

/// `rollback` undoes the last enrolment, a second one undoes the first; the next run then does nothing.
pub(super) fn rolls_back(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let old = peer.folders();
    assert_eq!(peer.enroll("peerpw", &["--force"]).code, 0);
    let new = peer.folders();
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    for expected in [&old, &new, &old] {
        let back = fabcert(&["rollback", "--msp-dir", &msp, "--tls-dir", &tls, "--output", "json"], None);
        assert_eq!((back.code, back.json()["action"].as_str()), (0, Some("rolled-back")), "{back:?}");
        assert!(&peer.folders() == expected);
        if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
            assert!(verdict.peer_starts(), "{verdict:?}");
        }
    }
    let heard = ca.answered().len();
    let run = peer.enroll("peerpw", &[]);
    assert_eq!((run.code, run.json()["action"].as_str()), (0, Some("unchanged")), "{run:?}");
    assert_eq!(ca.answered().len(), heard);
}

#[test]
fn rollback_restores_the_previous_set() {
    let Some(ca) = RealCa::builder().start() else { return };
    rolls_back(&ca);
}
