//! Every fault of the dev CA: the right exit code, a message with the cause, an unchanged target.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use fabcert::Timestamp;
use fabcert::devca::{DevCa, DevCaConfig, Endpoint, FAULT_NAMES, Fault, FaultRule, IdentitySpec, Running};

use crate::command::{Ran, fabcert, tree};
use crate::real::oracle;

pub(crate) fn now() -> Timestamp {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_unix(i64::try_from(seconds).unwrap())
}

fn dev_ca() -> Running {
    let peer = IdentitySpec::new("org1-peer1", "peerpw", "peer");
    DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap()
}

fn enroll(ca: &Running, dir: &Path, more: &[&str]) -> Ran {
    Folders::Tls.enroll(ca, dir, more)
}

/// The folders of a run.
#[derive(Clone, Copy, Debug)]
enum Folders {
    /// The TLS folder.
    Tls,
    /// The MSP folder, with the names in the signing certificate.
    Msp,
    /// Both; the second certificate is requested with a token.
    Both,
}

impl Folders {
    fn enroll(self, ca: &Running, dir: &Path, more: &[&str]) -> Ran {
        let anchor = dir.join("anchor.pem");
        std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
        let anchor = anchor.display().to_string();
        let (msp, tls) = (dir.join("p/msp").display().to_string(), dir.join("p/tls").display().to_string());
        let mut args = vec!["enroll", "--url", ca.url(), "--id", "org1-peer1", "--tls-ca", &anchor];
        args.extend(["--san", "org1-peer1,org1-peer-gateway-svc", "--timeout", "2s", "--force"]);
        if !matches!(self, Self::Tls) {
            args.extend(["--msp-dir", &msp]);
        }
        if !matches!(self, Self::Msp) {
            args.extend(["--tls-dir", &tls]);
        }
        args.extend(more);
        fabcert(&args, Some("peerpw"))
    }

    /// The request with the fault: the last one of the run.
    fn endpoint(self) -> Endpoint {
        if matches!(self, Self::Both) { Endpoint::Reenroll } else { Endpoint::Enroll }
    }
}

/// The fault, the exit code, and the parts of the message.
const FAULTS: [(&str, i32, &[&str]); 24] = [
    ("drop-sans", 8, &["missing", "org1-peer1", "org1-peer-gateway-svc"]),
    ("drop-one-san", 8, &["missing", "org1-peer-gateway-svc"]),
    ("other-key", 8, &["another key"]),
    ("other-cn", 8, &["CN", "org1-peer1"]),
    ("wrong-chain", 8, &["chain"]),
    ("empty-chain", 8, &["no CA certificate to build a chain from"]),
    ("non-ca-in-chain", 8, &["CA certificates only"]),
    ("expired", 8, &["ended at"]),
    ("not-yet-valid", 8, &["begins only at"]),
    ("wrong-profile", 8, &["extended key usage"]),
    ("key-in-answer", 8, &["private key"]),
    ("wrong-content", 8, &["nothing in PEM form"]),
    ("slow", 6, &["no complete answer", "within 2s"]),
    ("silent", 6, &["no complete answer", "within 2s"]),
    ("503-then-good", 6, &["503", "nginx, not the CA"]),
    ("500-then-good", 6, &["500", "code 3"]),
    ("cut-body", 6, &["the connection broke before the answer", "the server closed it before the end"]),
    ("lost-answer", 6, &["the connection broke before the answer", "the server closed it before the end"]),
    ("no-json", 6, &["201", "not from a Fabric CA"]),
    ("html-404", 6, &["404", "nginx, not the CA"]),
    ("huge-body=4", 6, &["longer than 1048576 bytes"]),
    ("redirect-302=http://127.0.0.1:9/enroll", 6, &["302", "redirects are not followed"]),
    ("redirect-307=http://127.0.0.1:9/enroll", 6, &["307", "redirects are not followed"]),
    ("database-locked", 6, &["database", "locked"]),
];

/// Runs with each fault in turn, and compares the result with its line.
fn each_is_named_and_nothing_changes(folders: Folders, faults: &[(&str, i32, &[&str])]) {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    let good = folders.enroll(&ca, dir.path(), &[]);
    assert_eq!(good.code, 0, "{good:?}");
    let current = || [tree(&dir.path().join("p/msp")), tree(&dir.path().join("p/tls"))];
    let before = current();
    let mut wrong = Vec::new();
    for (name, code, words) in faults {
        let fault: Fault = name.parse().unwrap();
        ca.set_fault(FaultRule::new(fault).on(folders.endpoint()));
        let asked = ca.requests().len();
        let ran = folders.enroll(&ca, dir.path(), &[]);
        let struck = ca.requests().iter().skip(asked).filter(|r| !r.faults.is_empty()).count();
        ca.clear_faults();
        let (unchanged, unnamed) = (current() == before, words.iter().find(|word| !ran.stderr.contains(**word)));
        if ran.code != *code || unnamed.is_some() || !unchanged || struck != 1 {
            wrong.push(format!(
                "{name}: exit {} (not {code}), unnamed {unnamed:?}, unchanged {unchanged}, struck {struck}: {}",
                ran.code, ran.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{folders:?}: {}", wrong.join("\n"));
    let after = folders.enroll(&ca, dir.path(), &[]);
    assert_eq!(after.code, 0, "{after:?}");
}

#[test]
fn every_fault_is_reported_and_the_folder_is_unchanged() {
    each_is_named_and_nothing_changes(Folders::Tls, &FAULTS);
}

#[test]
fn no_fault_changes_an_msp_folder() {
    let faults: Vec<_> = FAULTS.into_iter().filter(|(name, ..)| *name != LEGAL_FOR_AN_MSP).collect();
    each_is_named_and_nothing_changes(Folders::Msp, &faults);
}

/// The signing certificate is good already: it must not be installed without the other.
#[test]
fn no_fault_at_the_second_certificate_changes_a_folder() {
    each_is_named_and_nothing_changes(Folders::Both, &FAULTS);
}

/// Faults in the OU of an identity, for an MSP folder.
const OU_FAULTS: [(&str, i32, &[&str]); 2] = [("no-ou", 8, &["OU"]), ("two-ous", 8, &["OU"])];

#[test]
fn an_identity_without_one_role_is_refused_and_the_folder_is_unchanged() {
    each_is_named_and_nothing_changes(Folders::Msp, &OU_FAULTS);
}

/// Faults that a client must accept.
const LEGAL: [&str; 4] = ["extra-san", "reversed-chain", "delay=50", "clock-skew=3600"];

/// Fabric accepts a signing certificate with extended key usages if server auth is one of them.
const LEGAL_FOR_AN_MSP: &str = "wrong-profile";

#[test]
fn legal_answers_are_accepted() {
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    for name in LEGAL {
        ca.set_fault(FaultRule::new(name.parse().unwrap()));
        let ran = enroll(&ca, dir.path(), &[]);
        ca.clear_faults();
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
    }
    ca.set_fault(FaultRule::new(LEGAL_FOR_AN_MSP.parse().unwrap()));
    let ran = Folders::Msp.enroll(&ca, dir.path(), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    if let Some(verdict) = oracle::msp(&dir.path().join("p/msp"), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
}

/// A new switch of the dev CA must be listed in `FAULT_NAMES` and needs a line here.
#[test]
fn every_switch_of_the_dev_ca_is_tried() {
    let source = include_str!("../../../src/devca/fault.rs");
    let variants = source.split("pub enum Fault {").nth(1).unwrap().split("\n}").next().unwrap();
    let declared: BTreeSet<&str> = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    ").filter(|l| l.starts_with(|c: char| c.is_ascii_uppercase())))
        .map(|line| line.split([',', '(', ' ']).next().unwrap())
        .collect();
    let names = FAULT_NAMES.map(|listed| listed.split(['[', '=']).next().unwrap());
    let with_argument = |name: &str| match name {
        "clock-skew" => "clock-skew=1".to_owned(),
        _ if name.starts_with("redirect") => format!("{name}=http://127.0.0.1:9/"),
        _ => name.to_owned(),
    };
    // `Debug` prints the variant's name first.
    let listed: Vec<String> =
        names.iter().map(|name| format!("{:?}", with_argument(name).parse::<Fault>().unwrap())).collect();
    let listed: BTreeSet<&str> = listed.iter().map(|debug| debug.split(['(', ' ']).next().unwrap()).collect();
    assert_eq!(declared, listed, "enum Fault and FAULT_NAMES");
    let refused = FAULTS.iter().chain(&OU_FAULTS).map(|(name, ..)| *name);
    let tried: BTreeSet<&str> = refused.chain(LEGAL).map(|name| name.split('=').next().unwrap()).collect();
    assert_eq!(tried, BTreeSet::from(names), "the faults tried here and FAULT_NAMES differ");
}

/// The number of requests by secret.
fn enrolments(ca: &Running) -> usize {
    ca.requests().iter().filter(|r| r.endpoint == Endpoint::Enroll).count()
}

/// A transient fault is retried only when `--wait` is given.
#[test]
fn transient_faults_are_retried_only_with_wait() {
    let ca = dev_ca();
    for name in ["503-then-good", "500-then-good", "cut-body", "lost-answer", "database-locked"] {
        let rule = || FaultRule::new(name.parse().unwrap()).on(Endpoint::Enroll).times(1);
        for (more, code, requests) in [(&[][..], 6, 1), (&["--wait", "30s"], 0, 2)] {
            // A folder of its own: no earlier try is remembered.
            let dir = tempfile::tempdir().unwrap();
            ca.set_fault(rule());
            let asked = enrolments(&ca);
            let ran = enroll(&ca, dir.path(), more);
            assert_eq!((ran.code, enrolments(&ca) - asked), (code, requests), "{name} {more:?}: {ran:?}");
        }
    }
}

/// A permanent fault is not retried, whatever `--wait` says.
#[test]
fn permanent_faults_are_not_retried() {
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("http://{}/enroll", elsewhere.local_addr().unwrap());
    let ca = dev_ca();
    let dir = tempfile::tempdir().unwrap();
    for status in [302, 307] {
        ca.set_fault(FaultRule::new(format!("redirect-{status}={url}").parse().unwrap()).on(Endpoint::Enroll));
        let asked = enrolments(&ca);
        let ran = enroll(&ca, dir.path(), &["--wait", "30s"]);
        ca.clear_faults();
        assert_eq!((ran.code, enrolments(&ca) - asked), (6, 1), "{ran:?}");
    }
    assert!(elsewhere.accept().is_err(), "a redirect was followed");
    for name in ["html-404", "no-json", "drop-sans"] {
        ca.set_fault(FaultRule::new(name.parse().unwrap()).on(Endpoint::Enroll));
        let asked = enrolments(&ca);
        let ran = enroll(&ca, dir.path(), &["--wait", "30s"]);
        ca.clear_faults();
        assert_eq!(enrolments(&ca) - asked, 1, "{name}: {ran:?}");
    }
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
    let keys: Vec<_> = issued
        .iter()
        .map(|pem| fabcert::pki::x509::Cert::all_from_pem(pem.as_bytes()).unwrap().remove(0).ski())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "the second request was made with the key of the first");
}

#[test]
fn only_the_request_has_the_secret() {
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

/// A certificate is public, and its names are shown.
#[test]
fn a_certificate_with_the_secret_in_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    // The name that the fault adds.
    let secret = "unasked.example";
    let mut config = DevCaConfig::new(now).with_identity(IdentitySpec::new("org1-peer1", secret, "peer"));
    config.faults.push(Fault::ExtraSan.into());
    let ca = DevCa::spawn_thread(config).unwrap();
    let anchor = dir.path().join("anchor.pem");
    std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
    let tls = dir.path().join("p/tls");
    let args = [
        "enroll",
        "--url",
        ca.url(),
        "--id",
        "org1-peer1",
        "--tls-ca",
        &anchor.display().to_string(),
        "--san",
        "org1-peer1",
    ];
    let ran = fabcert(
        &[&args[..], &["--tls-dir", &tls.display().to_string(), "-vv", "--output", "json"]].concat(),
        Some(secret),
    );
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.stderr.contains("a certificate in it contains the secret"), "{ran:?}");
    assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
    assert!(!tls.exists());
    for (path, (_, content)) in tree(dir.path()) {
        assert!(!String::from_utf8_lossy(&content).contains(secret), "{path}");
    }
}

/// The second certificate is requested with a token, without the secret that got the first one.
#[test]
fn the_second_certificate_of_a_run_must_not_hold_the_secret_either() {
    let secret = "unasked.example";
    for from_file in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = DevCaConfig::new(now).with_identity(IdentitySpec::new("org1-peer1", secret, "peer"));
        config.faults.push(FaultRule::new(Fault::ExtraSan).on(Endpoint::Reenroll));
        let ca = DevCa::spawn_thread(config).unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("anchor.pem"), ca.tls_anchor_pem()).unwrap();
        let folders = tempfile::tempdir().unwrap();
        let (msp, tls) = (folders.path().join("msp"), folders.path().join("tls"));
        let (anchor, file, msp_dir, tls_dir) =
            (path("anchor.pem"), path("secret"), msp.display().to_string(), tls.display().to_string());
        let mut args = vec!["enroll", "--url", ca.url(), "--id", "org1-peer1", "--tls-ca", &anchor];
        args.extend(["--san", "org1-peer1", "--msp-dir", &msp_dir, "--tls-dir", &tls_dir, "-vv"]);
        if from_file {
            std::fs::write(&file, secret).unwrap();
            args.extend(["--secret-file", &file]);
        }
        let ran = fabcert(&args, (!from_file).then_some(secret));
        assert_eq!(ran.code, 8, "{ran:?}");
        assert!(ran.stderr.contains("a certificate in it contains the secret"), "{ran:?}");
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
        assert!(!msp.exists() && !tls.exists());
        for (path, (_, content)) in tree(folders.path()) {
            assert!(!String::from_utf8_lossy(&content).contains(secret), "{path}");
        }
    }
}
