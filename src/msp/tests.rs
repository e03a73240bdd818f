//! Folders that the real client wrote, with the real peer's verdicts.

use std::path::{Path, PathBuf};

use super::*;
use crate::Timestamp;
use crate::disk::{FolderReader as _, MemoryFolder};
use crate::testing::recorded;

#[test]
fn the_verdict_equals_the_real_peers() {
    use super::verdict::RefusalStage::{Identity, Setup};
    let cases = [
        ("A01", None),
        ("A04", None),
        ("A10", Some((33, Setup))),
        ("A22f", Some((28, Setup))),
        ("A25", Some((36, Setup))),
        ("A34", Some((13, Setup))),
        ("A39", Some((10, Setup))),
        ("B20c", Some((56, Identity))),
        ("B23b", Some((26, Setup))),
        ("B58b", Some((43, Identity))),
        ("B58c", None),
        ("C01", Some((58, Setup))),
        ("C05", Some((60, Setup))),
        ("D03b", None),
        ("D08c", Some((54, Identity))),
        ("D18", Some((14, Setup))),
        ("E01", Some((48, Identity))),
        ("E03", Some((66, Identity))),
        ("F05b", None),
        ("F10b", Some((74, Setup))),
    ];
    for (case, expected) in cases {
        let path = format!("peer/{case}");
        let disk = recorded::folder(&path);
        let found = judge(&disk, recorded::day(), AdminRule::Fabric).err().map(|r| (r.number, r.stage));
        assert_eq!(found, expected, "{case}");
        assert_eq!(
            judge(&recorded::in_memory(&path), recorded::day(), AdminRule::Fabric).err().map(|r| (r.number, r.stage)),
            expected
        );
    }
}

/// A number names a fault, whatever the certificate; 59 is only for administrators of another CA.
#[test]
fn an_administrators_path_is_refused_with_the_number_of_its_fault() {
    let copied = |file: &str, to: &str, case: &str| {
        let mut folder = recorded::in_memory(format!("peer/{case}"));
        let content = folder.read(Path::new(file)).unwrap();
        folder.insert(Path::new(to), content.to_vec());
        verdicts(&folder, ChannelRules::V3_0, recorded::day()).channel.map_err(|e| (e.number, e.path))
    };
    let admin = PathBuf::from("admincerts/a.pem");
    assert_eq!(copied("signcerts/cert.pem", "admincerts/a.pem", "A22f"), Err((28, admin.clone())));
    assert_eq!(copied("signcerts/cert.pem", "admincerts/a.pem", "A25"), Err((59, admin)));
}

#[cfg(unix)]
#[test]
fn a_dangling_keystore_link_is_refused() {
    for (to, number) in [("nowhere", 6), (".", 7)] {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(to, dir.path().join("keystore")).unwrap();
        let judged = judge(&recorded::folder(dir.path()), recorded::day(), AdminRule::Fabric).map_err(|e| e.number);
        assert_eq!(judged, Err(number), "{to}");
    }
}

#[test]
fn ignored_files_are_warned_about() {
    let numbers = |case: &str| -> Vec<Option<u8>> {
        let warnings = judge(&recorded::folder(format!("peer/{case}")), recorded::day(), AdminRule::Fabric).unwrap();
        warnings.iter().map(|w| w.number).collect()
    };
    assert_eq!(numbers("A01"), []);
    assert_eq!(numbers("A04"), [Some(34)]);
    assert_eq!(numbers("D03b"), [Some(15); 4]);
}

#[test]
fn only_the_leafs_expiry_depends_on_the_time() {
    let disk = recorded::folder("peer/A01");
    let current = CurrentMsp::read(&disk, None);
    let end = current.leaf.unwrap().1.not_after();
    assert!(judge(&disk, Timestamp::from_unix(end.unix() - 1), AdminRule::Fabric).is_ok());
    let refusal = judge(&disk, end, AdminRule::Fabric).unwrap_err();
    assert_eq!((refusal.number, refusal.path), (38, PathBuf::from("signcerts/cert.pem")));
    assert!(judge(&disk, Timestamp::from_unix(0), AdminRule::Fabric).is_ok());
}

#[test]
fn an_organisations_msp_is_judged_as_a_channel_msp() {
    let mut folder = recorded::in_memory("peer/A01");
    let node = verdicts(&folder, ChannelRules::V1_4_3, recorded::day());
    assert_eq!(
        (node.peer, node.orderer, node.channel, node.member),
        (Some(Ok(())), Some(Ok(())), Ok(()), Some(Ok(())))
    );
    folder.remove("keystore");
    let keyless = verdicts(&folder, ChannelRules::V1_4_3, recorded::day());
    assert_eq!((keyless.peer.unwrap().unwrap_err().number, keyless.member), (33, Some(Ok(()))));
    folder.remove("signcerts");
    let organization = verdicts(&folder, ChannelRules::V1_4_3, recorded::day());
    assert_eq!(
        (organization.peer, organization.orderer, organization.channel, organization.member),
        (None, None, Ok(()), None)
    );
    folder.insert_folder("keystore");
    let node = verdicts(&folder, ChannelRules::V1_4_3, recorded::day());
    assert_eq!((node.peer.unwrap().unwrap_err().number, node.member.unwrap().unwrap_err().number), (7, 7));
    folder.remove("keystore");
    folder.insert("keystore", "a file");
    let number = |v: Option<verdict::Verdict>| v.unwrap().unwrap_err().number;
    assert_eq!(number(verdicts(&folder, ChannelRules::V3_0, recorded::day()).orderer), 6);
}

#[test]
fn without_administrators_the_rest_is_still_judged() {
    let client = recorded::folder("go-client/ecert-two-hosts");
    assert_eq!(judge(&client, recorded::day(), AdminRule::Fabric).unwrap_err().number, 58);
    assert_eq!(judge(&client, recorded::day(), AdminRule::Waived).unwrap()[0].number, Some(58));
    // Two intermediates in one file.
    let refusal =
        judge(&recorded::folder("go-client/two-intermediates"), recorded::day(), AdminRule::Waived).unwrap_err();
    assert_eq!(refusal.number, 24);
}

#[test]
fn folders_of_the_go_client_are_read() {
    let current = CurrentMsp::read(&recorded::folder("go-client/intermediate-ecert"), None);
    assert!(current.pair_matches());
    assert_eq!(current.problems, []);
    let chain = current.chain().unwrap();
    assert_eq!(chain.intermediates, current.intermediates);
    assert_eq!([chain.root], *current.roots);
    assert!(current.config.is_none());
    assert!(!current.is_empty());
}

#[test]
fn broken_files_are_problems_not_errors() {
    let empty = CurrentMsp::read(&MemoryFolder::new(), None);
    assert!(empty.is_empty() && empty.problems.is_empty());

    let mut folder = recorded::in_memory("peer/A04");
    let current = CurrentMsp::read(&folder, None);
    assert!(current.key.is_some() && !current.pair_matches());
    assert_eq!(current.problems.len(), 1);

    folder.remove("keystore");
    folder.insert("cacerts/ca.pem", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n");
    folder.insert("tlscacerts/t.pem", "");
    let current = CurrentMsp::read(&folder, None);
    assert!(current.leaf.is_some() && current.key.is_none() && current.chain().is_none());
    let paths: Vec<&Path> = current.problems.iter().map(|p| p.path.as_path()).collect();
    assert_eq!(paths, ["cacerts/ca.pem", "tlscacerts/t.pem", "keystore"].map(Path::new));
}
