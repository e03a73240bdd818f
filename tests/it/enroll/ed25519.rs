//! Ed25519 keys: enrolled, renewed with an Ed25519 token, and changed from and to another kind.

use std::path::Path;

use fabcert::pki::x509::{Cert, PublicKeyKind};

use crate::command::{Ran, fabcert};
use crate::real::{CaUnderTest, RealCa, oracle};

use super::scene::{NAMES, Peer, text};

const ED25519: [&str; 2] = ["--key-algorithm", "ed25519"];

fn certificate(path: &Path) -> Cert {
    Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap().remove(0)
}

/// The kinds of the keys in the MSP and the TLS folder, each of which belongs to its certificate.
fn kinds(peer: &Peer<'_>) -> [String; 2] {
    let certificates = [peer.msp().join("signcerts/cert.pem"), peer.tls().join("server.crt")].map(|p| certificate(&p));
    let key = peer.msp().join("keystore").join(certificates[0].ski().key_file_name());
    assert!(key.is_file(), "{}", key.display());
    let is_ed25519 = *certificates[0].public_key() == PublicKeyKind::Ed25519;
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        // No release from which the oracle could be built as a Go module knows such keys (see tests/oracle).
        if is_ed25519 && verdict.fabric.starts_with("2.") {
            let refused = verdict.error.as_ref().is_some_and(|e| e.contains("public key type not recognized"));
            assert!(!verdict.setup && refused, "{verdict:?}");
        } else {
            assert!(verdict.peer_starts() && verdict.is_peer() && verdict.verifies, "{verdict:?}");
        }
    }
    let tls = peer.tls();
    let (cert, key, anchors) = (tls.join("server.crt"), tls.join("server.key"), tls.join("ca.crt"));
    for name in NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            assert!(verdict.accept, "{name}: {verdict:?}");
        }
    }
    certificates.map(|certificate| certificate.public_key().to_string())
}

fn reenroll(ca: &dyn CaUnderTest, peer: &Peer<'_>, more: &[&str]) -> Ran {
    let (url, anchor, msp, tls) = (ca.url(), text(ca.tls_anchor()), text(&peer.msp()), text(&peer.tls()));
    let mut args = vec!["reenroll", "--url", &url, "--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls];
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    args.extend(["--output", "json"]);
    args.extend(more);
    fabcert(&args, None)
}

/// A block of configtxgen whose channel has the capability `V3_0`, and one of a channel that has `V2_0`.
const V3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/channel/bft.block");
const V2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/channel/raft.block");

pub(super) fn ed25519_where_fabric_accepts_it(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", Some(1));
    let with = |more: &[&'static str]| [&ED25519[..], more].concat();
    let (heard, issued) = (ca.answered().len(), peer.issued());
    let refused: [(&[&str], &str); 5] = [
        (&[], "are not known"),
        (&["--dry-run"], "are not known"),
        (&["--fabric-version", "2.5"], "Fabric 2.5 does not accept"),
        (&["--channel-config", V2], "the channel \"supply\" does not accept"),
        (&["--channel-config", V3, "--fabric-version", "2.5.12"], "Fabric 2.5.12 does not accept"),
    ];
    for (more, why) in refused {
        let ran = peer.enroll("peerpw", &[&ED25519[..], more].concat());
        assert_eq!(ran.code, 4, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains(why) && ran.stderr.contains("no request was sent"), "{more:?}: {ran:?}");
        assert!(ran.stdout.contains("--fabric-version"), "{more:?}: {ran:?}");
    }
    assert!(ca.answered().len() == heard && !peer.msp().exists() && !peer.tls().exists());

    let ran = peer.enroll("peerpw", &[&ED25519[..], &["--channel-config", V3]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(kinds(&peer), ["Ed25519", "Ed25519"]);
    assert_eq!(
        peer.issued(),
        (issued.0 + 1, issued.1 + 1),
        "the token of the second request is signed with the key of the first"
    );
    let ran = peer.enroll("peerpw", &with(&["--fabric-version", "3.1"]));
    assert_eq!(ran.json()["action"], "unchanged", "{ran:?}");

    // Its kind is kept, and that is not asked again: the identity must not expire.
    let first = certificate(&peer.tls().join("server.crt"));
    let ran = reenroll(ca, &peer, &[]);
    assert_eq!((ran.code, kinds(&peer)), (0, ["Ed25519".to_owned(), "Ed25519".to_owned()]), "{ran:?}");
    assert_ne!(certificate(&peer.tls().join("server.crt")).spki_der(), first.spki_der());
    let ran = reenroll(ca, &peer, &["--reuse-key", "--channel-config", V2]);
    assert!(ran.code == 0 && ran.stderr.contains("does not accept an Ed25519 identity"), "{ran:?}");

    let ran = reenroll(ca, &peer, &["--key-algorithm", "p384"]);
    assert_eq!((ran.code, kinds(&peer)), (0, ["P-384".to_owned(), "P-384".to_owned()]), "{ran:?}");
    let issued = peer.issued();
    assert_eq!(reenroll(ca, &peer, &ED25519).code, 4);
    assert_eq!(peer.issued(), issued);
    let ran = reenroll(ca, &peer, &with(&["--fabric-version", "3.0"]));
    assert_eq!((ran.code, kinds(&peer)), (0, ["Ed25519".to_owned(), "Ed25519".to_owned()]), "{ran:?}");
    let ran = fabcert(&["audit", "--no-policy", &text(&peer.msp()), &text(&peer.tls())], None);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Go takes an Ed25519 pair for TLS in every version of Fabric.
pub(super) fn a_tls_pair_needs_no_version(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let (url, anchor, tls) = (ca.url(), text(ca.tls_anchor()), text(&peer.tls()));
    let mut args = vec!["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--tls-dir", &tls];
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    args.extend(["--san", "org1-peer1", "--key-algorithm", "ed25519"]);
    let ran = fabcert(&args, Some("peerpw"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(*certificate(&peer.tls().join("server.crt")).public_key(), PublicKeyKind::Ed25519);
}

#[test]
fn ed25519_identity_is_enrolled_and_renewed_at_the_real_ca() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    ed25519_where_fabric_accepts_it(&ca);
}

#[test]
fn ed25519_tls_pair_needs_no_version_at_the_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_tls_pair_needs_no_version(&ca);
}
