//! Answers that are not as requested: kept for a run with a corrected request, and not requested again in a loop.

use crate::real::{CaUnderTest, RealCa};

use super::scene::Peer;

/// A wrong `--role` must not use up the identity's only enrolment, and a restart loop must not repeat the request.
pub(super) fn kept_for_a_corrected_run(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", Some(1));
    let issued = peer.issued();
    for i in 0..5 {
        let wrong = peer.enroll("peerpw", &["--role", "orderer"]);
        assert_eq!(wrong.code, 8, "run {i}: {wrong:?}");
        assert!(wrong.stderr.contains("kept") && wrong.stderr.contains("orderer"), "run {i}: {wrong:?}");
        assert_eq!(peer.issued(), (issued.0 + 1, issued.1), "run {i}: the CA is asked once");
        assert!(!peer.msp().exists() && !peer.tls().exists(), "run {i}: nothing was written");
    }
    let right = peer.enroll("peerpw", &[]);
    assert_eq!((right.code, right.json()["action"].as_str()), (0, Some("enrolled")), "{right:?}");
    assert_eq!(
        peer.issued(),
        (issued.0 + 1, issued.1 + 1),
        "the kept answer is used, and a token gets the TLS certificate"
    );
    assert_eq!(peer.enroll("peerpw", &[]).json()["action"], "unchanged");
}

#[test]
fn an_answer_that_is_not_as_asked_is_kept_for_a_corrected_run() {
    let Some(ca) = RealCa::builder().start() else { return };
    kept_for_a_corrected_run(&ca);
}

/// A request with other names is sent at once, as is one with `--force`.
#[test]
fn another_request_is_sent_at_once() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let asked = ca.count("enroll");
    assert_eq!(peer.enroll("peerpw", &["--role", "orderer"]).code, 8);
    assert_eq!(peer.enroll("peerpw", &["--role", "orderer", "--attrs", "hf.EnrollmentID:opt"]).code, 8);
    assert_eq!(ca.count("enroll") - asked, 2);
    assert_eq!(peer.enroll("peerpw", &["--role", "orderer", "--attrs", "hf.EnrollmentID:opt", "--force"]).code, 8);
    assert_eq!(ca.count("enroll") - asked, 3);
}

/// The root has changed: `--force` installs the answer that was refused.
#[test]
fn force_installs_the_kept_answer_of_another_root() {
    let (Some(first), Some(second)) = (RealCa::builder().start(), RealCa::builder().start()) else { return };
    let peer = Peer::register(&first, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    second.register(&crate::real::Registration::peer("org1-peer1", "peerpw"));
    let asked = second.count("enroll");
    let at_the_other =
        |more: &[&str]| peer.enroll_at(&second.url(), second.tls_anchor(), second.ca_name(), "peerpw", more);
    let refused = at_the_other(&["--san", "org1-peer1.example"]);
    assert_eq!((refused.code, second.count("enroll") - asked), (8, 1), "{refused:?}");
    assert!(peer.folders() == before, "nothing changed");
    let forced = at_the_other(&["--san", "org1-peer1.example", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_eq!(second.count("enroll") - asked, 2, "only the signing certificate is asked for once more");
    assert!(peer.folders() != before);
}
