//! A CSR that is carried to the CA by hand, and the certificate that is carried back.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::command::{Ran, fabcert, tree};
use crate::real::{CaUnderTest, RealCa, oracle, transport};

use super::scene::{NAMES, Peer, text};

/// Has the CA sign `csr`, as a registrar elsewhere would; writes the certificate and the chain beside each other.
fn sign(ca: &dyn CaUnderTest, csr: &Path, profile: &str, cert: &Path, chain: &Path) {
    let csr = std::fs::read_to_string(csr).unwrap();
    let body = serde_json::json!({
        "certificate_request": csr, "hosts": NAMES, "profile": profile, "caname": ca.ca_name().unwrap_or_default(),
    });
    let port = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let answer = transport::post(port, ca.tls_anchor(), "/enroll", ("org1-peer1", "peerpw"), &body.to_string());
    let answer: serde_json::Value = serde_json::from_str(&answer.unwrap()).unwrap();
    let decoded =
        |value: &serde_json::Value| BASE64.decode(value.as_str().unwrap_or_else(|| panic!("{answer}"))).unwrap();
    std::fs::write(cert, decoded(&answer["result"]["Cert"])).unwrap();
    std::fs::write(chain, decoded(&answer["result"]["ServerInfo"]["CAChain"])).unwrap();
}

fn install(folder: &[&str], cert: &Path, chain: &Path) -> Ran {
    let (cert, chain) = (text(cert), text(chain));
    let start = ["install", "--id", "org1-peer1", "--cert", &cert, "--chain", &chain, "--output", "json"];
    fabcert(&[&start[..], &["--san", NAMES[0], "--san", NAMES[1]], folder].concat(), None)
}

/// Both folders by hand: the key stays, an answer to another CSR is refused, the right one is put in place.
fn by_hand(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let file = |name: &str| peer.dir().join(name);
    let folders: [(&str, &[&str], &str); 2] =
        [("msp", &["--msp-dir", &msp, "--role", "peer"], ""), ("tls", &["--tls-dir", &tls], "tls")];
    for (name, folder, profile) in folders {
        let csr = file(&format!("{name}.csr"));
        let out = text(&csr);
        let start = ["csr", "--id", "org1-peer1", "--out", &out, "--san", NAMES[0], "--san", NAMES[1]];
        let made = fabcert(&[&start[..], folder].concat(), None);
        assert_eq!(made.code, 0, "{made:?}");
        sign(ca, &csr, profile, &file(&format!("{name}.pem")), &file(&format!("{name}-chain.pem")));
    }
    let before = (tree(&peer.msp()), tree(&peer.tls()));
    let swapped = install(folders[1].1, &file("msp.pem"), &file("msp-chain.pem"));
    assert_eq!(swapped.code, 8, "the certificate is for the other key: {swapped:?}");
    assert!((tree(&peer.msp()), tree(&peer.tls())) == before);
    for (name, folder, _) in folders {
        let put = install(folder, &file(&format!("{name}.pem")), &file(&format!("{name}-chain.pem")));
        assert_eq!(put.code, 0, "{put:?}");
    }
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.peer_role, "{verdict:?}");
    }
    let (cert, key, anchors) =
        (peer.tls().join("server.crt"), peer.tls().join("server.key"), peer.tls().join("ca.crt"));
    for name in NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            assert!(verdict.accept, "{name}: {verdict:?}");
        }
    }
    // No key waits any more.
    let again = install(folders[1].1, &file("tls.pem"), &file("tls-chain.pem"));
    assert_eq!(again.code, 4, "{again:?}");
    // A run that reaches the CA finds the folders good.
    let run = peer.enroll("peerpw", &[]);
    assert_eq!((run.code, run.json()["action"].as_str()), (0, Some("unchanged")), "{run:?}");
}

#[test]
fn a_csr_carried_by_hand_gives_folders_that_fabric_loads() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    by_hand(&ca);
}
