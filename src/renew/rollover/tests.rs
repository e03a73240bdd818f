//! The phases that send no request, on folders of other tools.

#![allow(clippy::disallowed_methods, reason = "tests set the scene behind the disk's back")]

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::*;
use crate::disk::{Disk, FaultAction, Op, Step, When};
use crate::identity::overlap::{Overlap, Replaced};
use crate::identity::{CaAccess, ChannelRequest};
use crate::msp::MspConfig;
use crate::pki::x509::Cert;
use crate::text::pem_encode;

/// A CA with a key of its own.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(Self::params(name), key).unwrap())
    }

    fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(Self::params(name), key, &self.0).unwrap())
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        params
    }

    fn pem(&self) -> String {
        pem_encode("CERTIFICATE", self.0.der())
    }

    /// Certificate and key of `peer1`, PEM.
    fn leaf(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["peer1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "peer1");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "peer");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.0).unwrap();
        (pem_encode("CERTIFICATE", leaf.der()), pem_encode("PRIVATE KEY", key.serialized_der()))
    }
}

/// The folders of `peer1`, and files of roots beside them.
struct Scene {
    dir: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { dir: folder.path().to_owned(), _folder: Some(folder) }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The signing certificate and that for TLS are replaced; the CAs stay.
    fn certify(&self, sign: &Ca, tls: &Ca) {
        let (cert, key) = sign.leaf();
        for folder in ["keystore", "signcerts"] {
            let _ = std::fs::remove_dir_all(self.path("peer1/msp").join(folder));
        }
        self.write("peer1/msp/signcerts/cert.pem", &cert);
        self.write("peer1/msp/keystore/key.pem", &key);
        let (cert, key) = tls.leaf();
        self.write("peer1/tls/server.crt", &cert);
        self.write("peer1/tls/server.key", &key);
    }

    /// Both folders; each of `cas` and `tls_cas` in a file of the MSP folder, `tls_cas` and `more` in `ca.crt`.
    fn folders(&self, (sign, cas): (&Ca, &[&Ca]), (tls, tls_cas): (&Ca, &[&Ca]), more: &[&Ca]) {
        self.certify(sign, tls);
        self.write("peer1/msp/config.yaml", &MspConfig::for_issuer("").to_yaml());
        for (folder, cas) in [("cacerts", cas), ("tlscacerts", tls_cas)] {
            for (at, ca) in cas.iter().enumerate() {
                self.write(&format!("peer1/msp/{folder}/ca{at}.pem"), &ca.pem());
            }
        }
        let bundle: String = tls_cas.iter().chain(more).map(|ca| ca.pem()).collect();
        self.write("peer1/tls/ca.crt", &bundle);
    }

    fn given(&self, new: &[&Ca], old: &[&Ca]) -> RootsGiven {
        let files = |name: &str, cas: &[&Ca]| {
            let file = |(at, ca): (usize, &&Ca)| self.write(&format!("{name}{at}.pem"), &ca.pem()).into();
            cas.iter().enumerate().map(file).collect()
        };
        RootsGiven { new: files("new", new), old: files("old", old) }
    }

    fn run(&self, given: &RootsGiven, phase: Option<Phase>, dry_run: bool, disk: &Disk) -> Result<Report, Error> {
        let options = Options {
            ca: Some(CaAccess::new("https://ca.example.com", "").unwrap()),
            anchors: Vec::new(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            renew_before: None,
            reuse_key: false,
            channels: ChannelRequest::default(),
            jobs: 1,
            wait: None,
            dry_run,
            registrar: None,
        };
        let now = || Timestamp::from_unix(1_800_000_000);
        rollover(&[self.path("peer1")], (given, phase), &options, &Environment::new(disk, &now))
    }

    /// Runs the next phase, which must be `phase`.
    fn phase(&self, given: &RootsGiven, phase: Phase) -> Report {
        let report = self.run(given, None, false, &Disk::real()).unwrap();
        assert_eq!((report.phase, report.exit_code()), (phase, 0), "{report:?}");
        report
    }

    fn refused(&self, given: &RootsGiven) -> Error {
        self.run(given, None, true, &Disk::real()).unwrap_err()
    }

    /// Phase, roots trusted and root of the certificate of each folder.
    fn states(&self, given: &RootsGiven) -> Vec<String> {
        let report = self.run(given, None, true, &Disk::real()).unwrap();
        report.folders.iter().map(|row| format!("{} {} {}", row.phase, row.trusts, row.leaf)).collect()
    }

    /// The certificates below a folder.
    fn certs(&self, folder: &str) -> BTreeSet<Vec<u8>> {
        let path = self.path(folder);
        let files = if path.is_file() {
            vec![path]
        } else {
            std::fs::read_dir(path).map_or_else(|_| Vec::new(), |d| d.map(|entry| entry.unwrap().path()).collect())
        };
        let read = |file: &PathBuf| Cert::all_from_pem(&std::fs::read(file).unwrap()).unwrap();
        files.iter().flat_map(read).map(|cert| cert.der().to_vec()).collect()
    }

    fn has(&self, folder: &str, cas: &[&Ca]) {
        let expected: BTreeSet<Vec<u8>> = cas.iter().map(|ca| ca.0.der().to_vec()).collect();
        assert_eq!(self.certs(folder).len(), expected.len(), "{folder}");
        assert!(self.certs(folder) == expected, "{folder}");
    }

    fn is_noted(&self, folder: &str) -> bool {
        self.path(&format!("peer1/.{folder}.fabcert/overlap.json")).exists()
    }
}

static NONE: RootsGiven = RootsGiven { new: Vec::new(), old: Vec::new() };

#[test]
fn two_roots_are_replaced_at_once_and_others_stay() {
    let [old, old_tls, new, new_tls, other] = ["ca", "tlsca", "ca", "tlsca", "other"].map(Ca::root);
    let scene = Scene::new();
    scene.folders((&old, &[&old, &other]), (&old_tls, &[&old_tls, &old, &other]), &[]);
    let given = scene.given(&[&new, &new_tls], &[]);
    assert_eq!(scene.states(&given), ["trust old old"; 2]);
    scene.phase(&given, Phase::Trust);
    let both = [&old_tls, &old, &other, &new_tls, &new];
    scene.has("peer1/msp/cacerts", &[&old, &other, &new]);
    scene.has("peer1/msp/tlscacerts", &both);
    scene.has("peer1/tls/ca.crt", &both);
    scene.certify(&new, &new_tls);
    assert_eq!(scene.states(&NONE), ["drop both new"; 2]);
    scene.phase(&NONE, Phase::Drop);
    scene.has("peer1/msp/cacerts", &[&new, &other]);
    scene.has("peer1/msp/tlscacerts", &[&new_tls, &new, &other]);
    scene.has("peer1/tls/ca.crt", &[&new_tls, &new, &other]);
    assert_eq!(scene.states(&given), ["done new new"; 2]);
}

#[test]
fn given_roots_are_replaced_in_their_order() {
    let [old, old_tls, new, new_tls] = ["ca", "tlsca", "ca 2", "tlsca 2"].map(Ca::root);
    let scene = Scene::new();
    scene.folders((&old, &[&old]), (&old_tls, &[&old_tls]), &[]);
    let refusal = scene.refused(&scene.given(&[&new, &new_tls], &[]));
    assert!(refusal.to_string().contains("could replace each of several"), "{refusal}");
    assert_eq!(refusal.items(), ["\"CN=ca\"", "\"CN=tlsca\""]);
    scene.phase(&scene.given(&[&new, &new_tls], &[&old, &old_tls]), Phase::Trust);
    scene.has("peer1/msp/cacerts", &[&old, &new]);
    scene.has("peer1/msp/tlscacerts", &[&old_tls, &new_tls]);
    scene.has("peer1/tls/ca.crt", &[&old_tls, &new_tls]);
    scene.certify(&new, &new_tls);
    // The notes in the folders say which root replaces which.
    scene.phase(&NONE, Phase::Drop);
    scene.has("peer1/msp/cacerts", &[&new]);
    scene.has("peer1/msp/tlscacerts", &[&new_tls]);
    scene.has("peer1/tls/ca.crt", &[&new_tls]);
    assert!(!scene.is_noted("msp") && !scene.is_noted("tls"));
}

#[test]
fn a_second_rollover_keeps_the_notes_of_the_first() {
    let [old, old_tls, new, new_tls] = ["ca", "tlsca", "ca 2", "tlsca 2"].map(Ca::root);
    let scene = Scene::new();
    scene.folders((&old, &[&old]), (&old_tls, &[&old_tls]), &[&old]);
    scene.phase(&scene.given(&[&new], &[&old]), Phase::Trust);
    scene.phase(&scene.given(&[&new_tls], &[]), Phase::Trust);
    scene.has("peer1/msp/cacerts", &[&old, &new]);
    scene.has("peer1/tls/ca.crt", &[&old_tls, &old, &new_tls, &new]);
    assert_eq!(scene.states(&NONE), ["reissue both old"; 2]);
}

#[test]
fn a_root_that_replaces_nothing_is_refused() {
    let [old, new, other] = ["ca", "ca 2", "ca 3"].map(Ca::root);
    let scene = Scene::new();
    scene.folders((&old, &[&old]), (&old, &[&old]), &[]);
    let refusal = scene.refused(&scene.given(&[&old, &new], &[]));
    assert!(refusal.to_string().contains("no root is replaced by \"CN=ca 2\""), "{refusal}");
    assert_eq!(refusal.items(), ["\"CN=ca\", which --new-root has too"]);
    let refusal = scene.refused(&scene.given(&[&old, &new], &[&old]));
    assert!(refusal.to_string().contains("which is a root to replace"), "{refusal}");
    scene.phase(&scene.given(&[&new], &[]), Phase::Trust);
    let refusal = scene.refused(&scene.given(&[&old, &new], &[]));
    assert!(refusal.to_string().contains("which is a root to replace"), "{refusal}");
    // The current root alone is a rollover that is over.
    let scene = Scene::new();
    scene.folders((&old, &[&old]), (&old, &[&old]), &[]);
    assert_eq!(scene.states(&scene.given(&[&old], &[])), ["done new new"; 2]);
    assert_eq!(scene.states(&scene.given(&[&new], &[&other])), ["done other other"; 2]);
}

#[test]
fn a_folder_without_its_root_holds_the_phases_back() {
    let [old, new] = ["ca", "ca 2"].map(Ca::root);
    let scene = Scene::new();
    scene.folders((&old, &[&old]), (&old, &[&old]), &[]);
    let given = scene.given(&[&new], &[]);
    scene.phase(&given, Phase::Trust);
    std::fs::remove_file(scene.path("peer1/tls/ca.crt")).unwrap();
    assert_eq!(scene.states(&NONE), ["reissue both old", "trust none old"]);
    scene.certify(&new, &old);
    assert_eq!(scene.states(&NONE), ["drop both new", "trust none old"]);
    let refusal = scene.run(&NONE, Some(Phase::Drop), false, &Disk::real()).unwrap_err();
    let [behind] = refusal.items() else { panic!("{refusal:?}") };
    assert!(behind.ends_with("peer1/tls: it holds no complete chain"), "{behind}");
    scene.has("peer1/msp/cacerts", &[&old, &new]);
}

#[test]
fn intermediates_go_with_their_root() {
    let [old, new] = ["ca", "ca 2"].map(Ca::root);
    let (below_old, below_new, second) = (old.below("below"), new.below("below 2"), new.below("below 3"));
    let scene = Scene::new();
    scene.folders((&below_old, &[&old]), (&below_old, &[&old]), &[]);
    scene.write("peer1/msp/intermediatecerts/a.pem", &below_old.pem());
    // The name of a file says nothing about its content.
    scene.write("peer1/msp/tlsintermediatecerts/new.pem", &below_old.pem());
    let chained = |ca: &Ca| {
        let path = scene.path("peer1/tls/server.crt");
        let leaf = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, leaf + &ca.pem()).unwrap();
    };
    chained(&below_old);
    scene.phase(&scene.given(&[&new, &below_new, &second], &[]), Phase::Trust);
    scene.has("peer1/msp/intermediatecerts", &[&below_old, &below_new, &second]);
    scene.has("peer1/msp/tlsintermediatecerts", &[&below_old, &below_new, &second]);
    scene.has("peer1/tls/ca.crt", &[&old, &new]);
    scene.certify(&below_new, &below_new);
    chained(&below_new);
    scene.phase(&NONE, Phase::Drop);
    scene.has("peer1/msp/cacerts", &[&new]);
    scene.has("peer1/msp/intermediatecerts", &[&below_new, &second]);
    scene.has("peer1/msp/tlscacerts", &[&new]);
    scene.has("peer1/msp/tlsintermediatecerts", &[&below_new, &second]);
    scene.has("peer1/tls/ca.crt", &[&new]);
}

#[test]
fn a_renewal_waits_for_the_new_root_until_the_last_tenth_of_its_life() {
    let [old, new] = ["ca", "ca 2"].map(|name| Cert::all_from_pem(Ca::root(name).pem().as_bytes()).unwrap().remove(0));
    let replaced = vec![Replaced { old: old.clone(), new: new.clone() }];
    let trusting = Overlap { replaced, ..Overlap::default() };
    let (leaf, start) = (&old, Timestamp::from_unix(old.not_after().unix() - 1000));
    let at = |left: i64| Timestamp::from_unix(old.not_after().unix() - left);
    assert_eq!(trusting.too_early(leaf, Some(&old), start, at(101)), [&new]);
    assert!(trusting.too_early(leaf, Some(&old), start, at(100)).is_empty());
    assert!(trusting.too_early(leaf, Some(&new), start, at(101)).is_empty());
    let reissued = Overlap { reissue_at: Some(at(0)), ..trusting };
    assert!(reissued.too_early(leaf, Some(&old), start, at(101)).is_empty());
}

/// A disk that kills the process before the change number `at`, and counts the changes.
fn deadly(at: usize) -> (Disk, Arc<AtomicUsize>) {
    let next = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&next);
    let hook = move |step: &Step<'_>| {
        let is_change = matches!(
            step.op,
            Op::CreateDir | Op::Write | Op::Edit | Op::Move | Op::Exchange | Op::Remove | Op::RemoveTree
        );
        let is_hit = is_change && step.when == When::Before && counted.fetch_add(1, Ordering::SeqCst) == at;
        if is_hit { FaultAction::Kill } else { FaultAction::Continue }
    };
    (Disk::with_faults(Arc::new(hook)), next)
}

/// Not a test by itself: the process to kill.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os("FABCERT_TEST_ROLLOVER") else { return };
    let at = std::env::var("FABCERT_TEST_STEP").unwrap().parse().unwrap();
    let root = std::env::var_os("FABCERT_TEST_ROOT").map(PathBuf::from);
    let scene = Scene { dir: dir.into(), _folder: None };
    let given = RootsGiven { new: root.into_iter().map(Into::into).collect(), old: Vec::new() };
    scene.run(&given, None, false, &deadly(at).0).unwrap();
}

/// Before whatever change of a phase a kill hits, the next run finishes the phase, and the files have exactly its roots.
#[test]
fn a_phase_that_was_killed_at_any_point_is_finished_by_the_next_run() {
    let [old, new, other] = ["ca", "ca 2", "other"].map(Ca::root);
    let cas: [&[&Ca]; 3] = [&[&old, &other], &[&old, &other, &new], &[&other, &new]];
    let scene = |phase: Phase| {
        let scene = Scene::new();
        scene.folders((&old, &[&old, &other]), (&old, &[&old]), &[&other]);
        let given = scene.given(&[&new], &[]);
        if phase == Phase::Drop {
            scene.phase(&given, Phase::Trust);
            scene.certify(&new, &new);
        }
        (scene, given)
    };
    for phase in [Phase::Trust, Phase::Drop] {
        let (counted, given) = scene(phase);
        let (disk, count) = deadly(usize::MAX);
        counted.run(if phase == Phase::Trust { &given } else { &NONE }, None, false, &disk).unwrap();
        let count = count.load(Ordering::SeqCst);
        let (mut between, after) = (0, if phase == Phase::Trust { cas[1] } else { cas[2] });
        for at in 0..count {
            let (scene, given) = scene(phase);
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "renew::rollover::tests::victim", "--test-threads=1"]);
            command.env("FABCERT_TEST_ROLLOVER", &scene.dir).env("FABCERT_TEST_STEP", at.to_string());
            if phase == Phase::Trust {
                command.env("FABCERT_TEST_ROOT", scene.path("new0.pem"));
            }
            let killed = command.output().unwrap();
            assert_eq!(killed.status.signal(), Some(9), "{phase} at {at} of {count}: {killed:?}");
            // A run without roots must find what is left by the notes alone.
            let is_noted = scene.is_noted("msp") || scene.is_noted("tls");
            let given = if phase == Phase::Drop && is_noted { &NONE } else { &given };
            let before = scene.run(given, None, true, &Disk::real()).unwrap();
            between += usize::from(before.folders[0].phase != before.folders[1].phase);
            if before.next == phase {
                scene.phase(given, phase);
            }
            scene.has("peer1/msp/cacerts", after);
            scene.has("peer1/tls/ca.crt", after);
            let states = scene.states(&scene.given(&[&new], &[]));
            let expected = if phase == Phase::Trust { "reissue both old" } else { "done new new" };
            assert_eq!(states, [expected; 2], "{phase} at {at}");
        }
        assert!(count > 20 && between > 5, "{phase}: {between} of {count} kills were between the folders");
    }
}
