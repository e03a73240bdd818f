//! What a new certificate keeps of the current one: its names, and for an orderer its TLS key.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::pki::x509::{Cert, Csr};
use serde_json::{Value, json};

use crate::command::{Ran, fabcert, tree};
use crate::real::{CaUnderTest, RealCa, Registration, transport};

use super::scene::text;

/// A folder for one identity at a CA.
pub(super) struct Node<'a> {
    ca: &'a dyn CaUnderTest,
    dir: tempfile::TempDir,
    id: &'static str,
}

impl<'a> Node<'a> {
    pub(super) fn new(ca: &'a dyn CaUnderTest, id: &'static str, kind: &'static str) -> Self {
        ca.register(&Registration { kind, ..Registration::peer(id, "peerpw") });
        Self { ca, dir: tempfile::tempdir().unwrap(), id }
    }

    /// The folder that holds the others.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Enrols; `more` names the folders, relative to this node's.
    pub(super) fn run(&self, more: &[&str]) -> Ran {
        let (url, anchor, home) = (self.ca.url(), text(self.ca.tls_anchor()), text(self.dir.path()));
        let mut args = vec!["enroll", "--url", &url, "--id", self.id, "--tls-ca", &anchor, "--home", &home];
        if !more.contains(&"--output") {
            args.extend(["--output", "json"]);
        }
        args.extend(self.ca.ca_name().iter().flat_map(|name| ["--ca-name", name]));
        args.extend(more);
        fabcert(&args, Some("peerpw"))
    }

    /// A successful run that issues.
    pub(super) fn enrolled(&self, more: &[&str]) -> Ran {
        let ran = self.run(more);
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("enrolled")), "{more:?}: {ran:?}");
        ran
    }

    /// The certificate of the TLS folder.
    pub(super) fn server(&self) -> Cert {
        Cert::all_from_pem(&std::fs::read(self.folder("tls/server.crt")).unwrap()).unwrap().remove(0)
    }

    fn server_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.server().sans().iter().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// Has the CA sign a CSR as a registrar elsewhere would, for these names. Returns the files of certificate and chain.
    fn signed(&self, csr_pem: &str, names: &[String]) -> [String; 2] {
        let mut body = json!({ "certificate_request": csr_pem, "hosts": names, "profile": "tls" });
        if let Some(name) = self.ca.ca_name() {
            body["caname"] = json!(name);
        }
        let at = self.ca.url().rsplit(':').next().unwrap().parse().unwrap();
        let login = (self.id, "peerpw");
        let answer = transport::post(at, self.ca.tls_anchor(), "/enroll", login, &body.to_string()).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let files = [("Cert", "answer.pem"), ("CAChain", "chain.pem")];
        files.map(|(key, file)| {
            let part = match key {
                "Cert" => &answer["result"]["Cert"],
                _ => &answer["result"]["ServerInfo"]["CAChain"],
            };
            std::fs::write(self.folder(file), BASE64.decode(part.as_str().unwrap()).unwrap()).unwrap();
            text(&self.folder(file))
        })
    }
}

fn list(value: &Value) -> Vec<String> {
    let mut list: Vec<String> =
        value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    list.sort();
    list
}

/// The public outage: the gateway's name is forgotten on the command line of a later run.
pub(super) fn names_are_kept_until_dropped(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    let others = ["10.0.0.1", "gw", "gw.fabric", "ops@org1.example", "peer1", "spiffe://td/peer1"];
    let first = ["--tls-dir", "tls", "--san", "peer1,10.0.0.1,ops@org1.example,spiffe://td/peer1,gw,gw.fabric"];
    let ran = peer.enrolled(&first);
    assert_eq!((list(&ran.json()["names_kept"]), list(&ran.json()["names_dropped"])), (vec![], vec![]));

    let later = ["--tls-dir", "tls", "--san", "peer1,new.example"];
    let kept = ["10.0.0.1", "gw", "gw.fabric", "ops@org1.example", "spiffe://td/peer1"];
    let plan = peer.run(&[&later[..], &["--dry-run"]].concat());
    assert_eq!(list(&plan.json()["names_kept"]), kept, "{plan:?}");
    let shown = peer.run(&[&later[..], &["--dry-run", "--output", "human"]].concat()).stdout;
    for line in ["name  + DNS   new.example", "name  = DNS   peer1", "name  = DNS   gw ", "name  = IP    10.0.0.1"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let ran = peer.enrolled(&later);
    let all: Vec<String> = [&others[..], &["new.example"]].concat().iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(peer.server_names(), sorted(&all), "{ran:?}");
    assert_eq!((list(&ran.json()["names_kept"]), list(&ran.json()["names_dropped"])), (sorted(&kept), vec![]));
    assert_eq!(list(&ran.json()["certificates"][0]["names_kept"]), kept);
    assert!(ran.stderr.contains("keeping names of the current certificate") && ran.stderr.contains("gw.fabric"));

    // With --force too, and after the key was lost.
    peer.enrolled(&[&later[..], &["--force"]].concat());
    assert_eq!(peer.server_names(), sorted(&all));
    std::fs::remove_file(peer.folder("tls/server.key")).unwrap();
    peer.enrolled(&later);
    assert_eq!(peer.server_names(), sorted(&all));

    // Of a lost certificate, the names are not those of a current one.
    let certificate = peer.folder("tls/server.crt");
    let held = std::fs::read(&certificate).unwrap();
    std::fs::remove_file(&certificate).unwrap();
    let lost = peer.run(&[&later[..], &["--dry-run", "--output", "human"]].concat());
    assert!(lost.stdout.contains("requested before") && !lost.stdout.contains("held by the current"), "{lost:?}");
    std::fs::write(&certificate, held).unwrap();

    let unchanged = peer.run(&later);
    assert_eq!(unchanged.json()["action"], "unchanged", "{unchanged:?}");
    assert_eq!(list(&unchanged.json()["names_kept"]), kept);

    let drop = [&later[..], &["--drop-san", "GW,10.0.0.1"]].concat();
    let plan = peer.run(&[&drop[..], &["--dry-run", "--output", "human"]].concat()).stdout;
    assert!(plan.contains("name  -       gw ") && plan.contains("--drop-san drops"), "{plan}");
    let ran = peer.enrolled(&drop);
    assert_eq!(list(&ran.json()["names_dropped"]), ["10.0.0.1", "gw"], "{ran:?}");
    assert!(ran.stderr.contains("dropping names"), "{ran:?}");
    let left = ["gw.fabric", "new.example", "ops@org1.example", "peer1", "spiffe://td/peer1"];
    assert_eq!(peer.server_names(), left);
    assert_eq!(peer.run(&drop).json()["action"], "unchanged", "the same line again changes nothing");

    let heard = ca.answered().len();
    let misspelt = peer.run(&[&later[..], &["--drop-san", "gw.fabrik"]].concat());
    assert_eq!(misspelt.code, 4, "{misspelt:?}");
    assert!(misspelt.stderr.contains("gw.fabrik") && misspelt.stderr.contains("gw.fabric,"), "{misspelt:?}");
    assert_eq!(peer.run(&[&later[..], &["--drop-san", "peer1"]].concat()).code, 2, "requested and dropped");
    assert_eq!((ca.answered().len(), peer.server_names()), (heard, sorted(&left)));
}

fn sorted<T: ToString>(names: &[T]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

/// `--force` replaces the certificate of another identity; its names are not this one's.
pub(super) fn another_identity_gives_no_name(ca: &dyn CaUnderTest) {
    let first = Node::new(ca, "peer1", "peer");
    first.enrolled(&["--tls-dir", "tls", "--san", "peer1,gw"]);
    let second = Node { dir: first.dir, ..Node::new(ca, "peer2", "peer") };
    let ran = second.enrolled(&["--tls-dir", "tls", "--san", "peer2", "--force"]);
    assert_eq!(
        (second.server_names(), list(&ran.json()["names_dropped"])),
        (sorted(&["peer2"]), sorted(&["gw", "peer1"]))
    );

    std::fs::write(second.folder("tls/server.crt"), "no certificate").unwrap();
    std::fs::remove_file(second.folder(".tls.fabcert/record.json")).unwrap();
    let ran = second.enrolled(&["--tls-dir", "tls", "--san", "peer2"]);
    assert!(ran.stderr.contains("cannot be read, so its names are not kept"), "{ran:?}");
}

pub(super) fn names_are_kept_by_hand(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    peer.enrolled(&["--tls-dir", "tls", "--san", "peer1,gw,old"]);
    let tls = text(&peer.folder("tls"));
    let csr = |more: &[&str]| {
        let start = ["csr", "--id", "peer1", "--tls-dir", &tls, "--san", "peer1", "--output", "json"];
        fabcert(&[&start[..], more].concat(), None)
    };
    let made = csr(&["--drop-san", "old"]);
    assert_eq!(
        (made.code, list(&made.json()["names_kept"]), list(&made.json()["names_dropped"])),
        (0, sorted(&["gw"]), sorted(&["old"])),
        "{made:?}"
    );
    let pem = made.json()["csr"].as_str().unwrap().to_owned();
    let asked = sorted(Csr::from_pem(pem.as_bytes()).unwrap().sans());
    assert_eq!(asked, ["gw", "peer1"]);
    let install = |[cert, chain]: [String; 2]| {
        let args =
            ["install", "--id", "peer1", "--tls-dir", &tls, "--cert", &cert, "--chain", &chain, "--output", "json"];
        fabcert(&args, None)
    };
    let before = tree(&peer.folder("tls"));
    let lacking = install(peer.signed(&pem, &["peer1".into()]));
    assert_eq!(lacking.code, 8, "{lacking:?}");
    assert!(tree(&peer.folder("tls")) == before);
    let installed = install(peer.signed(&pem, &asked));
    assert_eq!((installed.code, list(&installed.json()["names_dropped"])), (0, sorted(&["old"])), "{installed:?}");
    assert_eq!(csr(&["--drop-san", "older"]).code, 4);
}

/// A key that waits for its certificate survives a run that adds the TLS root to its folder.
pub(super) fn a_waiting_key_stays(ca: &dyn CaUnderTest) {
    let peer = Node::new(ca, "peer1", "peer");
    peer.enrolled(&["--msp-dir", "msp"]);
    let msp = text(&peer.folder("msp"));
    let pending = peer.folder(".msp.fabcert/pending.json");
    assert_eq!(fabcert(&["csr", "--id", "peer1", "--msp-dir", &msp], None).code, 0);
    let key = std::fs::read(&pending).unwrap();
    peer.enrolled(&["--msp-dir", "msp", "--tls-dir", "tls", "--san", "peer1"]);
    assert!(peer.folder("msp/tlscacerts").is_dir(), "the TLS root is added");
    assert_eq!(std::fs::read(&pending).unwrap(), key);
    let due = peer.run(&["--msp-dir", "msp", "--force", "--dry-run"]);
    assert_eq!(due.code, 0, "{due:?}");
}

pub(super) fn the_key_of_an_orderer_stays(ca: &dyn CaUnderTest) {
    let orderer = Node::new(ca, "orderer1", "orderer");
    let both = ["--msp-dir", "msp", "--tls-dir", "tls", "--role", "orderer", "--san", "orderer1"];
    let without_role = ["--tls-dir", "tls", "--san", "orderer1,other"];
    orderer.enrolled(&both);
    let (first, sign_key) = (orderer.server(), key_of(&orderer.folder("msp")));
    orderer.enrolled(&[&both[..], &["--force"]].concat());
    assert_eq!(orderer.server().spki_der(), first.spki_der(), "by --role orderer");
    assert!(orderer.server().serial_hex() != first.serial_hex() && key_of(&orderer.folder("msp")) != sign_key);
    orderer.enrolled(&without_role);
    assert_eq!(orderer.server().spki_der(), first.spki_der(), "by the OU of its certificate");

    let (before, heard) = (tree(orderer.dir.path()), ca.answered().len());
    for refused in [&["--key-algorithm", "p384"][..], &["--force", "--key-algorithm", "p384"]] {
        let ran = orderer.run(&[&without_role[..], refused].concat());
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains("--new-tls-key"), "{ran:?}");
    }
    let key = std::fs::read(orderer.folder("tls/server.key")).unwrap();
    std::fs::remove_file(orderer.folder("tls/server.key")).unwrap();
    assert_eq!(orderer.run(&without_role).code, 4, "a lost key is not replaced in silence");
    std::fs::write(orderer.folder("tls/server.key"), key).unwrap();
    assert_eq!(ca.answered().len(), heard);
    assert!(tree(&orderer.folder("msp")).len() <= before.len());

    let csr =
        fabcert(&["csr", "--id", "orderer1", "--tls-dir", &text(&orderer.folder("tls")), "--san", "orderer1"], None);
    assert_eq!(Csr::from_pem(csr.stdout.as_bytes()).unwrap().spki_der(), first.spki_der(), "{csr:?}");
    std::fs::remove_file(orderer.folder(".tls.fabcert/pending.json")).unwrap();

    // The certificate alone is lost, or damaged: the record says whose the key is, and which names it had.
    for lose in [|path: &Path| std::fs::remove_file(path).unwrap(), |path: &Path| std::fs::write(path, "lost").unwrap()]
    {
        lose(&orderer.folder("tls/server.crt"));
        let ran = orderer.enrolled(&["--tls-dir", "tls", "--san", "orderer1"]);
        assert_eq!(orderer.server().spki_der(), first.spki_der(), "{ran:?}");
        assert_eq!(
            (orderer.server_names(), list(&ran.json()["names_kept"])),
            (sorted(&["orderer1", "other"]), sorted(&["other"]))
        );
    }
    std::fs::remove_file(orderer.folder("tls/server.crt")).unwrap();
    let key = std::fs::read(orderer.folder("tls/server.key")).unwrap();
    std::fs::write(orderer.folder("tls/server.key"), "no key").unwrap();
    assert_eq!(orderer.run(&both).code, 4, "a key that cannot be read is not replaced in silence");
    std::fs::write(orderer.folder("tls/server.key"), key).unwrap();

    orderer.enrolled(&[&both[..], &["--force", "--new-tls-key"]].concat());
    assert_ne!(orderer.server().spki_der(), first.spki_der());
}

/// A later run without `--tls-names` finds the pair under the names of the first.
pub(super) fn file_names_stay(ca: &dyn CaUnderTest) {
    let orderer = Node::new(ca, "orderer1", "orderer");
    let line = ["--tls-dir", "tls", "--role", "orderer", "--san"];
    orderer.enrolled(&[&line[..], &["orderer1,gw", "--tls-names", "k8s"]].concat());
    let first = std::fs::read(orderer.folder("tls/tls.key")).unwrap();
    let unchanged = orderer.run(&[&line[..], &["orderer1"]].concat());
    assert_eq!((unchanged.code, unchanged.json()["action"].as_str()), (0, Some("unchanged")), "{unchanged:?}");

    let later = [&line[..], &["orderer1,new.example"]].concat();
    let plan = orderer.run(&[&later[..], &["--dry-run"]].concat());
    assert_eq!(list(&plan.json()["names_kept"]), ["gw"], "{plan:?}");
    assert!(plan.stdout.contains("tls.crt") && !plan.stdout.contains("server.crt"), "{plan:?}");
    orderer.enrolled(&later);
    let names: Vec<String> = tree(&orderer.folder("tls")).into_keys().collect();
    assert_eq!(names, ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(std::fs::read(orderer.folder("tls/tls.key")).unwrap(), first);

    let tls = text(&orderer.folder("tls"));
    let csr = fabcert(&["csr", "--id", "orderer1", "--tls-dir", &tls, "--san", "orderer1"], None);
    let kept = sorted(Csr::from_pem(csr.stdout.as_bytes()).unwrap().sans());
    assert_eq!(kept, ["gw", "new.example", "orderer1"], "{csr:?}");
}

/// The folder decides which names the pair has: after a rollback, after a hand moved it, and when its certificate is lost.
pub(super) fn file_names_are_those_on_disk(ca: &dyn CaUnderTest) {
    let orderer = Node::new(ca, "orderer1", "orderer");
    let line = ["--tls-dir", "tls", "--role", "orderer", "--san", "orderer1"];
    orderer.enrolled(&line);
    let key = std::fs::read(orderer.folder("tls/server.key")).unwrap();
    let holds = |names: [&str; 3], ran: &Ran| {
        assert_eq!(tree(&orderer.folder("tls")).into_keys().collect::<Vec<_>>(), names, "{ran:?}");
        assert_eq!(std::fs::read(orderer.folder("tls").join(names[2])).unwrap(), key, "{ran:?}");
    };
    let (fabric, k8s) = (["ca.crt", "server.crt", "server.key"], ["ca.crt", "tls.crt", "tls.key"]);
    let unchanged = |more: &[&str], names: [&str; 3]| {
        let ran = orderer.run(&[&line[..], more].concat());
        assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("unchanged")), "{ran:?}");
        holds(names, &ran);
    };
    unchanged(&["--tls-names", "k8s"], k8s);
    let back = fabcert(&["rollback", "--tls-dir", &text(&orderer.folder("tls"))], None);
    assert_eq!(back.code, 0, "{back:?}");
    unchanged(&[], fabric);

    unchanged(&["--tls-names", "k8s"], k8s);
    for (from, to) in k8s.iter().zip(fabric).skip(1) {
        std::fs::rename(orderer.folder("tls").join(from), orderer.folder("tls").join(to)).unwrap();
    }
    unchanged(&[], fabric);
    unchanged(&["--tls-names", "k8s"], k8s);

    // The record describes the pair under the names that it had; without one the key alone is enough.
    for (lost, names, record) in [(k8s, fabric, true), (fabric, k8s, false), (k8s, k8s, true)] {
        std::fs::remove_file(orderer.folder("tls").join(lost[1])).unwrap();
        if !record {
            std::fs::remove_file(orderer.folder(".tls.fabcert/record.json")).unwrap();
        }
        let given: &[&str] = match names {
            _ if lost == names => &[],
            _ if names == fabric => &["--tls-names", "fabric"],
            _ => &["--tls-names", "k8s"],
        };
        holds(names, &orderer.enrolled(&[&line[..], given].concat()));
    }
}

fn key_of(msp: &Path) -> Vec<String> {
    tree(&msp.join("keystore")).into_keys().collect()
}

#[test]
fn file_names_that_are_not_given_stay() {
    let Some(ca) = RealCa::builder().start() else { return };
    file_names_stay(&ca);
}

#[test]
fn the_files_on_disk_decide_the_names() {
    let Some(ca) = RealCa::builder().start() else { return };
    file_names_are_those_on_disk(&ca);
}

#[test]
fn names_are_kept_over_a_new_issue_until_they_are_dropped() {
    let Some(ca) = RealCa::builder().start() else { return };
    names_are_kept_until_dropped(&ca);
}

#[test]
fn a_certificate_of_another_identity_gives_no_names() {
    let Some(ca) = RealCa::builder().start() else { return };
    another_identity_gives_no_name(&ca);
}

#[test]
fn names_are_kept_in_a_csr_that_is_carried_by_hand() {
    let Some(ca) = RealCa::builder().start() else { return };
    names_are_kept_by_hand(&ca);
}

#[test]
fn a_key_waiting_for_its_certificate_survives_a_run_for_both_folders() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_waiting_key_stays(&ca);
}

#[test]
fn the_tls_key_of_an_orderer_stays_unless_a_new_one_is_requested() {
    let Some(ca) = RealCa::builder().start() else { return };
    the_key_of_an_orderer_stays(&ca);
}

/// Names that become parts of file names are checked before the CA counts an enrolment.
#[test]
fn names_of_files_are_checked_before_a_request() {
    let Some(ca) = RealCa::builder().start() else { return };
    let heard = ca.answered().len();
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor, home) = (ca.url(), text(ca.tls_anchor()), text(dir.path()));
    let long = "x".repeat(300);
    let cases: [(&str, &[&str]); 6] = [
        ("org1/peer1", &["--layout", "cryptogen", "--msp-dir", "msp"]),
        ("..", &["--layout", "cryptogen", "--msp-dir", "msp"]),
        ("peer1", &["--ca-name", "a/../../b", "--msp-dir", "msp"]),
        ("peer1", &["--ca-name", &long, "--msp-dir", "msp"]),
        ("peer1", &["--tls-ca-name", "a/b", "--msp-dir", "msp", "--tls-dir", "tls", "--san", "peer1"]),
        ("peer1", &["--ca-name", "a/b", "--msp-dir", "msp", "--profile", "tls", "--san", "peer1"]),
    ];
    for (id, more) in cases {
        for dry in [&[][..], &["--dry-run"]] {
            let start = ["enroll", "--url", &url, "--id", id, "--tls-ca", &anchor, "--home", &home];
            let ran = fabcert(&[&start[..], more, dry].concat(), Some("peerpw"));
            assert_eq!(ran.code, 4, "{id} {more:?}: {ran:?}");
            assert!(ran.stderr.contains("cannot be part of a file name"), "{ran:?}");
        }
    }
    assert_eq!(ca.answered().len(), heard, "no request");
}
