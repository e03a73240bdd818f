//! Plans made from folders that the real client wrote.

use std::path::{Path, PathBuf};

use super::super::*;
use crate::ErrorKind;
use crate::disk::{FolderReader as _, MemoryFolder};
use crate::install::{FolderPlan, KeyAccess};
use crate::msp::{CurrentMsp, CurrentTls, Layout, MspConfig, TlsNames};
use crate::pki::key::KeyPair;
use crate::testing::recorded;

/// An enrolment of the Go client, with its certificates put through the proof, and its key.
struct Enrolled {
    verified: VerifiedEnrollment,
    key: KeyPair,
}

fn enrolled(sample: &str, purpose: Purpose) -> Enrolled {
    let disk = recorded::folder(format!("go-client/{sample}"));
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
        spki_der: &key.spki_der(),
        sans: &[],
        purpose,
        role: RoleRule::Any,
        pinned_root: None,
        now: recorded::day(),
        server_date: None,
    };
    let verified = verify(&leaf, &chain, &expected).unwrap();
    Enrolled { verified, key }
}

impl Enrolled {
    fn request<'a>(&'a self, current: &'a CurrentMsp) -> MspRequest<'a> {
        MspRequest {
            sign: &self.verified,
            key: &self.key,
            tls: None,
            stem: "127-0-0-1-17140-rootca",
            tls_stem: "127-0-0-1-17140-rootca",
            layout: Layout::FabricCa,
            node_ous: true,
            current,
            key_access: KeyAccess::default(),
            others: OtherCas::default(),
        }
    }

    fn tls_folder(&self) -> TlsFolderRequest<'_> {
        TlsFolderRequest {
            tls: &self.verified,
            key: &self.key,
            sans: &[],
            now: recorded::day(),
            key_access: KeyAccess::default(),
            others: &[],
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
    let current = CurrentMsp::default();
    let plan = MspPlan::build(&e.request(&current)).unwrap();
    let disk = recorded::folder("go-client/ecert-two-hosts");
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
    let current = CurrentMsp::default();
    let plan = MspPlan::build(&MspRequest { stem: "ca", ..e.request(&current) }).unwrap();
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
    let current = CurrentMsp::default();
    let with =
        MspPlan::build(&MspRequest { tls: Some(&tls.verified), tls_stem: "t", ..sign.request(&current) }).unwrap();
    assert_eq!(text(&with.folder, "tlscacerts/tls-t.pem"), tls.verified.chain().root.to_pem());
    assert!(with.folder.owned.contains(&PathBuf::from("tlsintermediatecerts")));
    let without = MspPlan::build(&sign.request(&current)).unwrap();
    assert!(!without.folder.owned.iter().any(|p| p.starts_with("tlscacerts")));

    let swapped = MspRequest { tls: Some(&sign.verified), ..sign.request(&current) };
    assert!(matches!(MspPlan::build(&swapped), Err(PlanError::Mismatch { what: "TLS certificate" })));
    let wrong_key = MspRequest { key: &tls.key, ..sign.request(&current) };
    assert!(matches!(MspPlan::build(&wrong_key), Err(PlanError::Mismatch { what: "key" })));
}

#[test]
fn the_layout_of_cryptogen_is_accepted_as_well() {
    let e = enrolled("intermediate-ecert", Purpose::Sign);
    let current = CurrentMsp::default();
    let plan = MspPlan::build(&MspRequest { layout: Layout::Cryptogen, stem: "ca", ..e.request(&current) }).unwrap();
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
    let current = CurrentMsp::default();
    let key_access = KeyAccess { mode: 0o640, group: Some(500) };
    let plan = MspPlan::build(&MspRequest { key_access, ..e.request(&current) }).unwrap().folder;
    let keystore = plan.dirs.iter().find(|d| d.path == Path::new("keystore")).unwrap();
    assert_eq!((keystore.mode, keystore.group), (0o750, Some(500)));
    let with_group: Vec<u32> = plan.files.iter().filter(|f| f.group == Some(500)).map(|f| f.mode).collect();
    assert_eq!(with_group, [0o640]);
}

#[test]
fn our_own_config_is_replaced_and_the_operators_is_kept() {
    let e = enrolled("ecert-two-hosts", Purpose::Sign);
    let nothing = CurrentMsp::default();
    let first = MspPlan::build(&e.request(&nothing)).unwrap();
    let hash = first.config_yaml_sha256.unwrap();
    let mut folder = recorded::in_memory("go-client/ecert-two-hosts");
    let ours = text(&first.folder, "config.yaml").to_owned();
    folder.insert("config.yaml", ours.clone());

    // Ours: a new CA name gives a new text, and --no-node-ous takes it away.
    let current = CurrentMsp::read(&folder, Some(&hash));
    assert!(current.config.as_ref().unwrap().ours);
    let renamed = MspPlan::build(&MspRequest { stem: "new", ..e.request(&current) }).unwrap();
    assert!(text(&renamed.folder, "config.yaml").contains("cacerts/new.pem"));
    let off = MspPlan::build(&MspRequest { node_ous: false, ..e.request(&current) }).unwrap();
    assert!(!paths(&off.folder).contains(&"config.yaml"));
    assert!(off.folder.owned.contains(&PathBuf::from("config.yaml")));
    assert_eq!(off.warnings[0].number, Some(58));

    // The operator's: kept as it is, as long as Fabric takes it.
    folder.insert("config.yaml", format!("# mine\n{ours}"));
    let current = CurrentMsp::read(&folder, Some(&hash));
    let kept = MspPlan::build(&e.request(&current)).unwrap();
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
        let mut folder = recorded::in_memory("go-client/intermediate-ecert");
        let stranger = recorded::folder("peer/A01").read(Path::new("cacerts/ca.pem")).unwrap();
        folder.insert("elsewhere/ca.pem", stranger.to_vec());
        folder.insert("config.yaml", config);
        let current = CurrentMsp::read(&folder, None);
        let Err(e @ PlanError::OperatorConfig { .. }) = MspPlan::build(&e.request(&current)) else {
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
    let mut folder = recorded::in_memory("go-client/ecert-two-hosts");
    folder.insert("crls/crl.pem", "-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n");
    let current = CurrentMsp::read(&folder, None);
    let Err(error) = MspPlan::build(&e.request(&current)) else { panic!("the list cannot be read") };
    assert!(matches!(&error, PlanError::OperatorFile { refusal } if refusal.number == 65));
    let error = crate::Error::from(error);
    assert_eq!(error.exit_code(), 4);
    assert!(error.help().unwrap().contains("crls/crl.pem"));
    // A stranger among the administrators.
    folder.remove("crls");
    let stranger = recorded::folder("peer/A01").read(Path::new("signcerts/cert.pem")).unwrap();
    folder.insert("admincerts/admin.pem", stranger.to_vec());
    let current = CurrentMsp::read(&folder, None);
    let refused = MspPlan::build(&e.request(&current));
    assert!(matches!(refused, Err(PlanError::OperatorFile { refusal }) if refusal.number == 59));
}

#[test]
fn a_tls_folder_holds_the_chain_without_the_root_and_is_read_back() {
    let e = enrolled("tls-profile", Purpose::Tls);
    for names in [TlsNames::Fabric, TlsNames::K8s] {
        let plan = TlsPlan::build(&e.tls_folder(), names).unwrap().folder;
        assert_eq!(paths(&plan), [names.certificate(), names.key(), "ca.crt"]);
        assert_eq!(plan.files.iter().map(|f| f.mode).collect::<Vec<_>>(), [0o644, 0o600, 0o644]);
        let chain = e.verified.chain();
        assert_eq!(text(&plan, names.certificate()), chain.leaf.to_pem());
        assert_eq!(text(&plan, "ca.crt"), chain.root.to_pem());

        let mut folder = MemoryFolder::new();
        plan.files.iter().for_each(|f| folder.insert(&f.path, f.bytes.to_vec()));
        let current = CurrentTls::read(&folder, names);
        assert!(current.pair_matches());
        assert_eq!(current.chain().as_ref(), Some(chain));
        folder.insert(names.key(), "");
        folder.remove("ca.crt");
        let current = CurrentTls::read(&folder, names);
        let broken: Vec<&Path> = current.problems.iter().map(|p| p.path.as_path()).collect();
        assert_eq!(broken, [Path::new("ca.crt"), Path::new(names.key())]);
    }
    assert!(CurrentTls::read(&MemoryFolder::new(), TlsNames::Fabric).is_empty());
    let sign = enrolled("ecert-two-hosts", Purpose::Sign);
    assert!(TlsPlan::build(&sign.tls_folder(), TlsNames::Fabric).is_err());
}
