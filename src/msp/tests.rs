//! Folders that the real client wrote and the real peer judged, and plans made from them.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::*;
use crate::ca::{Expected, Purpose, RoleRule, VerifiedEnrollment, verify};
use crate::pki::key::KeyPair;
use crate::{ErrorKind, Timestamp};

/// A folder of the test data.
struct Disk(PathBuf);

impl Disk {
    fn at(path: &str) -> Self {
        Self(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/msp").join(path))
    }

    fn in_memory(&self) -> MemoryFolder {
        let mut folder = MemoryFolder::new();
        folder.copy_from(self, Path::new(""));
        for entry in self.list(Path::new("")).unwrap() {
            folder.copy_from(self, Path::new(&entry.name));
        }
        folder
    }
}

impl FolderReader for Disk {
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
        let entries = std::fs::read_dir(self.0.join(dir))?;
        let entry = |e: io::Result<std::fs::DirEntry>| {
            let e = e?;
            let kind = if e.path().is_dir() { EntryKind::Folder } else { EntryKind::File };
            Ok(FolderEntry { name: e.file_name(), kind })
        };
        entries.map(entry).collect()
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        std::fs::read(self.0.join(file)).map(Zeroizing::new)
    }
}

/// The day the folders were recorded.
fn recorded() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T12:00:00Z").unwrap()
}

#[test]
fn the_verdict_is_the_real_peers() {
    use RefusalStage::{Identity, Setup};
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
        let disk = Disk::at(&format!("peer/{case}"));
        let found = judge(&disk, recorded(), AdminRule::Fabric).err().map(|r| (r.number, r.stage));
        assert_eq!(found, expected, "{case}");
        assert_eq!(
            judge(&disk.in_memory(), recorded(), AdminRule::Fabric).err().map(|r| (r.number, r.stage)),
            expected
        );
    }
}

/// A number says what is wrong, whoever it befalls: 59 is for administrators of another CA alone.
#[test]
fn an_administrator_is_refused_for_what_is_wrong_with_the_path() {
    let copied = |file: &str, to: &str, case: &str| {
        let mut folder = Disk::at(&format!("peer/{case}")).in_memory();
        let content = folder.read(Path::new(file)).unwrap();
        folder.insert(Path::new(to), content.to_vec());
        verdicts(&folder, ChannelRules::V3_0, recorded()).channel.map_err(|e| (e.number, e.path))
    };
    let admin = PathBuf::from("admincerts/a.pem");
    assert_eq!(copied("signcerts/cert.pem", "admincerts/a.pem", "A22f"), Err((28, admin.clone())));
    assert_eq!(copied("signcerts/cert.pem", "admincerts/a.pem", "A25"), Err((59, admin)));
}

#[cfg(unix)]
#[test]
fn a_keystore_that_links_to_nothing_cannot_be_made() {
    for (to, number) in [("nowhere", 6), (".", 7)] {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(to, dir.path().join("keystore")).unwrap();
        let judged = judge(&Disk(dir.path().to_owned()), recorded(), AdminRule::Fabric).map_err(|e| e.number);
        assert_eq!(judged, Err(number), "{to}");
    }
}

#[test]
fn what_fabric_passes_over_is_warned_of() {
    let numbers = |case: &str| -> Vec<Option<u8>> {
        let warnings = judge(&Disk::at(&format!("peer/{case}")), recorded(), AdminRule::Fabric).unwrap();
        warnings.iter().map(|w| w.number).collect()
    };
    assert_eq!(numbers("A01"), []);
    assert_eq!(numbers("A04"), [Some(34)]);
    assert_eq!(numbers("D03b"), [Some(15); 4]);
}

#[test]
fn time_matters_for_the_end_of_the_leaf_alone() {
    let disk = Disk::at("peer/A01");
    let standing = StandingMsp::read(&disk, None);
    let end = standing.leaf.unwrap().1.not_after();
    assert!(judge(&disk, Timestamp::from_unix(end.unix() - 1), AdminRule::Fabric).is_ok());
    let refusal = judge(&disk, end, AdminRule::Fabric).unwrap_err();
    assert_eq!((refusal.number, refusal.path), (38, PathBuf::from("signcerts/cert.pem")));
    assert!(judge(&disk, Timestamp::from_unix(0), AdminRule::Fabric).is_ok());
}

#[test]
fn the_msp_of_an_organisation_is_judged_as_a_channel_does() {
    let mut folder = Disk::at("peer/A01").in_memory();
    let node = verdicts(&folder, ChannelRules::V1_4_3, recorded());
    assert_eq!(
        (node.peer, node.orderer, node.channel, node.member),
        (Some(Ok(())), Some(Ok(())), Ok(()), Some(Ok(())))
    );
    folder.remove("keystore");
    let keyless = verdicts(&folder, ChannelRules::V1_4_3, recorded());
    assert_eq!((keyless.peer.unwrap().unwrap_err().number, keyless.member), (33, Some(Ok(()))));
    folder.remove("signcerts");
    let organization = verdicts(&folder, ChannelRules::V1_4_3, recorded());
    assert_eq!(
        (organization.peer, organization.orderer, organization.channel, organization.member),
        (None, None, Ok(()), None)
    );
    folder.insert_folder("keystore");
    let node = verdicts(&folder, ChannelRules::V1_4_3, recorded());
    assert_eq!((node.peer.unwrap().unwrap_err().number, node.member.unwrap().unwrap_err().number), (7, 7));
    folder.remove("keystore");
    folder.insert("keystore", "a file");
    let number = |v: Option<Verdict>| v.unwrap().unwrap_err().number;
    assert_eq!(number(verdicts(&folder, ChannelRules::V3_0, recorded()).orderer), 6);
}

#[test]
fn without_administrators_the_rest_is_judged_all_the_same() {
    let client = Disk::at("go-client/ecert-two-hosts");
    assert_eq!(judge(&client, recorded(), AdminRule::Fabric).unwrap_err().number, 58);
    assert_eq!(judge(&client, recorded(), AdminRule::Waived).unwrap()[0].number, Some(58));
    // Two intermediates in one file.
    let refusal = judge(&Disk::at("go-client/two-intermediates"), recorded(), AdminRule::Waived).unwrap_err();
    assert_eq!(refusal.number, 24);
}

#[test]
fn what_the_go_client_wrote_is_read() {
    let standing = StandingMsp::read(&Disk::at("go-client/intermediate-ecert"), None);
    assert!(standing.pair_matches());
    assert_eq!(standing.problems, []);
    let chain = standing.chain().unwrap();
    assert_eq!(chain.intermediates, standing.intermediates);
    assert_eq!([chain.root], *standing.roots);
    assert!(standing.config.is_none());
    assert!(!standing.is_empty());
}

#[test]
fn broken_files_are_problems_and_no_errors() {
    let empty = StandingMsp::read(&MemoryFolder::new(), None);
    assert!(empty.is_empty() && empty.problems.is_empty());

    let mut folder = Disk::at("peer/A04").in_memory();
    let standing = StandingMsp::read(&folder, None);
    assert!(standing.key.is_some() && !standing.pair_matches());
    assert_eq!(standing.problems.len(), 1);

    folder.remove("keystore");
    folder.insert("cacerts/ca.pem", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n");
    folder.insert("tlscacerts/t.pem", "");
    let standing = StandingMsp::read(&folder, None);
    assert!(standing.leaf.is_some() && standing.key.is_none() && standing.chain().is_none());
    let paths: Vec<&Path> = standing.problems.iter().map(|p| p.path.as_path()).collect();
    assert_eq!(paths, ["cacerts/ca.pem", "tlscacerts/t.pem", "keystore"].map(Path::new));
}

/// An enrolment of the Go client, with its certificates put through the proof, and its key.
struct Enrolled {
    verified: VerifiedEnrollment,
    key: KeyPair,
}

fn enrolled(sample: &str, purpose: Purpose) -> Enrolled {
    let disk = Disk::at(&format!("go-client/{sample}"));
    let files = |dir: &str| -> Vec<u8> {
        let entries = disk.list(Path::new(dir)).unwrap_or_default();
        entries.iter().flat_map(|e| disk.read(&Path::new(dir).join(&e.name)).unwrap().to_vec()).collect()
    };
    let key = KeyPair::from_pem(&files("keystore")).unwrap();
    let leaf = files("signcerts");
    let chain = ["intermediatecerts", "cacerts", "tlsintermediatecerts", "tlscacerts"].map(files).concat();
    let id = crate::pki::x509::Cert::all_from_pem(&leaf).unwrap()[0].common_name().unwrap().to_owned();
    let expected = Expected {
        enrollment_id: &id,
        key: &key,
        sans: &[],
        purpose,
        role: RoleRule::Any,
        pinned_root: None,
        now: recorded(),
        server_date: None,
    };
    let verified = verify(&leaf, &chain, &expected).unwrap();
    Enrolled { verified, key }
}

impl Enrolled {
    fn request<'a>(&'a self, standing: &'a StandingMsp) -> MspRequest<'a> {
        MspRequest {
            sign: &self.verified,
            key: &self.key,
            tls: None,
            stem: "127-0-0-1-17140-rootca",
            tls_stem: "127-0-0-1-17140-rootca",
            layout: Layout::FabricCa,
            node_ous: true,
            standing,
            key_access: KeyAccess::default(),
        }
    }
}

fn paths(plan: &FolderPlan) -> Vec<&str> {
    plan.files.iter().map(|f| f.path.to_str().unwrap()).collect()
}

fn text<'a>(plan: &'a FolderPlan, path: &str) -> &'a str {
    let file = plan.files.iter().find(|f| f.path == Path::new(path)).unwrap();
    std::str::from_utf8(&file.bytes).unwrap()
}

#[test]
fn a_plan_holds_the_bytes_that_the_go_client_writes_and_a_config() {
    let e = enrolled("ecert-two-hosts", Purpose::Sign);
    let standing = StandingMsp::default();
    let plan = MspPlan::build(&e.request(&standing)).unwrap();
    let disk = Disk::at("go-client/ecert-two-hosts");
    let key = format!("keystore/{}", e.key.ski().key_file_name());
    let ca = "cacerts/127-0-0-1-17140-rootca.pem";
    assert_eq!(paths(&plan.folder), ["signcerts/cert.pem", &key, ca, "config.yaml"]);
    for file in &plan.folder.files[..3] {
        assert!(file.bytes == disk.read(&file.path).unwrap(), "{}", file.path.display());
    }
    let modes: Vec<u32> = plan.folder.files.iter().map(|f| f.mode).collect();
    assert_eq!(modes, [0o644, 0o600, 0o644, 0o644]);
    let dirs: Vec<(&str, u32)> = plan.folder.dirs.iter().map(|d| (d.path.to_str().unwrap(), d.mode)).collect();
    assert_eq!(dirs, [("signcerts", 0o755), ("keystore", 0o700), ("cacerts", 0o755)]);
    assert_eq!(text(&plan.folder, "config.yaml"), MspConfig::for_issuer(ca).to_yaml());
    assert!(plan.warnings.is_empty());
    assert!(!format!("{plan:?}").contains("BEGIN"));
}

#[test]
fn every_ca_has_its_own_file_and_the_issuer_vouches_for_the_ous() {
    let e = enrolled("two-intermediates", Purpose::Sign);
    let standing = StandingMsp::default();
    let plan = MspPlan::build(&MspRequest { stem: "ca", ..e.request(&standing) }).unwrap();
    let chain = e.verified.chain();
    assert_eq!(text(&plan.folder, "cacerts/ca.pem"), chain.root.to_pem());
    assert_eq!(text(&plan.folder, "intermediatecerts/ca.pem"), chain.intermediates[0].to_pem());
    assert_eq!(text(&plan.folder, "intermediatecerts/ca-1.pem"), chain.intermediates[1].to_pem());
    let config = MspConfig::parse(text(&plan.folder, "config.yaml").as_bytes()).unwrap();
    assert!(config.certificates().all(|c| c == "intermediatecerts/ca.pem"));
}

#[test]
fn the_tls_chain_fills_the_tls_folders_and_else_they_are_kept() {
    let sign = enrolled("ecert-two-hosts", Purpose::Sign);
    let tls = enrolled("tls-profile", Purpose::Tls);
    let standing = StandingMsp::default();
    let with =
        MspPlan::build(&MspRequest { tls: Some(&tls.verified), tls_stem: "t", ..sign.request(&standing) }).unwrap();
    assert_eq!(text(&with.folder, "tlscacerts/tls-t.pem"), tls.verified.chain().root.to_pem());
    assert!(with.folder.owned.contains(&PathBuf::from("tlsintermediatecerts")));
    let without = MspPlan::build(&sign.request(&standing)).unwrap();
    assert!(!without.folder.owned.iter().any(|p| p.starts_with("tlscacerts")));

    let swapped = MspRequest { tls: Some(&sign.verified), ..sign.request(&standing) };
    assert!(matches!(MspPlan::build(&swapped), Err(MspError::Mismatch { what: "TLS certificate" })));
    let wrong_key = MspRequest { key: &tls.key, ..sign.request(&standing) };
    assert!(matches!(MspPlan::build(&wrong_key), Err(MspError::Mismatch { what: "key" })));
}

#[test]
fn the_layout_of_cryptogen_is_accepted_as_well() {
    let e = enrolled("intermediate-ecert", Purpose::Sign);
    let standing = StandingMsp::default();
    let plan = MspPlan::build(&MspRequest { layout: Layout::Cryptogen, stem: "ca", ..e.request(&standing) }).unwrap();
    assert_eq!(
        paths(&plan.folder),
        [
            "signcerts/peer2-cert.pem",
            "keystore/priv_sk",
            "cacerts/ca.ca-cert.pem",
            "intermediatecerts/ica.ca-cert.pem",
            "config.yaml"
        ]
    );
}

#[test]
fn a_group_may_read_the_key_when_told_so() {
    let e = enrolled("ecert-two-hosts", Purpose::Sign);
    let standing = StandingMsp::default();
    let key_access = KeyAccess { mode: 0o640, group: Some(500) };
    let plan = MspPlan::build(&MspRequest { key_access, ..e.request(&standing) }).unwrap().folder;
    let keystore = plan.dirs.iter().find(|d| d.path == Path::new("keystore")).unwrap();
    assert_eq!((keystore.mode, keystore.group), (0o750, Some(500)));
    let with_group: Vec<u32> = plan.files.iter().filter(|f| f.group == Some(500)).map(|f| f.mode).collect();
    assert_eq!(with_group, [0o640]);
}

#[test]
fn our_own_config_is_replaced_and_the_operators_is_kept() {
    let e = enrolled("ecert-two-hosts", Purpose::Sign);
    let nothing = StandingMsp::default();
    let first = MspPlan::build(&e.request(&nothing)).unwrap();
    let hash = first.config_yaml_sha256.unwrap();
    let mut folder = Disk::at("go-client/ecert-two-hosts").in_memory();
    let ours = text(&first.folder, "config.yaml").to_owned();
    folder.insert("config.yaml", ours.clone());

    // Ours: a new CA name gives a new text, and --no-node-ous takes it away.
    let standing = StandingMsp::read(&folder, Some(&hash));
    assert!(standing.config.as_ref().unwrap().ours);
    let renamed = MspPlan::build(&MspRequest { stem: "new", ..e.request(&standing) }).unwrap();
    assert!(text(&renamed.folder, "config.yaml").contains("cacerts/new.pem"));
    let off = MspPlan::build(&MspRequest { node_ous: false, ..e.request(&standing) }).unwrap();
    assert!(!paths(&off.folder).contains(&"config.yaml"));
    assert!(off.folder.owned.contains(&PathBuf::from("config.yaml")));
    assert_eq!(off.warnings[0].number, Some(58));

    // The operator's: kept as it is, as long as Fabric takes it.
    folder.insert("config.yaml", format!("# mine\n{ours}"));
    let standing = StandingMsp::read(&folder, Some(&hash));
    let kept = MspPlan::build(&e.request(&standing)).unwrap();
    assert!(!paths(&kept.folder).contains(&"config.yaml"));
    assert!(!kept.folder.owned.contains(&PathBuf::from("config.yaml")));
    assert_eq!(kept.config_yaml_sha256, None);
}

#[test]
fn an_operators_config_that_spoils_the_folder_stops_the_plan() {
    let e = enrolled("intermediate-ecert", Purpose::Sign);
    for (config, number) in [
        (MspConfig::for_issuer("cacerts/127-0-0-1-17140-rootca.pem").to_yaml(), 56),
        ("NodeOUs:\n  Enable: \"true\"\n".to_owned(), 13),
        ("NodeOUs:\n  Enable: false\n".to_owned(), 58),
        (MspConfig::for_issuer("elsewhere/ca.pem").to_yaml(), 49),
    ] {
        let mut folder = Disk::at("go-client/intermediate-ecert").in_memory();
        let stranger = Disk::at("peer/A01").read(Path::new("cacerts/ca.pem")).unwrap();
        folder.insert("elsewhere/ca.pem", stranger.to_vec());
        folder.insert("config.yaml", config);
        let standing = StandingMsp::read(&folder, None);
        let Err(e @ MspError::OperatorConfig { .. }) = MspPlan::build(&e.request(&standing)) else {
            panic!("refusal {number}")
        };
        assert!(e.to_string().contains(&format!("refusal {number}")), "{e}");
        let e = crate::Error::from(e);
        assert_eq!((e.kind(), e.exit_code()), (ErrorKind::Input, 4));
        assert!(e.help().unwrap().contains("intermediatecerts/127-0-0-1-17140-rootca.pem"));
    }
}

#[test]
fn another_file_of_the_operator_that_spoils_the_folder_is_named() {
    let e = enrolled("ecert-two-hosts", Purpose::Sign);
    let mut folder = Disk::at("go-client/ecert-two-hosts").in_memory();
    folder.insert("crls/crl.pem", "-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n");
    let standing = StandingMsp::read(&folder, None);
    let Err(error) = MspPlan::build(&e.request(&standing)) else { panic!("the list cannot be read") };
    assert!(matches!(&error, MspError::OperatorFile { refusal } if refusal.number == 65));
    let error = crate::Error::from(error);
    assert_eq!(error.exit_code(), 4);
    assert!(error.help().unwrap().contains("crls/crl.pem"));
    // A stranger among the administrators.
    folder.remove("crls");
    let stranger = Disk::at("peer/A01").read(Path::new("signcerts/cert.pem")).unwrap();
    folder.insert("admincerts/admin.pem", stranger.to_vec());
    let standing = StandingMsp::read(&folder, None);
    let refused = MspPlan::build(&e.request(&standing));
    assert!(matches!(refused, Err(MspError::OperatorFile { refusal }) if refusal.number == 59));
}

#[test]
fn a_tls_folder_holds_the_chain_without_the_root_and_is_read_back() {
    let e = enrolled("tls-profile", Purpose::Tls);
    for names in [TlsNames::Fabric, TlsNames::K8s] {
        let plan = TlsPlan::build(&e.verified, &e.key, names, KeyAccess::default()).unwrap().folder;
        assert_eq!(paths(&plan), [names.certificate(), names.key(), "ca.crt"]);
        assert_eq!(plan.files.iter().map(|f| f.mode).collect::<Vec<_>>(), [0o644, 0o600, 0o644]);
        let chain = e.verified.chain();
        assert_eq!(text(&plan, names.certificate()), chain.leaf.to_pem());
        assert_eq!(text(&plan, "ca.crt"), chain.root.to_pem());

        let mut folder = MemoryFolder::new();
        plan.files.iter().for_each(|f| folder.insert(&f.path, f.bytes.to_vec()));
        let standing = StandingTls::read(&folder, names);
        assert!(standing.pair_matches());
        assert_eq!(standing.chain().as_ref(), Some(chain));
        folder.insert(names.key(), "");
        folder.remove("ca.crt");
        let standing = StandingTls::read(&folder, names);
        let broken: Vec<&Path> = standing.problems.iter().map(|p| p.path.as_path()).collect();
        assert_eq!(broken, [Path::new("ca.crt"), Path::new(names.key())]);
    }
    assert!(StandingTls::read(&MemoryFolder::new(), TlsNames::Fabric).is_empty());
    let sign = enrolled("ecert-two-hosts", Purpose::Sign);
    assert!(TlsPlan::build(&sign.verified, &sign.key, TlsNames::Fabric, KeyAccess::default()).is_err());
}
