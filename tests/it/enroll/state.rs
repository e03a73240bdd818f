//! State that is not this user's, and runs with nothing to do, with the binary.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{Ran, command};
use crate::real::CaUnderTest as _;

use super::on_the_dev_ca::DevCaUnderTest;
use super::scene::{Peer, text};

const STRANGER: u32 = 64_123;

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("NOT TESTED: files of another user, because this process is not root");
    }
    is_root
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), None).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// `fabcert` as another user; `None` if that user cannot run the program under test.
fn as_user(user: &[&str], args: &[&str]) -> Option<Ran> {
    let program = command(&[], &[]);
    let run = |args: &[&str]| {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(user).arg("--clear-groups").arg(program.get_program()).args(args);
        setpriv.env_clear().env("FABCERT_SECRET", "peerpw").stdin(Stdio::null());
        let out = setpriv.output().unwrap();
        let string = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: out.status.code().unwrap_or(-1), stdout: string(out.stdout), stderr: string(out.stderr) }
    };
    if run(&["--version"]).code != 0 {
        println!("NOT TESTED: the program under test is out of reach for another user");
        return None;
    }
    Some(run(args))
}

#[test]
fn a_planted_key_is_not_certified() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let victim = Peer::register(&ca, "peerpw", None);
    // A pending key as fabcert itself writes it, for another address.
    let planter = victim.elsewhere();
    let unreachable = planter.enroll_at("https://127.0.0.1:1", ca.tls_anchor(), None, "peerpw", &[]);
    assert_eq!(unreachable.code, 6, "{unreachable:?}");
    let file = "peer/.msp.fabcert/pending.json";
    let content = fs::read_to_string(planter.dir().join(file)).unwrap().replace("https://127.0.0.1:1", &ca.url());
    let state = victim.dir().join("peer/.msp.fabcert");
    let plant = |mode: u32, owner: Option<u32>| {
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("pending.json"), &content).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
        if let Some(uid) = owner {
            give(&state, uid);
        }
    };
    let strangers = if is_root() { vec![(0o755, Some(STRANGER)), (0o700, Some(STRANGER))] } else { vec![] };
    for (mode, owner) in [vec![(0o777, None)], strangers].concat() {
        plant(mode, owner);
        let ran = victim.enroll("peerpw", &[]);
        assert_eq!((ran.code, victim.issued()), (4, (0, 0)), "{mode:o} {owner:?}: {ran:?}");
        assert_eq!(ran.json()["error"]["exit_code"], 4);
        assert!(ran.stdout.contains("cannot be trusted"), "{ran:?}");
        assert!(!victim.msp().exists() && !victim.tls().exists());
        fs::remove_dir_all(&state).unwrap();
    }
    let elsewhere = victim.dir().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("pending.json"), &content).unwrap();
    symlink(&elsewhere, &state).unwrap();
    let linked = victim.enroll("peerpw", &[]);
    assert_eq!((linked.code, victim.issued()), (4, (0, 0)), "{linked:?}");
    fs::remove_file(&state).unwrap();
    assert_eq!(victim.enroll("peerpw", &[]).code, 0);
}

#[test]
fn state_of_another_user_is_a_warning_when_nothing_is_to_be_done() {
    if !is_root() {
        return;
    }
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    give(&peer.dir().join("peer/.msp.fabcert"), STRANGER);
    let (before, issued) = (peer.tree(), peer.issued());
    let again = peer.enroll("peerpw", &[]);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
    assert!(again.stderr.contains(".msp.fabcert cannot be trusted"), "{again:?}");
    assert!(peer.tree() == before);
    let forced = peer.enroll("peerpw", &["--force"]);
    assert_eq!((forced.code, peer.issued()), (4, issued), "{forced:?}");
}

#[test]
fn a_planted_key_in_the_target_is_not_used_again() {
    if !is_root() {
        return;
    }
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let key = peer.tls().join("server.key");
    give(&key, STRANGER);
    let issued = peer.issued();
    let ran = peer.enroll("peerpw", &["--force", "--reuse-key"]);
    assert_eq!((ran.code, ran.json()["error"]["exit_code"].as_i64()), (4, Some(4)), "{ran:?}");
    assert!(ran.stdout.contains("server.key cannot be trusted"), "{ran:?}");
    assert_eq!(peer.issued(), issued, "no request for either certificate");
    // A whole folder of the peer's user is that user's business.
    give(&peer.tls(), STRANGER);
    assert_eq!(peer.enroll("peerpw", &["--force", "--reuse-key"]).code, 0);
}

#[test]
fn forty_runs_at_once_with_nothing_to_do_end_with_0() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let (anchor, msp, tls, url) = (text(ca.tls_anchor()), text(&peer.msp()), text(&peer.tls()), ca.url());
    let args =
        ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--role", "peer", "--msp-dir", &msp];
    let more = ["--tls-dir", &tls, "--san", "org1-peer1"];
    let start = || command(&[&args[..], &more].concat(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let runs: Vec<_> = (0..40).map(|_| start().unwrap()).collect();
    let codes: Vec<_> = runs.into_iter().map(|mut run| run.wait().unwrap().code()).collect();
    assert_eq!(codes, [Some(0); 40]);
}

#[test]
fn another_user_of_the_group_finds_nothing_to_do() {
    if !is_root() {
        return;
    }
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    let volume = peer.dir().join("volume");
    fs::create_dir(&volume).unwrap();
    for (path, mode) in [(peer.dir(), 0o755), (ca.tls_anchor().parent().unwrap(), 0o755), (&volume, 0o2775)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (anchor, msp, url) = (text(ca.tls_anchor()), text(&volume.join("msp")), ca.url());
    let args =
        ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--role", "peer", "--msp-dir", &msp];
    let args = [&args[..], &["--group", "0", "--key-mode", "0640"]].concat();
    let Some(first) = as_user(&["--reuid=1000650000", "--regid=0"], &args) else { return };
    assert_eq!(first.code, 0, "{first:?}");
    let other = as_user(&["--reuid=1000660000", "--regid=0"], &args).unwrap();
    assert_eq!(other.code, 0, "{other:?}");
    assert!(other.stdout.contains("unchanged") && !other.stderr.contains("cannot be trusted"), "{other:?}");
    // The record is read, not only done without.
    assert_eq!(fs::metadata(volume.join(".msp.fabcert/record.json")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_user_of_its_own_enrols_in_a_folder_that_everybody_may_write() {
    if !is_root() {
        return;
    }
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    for (number, mode) in [0o777, 0o2777].into_iter().enumerate() {
        let volume = peer.dir().join(format!("volume{number}"));
        fs::create_dir(&volume).unwrap();
        for (path, mode) in [(peer.dir(), 0o755), (ca.tls_anchor().parent().unwrap(), 0o755), (&volume, mode)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let (anchor, msp, url) = (text(ca.tls_anchor()), text(&volume.join("msp")), ca.url());
        let args = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--role", "peer"];
        let args = [&args[..], &["--msp-dir", &msp]].concat();
        for _ in 0..2 {
            let Some(ran) = as_user(&["--reuid=1000", "--regid=1000"], &args) else { return };
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
}
