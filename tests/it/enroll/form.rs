//! Requests of a later run about files, which need no CA, and about the certificate, which do; and trust files that show
//! that the CA was replaced.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fabcert::pki::x509::Cert;

use crate::command::tree;
use crate::real::{CaUnderTest, RealCa};

use super::kept::Node;
use super::scene::text;

const BOTH: [&str; 6] = ["--msp-dir", "msp", "--tls-dir", "tls", "--san", "peer1"];

/// Runs with these arguments and those for both folders; the result has `action` and names `words` in its reason.
fn run(node: &Node<'_>, more: &[&str], action: &str, words: &str) {
    let ran = node.run(&[&BOTH[..], more].concat());
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some(action)), "{more:?}: {ran:?}");
    let reason = ran.json()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains(words), "{more:?}: {reason}");
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

/// Mode, group, file names and `config.yaml` are applied to the current certificate, once.
pub(super) fn a_form_is_applied_without_a_request(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    peer.enrolled(&BOTH);
    let (heard, serial) = (ca.answered().len(), peer.server().serial_hex());
    let msp = |path: &str| peer.folder("msp").join(path);
    let only_key = || {
        let keys: Vec<_> = std::fs::read_dir(msp("keystore")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].clone()
    };
    assert_eq!((mode_of(&only_key()), mode_of(&peer.folder("tls/server.key"))), (0o600, 0o600));

    run(&peer, &["--key-mode", "0640"], "unchanged", "sign: applied key mode 0640; tls: applied key mode 0640");
    assert_eq!((mode_of(&only_key()), mode_of(&peer.folder("tls/server.key"))), (0o640, 0o640));
    assert_eq!(mode_of(&msp("keystore")), 0o750);
    let before = tree(peer.dir());
    run(&peer, &["--key-mode", "0640"], "unchanged", "the certificate holds every requested name");
    run(&peer, &[], "unchanged", "the certificate holds every requested name");
    assert!(tree(peer.dir()) == before, "what is not given stays, and what is applied is not applied again");

    let plan = peer.run(&[&BOTH[..], &["--layout", "cryptogen", "--dry-run"]].concat());
    assert_eq!(plan.json()["certificates"][0]["applies"][0], "layout cryptogen", "{plan:?}");
    assert!(tree(peer.dir()) == before);
    run(&peer, &["--layout", "cryptogen"], "unchanged", "sign: applied layout cryptogen");
    assert!(msp("signcerts/peer1-cert.pem").is_file() && msp("keystore/priv_sk").is_file());
    assert!(!msp("signcerts/cert.pem").exists() && only_key() == msp("keystore/priv_sk"));
    run(&peer, &["--key-mode", "0600"], "unchanged", "applied key mode 0600");
    assert_eq!(mode_of(&msp("keystore/priv_sk")), 0o600, "a layout that is not given stays");

    run(&peer, &["--no-node-ous"], "unchanged", "sign: applied no config.yaml");
    assert!(!msp("config.yaml").exists());
    run(&peer, &["--node-ous"], "unchanged", "sign: applied NodeOUs in config.yaml");
    assert!(msp("config.yaml").is_file());
    std::fs::write(msp("config.yaml"), "NodeOUs:\n  Enable: false\n").unwrap();
    run(&peer, &["--no-node-ous"], "unchanged", "the certificate holds");
    assert!(msp("config.yaml").is_file(), "an operator's file stays");
    std::fs::remove_file(msp("config.yaml")).unwrap();

    run(&peer, &["--tls-names", "k8s"], "unchanged", "tls: applied file names k8s");
    let names: Vec<String> = tree(&peer.folder("tls")).into_keys().collect();
    assert_eq!(names, ["ca.crt", "tls.crt", "tls.key"]);
    run(&peer, &[], "unchanged", "the certificate holds");
    run(&peer, &["--tls-names", "fabric"], "unchanged", "tls: applied file names fabric");

    if std::fs::metadata(peer.dir()).unwrap().uid() == 0 {
        run(&peer, &["--group", "2000", "--key-mode", "0640"], "unchanged", "key mode 0640, group 2000");
        let gid = |path: &Path| std::fs::metadata(path).unwrap().gid();
        assert_eq!((gid(&only_key()), gid(&msp("keystore")), gid(&peer.folder("tls/server.key"))), (2000, 2000, 2000));
        run(&peer, &["--group", "2000", "--key-mode", "0640"], "unchanged", "the certificate holds");
    } else {
        println!("not root: the group of a key cannot be changed here");
    }
    assert_eq!((ca.answered().len(), peer.server().serial_hex()), (heard, serial), "no request");
}

/// A later run changes only what it is given of mode, group, file names and `config.yaml`: also one that issues again, and
/// one that adds the root of a TLS certificate.
pub(super) fn only_what_is_given_changes(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    let is_root = std::fs::metadata(peer.dir()).unwrap().uid() == 0;
    let group: &[&str] = if is_root { &["--group", "2000"] } else { &[] };
    let form = |mode: u32, cryptogen: bool, config: bool| {
        let keystore = peer.folder("msp/keystore");
        let keys: Vec<_> = std::fs::read_dir(&keystore).unwrap().map(|e| e.unwrap().path()).collect();
        let [sign_key] = &keys[..] else { panic!("{keys:?}") };
        let tls_key = peer.folder("tls/tls.key");
        assert_eq!((mode_of(sign_key), mode_of(&tls_key)), (mode, mode));
        assert_eq!(sign_key.ends_with("priv_sk"), cryptogen, "{keys:?}");
        assert_eq!(peer.folder("msp/config.yaml").exists(), config);
        assert!(!peer.folder("tls/server.crt").exists());
        if is_root {
            let gid = |path: &Path| std::fs::metadata(path).unwrap().gid();
            assert_eq!((gid(sign_key), gid(&keystore), gid(&tls_key)), (2000, 2000, 2000));
        }
    };
    let msp_only = ["--msp-dir", "msp", "--layout", "cryptogen", "--no-node-ous", "--key-mode", "0640"];
    peer.enrolled(&[&msp_only[..], group].concat());
    peer.enrolled(&[&BOTH[..], &["--tls-names", "k8s", "--key-mode", "0640"], group].concat());
    assert!(peer.folder("msp/tlscacerts").is_dir(), "the TLS root is added");
    form(0o640, true, false);
    peer.enrolled(&[&BOTH[..], &["--force"]].concat());
    form(0o640, true, false);
    run(&peer, &["--layout", "fabric-ca"], "unchanged", "sign: applied layout fabric-ca");
    form(0o640, false, false);
    run(&peer, &["--key-mode", "0600"], "unchanged", "applied key mode 0600");
    form(0o600, false, false);
    // By hand, as far as --key-mode could request it.
    for key in ["msp/keystore", "tls"] {
        let keys = std::fs::read_dir(peer.folder(key)).unwrap().map(|e| e.unwrap().path());
        for key in keys.filter(|path| path.to_string_lossy().ends_with(if key == "tls" { ".key" } else { "_sk" })) {
            std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o440)).unwrap();
        }
    }
    run(&peer, &["--node-ous"], "unchanged", "sign: applied NodeOUs in config.yaml");
    form(0o440, false, true);
    peer.enrolled(&[&BOTH[..], &["--force"]].concat());
    form(0o440, false, true);
    run(&peer, &[], "unchanged", "the certificate holds");
}

#[test]
fn what_is_not_given_stays() {
    let Some(ca) = RealCa::builder().start() else { return };
    only_what_is_given_changes(&ca);
}

/// Subject and attributes are in the certificate: a different request is a reason to enrol, once.
pub(super) fn a_different_request_is_a_reason(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    peer.enrolled(&BOTH);
    for (more, words) in [(["--csr-names", "O=Org1"], "another subject"), (["--attrs", "hf.Type:opt"], "another list")]
    {
        run(&peer, &more, "enrolled", words);
        run(&peer, &more, "unchanged", "");
        run(&peer, &[], "unchanged", "");
    }
    // A record of an older version does not say what was requested.
    for state in [".msp.fabcert/record.json", ".tls.fabcert/record.json"] {
        let path = peer.folder(state);
        let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(record.as_object_mut().unwrap().remove("asked").is_some());
        std::fs::write(&path, record.to_string()).unwrap();
    }
    run(&peer, &["--csr-names", "O=Org2"], "unchanged", "");
}

#[test]
fn a_form_given_later_is_applied_without_a_request() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_form_is_applied_without_a_request(&ca);
}

#[test]
fn a_subject_or_attributes_given_later_are_a_reason_to_enrol() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_different_request_is_a_reason(&ca);
}

/// A CA whose volume was lost has the same name and another key.
#[test]
fn a_trust_file_with_the_root_under_another_key_means_that_the_ca_was_replaced() {
    let Some(ca) = RealCa::builder().start() else { return };
    let Some(replaced) = RealCa::builder().start() else { return };
    let peer = Node::new(&ca, "peer1", "peer");
    peer.enrolled(&BOTH);
    let root = |pem: &str| Cert::all_from_pem(pem.as_bytes()).unwrap().remove(0);
    assert_eq!(root(&ca.root_pem()).subject(), root(&replaced.root_pem()).subject());
    let write = |name: &str, pem: String| {
        std::fs::write(peer.folder(name), pem).unwrap();
        text(&peer.folder(name))
    };
    let new = write("new.pem", replaced.root_pem());
    let both = write("both.pem", ca.root_pem() + &replaced.root_pem());
    let (heard, before) = (ca.answered().len(), [tree(&peer.folder("msp")), tree(&peer.folder("tls"))]);
    for more in [&["--tls-ca", &new][..], &["--tls-ca", &new, "--san", "new.example"], &["--tls-ca", &new, "--dry-run"]]
    {
        let ran = peer.run(&[&BOTH[..], more].concat());
        assert_eq!(ran.code, 8, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains("new.pem") && ran.stderr.contains("--force"), "{ran:?}");
    }
    assert_eq!(ca.answered().len(), heard, "no request");
    assert!([tree(&peer.folder("msp")), tree(&peer.folder("tls"))] == before);
    run(&peer, &["--tls-ca", &both], "unchanged", "");
    // Two CAs of one name: what was trusted at the last issue proves nothing later.
    run(&peer, &["--tls-ca", &new, "--force"], "enrolled", "--force");
    run(&peer, &["--tls-ca", &new], "unchanged", "");
}

/// The operator's files are judged before the CA counts an enrolment.
#[test]
fn files_of_the_operator_are_judged_before_a_request() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Node::new(&ca, "peer1", "peer");
    let (heard, config) = (ca.answered().len(), peer.folder("msp/config.yaml"));
    let refused = |more: &[&str], word: &str| {
        for dry in [&["--dry-run"][..], &[]] {
            let ran = peer.run(&[&["--msp-dir", "msp"], more, dry].concat());
            assert_eq!(ran.code, 4, "{ran:?}");
            assert!(ran.stderr.contains(word), "{word}: {ran:?}");
        }
    };
    std::fs::create_dir(peer.folder("msp")).unwrap();
    for content in ["NodeOUs:\n  Enable: false\n", "NodeOUs: [", "NodeOUs:\n  Enable: true\n"] {
        std::fs::write(&config, content).unwrap();
        refused(&[], "config.yaml");
    }
    assert_eq!(ca.answered().len(), heard, "no request");
    std::fs::remove_file(&config).unwrap();

    peer.enrolled(&["--msp-dir", "msp"]);
    let heard = ca.answered().len();
    std::fs::create_dir(peer.folder("msp/admincerts")).unwrap();
    let stranger = include_bytes!("../../../testdata/certs/go-client-ecert.pem");
    std::fs::write(peer.folder("msp/admincerts/a.pem"), stranger).unwrap();
    refused(&["--key-algorithm", "p384"], "admincerts");
    assert_eq!(ca.answered().len(), heard, "no request");
}
