//! Keys by which channels know their consenters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::internals::pem_encode;
use fabcert::pki::x509::Cert;
use serde_json::json;

use crate::command::{fabcert, tree};
use crate::real::{CaUnderTest, RealCa};

use super::kept::Node;
use super::scene::text;

/// The configuration block of the channel "supply", as configtxlator prints it, with one consenter.
fn block(node: &Node<'_>, consensus: &str, certificate: &str) -> String {
    let pem = BASE64.encode(std::fs::read(node.folder(certificate)).unwrap());
    let mut consenter = json!({"host": "orderer1", "port": 7050, "client_tls_cert": pem, "server_tls_cert": pem});
    let mut values = json!({"ConsensusType": {"value": {"type": consensus, "metadata": {"consenters": [consenter]}}}});
    if consensus == "BFT" {
        consenter["identity"] = json!(pem);
        consenter["id"] = json!(1);
        values["Orderers"] = json!({"value": {"consenter_mapping": [consenter]}});
    }
    let group = json!({"groups": {"Orderer": {"values": values}}});
    let payload = json!({
        "header": {"channel_header": {"channel_id": "supply", "type": 1}},
        "data": {"config": {"channel_group": group, "sequence": "4"}},
    });
    let block = json!({"header": {"number": "7"}, "data": {"data": [{"payload": payload}]}});
    let file = node.folder(&format!("{consensus}.json"));
    std::fs::write(&file, block.to_string()).unwrap();
    text(&file)
}

fn spki(node: &Node<'_>, certificate: &str) -> Vec<u8> {
    let pem = std::fs::read(node.folder(certificate)).unwrap();
    Cert::all_from_pem(&pem).unwrap()[0].spki_der().to_vec()
}

/// Each of these runs ends with 4 and names the channel, sends nothing and changes nothing.
fn refuses(ca: &dyn CaUnderTest, node: &Node<'_>, args: &[&str], more: &[&[&str]]) {
    let folders = || ["tls", "msp"].map(|folder| tree(&node.folder(folder)));
    let (before, heard) = (folders(), ca.answered().len());
    for more in more {
        let ran = node.run(&[args, more].concat());
        assert_eq!(ran.code, 4, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains("supply") && ran.stderr.contains("orderer1:7050"), "{more:?}: {ran:?}");
        assert!(
            ran.stdout.contains("--channel-config") || ran.stdout.contains("update the orderers"),
            "{more:?}: {ran:?}"
        );
    }
    assert_eq!(ca.answered().len(), heard);
    assert!(folders() == before, "nothing was changed");
}

/// An identity without the OU `orderer`, as the TLS certificates of cryptogen are: the channel alone says what it is.
pub(super) fn a_raft_consenter_keeps_its_tls_key(ca: &dyn CaUnderTest) {
    let node = Node::new(ca, "orderer1", "client");
    let tls = ["--tls-dir", "tls", "--san", "orderer1"];
    node.enrolled(&tls);
    let first = spki(&node, "tls/server.crt");
    let channel = block(&node, "etcdraft", "tls/server.crt");
    let args = [&tls[..], &["--channel-config", &channel]].concat();
    std::fs::copy(node.folder("tls/server.key"), node.folder("same.key")).unwrap();
    let other = pem_encode("PRIVATE KEY", &rcgen::KeyPair::generate().unwrap().serialize_der());
    std::fs::write(node.folder("other.key"), other).unwrap();
    let (same, other) = (text(&node.folder("same.key")), text(&node.folder("other.key")));

    let unchanged = node.run(&[&args[..], &["--fabric-version", "2.2.0"]].concat());
    assert_eq!((unchanged.code, unchanged.json()["action"].as_str()), (0, Some("unchanged")), "{unchanged:?}");
    for more in [&["--force"][..], &["--force", "--fabric-version", "2.2.1"], &["--force", "--key-file", &same]] {
        node.enrolled(&[&args[..], more].concat());
        assert_eq!(spki(&node, "tls/server.crt"), first, "{more:?}");
    }
    refuses(
        ca,
        &node,
        &args,
        &[
            &["--force", "--new-tls-key"],
            &["--force", "--new-tls-key", "--dry-run"],
            &["--force", "--key-algorithm", "p384"],
            &["--force", "--key-file", &other],
            &["--force", "--fabric-version", "2.2.0"],
        ],
    );
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let mut doctor = vec!["doctor", "--url", &url, "--id", "orderer1", "--tls-ca", &anchor, "--san", "orderer1"];
    doctor.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", name]));
    let folder = text(&node.folder("tls"));
    doctor.extend(["--tls-dir", &folder, "--channel-config", &channel, "--force"]);
    assert_eq!(fabcert(&doctor, Some("peerpw")).code, 0);
    doctor.push("--new-tls-key");
    let ran = fabcert(&doctor, Some("peerpw"));
    assert!(ran.code == 1 && ran.stdout.contains("the channel \"supply\""), "{ran:?}");

    // The folder is lost, as that of a new pod is.
    std::fs::rename(node.folder("tls"), node.folder("lost")).unwrap();
    std::fs::remove_dir_all(node.folder(".tls.fabcert")).unwrap();
    refuses(ca, &node, &args, &[&[]]);
    std::fs::rename(node.folder("lost"), node.folder("tls")).unwrap();

    // Without the channel, the key changes: then the channel knows another one, which is said.
    node.enrolled(&[&tls[..], &["--force"]].concat());
    assert_ne!(spki(&node, "tls/server.crt"), first);
    let ran = node.enrolled(&[&args[..], &["--force"]].concat());
    assert!(ran.stderr.contains("knows \"orderer1\" by another TLS key"), "{ran:?}");
}

pub(super) fn a_bft_consenter_keeps_its_signing_key(ca: &dyn CaUnderTest) {
    let node = Node::new(ca, "orderer1", "orderer");
    let both = ["--msp-dir", "msp", "--tls-dir", "tls", "--san", "orderer1", "--role", "orderer"];
    node.enrolled(&both);
    let first = spki(&node, "msp/signcerts/cert.pem");
    let channel = block(&node, "BFT", "msp/signcerts/cert.pem");
    let args = [&both[..], &["--channel-config", &channel]].concat();
    refuses(ca, &node, &args, &[&["--force", "--fabric-version", "3.0"], &["--force", "--fabric-version", "3.1.1"]]);
    let ran = node.enrolled(&[&args[..], &["--force"]].concat());
    assert!(ran.stderr.contains("3.1.2 or later"), "{ran:?}");
    // TLS keys are not compared in a BFT channel.
    let ran = node.enrolled(&[&args[..], &["--force", "--fabric-version", "3.1.2", "--new-tls-key"]].concat());
    assert!(!ran.stderr.contains("3.1.2 or later"), "{ran:?}");
    assert_eq!(spki(&node, "msp/signcerts/cert.pem"), first);
}

#[test]
fn channel_configuration_must_be_one() {
    let Some(ca) = RealCa::builder().start() else { return };
    let node = Node::new(&ca, "orderer1", "orderer");
    let certificate = text(ca.tls_anchor());
    let (heard, tls) = (ca.answered().len(), ["--tls-dir", "tls", "--san", "orderer1", "--channel-config"]);
    let ran = node.run(&[&tls[..], &[&certificate]].concat());
    assert!(ran.code == 4 && ran.stderr.contains("not a configuration block"), "{ran:?}");
    let update = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/channel/raft.update");
    let ran = node.run(&[&tls[..], &[update]].concat());
    assert!(ran.code == 4 && ran.stderr.contains("does not name all consenters"), "{ran:?}");
    assert_eq!(node.run(&[&tls[..], &["missing.block"]].concat()).code, 5);
    assert_eq!(node.run(&[&tls[..], &[&certificate, "--fabric-version", "two"]].concat()).code, 2);
    assert_eq!(ca.answered().len(), heard);
}

#[test]
fn raft_consenter_keeps_its_tls_key_at_the_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_raft_consenter_keeps_its_tls_key(&ca);
}

#[test]
fn bft_consenter_keeps_its_signing_key_at_the_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_bft_consenter_keeps_its_signing_key(&ca);
}
