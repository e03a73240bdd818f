//! Consenters of a BFT channel: the block of configtxgen in `testdata/channel`, with the certificates of identities that a real CA
//! issued in place of its own.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::pki::x509::Cert;
use serde_json::{Value, json};

use super::Organisation;
use crate::command::fabcert;
use crate::enroll::scene::text;
use crate::real::CaUnderTest as _;

const ORDERERS: [&str; 3] = ["orderer1", "orderer2", "orderer3"];

/// The block of the channel `trade`, whose first three consenters are those of the organisation. The fourth is of another CA.
fn block(organisation: &Organisation) -> PathBuf {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/channel/bft.block.json");
    let mut json: Value = serde_json::from_slice(&fs::read(real).unwrap()).unwrap();
    let group = &mut json["data"]["data"][0]["payload"]["data"]["config"]["channel_group"]["groups"]["Orderer"];
    let pem = |path: String| json!(BASE64.encode(fs::read(organisation.path(&path)).unwrap()));
    for (at, id) in ORDERERS.iter().enumerate() {
        let consenter = &mut group["values"]["Orderers"]["value"]["consenter_mapping"][at];
        consenter["host"] = json!(id);
        consenter["identity"] = pem(format!("{id}/msp/signcerts/cert.pem"));
        for side in ["client_tls_cert", "server_tls_cert"] {
            consenter[side] = pem(format!("{id}/tls/server.crt"));
        }
    }
    let msp = &mut group["groups"]["OrdererOrg"]["values"]["MSP"]["value"]["config"];
    let root = json!([BASE64.encode(organisation.ca.root_pem())]);
    (msp["root_certs"], msp["tls_root_certs"]) = (root.clone(), root);
    organisation.write("trade.json", &json.to_string())
}

/// The findings about channels in an audit of the block and the folders of two orderers: rule and names.
fn findings(organisation: &Organisation, block: &str) -> Vec<(String, Vec<String>)> {
    let folders = ["orderer1", "orderer2"].map(|id| text(&organisation.path(id)));
    let ran = fabcert(&["audit", "--no-policy", "--output", "json", block, &folders[0], &folders[1]], None);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let all = ran.json()["findings"].as_array().unwrap().clone();
    let all = all.iter().map(|f| (word(&f["rule"]), f["names"].as_array().unwrap().iter().map(word).collect()));
    all.filter(|(rule, _)| ["channel-", "consenter-"].iter().any(|of| rule.starts_with(of))).collect()
}

#[test]
fn a_bft_consenter_keeps_the_signing_key_that_its_channel_knows() {
    let Some(organisation) = Organisation::new() else { return };
    for id in ORDERERS {
        organisation.enroll(id, "orderer", &[id, &format!("{id}.orderers.example.com")]);
    }
    let block = text(&block(&organisation));
    fs::remove_dir_all(organisation.path("orderer3")).unwrap();
    let signer = || {
        let pem = fs::read(organisation.path("orderer1/msp/signcerts/cert.pem")).unwrap();
        Cert::all_from_pem(&pem).unwrap().remove(0)
    };
    let shown = fabcert(&["inspect", &block], None);
    for words in ["BFT", "channel       trade", "orderer1:7050", "orderer4.orderers.example.com:7050"] {
        assert!(shown.code == 0 && shown.stdout.contains(words), "{words}: {shown:?}");
    }
    let not_on_disk = || ("consenter-not-on-disk".to_owned(), vec!["orderer3:7050".to_owned()]);
    assert_eq!(findings(&organisation, &block), [not_on_disk()]);

    let first = signer();
    let sent = || organisation.ca.count("reenroll");
    let requests = sent();
    let known = ["--channel-config", &block];
    for more in [
        &["--fabric-version", "3.0"][..],
        &["--fabric-version", "3.1.1"],
        &["--key-algorithm", "p384", "--new-tls-key"],
        &["--key-algorithm", "ed25519", "--new-tls-key", "--fabric-version", "3.1.2"],
    ] {
        let ran = organisation.run("reenroll", "orderer1", &[&known[..], more].concat(), None);
        assert_eq!(ran.code, 4, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains("\"trade\"") && ran.stderr.contains("orderer1:7050"), "{more:?}: {ran:?}");
    }
    assert_eq!((sent(), signer().serial_hex()), (requests, first.serial_hex()));

    let renewed = [&known[..], &["--fabric-version", "3.1.2"]].concat();
    let ran = organisation.run("reenroll", "orderer1", &renewed, None);
    assert_eq!(ran.code, 0, "{ran:?}");
    let second = signer();
    assert!(second.spki_der() == first.spki_der() && second.serial_hex() != first.serial_hex());
    assert_eq!(findings(&organisation, &block), [not_on_disk()]);

    // Where nothing names the channel, the key changes, and the audit sees it.
    let ran = organisation.run("reenroll", "orderer1", &[], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(signer().spki_der(), first.spki_der());
    let changed = ("consenter-key-changed".to_owned(), vec!["trade".to_owned(), "orderer1:7050".to_owned()]);
    let mut found = findings(&organisation, &block);
    found.sort();
    assert_eq!(found, [changed, not_on_disk()]);
}
