//! fabcert's verdicts beside those of the real peer, the real orderer and Fabric's own loader, recorded case by case; see
//! `testdata/verdicts/README.md`.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use fabcert::Timestamp;
use fabcert::internals::{Disk, DiskFolder, tls, verdicts};
use fabcert::msp::ChannelRules;
use tempfile::TempDir;

/// The day the cases were recorded.
pub(crate) const RECORDED: &str = "2026-11-23T05:00:00Z";

pub(crate) type Row = HashMap<String, String>;

/// The rows of a table whose fields may be quoted; no field holds a line break.
pub(crate) fn rows(table: &str) -> Vec<Row> {
    let fields = |line: &str| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    };
    let mut lines = table.lines().map(fields);
    let head = lines.next().unwrap();
    lines.map(|row| head.iter().cloned().zip(row).collect()).collect()
}

/// Unpacks an archive, links and empty folders included.
pub(crate) fn unpack(archive: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/verdicts").join(archive);
    let done = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(dir.path()).status().unwrap();
    assert!(done.success());
    dir
}

/// Compares one verdict with the recorded one, in which `good` means accepted.
fn compare<E: std::fmt::Display>(wrong: &mut Vec<String>, what: &str, recorded: &str, good: &str, ours: Result<(), E>) {
    if (recorded == good) != ours.is_ok() {
        let ours = ours.map_or_else(|e| e.to_string(), |()| "accepted".to_owned());
        wrong.push(format!("{what}: recorded \"{recorded}\", here \"{ours}\""));
    }
}

#[test]
fn every_recorded_verdict_on_msp_and_tls_folders_is_ours() {
    let now = Timestamp::parse_rfc3339(RECORDED).unwrap();
    let disk = Disk::real();
    let mut wrong = Vec::new();

    let cases = rows(include_str!("../../testdata/verdicts/msp-cases.csv"));
    let folders = unpack("msp-cases.tar.gz");
    let mut agreed = 0;
    for case in &cases {
        let folder = DiskFolder::new(&disk, folders.path().join(&case["dir"]));
        let before = wrong.len();
        for (rules, version) in [(ChannelRules::V3_0, "v3_0"), (ChannelRules::V1_4_3, "v1_4_3")] {
            let column = |name: &str| case[&format!("{name}_{version}")].as_str();
            let at = |what: &str| format!("{} {what} {version}", case["id"]);
            let found = verdicts(&folder, rules, now);
            if let Some(peer) = found.peer {
                compare(&mut wrong, &at("peer"), &case["peer_node_start"], "up", peer);
            }
            if let Some(orderer) = found.orderer {
                compare(&mut wrong, &at("orderer"), &case["orderer_start"], "up", orderer);
            }
            compare(&mut wrong, &at("channel"), column("channel_setup"), "ok", found.channel);
            // Fabric was asked about the identity only where the local MSP came up with it.
            if let Some(member) = found.member.filter(|_| !column("signer_validate").is_empty()) {
                compare(&mut wrong, &at("member"), column("signer_validate"), "ok", member);
            }
        }
        agreed += usize::from(wrong.len() == before);
    }

    let tls_cases = rows(include_str!("../../testdata/verdicts/tls-cases.csv"));
    let folders = unpack("tls-cases.tar.gz");
    let mut tls_agreed = 0;
    for case in &tls_cases {
        let folder = DiskFolder::new(&disk, folders.path().join(&case["id"]));
        let verdicts = tls::verdicts(&folder, &["org1-peer-gateway-svc"], now).expect("a server's pair");
        let before = wrong.len();
        compare(&mut wrong, &case["id"], &case["peer_node_start"], "up", verdicts.server);
        let client = &case["go_client_as_org1-peer-gateway-svc"];
        if !client.is_empty() {
            compare(&mut wrong, &case["id"], client, "ok", verdicts.client.expect("a name"));
        }
        tls_agreed += usize::from(wrong.len() == before);
    }

    println!("{agreed} of {} MSP folders agree, {tls_agreed} of {} TLS folders agree", cases.len(), tls_cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((agreed, tls_agreed), (138, 23));
}

/// Fabric reads files of any size, revocation lists above all; of keys alone it passes over the large ones.
#[test]
fn a_large_file_is_read_to_its_end() {
    let now = Timestamp::parse_rfc3339(RECORDED).unwrap();
    let folders = unpack("msp-cases.tar.gz");
    let msp = folders.path().join("A01/msp");
    let enlarge = |part: &str| {
        let file = std::fs::read_dir(msp.join(part)).unwrap().next().unwrap().unwrap().path();
        let content = std::fs::read(&file).unwrap();
        std::fs::write(file, [vec![b'\n'; 5 << 20], content].concat()).unwrap();
        verdicts(&DiskFolder::new(&Disk::real(), &msp), ChannelRules::V3_0, now).peer.unwrap()
    };
    assert_eq!(enlarge("cacerts"), Ok(()));
    std::fs::rename(msp.join("keystore"), msp.join("other")).unwrap();
    std::fs::create_dir(msp.join("keystore")).unwrap();
    let key = std::fs::read_dir(msp.join("other")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(key, msp.join("keystore/priv_sk")).unwrap();
    assert_eq!(enlarge("keystore").map_err(|e| e.number), Err(33));
}
