//! `rollback` after installs by the binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::command::{Ran, fabcert, tree};
use crate::install::odd::Fuse;
use crate::real::CaUnderTest as _;

use super::on_the_dev_ca::DevCaUnderTest;
use super::scene::{Peer, text};

fn roll_back(peer: &Peer<'_>, more: &[&str]) -> Ran {
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    fabcert(&[&["rollback", "--output", "json", "--msp-dir", &msp, "--tls-dir", &tls], more].concat(), None)
}

/// Enrols for the MSP folder alone.
fn enroll_msp(ca: &DevCaUnderTest, msp: &str, more: &[&str]) -> Ran {
    let (anchor, url) = (text(ca.tls_anchor()), ca.url());
    let args = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--role", "peer", "--msp-dir", msp];
    fabcert(&[&args[..], more].concat(), Some("peerpw"))
}

#[test]
fn only_the_folders_of_the_last_install_go_back() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    assert_eq!(peer.enroll("peerpw", &["--force"]).code, 0);
    let pair = peer.folders();
    let named = peer.enroll("peerpw", &["--san", "org1-peer1.example.com"]);
    assert_eq!(named.json()["action"], "enrolled");
    let later = peer.folders();
    assert!(pair[0] == later[0] && pair[1] != later[1], "the TLS folder alone was replaced");

    let planned = roll_back(&peer, &["--dry-run"]);
    assert_eq!((planned.code, planned.json()["action"].as_str()), (0, Some("dry-run")), "{planned:?}");
    assert!(peer.folders() == later);
    for expected in [&pair, &later, &pair] {
        let back = roll_back(&peer, &[]);
        assert_eq!(back.code, 0, "{back:?}");
        assert!(&peer.folders() == expected);
        let json = back.json();
        assert_eq!(json["left"], serde_json::json!([peer.msp()]), "{json}");
        assert_eq!(json["folders"], serde_json::json!([peer.tls()]), "{json}");
        let (from, to) = (&json["sets"][0]["from"], &json["sets"][0]["to"]);
        assert!(from["serial"] != to["serial"] && to["not_after"].is_string(), "{json}");
    }
}

#[test]
fn folders_that_were_installed_together_go_back_together_or_not_at_all() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    let msp = text(&peer.msp());
    assert_eq!(enroll_msp(&ca, &msp, &[]).code, 0);
    let first = tree(&peer.msp());
    assert_eq!(peer.enroll("peerpw", &["--force"]).code, 0);
    let both = peer.tree();
    let refused = roll_back(&peer, &[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stdout.contains("installed together"), "{refused:?}");
    assert_eq!(
        tree(&peer.msp()),
        both.iter().filter_map(|(p, v)| Some((p.strip_prefix("msp/")?.to_owned(), v.clone()))).collect()
    );
    let alone = fabcert(&["rollback", "--msp-dir", &msp], None);
    assert_eq!(alone.code, 0, "{alone:?}");
    assert!(alone.stderr.contains("the same install replaced"), "{alone:?}");
    assert_eq!(tree(&peer.msp()), first);
}

/// The order of installs is that in which they were made, also where the clock was set back in between.
#[test]
fn the_last_install_is_found_after_the_clock_was_set_back() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    for more in [&[][..], &["--force"]] {
        assert_eq!(peer.enroll("peerpw", more).code, 0);
    }
    for state in [".msp.fabcert", ".tls.fabcert"] {
        let file = peer.dir().join("peer").join(state).join("installs.json");
        let mut history: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for install in history["installs"].as_array_mut().unwrap() {
            install["at"] = (install["at"].as_i64().unwrap() + 3 * 86_400).into();
        }
        fs::write(&file, history.to_string()).unwrap();
    }
    // Each folder alone, one after the other.
    let named = peer.enroll("peerpw", &["--san", "org1-peer1.example.com"]);
    assert_eq!(named.json()["action"], "enrolled");
    let back = roll_back(&peer, &[]);
    assert_eq!((back.code, &back.json()["left"]), (0, &serde_json::json!([peer.msp()])), "{back:?}");
    assert_eq!(enroll_msp(&ca, &text(&peer.msp()), &["--force"]).code, 0);
    let back = roll_back(&peer, &[]);
    assert_eq!((back.code, &back.json()["left"]), (0, &serde_json::json!([peer.tls()])), "{back:?}");
}

/// A run that only applies a form installs the certificate of an earlier run again.
#[test]
fn a_form_that_one_folder_got_goes_back_alone() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    for more in [&[][..], &["--force"]] {
        assert_eq!(peer.enroll("peerpw", more).code, 0);
    }
    let second = peer.folders();
    let renamed = peer.enroll("peerpw", &["--tls-names", "k8s"]);
    assert_eq!((renamed.code, renamed.json()["action"].as_str()), (0, Some("unchanged")), "{renamed:?}");
    let back = roll_back(&peer, &[]);
    assert_eq!((back.code, &back.json()["left"]), (0, &serde_json::json!([peer.msp()])), "{back:?}");
    assert!(peer.folders() == second, "{back:?}");
}

/// The record of the last install describes the set that is gone.
#[test]
fn the_form_that_came_back_is_kept() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &["--no-node-ous"]).code, 0);
    let other = ["--force", "--key-mode", "0640", "--layout", "cryptogen", "--node-ous", "--tls-names", "k8s"];
    assert_eq!(peer.enroll("peerpw", &other).code, 0);
    assert_eq!(roll_back(&peer, &[]).code, 0);
    let again = peer.enroll("peerpw", &["--force"]);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("enrolled")), "{again:?}");
    let keys: Vec<_> = fs::read_dir(peer.msp().join("keystore")).unwrap().map(|e| e.unwrap().path()).collect();
    let [sign_key] = &keys[..] else { panic!("{keys:?}") };
    assert!(!sign_key.ends_with("priv_sk") && !peer.msp().join("config.yaml").exists(), "{again:?}");
    for key in [sign_key, &peer.tls().join("server.key")] {
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600, "{}", key.display());
    }
    assert!(!peer.tls().join("tls.key").exists());
}

/// A pipe that is in the way of one folder is removed after the failed rollback.
#[test]
fn a_rollback_that_was_undone_can_be_repeated() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let first = peer.folders();
    assert_eq!(peer.enroll("peerpw", &["--force"]).code, 0);
    let second = peer.folders();
    let pipe = peer.tls().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = roll_back(&peer, &[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    fs::remove_file(&pipe).unwrap();
    assert!(peer.folders() == second, "{refused:?}");
    let back = roll_back(&peer, &[]);
    assert_eq!((back.code, back.json()["sets"].as_array().map(Vec::len)), (0, Some(2)), "{back:?}");
    assert!(peer.folders() == first, "{back:?}");
}

#[test]
fn a_form_that_both_folders_got_goes_back_in_both() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let first = peer.folders();
    let open = peer.enroll("peerpw", &["--key-mode", "0640"]);
    assert_eq!((open.code, open.json()["action"].as_str()), (0, Some("unchanged")), "{open:?}");
    let opened = peer.folders();
    assert!(first[0] != opened[0] && first[1] != opened[1], "both keys have another mode");
    for expected in [&first, &opened] {
        let back = roll_back(&peer, &[]);
        assert_eq!((back.code, &back.json()["left"]), (0, &serde_json::json!([])), "{back:?}");
        assert!(&peer.folders() == expected, "{back:?}");
    }
}

#[test]
fn files_of_the_operator_stay_as_they_are_now() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let own = [peer.tls().join("config.yaml"), peer.tls().join("cacerts/own.pem"), peer.msp().join("crls/list.pem")];
    let write = |text: &str| {
        for path in &own {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    };
    write("");
    let before = fs::read(peer.tls().join("server.crt")).unwrap();
    assert_eq!(peer.enroll("peerpw", &["--force"]).code, 0);
    write("\n");
    let config = peer.msp().join("config.yaml");
    let edited = fs::read_to_string(&config).unwrap() + "# edited\n";
    fs::write(&config, &edited).unwrap();
    let back = roll_back(&peer, &[]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(fs::read(peer.tls().join("server.crt")).unwrap(), before);
    for path in &own {
        assert_eq!(fs::read_to_string(path).unwrap(), "\n", "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&config).unwrap(), edited);
}

#[test]
fn a_ca_file_that_the_operators_config_names_stays_valid() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    let msp = text(&peer.msp());
    assert_eq!(enroll_msp(&ca, &msp, &[]).code, 0);
    let cas = || fs::read_dir(peer.msp().join("cacerts")).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    let root = cas().remove(0);
    let named = peer.msp().join("cacerts/org1-ca.pem");
    fs::copy(&root, &named).unwrap();
    let config = fs::read_to_string(peer.msp().join("config.yaml")).unwrap();
    let usual = format!("cacerts/{}", root.file_name().unwrap().to_str().unwrap());
    fs::write(peer.msp().join("config.yaml"), config.replace(&usual, "cacerts/org1-ca.pem")).unwrap();
    for _ in 0..2 {
        let again = enroll_msp(&ca, &msp, &["--force"]);
        assert_eq!(again.code, 0, "{again:?}");
        assert!(!again.stderr.contains("org1-ca.pem"), "{again:?}");
        assert_eq!(fs::read(&named).unwrap(), fs::read(&root).unwrap());
    }
    let audit = fabcert(&["audit", "--no-policy", &msp], None);
    assert!(!audit.stdout.contains("nodeou-certificate-missing"), "{audit:?}");
}

#[test]
fn a_mount_that_cannot_be_taken_over_costs_no_enrolment() {
    let Some(fuse) = Fuse::mount("bindfs \"$source\" \"$mount\"") else { return };
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    let msp = peer.msp();
    assert_eq!(enroll_msp(&ca, &text(&msp), &[]).code, 0);
    for entry in fs::read_dir(&msp).unwrap().map(|e| e.unwrap().path()) {
        fs::rename(&entry, fuse.path().join(entry.file_name().unwrap())).or_else(|_| copy(&entry, &fuse)).unwrap();
    }
    let (before, issued) = (tree(&fuse.path()), peer.issued());
    let ran = enroll_msp(&ca, &text(&fuse.path()), &["--force"]);
    if ran.code != 0 {
        assert_eq!((ran.code, peer.issued()), (5, issued), "{ran:?}");
        assert!(ran.stderr.contains("sub-folder of the mount"), "{ran:?}");
        assert_eq!(tree(&fuse.path()), before);
    }
}

fn copy(entry: &std::path::Path, fuse: &Fuse) -> std::io::Result<()> {
    std::process::Command::new("cp")
        .arg("-a")
        .arg(entry)
        .arg(fuse.path())
        .status()
        .map(|status| assert!(status.success()))
}
