//! Every fault of the dev CA: the right exit code, a message that names the cause, the target as before.

use std::path::Path;

use fabcert::Timestamp;
use fabcert::devca::{DevCa, DevCaConfig, Fault, FaultRule, IdentitySpec, Running};

use crate::command::{Ran, fabcert, tree};

pub(crate) fn now() -> Timestamp {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_unix(i64::try_from(seconds).unwrap())
}

fn dev_ca() -> Running {
    let peer = IdentitySpec::new("org1-peer1", "peerpw", "peer");
    DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap()
}

fn enroll(ca: &Running, dir: &Path, more: &[&str]) -> Ran {
    let anchor = dir.join("anchor.pem");
    std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
    let (anchor, tls) = (anchor.display().to_string(), dir.join("p/tls").display().to_string());
    let mut args = vec!["enroll", "--url", ca.url(), "--id", "org1-peer1", "--tls-ca", &anchor, "--tls-dir", &tls];
    args.extend(["--san", "org1-peer1,org1-peer-gateway-svc", "--timeout", "2s", "--force"]);
    args.extend(more);
    fabcert(&args, Some("peerpw"))
}

/// The fault, the exit code, and a word that the message must hold.
const FAULTS: [(&str, i32, &str); 24] = [
    ("slow", 6, "within 2s"),
    ("drop-sans", 8, "org1-peer-gateway-svc"),
    ("drop-one-san", 8, "missing"),
    ("other-key", 8, "another key"),
    ("other-cn", 8, "CN"),
    ("wrong-chain", 8, "chain"),
    ("empty-chain", 8, "chain"),
    ("non-ca-in-chain", 8, "CA certificates only"),
    ("expired", 8, "ended at"),
    ("not-yet-valid", 8, "begins only at"),
    ("wrong-profile", 8, "extended key usage"),
    ("key-in-answer", 8, "private key"),
    ("silent", 6, "2"),
    ("503-then-good", 6, "503"),
    ("500-then-good", 6, "500"),
    ("cut-body", 6, ""),
    ("no-json", 6, "not by a Fabric CA"),
    ("html-404", 6, "404"),
    ("huge-body=4", 6, "bytes"),
    ("redirect-302=http://127.0.0.1:9/enroll", 6, "redirect"),
    ("redirect-307=http://127.0.0.1:9/enroll", 6, "redirect"),
    ("lost-answer", 6, ""),
    ("database-locked", 6, "database"),
    ("wrong-content", 8, ""),
];

#[test]
fn every_fault_is_named_and_leaves_the_folder_as_it_was() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    let good = enroll(&ca, dir.path(), &[]);
    assert_eq!(good.code, 0, "{good:?}");
    let before = tree(&dir.path().join("p/tls"));
    let mut wrong = Vec::new();
    for (name, code, word) in FAULTS {
        let fault: Fault = name.parse().unwrap();
        ca.set_fault(FaultRule::new(fault));
        let ran = enroll(&ca, dir.path(), &[]);
        ca.clear_faults();
        let unchanged = tree(&dir.path().join("p/tls")) == before;
        if ran.code != code || !ran.stderr.contains(word) || !unchanged {
            wrong.push(format!("{name}: exit {} (not {code}), unchanged {unchanged}: {}", ran.code, ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let after = enroll(&ca, dir.path(), &[]);
    assert_eq!(after.code, 0, "{after:?}");
}

/// What concerns the OU of an identity, whose folder is an MSP.
const OU_FAULTS: [(&str, &str); 2] = [("no-ou", "OU"), ("two-ous", "OU")];

#[test]
fn an_identity_without_one_role_is_refused_and_leaves_the_folder_as_it_was() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    let msp = dir.path().join("p/msp").display().to_string();
    assert_eq!(enroll(&ca, dir.path(), &["--msp-dir", &msp]).code, 0);
    let before = (tree(Path::new(&msp)), tree(&dir.path().join("p/tls")));
    for (name, word) in OU_FAULTS {
        ca.set_fault(FaultRule::new(name.parse().unwrap()));
        let ran = enroll(&ca, dir.path(), &["--msp-dir", &msp]);
        ca.clear_faults();
        assert!(ran.code == 8 && ran.stderr.contains(word), "{name}: {ran:?}");
        assert!((tree(Path::new(&msp)), tree(&dir.path().join("p/tls"))) == before, "{name}");
    }
}

/// A switch that somebody adds to the dev CA needs a line here.
#[test]
fn every_switch_of_the_dev_ca_is_tried() {
    let source = include_str!("../../../src/devca/fault.rs");
    let variants = source.split("pub enum Fault {").nth(1).unwrap().split("\n}").next().unwrap();
    let documented: Vec<&str> = variants
        .lines()
        .filter_map(|l| l.trim().strip_prefix("/// `")?.split_once("`: ").map(|(name, _)| name))
        .map(|name| name.split(['[', '=']).next().unwrap())
        .collect();
    assert!(documented.len() > 25, "{documented:?}");
    let refused = FAULTS.iter().map(|(name, ..)| *name).chain(OU_FAULTS.iter().map(|(name, _)| *name));
    let tried: Vec<&str> = refused.chain(LEGAL).map(|name| name.split('=').next().unwrap()).collect();
    let missing: Vec<&&str> = documented.iter().filter(|name| !tried.contains(name)).collect();
    assert!(missing.is_empty(), "no test tries {missing:?}");
}

/// What a client has to take.
const LEGAL: [&str; 4] = ["extra-san", "reversed-chain", "delay=50", "clock-skew=3600"];

#[test]
fn what_is_legal_is_taken() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    for name in LEGAL {
        ca.set_fault(FaultRule::new(name.parse().unwrap()));
        let ran = enroll(&ca, dir.path(), &[]);
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
    }
}

#[test]
fn a_server_error_that_passes_is_waited_for() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    ca.set_fault(FaultRule::new("503-then-good".parse().unwrap()));
    let ran = enroll(&ca, dir.path(), &["--wait", "20s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_lost_answer_costs_no_key() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    ca.set_fault(FaultRule::new("lost-answer".parse().unwrap()));
    assert_eq!(enroll(&ca, dir.path(), &[]).code, 6);
    ca.clear_faults();
    assert_eq!(enroll(&ca, dir.path(), &[]).code, 0);
    let issued = ca.issued("org1-peer1");
    let keys: Vec<_> =
        issued.iter().map(|pem| fabcert::x509::Cert::all_from_pem(pem.as_bytes()).unwrap().remove(0).ski()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "the second request was made with the key of the first");
}

#[test]
fn the_secret_is_nowhere_but_in_the_request() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    let url = ca.url().replace("https://", "https://org1-peer1:s3cr3t-of-nobody@");
    let anchor = dir.path().join("anchor.pem");
    std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
    let msp = dir.path().join("p/msp").display().to_string();
    let args = ["enroll", "-vv", "--url", &url, "--tls-ca", &anchor.display().to_string(), "--msp-dir", &msp];
    for extra in [&["--output", "json"][..], &["--log-format", "json"][..], &["--plaintext", "--ca-name", "x"][..]] {
        let ran = fabcert(&[&args[..], extra].concat(), None);
        assert_eq!(ran.code, 7, "{ran:?}");
        assert!(!ran.stdout.contains("s3cr3t") && !ran.stderr.contains("s3cr3t"), "{ran:?}");
    }
    for (path, (_, content)) in tree(dir.path()) {
        assert!(!String::from_utf8_lossy(&content).contains("s3cr3t"), "{path}");
    }
}

#[test]
fn an_identity_with_one_enrolment_gets_both_folders() {
    let peer = IdentitySpec::new("org1-peer1", "peerpw", "peer").limited_to(1);
    let ca = DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let msp = dir.path().join("p/msp").display().to_string();
    let ran = enroll(&ca, dir.path(), &["--msp-dir", &msp, "--role", "peer"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
