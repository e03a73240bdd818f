//! `fabcert export`: what client libraries and channels take.

#[cfg(feature = "dev-ca")]
mod clients;

use std::path::Path;
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
            // They name the root that is removed.
            for (_, identifier) in config["fabric_node_ous"].as_object_mut().unwrap() {
                if let Some(identifier) = identifier.as_object_mut() {
                    identifier.remove("certificate").unwrap();
                }
            }
        }
        let old = dir.path().join("old.pem");
        std::fs::write(&old, first.unwrap()).unwrap();
        let args = [
            "--add-ca",
            ROOT,
            "--add-tls-ca",
            ROOT,
            "--add-tls-ca",
            CHAIN,
            "--remove-ca",
            &text(&old),
            "--unbind-node-ous",
        ];
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
    // An update is replaced.
    let signed = dir.path().join("signed.pb");
    let ran = update(block, "Org1MSP", &signed, &["--add-ca", ROOT]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let again = update(block, "Org1MSP", &signed, &["--add-ca", ROOT]);
    assert_eq!(again.code, 0, "{again:?}");
    // The block itself is not replaced.
    let copy = dir.path().join("config.block");
    std::fs::copy(block, &copy).unwrap();
    let ran = update(&text(&copy), "Org1MSP", &copy, &["--add-ca", ROOT]);
    assert!(ran.code == 4 && ran.stderr.contains("holds no update"), "{ran:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(block).unwrap());
}
