//! `--profile`, and what the Go client makes of the profile `tls`.

use crate::command::fabcert;
use crate::real::{CaUnderTest, RealCa};

use super::scene::{Peer, text};

#[test]
fn a_profile_that_the_ca_does_not_have_is_named_with_the_place_where_profiles_are_defined() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&peer.msp()));
    let line = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--msp-dir", &msp];
    let ran = fabcert(&[&line[..], &["--profile", "no-such-profile"]].concat(), Some("peerpw"));
    assert_eq!(ran.code, 7, "{ran:?}");
    for word in ["no-such-profile", "--profile", "signing.profiles"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert!(!peer.msp().exists());
}
