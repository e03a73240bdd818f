//! `fabcert doctor`: what would stop an enrolment, found without one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use crate::command::{Ran, command, fabcert_in, tree};
use crate::real::{ADMIN, CaUnderTest, RealCa};
use crate::reserved::nobody;

use super::on_the_dev_ca::DevCaUnderTest;

/// `check status` of each check.
fn checks(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let list = report["checks"].as_array().unwrap_or_else(|| panic!("{ran:?}"));
    list.iter().map(|check| format!("{} {}", word(&check["check"]), word(&check["status"]))).collect()
}

fn message(ran: &Ran, check: &str) -> String {
    let report = ran.json();
    let found = report["checks"].as_array().unwrap().iter().find(|c| c["check"] == check);
    found.unwrap_or_else(|| panic!("{check}: {ran:?}"))["message"].as_str().unwrap().to_owned()
}

fn doctor(args: &[&str]) -> Ran {
    fabcert_in(&[&["doctor", "--output", "json"], args].concat(), &[])
}

fn secret(dir: &Path, content: &[u8], mode: u32) -> String {
    let path = dir.join("secret");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

fn nothing_is_spent_and_nothing_stays(ca: &dyn CaUnderTest) {
    let dir = tempfile::tempdir().unwrap();
    let closed = tempfile::tempdir().unwrap();
    let file = secret(closed.path(), ADMIN.1.as_bytes(), 0o600);
    let msp = dir.path().join("msp").display().to_string();
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let mut args = vec!["--url", &url, "--id", ADMIN.0, "--tls-ca", &anchor, "--no-node-ous", "--msp-dir", &msp];
    args.extend(["--secret-file", &file]);
    let before = ca.count("enroll");
    let ran = doctor(&args);
    let all =
        ["arguments", "anchor", "dns", "tcp", "tls", "ca", "clock", "chain", "user", "folder", "state", "certificate"];
    let all = all.into_iter().chain(["secret", "refusals"]).map(|check| format!("{check} ok")).collect::<Vec<_>>();
    let mut found = checks(&ran);
    found.dedup();
    assert_eq!((ran.code, found), (0, all), "{ran:?}");
    assert_eq!(ca.count("enroll"), before, "no enrolment was asked for");
    assert!(tree(dir.path()).is_empty(), "{:?}", tree(dir.path()));
    assert!(message(&ran, "certificate").contains("none yet"), "{ran:?}");

    // After an enrolment: nothing is due, and no secret is needed.
    let enrolled = fabcert_in(&[&["enroll"], &args[..]].concat(), &[]);
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    let folder = tree(dir.path());
    let ran = doctor(&args[..args.len() - 2]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(message(&ran, "certificate").contains("nothing is due"), "{ran:?}");
    assert!(checks(&ran).contains(&"secret skipped".to_owned()), "{ran:?}");
    assert!(tree(dir.path()) == folder, "the folder is as before");

    // A CA name that the server does not know: the rest is still checked.
    let ran = doctor(&[&args[..], &["--ca-name", "no-such-ca"]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
    for line in ["tls ok", "ca error", "clock skipped", "folder ok", "secret ok"] {
        assert!(checks(&ran).contains(&line.to_owned()), "{line}: {ran:?}");
    }

    // People get lines.
    let text = fabcert_in(&[&["doctor"], &args[..]].concat(), &[]);
    assert!(text.stdout.starts_with("ok    arguments    complete\n"), "{text:?}");
}

#[test]
fn nothing_is_spent_and_nothing_stays_on_the_dev_ca() {
    nothing_is_spent_and_nothing_stays(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn nothing_is_spent_and_nothing_stays_on_a_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    nothing_is_spent_and_nothing_stays(&ca);
}

/// An MSP folder without `config.yaml` and without an administrator, whether fabcert wrote it so or another program did.
#[test]
fn enroll_doctor_and_audit_agree_on_a_folder_that_fabric_refuses() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let msp = dir.path().join("msp").display().to_string();
    let args = ["--url", &url, "--id", ADMIN.0, "--tls-ca", &anchor, "--msp-dir", &msp];
    let enroll = |more: &[&str]| {
        let ran = fabcert_in(&[&["enroll"], &args[..], more].concat(), &[("FABCERT_SECRET", ADMIN.1)]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    let agree = |refused: bool, more: &[&str]| {
        let (before, enrolled) = (ca.count("enroll"), enroll(more));
        assert!(enrolled.stdout.starts_with("unchanged "), "{enrolled:?}");
        let examined = doctor(&[&args[..], more].concat());
        assert_eq!(examined.code, 0, "{examined:?}");
        let audited = fabcert_in(&["audit", "--output", "json", &msp], &[]);
        let verdict = audited.json()["subjects"][0]["verdicts"]["peer"]["verdict"].clone();
        assert_eq!((audited.code, verdict.as_str()), if refused { (1, Some("refuse")) } else { (0, Some("accept")) });
        assert_eq!(ca.count("enroll"), before, "no request");
        let texts = [enrolled.stderr, examined.stdout.clone()];
        assert!(
            texts.iter().all(|text| text.contains("Fabric refuses this MSP folder: admincerts") == refused),
            "{texts:?}"
        );
        for text in [&texts[..], &[audited.stdout]].concat().iter().filter(|_| refused) {
            assert!(text.contains("--node-ous"), "{text}");
        }
        assert_eq!(checks(&examined).contains(&"certificate warning".to_owned()), refused, "{examined:?}");
    };
    enroll(&["--no-node-ous"]);
    agree(true, &[]);
    agree(true, &["--no-node-ous"]);
    enroll(&["--node-ous"]);
    agree(false, &[]);
    fs::remove_file(dir.path().join("msp/config.yaml")).unwrap();
    fs::remove_dir_all(dir.path().join(".msp.fabcert")).unwrap();
    agree(true, &[]);
    enroll(&["--node-ous"]);
    agree(false, &[]);
}

#[test]
fn no_node_ous_is_advised_only_where_node_ous_are_written() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let msp = dir.path().join("msp").display().to_string();
    let args = ["enroll", "--url", &url, "--id", ADMIN.0, "--tls-ca", &anchor, "--msp-dir", &msp];
    let ran = fabcert_in(&[&args[..], &["--role", "peer", "--no-node-ous"]].concat(), &[("FABCERT_SECRET", ADMIN.1)]);
    assert!(ran.code == 8 && ran.stderr.contains("--role") && !ran.stderr.contains("--no-node-ous"), "{ran:?}");
}

#[test]
fn every_check_is_made_although_the_ca_is_not_reached() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor) = (format!("https://{}", nobody()), ca.tls_anchor().display().to_string());
    let msp = dir.path().join("msp").display().to_string();
    let file = secret(dir.path(), b"peerpw\n", 0o600);
    let mut args = vec!["--url", &url, "--id", "a", "--tls-ca", &anchor, "--msp-dir", &msp, "--secret-file", &file];
    let ran = doctor(&args);
    assert_eq!(ran.code, 6, "only the CA is at fault: {ran:?}");
    let lines = ["tcp error", "tls skipped", "ca skipped", "clock skipped", "folder ok", "secret ok", "refusals ok"];
    for line in lines {
        assert!(checks(&ran).contains(&line.to_owned()), "{line}: {ran:?}");
    }

    // Anything else that fails is 1, and a wrong anchor is found.
    args.extend(["--tls-ca", &file]);
    let ran = doctor(&args);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(checks(&ran).contains(&"anchor error".to_owned()), "{ran:?}");

    // Without arguments that make a request: the known parts are checked.
    let ran = doctor(&["--url", &url]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for line in ["arguments error", "anchor error", "dns ok", "user ok"] {
        assert!(checks(&ran).contains(&line.to_owned()), "{line}: {ran:?}");
    }
}

#[test]
fn secret_in_a_pipe_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (file, msp) = (pipe.display().to_string(), dir.path().join("msp").display().to_string());
    let args = ["--url", "https://127.0.0.1:1", "--id", "a", "--msp-dir", &msp, "--tls-ca", "ca.pem"];
    let (sender, receiver) = mpsc::channel();
    let args = [&args[..], &["--secret-file", &file]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    std::thread::spawn(move || sender.send(doctor(&args.iter().map(String::as_str).collect::<Vec<_>>())));
    // Nobody writes into it: a reader would wait without an end.
    let ran = receiver.recv_timeout(Duration::from_secs(30)).expect("doctor ends");
    for line in ["secret skipped", "refusals skipped"] {
        assert!(checks(&ran).contains(&line.to_owned()), "{line}: {ran:?}");
    }
}

#[test]
fn secret_that_cannot_be_sent_as_it_is_and_a_wide_mode_are_found() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let msp = dir.path().join("x/msp").display().to_string();
    let cases: [(&[u8], u32, &str); 6] = [
        (b"peerpw\n", 0o600, "ok"),
        (b"peerpw\n", 0o644, "warning"),
        (b"", 0o600, "error"),
        (b"\xef\xbb\xbfpeerpw", 0o600, "warning"),
        (b"peerpw\nmore", 0o600, "error"),
        (b"peer\0pw", 0o600, "error"),
    ];
    for (content, mode, status) in cases {
        let file = secret(dir.path(), content, mode);
        let args = ["--url", "https://127.0.0.1:1", "--id", "a", "--msp-dir", &msp, "--secret-file", &file];
        let ran = doctor(&[&args[..], &["--tls-ca", &file]].concat());
        assert!(checks(&ran).contains(&format!("secret {status}")), "{content:?} {mode:o}: {ran:?}");
        assert!(!ran.stdout.contains("peerpw") && !ran.stderr.contains("peerpw"), "{ran:?}");
    }
    // A folder that only its owner can enter, and a mounted Secret, whose mode is not the choice of its user.
    let case = |file: &Path, folder_mode: u32| {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(folder_mode)).unwrap();
        let file = file.display().to_string();
        let args = ["--url", "https://127.0.0.1:1", "--id", "a", "--msp-dir", &msp, "--secret-file", &file];
        let ran = doctor(&[&args[..], &["--tls-ca", &file]].concat());
        checks(&ran).into_iter().find(|check| check.starts_with("secret")).unwrap()
    };
    let file = secret(dir.path(), b"peerpw\n", 0o644);
    assert_eq!(case(Path::new(&file), 0o755), "secret warning");
    assert_eq!(case(Path::new(&file), 0o700), "secret ok");
    let generation = dir.path().join("..2026_11_29");
    fs::create_dir(&generation).unwrap();
    fs::set_permissions(&generation, fs::Permissions::from_mode(0o755)).unwrap();
    secret(&generation, b"peerpw\n", 0o644);
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("..2026_11_29", dir.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/secret", &file).unwrap();
    assert_eq!(case(Path::new(&file), 0o755), "secret ok", "a Secret of Kubernetes");
    assert_eq!(case(&generation, 0o755), "secret error", "a folder cannot be read");
    // A secret in place of the path of its file is not shown.
    let args = ["--url", "https://127.0.0.1:1", "--id", "a", "--msp-dir", &msp, "--tls-ca", "ca.pem"];
    let ran = doctor(&[&args[..], &["--secret-file", "s3cr3tword"]].concat());
    assert!(checks(&ran).contains(&"secret error".to_owned()), "{ran:?}");
    assert!(!ran.stdout.contains("s3cr3tword") && !ran.stderr.contains("s3cr3tword"), "{ran:?}");
}

/// A run keeps the group of the last install; here it may not give a file to that group.
#[test]
fn group_that_a_run_keeps_is_tried() {
    if !rustix::process::geteuid().is_root() {
        println!("not root: the group of a key cannot be changed here");
        return;
    }
    let ca = DevCaUnderTest::start(|_| {}, None);
    let dir = tempfile::tempdir().unwrap();
    let file = secret(dir.path(), ADMIN.1.as_bytes(), 0o600);
    let msp = dir.path().join("msp").display().to_string();
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let mut args = vec!["--url", &url, "--id", ADMIN.0, "--tls-ca", &anchor, "--no-node-ous", "--msp-dir", &msp];
    args.extend(["--secret-file", &file]);
    let enrolled = fabcert_in(&[&["enroll", "--group", "2000"], &args[..]].concat(), &[]);
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    let bound = |more: &[&str]| {
        let fabcert = command(&[more, &args[..]].concat(), &[]);
        let drop = ["--bounding-set", "-chown", "--inh-caps", "-chown", "--"];
        let mut setpriv = Command::new("setpriv");
        let ran = setpriv.args(drop).arg(fabcert.get_program()).args(fabcert.get_args()).env_clear().output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: ran.status.code().unwrap(), stdout: text(ran.stdout), stderr: text(ran.stderr) }
    };
    let ran = bound(&["doctor", "--output", "json"]);
    assert!(checks(&ran).contains(&"folder warning".to_owned()), "{ran:?}");
    let words = "the key will belong to group 0 instead of 2000";
    assert!(message(&ran, "folder").contains(words), "{ran:?}");
    let ran = bound(&["enroll", "--force"]);
    assert!(ran.code == 0 && ran.stderr.contains(words), "the install says the same: {ran:?}");
    let given = fabcert_in(&[&["enroll", "--group", "2000"], &args[..]].concat(), &[]);
    assert_eq!(given.code, 0, "{given:?}");
    let ran = doctor(&args);
    assert!(checks(&ran).contains(&"folder ok".to_owned()), "{ran:?}");
}
