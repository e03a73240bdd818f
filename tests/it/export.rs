//! `fabcert export`: what client libraries and channels take.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fabcert::pki::x509::Cert;
use serde_json::Value as Json;

use crate::command::{Ran, fabcert};
use crate::enroll::scene::text;
use crate::real::tools::{Tool, find};

const ROOT: &str = "testdata/certs/two-intermediates-root.pem";
const CHAIN: &str = "testdata/certs/two-intermediates-cas.pem";

/// Runs `configtxlator` on a message of this type.
fn translated(program: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::write(&from, input).unwrap();
    let done = Command::new(program).args(args).arg("--input").arg(&from).arg("--output").arg(&to).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(to).unwrap()
}

fn decoded(program: &Path, kind: &str, message: &[u8]) -> Json {
    serde_json::from_slice(&translated(program, &["proto_decode", "--type", kind], message)).unwrap()
}

/// What configtxlator computes for a change of a configuration.
fn computed(program: &Path, channel: &str, before: &Json, after: &Json) -> Json {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (name, config) in [("before", before), ("after", after)] {
        let config = serde_json::to_vec(config).unwrap();
        let encoded = translated(program, &["proto_encode", "--type", "common.Config"], &config);
        std::fs::write(path(name), encoded).unwrap();
    }
    let (before, after, out) = (path("before"), path("after"), path("update"));
    let mut compute = Command::new(program);
    compute.args(["compute_update", "--channel_id", channel]).arg("--original").arg(before);
    let done = compute.arg("--updated").arg(after).arg("--output").arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    decoded(program, "common.ConfigUpdate", &std::fs::read(out).unwrap())
}

/// The updates of a real block are those that configtxlator computes, in an envelope without signatures.
#[test]
fn an_update_is_what_configtxlator_computes() {
    let Some(program) = find(Tool::ConfigTxLator) else { return };
    for (file, channel, msp, groups) in [
        ("raft.block", "supply", "Org1MSP", &["Application/Org1"][..]),
        ("raft.block", "supply", "OrdererMSP", &["Orderer/OrdererOrg"]),
    ] {
        let block = format!("testdata/channel/{file}");
        let json = decoded(&program, "common.Block", &std::fs::read(&block).unwrap());
        let before = &json["data"]["data"][0]["payload"]["data"]["config"];
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("update.pb");
        let mut after = before.clone();
        let mut first = None;
        for group in groups {
            let (section, name) = group.split_once('/').unwrap();
            let config =
                &mut after["channel_group"]["groups"][section]["groups"][name]["values"]["MSP"]["value"]["config"];
            let one = config["root_certs"][0].as_str().unwrap();
            first = Some(STANDARD.decode(one).unwrap());
            let pem = |path: &str| -> Vec<Json> {
                let found = Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap();
                found.iter().map(|cert| Json::String(STANDARD.encode(cert.to_pem()))).collect()
            };
            let mut add = |field: &str, path: &str| {
                let list = &mut config[field];
                let mut all = list.as_array().cloned().unwrap_or_default();
                all.extend(pem(path));
                *list = Json::Array(all);
            };
            add("root_certs", ROOT);
            add("tls_root_certs", ROOT);
            add("tls_intermediate_certs", CHAIN);
            let roots = config["root_certs"].as_array_mut().unwrap();
            roots.remove(0);
        }
        let old = dir.path().join("old.pem");
        std::fs::write(&old, first.unwrap()).unwrap();
        let args = ["--add-ca", ROOT, "--add-tls-ca", ROOT, "--add-tls-ca", CHAIN, "--remove-ca", &text(&old)];
        let ran = update(&block, msp, &out, &args);
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        assert_eq!(ran.json()["channel"], channel);
        assert_eq!(ran.json()["groups"], serde_json::json!(groups));
        let envelope = decoded(&program, "common.Envelope", &std::fs::read(&out).unwrap());
        assert_eq!(envelope["payload"]["header"]["channel_header"]["channel_id"], channel);
        let data = &envelope["payload"]["data"];
        assert_eq!(data["config_update"], computed(&program, channel, before, &after), "{file} {msp}");
        assert!(data["signatures"].as_array().is_none_or(Vec::is_empty));
    }
}

fn update(block: &str, msp: &str, out: &Path, more: &[&str]) -> Ran {
    let out = text(out);
    let args = ["export", "config-update", "--channel-config", block, "--msp", msp, "--out", &out, "--output", "json"];
    fabcert(&[&args, more].concat(), None)
}

#[test]
fn an_update_that_changes_nothing_or_cannot_be_made_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("update.pb");
    let block = "testdata/channel/raft.block";
    let own = dir.path().join("own.pem");
    let known = std::fs::read_to_string("testdata/channel/raft.block.json").unwrap();
    let json: Json = serde_json::from_str(&known).unwrap();
    let values = &json["data"]["data"][0]["payload"]["data"]["config"]["channel_group"]["groups"]["Application"]["groups"]
        ["Org1"]["values"];
    let root = values["MSP"]["value"]["config"]["root_certs"][0].as_str().unwrap();
    std::fs::write(&own, STANDARD.decode(root).unwrap()).unwrap();
    let own = text(&own);
    let ran = update(block, "Org1MSP", &out, &["--add-ca", &own]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("unchanged")), "{ran:?}");
    for (block, msp, more, said) in [
        (block, "Org9MSP", &["--add-ca", ROOT][..], "has no MSP Org9MSP; it has OrdererMSP, Org1MSP"),
        (block, "Org1MSP", &["--remove-ca", ROOT], "to remove"),
        (block, "Org1MSP", &["--remove-ca", &own], "would have no root CA"),
        (block, "Org1MSP", &["--add-ca", "testdata/certs/go-client-ecert.pem"], "is not the certificate of a CA"),
        ("testdata/channel/raft.block.json", "Org1MSP", &["--add-ca", ROOT], "not an encoded configuration block"),
        ("testdata/channel/raft.config", "Org1MSP", &["--add-ca", ROOT], "does not have the name of the channel"),
        ("testdata/channel/raft.update", "Org1MSP", &["--add-ca", ROOT], "it is an update"),
        (ROOT, "Org1MSP", &["--add-ca", ROOT], "not an encoded configuration block"),
    ] {
        let ran = update(block, msp, &out, more);
        assert!(ran.code == 4 && ran.stderr.contains(said), "{block} {more:?}: {ran:?}");
    }
    let ran = update(block, "Org1MSP", &out, &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(!out.exists());
    // The block itself is not replaced.
    let copy = dir.path().join("config.block");
    std::fs::copy(block, &copy).unwrap();
    let ran = update(&text(&copy), "Org1MSP", &copy, &["--add-ca", ROOT]);
    assert!(ran.code == 4 && ran.stderr.contains("holds no update"), "{ran:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(block).unwrap());
}

/// An enrolled peer's folders, made with the dev CA.
#[cfg(feature = "dev-ca")]
struct Enrolled {
    dir: tempfile::TempDir,
}

#[cfg(feature = "dev-ca")]
impl Enrolled {
    fn new() -> Self {
        use crate::enroll::on_the_dev_ca::DevCaUnderTest;
        use crate::real::{CaUnderTest as _, Registration};
        let (ca, dir) = (DevCaUnderTest::start(|_| {}, None), tempfile::tempdir().unwrap());
        ca.register(&Registration::peer("org1-peer1", "peerpw"));
        let path = |name: &str| text(&dir.path().join(name));
        let (url, anchor, msp, tls) = (ca.url(), text(ca.tls_anchor()), path("msp"), path("tls"));
        let args = ["enroll", "--url", &*url, "--tls-ca", &anchor, "--id", "org1-peer1", "--msp-dir", &msp];
        let names = ["--tls-dir", &tls, "--san", "org1-peer1,org1-peer-gateway-svc"];
        let ran = fabcert(&[&args[..], &names].concat(), Some("peerpw"));
        assert_eq!(ran.code, 0, "{ran:?}");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[cfg(feature = "dev-ca")]
#[test]
fn a_profile_is_written_only_for_a_gateway_that_every_member_proves() {
    let peer = Enrolled::new();
    let out = peer.path("connection.json");
    let export = |endpoint: &str, more: &[&str]| {
        let (tls, out) = (text(&peer.path("tls")), text(&out));
        let args = ["export", "connection-profile", "--msp-id", "Org1MSP", "--endpoint", endpoint, "--tls-dir", &tls];
        fabcert(&[&args, &["--out", &*out][..], more].concat(), None)
    };
    let ran = export("other-svc:7051", &[]);
    assert!(ran.code == 4 && ran.stderr.contains("clients that dial other-svc refuse"), "{ran:?}");
    assert!(!out.exists());
    let ran = export("org1-peer-gateway-svc:7051", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let profile: Json = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let root = std::fs::read_to_string(peer.path("tls/ca.crt")).unwrap();
    let entry = &profile["peers"]["org1-peer-gateway-svc"];
    assert_eq!(entry["url"], "grpcs://org1-peer-gateway-svc:7051");
    assert_eq!(entry["tlsCACerts"]["pem"].as_str().unwrap().trim(), root.trim());
    assert_eq!(profile["client"]["organization"], "Org1");
    // It is replaced, and another file is not.
    assert_eq!(export("org1-peer1:7051", &[]).code, 0);
    std::fs::write(&out, "secrets\n").unwrap();
    let ran = export("org1-peer1:7051", &[]);
    assert!(ran.code == 4 && ran.stderr.contains("holds no connection profile"), "{ran:?}");
    assert_eq!(export("org1-peer1:7051", &["--force"]).code, 0);
    let with_secret = ["--url", "https://admin:adminpw@org1-ca", "--tls-ca", ROOT];
    let ran = export("org1-peer1:7051", &with_secret);
    assert_eq!(ran.code, 0, "{ran:?}");
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.contains("\"https://org1-ca:7054\"") && !written.contains("admin"), "{written}");
}

#[cfg(feature = "dev-ca")]
#[test]
fn a_wallet_has_the_identity_and_keeps_those_of_others() {
    let peer = Enrolled::new();
    let (wallet, msp) = (text(&peer.path("wallet")), text(&peer.path("msp")));
    let export = |more: &[&str]| {
        let args = ["export", "wallet", "--msp-dir", &*msp, "--wallet", &wallet, "--output", "json"];
        fabcert(&[&args, more].concat(), None)
    };
    let ran = export(&["--msp-id", "Org1MSP"]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("export wallet")), "{ran:?}");
    let file = peer.path("wallet/org1-peer1.id");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let card: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let key = card["credentials"]["privateKey"].as_str().unwrap();
    let on_disk = std::fs::read_dir(peer.path("msp/keystore")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(key, std::fs::read_to_string(on_disk).unwrap());
    let leaf = std::fs::read_to_string(peer.path("msp/signcerts/cert.pem")).unwrap();
    assert_eq!(card["credentials"]["certificate"], leaf);
    assert_eq!((&card["mspId"], &card["type"], &card["version"]), (&"Org1MSP".into(), &"X.509".into(), &1.into()));
    assert!(!ran.stdout.contains("PRIVATE") && !ran.stderr.contains("PRIVATE"));
    let ran = export(&["--msp-id", "Org1MSP"]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("unchanged")), "{ran:?}");
    let before = std::fs::read(&file).unwrap();
    let ran = export(&["--msp-id", "Org2MSP"]);
    assert!(ran.code == 4 && ran.stderr.contains("holds the identity org1-peer1 of Org1MSP"), "{ran:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(export(&["--msp-id", "Org2MSP", "--label", "second"]).code, 0);
    for label in ["../x", "a/b", "", ".hidden"] {
        assert_eq!(export(&["--msp-id", "Org1MSP", "--label", label]).code, 4, "{label}");
    }
    // A folder without its key.
    std::fs::remove_dir_all(peer.path("msp/keystore")).unwrap();
    let ran = export(&["--msp-id", "Org1MSP", "--label", "third"]);
    assert!(ran.code == 4 && ran.stderr.contains("keystore"), "{ran:?}");
    assert!(!peer.path("wallet/third.id").exists());
}
