//! CSR and certificate carried by hand.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::command::{Ran, command, fabcert, tree};
use crate::real::{CaUnderTest, RealCa, oracle, transport};

use super::on_a_real_ca::node_ous_name_the_issuer;
use super::scene::{NAMES, Peer, text};

/// Has the CA sign `csr`, as a registrar elsewhere would; writes the certificate and the chain.
fn sign(ca: &dyn CaUnderTest, csr: &Path, profile: &str, cert: &Path, chain: &Path) {
    sign_for(ca, "org1-peer1", &NAMES, csr, profile, cert, chain);
}

fn sign_for(ca: &dyn CaUnderTest, id: &str, names: &[&str], csr: &Path, profile: &str, cert: &Path, chain: &Path) {
    let csr = std::fs::read_to_string(csr).unwrap();
    let body = serde_json::json!({
        "certificate_request": csr, "hosts": names, "profile": profile, "caname": ca.ca_name().unwrap_or_default(),
    });
    let port = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let answer = transport::post(port, ca.tls_anchor(), "/enroll", (id, "peerpw"), &body.to_string());
    let answer: serde_json::Value = serde_json::from_str(&answer.unwrap()).unwrap();
    let decoded =
        |value: &serde_json::Value| BASE64.decode(value.as_str().unwrap_or_else(|| panic!("{answer}"))).unwrap();
    std::fs::write(cert, decoded(&answer["result"]["Cert"])).unwrap();
    std::fs::write(chain, decoded(&answer["result"]["ServerInfo"]["CAChain"])).unwrap();
}

fn install(folder: &[&str], cert: &Path, chain: &Path) -> Ran {
    let (cert, chain) = (text(cert), text(chain));
    let start = ["install", "--id", "org1-peer1", "--cert", &cert, "--chain", &chain, "--output", "json"];
    fabcert(&[&start[..], &["--san", NAMES[0], "--san", NAMES[1]], folder].concat(), None)
}

/// Both folders by hand: the key stays, an answer to another CSR is refused, the right one is installed.
fn by_hand(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let file = |name: &str| peer.dir().join(name);
    let folders: [(&str, &[&str], &str); 2] =
        [("msp", &["--msp-dir", &msp, "--role", "peer"], ""), ("tls", &["--tls-dir", &tls], "tls")];
    for (name, folder, profile) in folders {
        let csr = file(&format!("{name}.csr"));
        let out = text(&csr);
        let start = ["csr", "--id", "org1-peer1", "--out", &out, "--san", NAMES[0], "--san", NAMES[1]];
        let made = fabcert(&[&start[..], folder].concat(), None);
        assert_eq!(made.code, 0, "{made:?}");
        sign(ca, &csr, profile, &file(&format!("{name}.pem")), &file(&format!("{name}-chain.pem")));
    }
    let before = (tree(&peer.msp()), tree(&peer.tls()));
    let swapped = install(folders[1].1, &file("msp.pem"), &file("msp-chain.pem"));
    assert_eq!(swapped.code, 8, "the certificate is for the other key: {swapped:?}");
    assert!((tree(&peer.msp()), tree(&peer.tls())) == before);
    let wrong = install(folders[0].1, &file("msp.pem"), &file("msp.pem"));
    assert_eq!(wrong.code, 8, "the chain holds no CA: {wrong:?}");
    assert!(wrong.stderr.contains("--chain") && wrong.stderr.contains("msp.pem"), "{wrong:?}");
    assert!(!wrong.stderr.contains("ca-chain.pem"), "nobody gave that file: {wrong:?}");
    for (name, folder, _) in folders {
        let put = install(folder, &file(&format!("{name}.pem")), &file(&format!("{name}-chain.pem")));
        assert_eq!(put.code, 0, "{put:?}");
    }
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    let (cert, key, anchors) =
        (peer.tls().join("server.crt"), peer.tls().join("server.key"), peer.tls().join("ca.crt"));
    for name in NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            assert!(verdict.accept, "{name}: {verdict:?}");
        }
    }
    // No key is pending, and the certificate is in the folder.
    for (name, folder, _) in folders {
        let installed = (tree(&peer.msp()), tree(&peer.tls()));
        let again = install(folder, &file(&format!("{name}.pem")), &file(&format!("{name}-chain.pem")));
        assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
        assert!(!again.stderr.contains("names that were not asked for"), "{again:?}");
        assert!((tree(&peer.msp()), tree(&peer.tls())) == installed);
    }
    let other = install(folders[1].1, &file("msp.pem"), &file("msp-chain.pem"));
    assert_eq!(other.code, 4, "another certificate, without a pending key: {other:?}");
    // A run that reaches the CA finds nothing due.
    let run = peer.enroll("peerpw", &[]);
    assert_eq!((run.code, run.json()["action"].as_str()), (0, Some("unchanged")), "{run:?}");
}

#[test]
fn a_csr_carried_by_hand_gives_folders_that_fabric_loads() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    by_hand(&ca);
}

/// One folder at a CA, with the offline commands.
struct ByHand<'a> {
    ca: &'a dyn CaUnderTest,
    peer: Peer<'a>,
}

impl<'a> ByHand<'a> {
    fn new(ca: &'a dyn CaUnderTest) -> Self {
        Self { ca, peer: Peer::register(ca, "peerpw", None) }
    }

    fn file(&self, name: &str) -> String {
        text(&self.peer.dir().join(name))
    }

    /// `csr` for `id`, signed by the CA for the given names.
    fn signed(&self, id: &str, folder: &[&str], profile: &str, hosts: &[&str]) {
        let made = fabcert(&[&["csr", "--id", id, "--out", &self.file("csr"), "--force"], folder].concat(), None);
        assert_eq!(made.code, 0, "{made:?}");
        let path = |name: &str| self.peer.dir().join(name);
        sign_for(self.ca, id, hosts, &path("csr"), profile, &path("cert.pem"), &path("chain.pem"));
    }

    fn install(&self, id: &str, folder: &[&str]) -> Ran {
        let (cert, chain) = (self.file("cert.pem"), self.file("chain.pem"));
        fabcert(&[&["install", "--id", id, "--cert", &cert, "--chain", &chain], folder].concat(), None)
    }
}

#[test]
fn every_name_of_the_csr_is_verified() {
    let Some(ca) = RealCa::builder().start() else { return };
    let scene = ByHand::new(&ca);
    let home = text(scene.peer.dir());
    let folder = ["--home", &home, "--tls-dir", "peer/tls"];
    let asked = [&folder[..], &["--san", NAMES[0], "--san", NAMES[1]]].concat();
    scene.signed("org1-peer1", &asked, "tls", &NAMES[..1]);
    let lacking = scene.install("org1-peer1", &folder);
    assert_eq!(lacking.code, 8, "{lacking:?}");
    assert!(lacking.stderr.contains(NAMES[1]) && !scene.peer.tls().exists(), "{lacking:?}");
    scene.signed("org1-peer1", &asked, "tls", &NAMES);
    let more = scene.install("org1-peer1", &[&folder[..], &["--san", "org1-peer1.example.com"]].concat());
    assert_eq!(more.code, 8, "{more:?}");
    assert!(more.stderr.contains("org1-peer1.example.com"), "{more:?}");
    let put = scene.install("org1-peer1", &folder);
    assert_eq!(put.code, 0, "{put:?}");
    assert!(scene.peer.tls().join("server.crt").is_file(), "the folder is below --home");
}

#[test]
fn the_id_must_be_the_csrs_and_a_folder_keeps_its_identity_without_force() {
    let Some(ca) = RealCa::builder().start() else { return };
    let scene = ByHand::new(&ca);
    ca.register(&crate::real::Registration::peer("org1-peer2", "peerpw"));
    assert_eq!(scene.peer.enroll("peerpw", &[]).code, 0);
    let (before, tls) = (scene.peer.folders(), text(&scene.peer.tls()));
    let folder = ["--tls-dir", &tls, "--san", NAMES[0]];
    scene.signed("org1-peer2", &folder, "tls", &NAMES[..1]);
    let misnamed = scene.install("org1-peer1", &folder);
    assert_eq!(misnamed.code, 4, "{misnamed:?}");
    assert!(misnamed.stderr.contains("org1-peer2") && misnamed.stderr.contains("org1-peer1"), "{misnamed:?}");
    let over = scene.install("org1-peer2", &folder);
    assert_eq!(over.code, 4, "{over:?}");
    assert!(over.stderr.contains("another identity") && scene.peer.folders() == before, "{over:?}");
    let forced = scene.install("org1-peer2", &[&folder[..], &["--force"]].concat());
    assert_eq!(forced.code, 0, "{forced:?}");
}

/// `config.yaml` is fabcert's own and follows the CA's file, whose name differs from the one after an enrolment.
#[test]
fn a_certificate_carried_by_hand_renews_an_enrolled_folder() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    let scene = ByHand::new(&ca);
    assert_eq!(scene.peer.enroll("peerpw", &[]).code, 0);
    let msp = text(&scene.peer.msp());
    let folder = ["--msp-dir", &msp, "--role", "peer"];
    scene.signed("org1-peer1", &folder, "", &[]);
    let put = scene.install("org1-peer1", &folder);
    assert_eq!(put.code, 0, "{put:?}");
    node_ous_name_the_issuer(&scene.peer.msp());
    if let Some(verdict) = oracle::msp(&scene.peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    assert_eq!(scene.peer.enroll("peerpw", &[]).json()["action"], "unchanged");
}

#[cfg(feature = "dev-ca")]
#[test]
fn certificate_and_chain_may_be_der_files() {
    use super::answering::refusals;
    use super::odd_answers::{intermediate, leaf, root};
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let (tls, csr) = (text(&file("tls")), text(&file("csr")));
    let folder = ["--tls-dir", &tls];
    let start = ["csr", "--id", "org1-peer1", "--out", &csr, "--san", NAMES[0], "--san", NAMES[1]];
    assert_eq!(fabcert(&[&start[..], &folder].concat(), None).code, 0);
    let csr = fabcert::pki::x509::Csr::from_pem(&std::fs::read(csr).unwrap()).unwrap();
    let root = root().self_signed();
    let ca = intermediate().issued_by(&root);
    std::fs::write(file("leaf.der"), ca.issue(&leaf(), csr.spki_der())).unwrap();
    std::fs::write(file("ca.der"), ca.der).unwrap();
    std::fs::write(file("root.der"), root.der).unwrap();
    let chain = format!("{},{}", text(&file("ca.der")), text(&file("root.der")));
    let put = install(&folder, &file("leaf.der"), Path::new(&chain));
    assert_eq!(put.code, 0, "{put:?}");
    assert_eq!(refusals(&file("tls"), true), [""; 0]);
}

/// A full disk is met where the CSR is written: after the key is kept.
#[test]
fn csr_that_cannot_be_written_leaves_a_key_that_the_next_run_uses() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&dir.path().join(name));
    let (tls, out) = (path("tls"), path("csr.pem"));
    let args = ["csr", "--id", "org1-peer1", "--tls-dir", &tls, "--san", "peer1"];
    let key = |pem: &str| fabcert::pki::x509::Csr::from_pem(pem.as_bytes()).unwrap().spki_der().to_vec();
    let to_file = fabcert(&[&args[..], &["--out", "/dev/full"]].concat(), None);
    let printed = |more: &[&str]| {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = command(&[&args[..], more].concat(), &[]).stdout(full).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (as_text, as_json) = (printed(&[]), printed(&["--output", "json"]));
    for (code, stderr) in [(Some(to_file.code), to_file.stderr), as_text, as_json] {
        assert_eq!(code, Some(5), "{stderr}");
        assert!(stderr.contains("the key of the CSR is stored") && stderr.contains("without --force"), "{stderr}");
    }
    let pending = tree(dir.path());
    let first = fabcert(&args, None);
    let second = fabcert(&[&args[..], &["--out", &out]].concat(), None);
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    assert_eq!(key(&first.stdout), key(&std::fs::read_to_string(&out).unwrap()));
    let kept = |tree: &std::collections::BTreeMap<String, (u32, Vec<u8>)>| {
        let (_, (_, bytes)) = tree.iter().find(|(path, _)| path.ends_with("pending.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["key_pem"].clone()
    };
    assert_eq!(kept(&pending), kept(&tree(dir.path())), "the key of the run that failed");
}
