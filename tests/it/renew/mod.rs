//! `fabcert renew`: one pass over trees, on the real Fabric CA and on the dev CA with the same code.

#[cfg(feature = "dev-ca")]
mod on_the_dev_ca;
#[cfg(feature = "dev-ca")]
mod overlap;
mod rollover;

use std::path::{Path, PathBuf};

use crate::command::{Ran, command, fabcert, tree};
use crate::enroll::scene::text;
use crate::real::relay::Relay;
use crate::real::{ADMIN, CaUnderTest, RealCa, Registration, oracle};

const DAY: i64 = 86_400;

/// A tree of peers with an MSP and a TLS folder each.
struct Organisation<'a> {
    ca: &'a dyn CaUnderTest,
    dir: tempfile::TempDir,
}

impl<'a> Organisation<'a> {
    fn with_peers(ca: &'a dyn CaUnderTest, ids: &[&str]) -> Self {
        Self::with_peers_by(ca, &ca.url(), ids)
    }

    /// Peers that reach the CA by another URL.
    fn with_peers_by(ca: &'a dyn CaUnderTest, url: &str, ids: &[&str]) -> Self {
        let organisation = Self { ca, dir: tempfile::tempdir().unwrap() };
        for id in ids {
            ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(id, "pw") });
            let anchor = text(&organisation.anchor());
            std::fs::copy(ca.tls_anchor(), &anchor).unwrap();
            let (msp, tls) = (text(&organisation.folder(id, "msp")), text(&organisation.folder(id, "tls")));
            let mut args = vec!["enroll", "--url", url, "--tls-ca", &anchor, "--id", id, "--msp-dir", &msp];
            args.extend(["--tls-dir", &tls, "--san", id, "--san", "gateway"]);
            args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
            let ran = fabcert(&args, Some("pw"));
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        organisation
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("peers")
    }

    fn anchor(&self) -> PathBuf {
        self.dir.path().join("anchor.pem")
    }

    fn folder(&self, id: &str, name: &str) -> PathBuf {
        self.root().join(id).join(name)
    }

    fn renew(&self, more: &[&str]) -> Ran {
        fabcert(&[&["renew", &text(&self.root()), "--output", "json"], more].concat(), None)
    }

    /// The number of requests for certificates so far.
    fn asked(&self) -> usize {
        self.ca.count("enroll") + self.ca.count("reenroll")
    }

    /// Changes the recorded time of issue of the certificate in a folder.
    fn age(&self, id: &str, name: &str, days: i64) {
        let state = self.root().join(id);
        for entry in std::fs::read_dir(&state).unwrap() {
            let path = entry.unwrap().path();
            let is_of = path.file_name().unwrap().to_string_lossy().contains(name);
            let record = path.join("record.json");
            if !is_of || !record.is_file() {
                continue;
            }
            let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
            json["issued_at"] = (json["issued_at"].as_i64().unwrap() - days * DAY).into();
            std::fs::write(&record, json.to_string()).unwrap();
            return;
        }
        panic!("no record of {name} in {}", state.display());
    }
}

/// A day passes: what is recorded of each identity, and noted for a rollover, is a day older.
fn a_day_later(root: &Path) {
    let noted = [("record.json", "issued_at"), ("overlap.json", "reissue_at")];
    let children =
        |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for state in children(root).iter().flat_map(|peer| children(peer)) {
        for (name, key) in noted {
            let Ok(bytes) = std::fs::read(state.join(name)) else { continue };
            let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            if let Some(time) = json[key].as_i64() {
                json[key] = (time - DAY).into();
                std::fs::write(state.join(name), json.to_string()).unwrap();
            }
        }
    }
}

/// Id and action of each identity, and the reasons of its folders.
fn rows(ran: &Ran) -> Vec<(String, String, Vec<Option<String>>)> {
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let reasons = |row: &serde_json::Value| {
        let folders = row["folders"].as_array().unwrap();
        folders.iter().map(|folder| folder["reason"].as_str().map(str::to_owned)).collect()
    };
    let all = ran.json()["identities"].as_array().unwrap().clone();
    all.iter().map(|row| (word(&row["id"]), word(&row["action"]), reasons(row))).collect()
}

fn actions(ran: &Ran) -> Vec<String> {
    rows(ran).into_iter().map(|(_, action, _)| action).collect()
}

#[test]
fn a_folder_that_cannot_be_looked_into_does_not_stop_the_rest() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let scene = crate::audit::scene::Scene::new();
    let open = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    open(scene.dir());
    scene.tls_folder("peer1/tls", "peer1", &["peer1"]);
    let closed = scene.write("closed/tls/server.crt", "").parent().unwrap().to_owned();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = command(&["renew", &text(scene.dir()), "--dry-run", "--output", "json"], &[]);
    let Ok(output) = command.uid(65534).gid(65534).current_dir("/").output() else {
        println!("skipped: the program is out of reach for nobody");
        return;
    };
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["identities"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{report}");
    assert_eq!(rows[0]["id"], "peer1", "{report}");
    assert!(rows[1]["error"]["message"].as_str().unwrap().contains("closed/tls"), "{report}");
    assert_eq!(output.status.code(), Some(5), "{report}");
}

/// A pass requests what is due, and nothing else, whatever the limit of enrolments.
fn only_what_is_due(ca: &dyn CaUnderTest) {
    let peers = Organisation::with_peers(ca, &["peer1", "peer2"]);
    let asked = peers.asked();
    for more in [&["--dry-run"][..], &[]] {
        let ran = peers.renew(more);
        assert_eq!((ran.code, actions(&ran)), (0, vec!["unchanged".to_owned(); 2]), "{ran:?}");
    }
    assert_eq!(peers.asked(), asked, "nothing is due, and nothing was sent");

    peers.age("peer2", "tls", 2000);
    let before = [tree(&peers.folder("peer1", "msp")), tree(&peers.folder("peer2", "msp"))];
    let planned = peers.renew(&["--dry-run"]);
    assert_eq!((planned.code, actions(&planned)), (1, vec!["unchanged".to_owned(), "due".to_owned()]), "{planned:?}");
    let reasons = &rows(&planned)[1].2;
    assert!(reasons[0].is_none() && reasons[1].as_ref().unwrap().contains("the certificate is due"), "{reasons:?}");
    assert_eq!(peers.asked(), asked);
    let ran = peers.renew(&[]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["unchanged".to_owned(), "reenrolled".to_owned()]), "{ran:?}");
    assert_eq!(peers.asked(), asked + 1, "one certificate was due");
    assert!(before == [tree(&peers.folder("peer1", "msp")), tree(&peers.folder("peer2", "msp"))]);
    let tls = peers.folder("peer2", "tls");
    if let Some(verdict) =
        oracle::serves_under(&tls.join("server.crt"), &tls.join("server.key"), &tls.join("ca.crt"), "gateway")
    {
        assert!(verdict.accept, "{verdict:?}");
    }
    let again = peers.renew(&[]);
    assert_eq!((again.code, peers.asked()), (0, asked + 1), "{again:?}");

    // A file that was changed is a reason too. The anchors are in the record where their file is gone.
    std::fs::remove_file(peers.anchor()).unwrap();
    let ca_file = peers.folder("peer1", "tls").join("ca.crt");
    std::fs::remove_file(&ca_file).unwrap();
    let ran = peers.renew(&[]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["reenrolled".to_owned(), "unchanged".to_owned()]), "{ran:?}");
    assert!(ca_file.is_file());
}

#[test]
fn only_what_is_due_is_renewed() {
    let Some(ca) = RealCa::builder().start() else { return };
    only_what_is_due(&ca);
}

/// An identity that fails has its own error, and does not stop the others; the exit code is the worst.
fn one_failure_stops_no_other(ca: &dyn CaUnderTest) {
    let peers = Organisation::with_peers(ca, &["peer1", "peer2", "peer3"]);
    for id in ["peer1", "peer2", "peer3"] {
        peers.age(id, "msp", 2000);
    }
    ca.revoke("peer2");
    let ran = peers.renew(&["--jobs", "2"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert_eq!(actions(&ran), ["reenrolled", "failed", "reenrolled"]);
    let error = &ran.json()["identities"][1]["error"];
    assert_eq!(error["exit_code"], 7);
    assert!(error["help"].as_str().unwrap().contains("revoked"), "{error}");
}

#[test]
fn an_identity_that_fails_stops_no_other() {
    let Some(ca) = RealCa::builder().start() else { return };
    one_failure_stops_no_other(&ca);
}

/// A pass opens one connection for each of its jobs, whatever the number of identities and certificates.
fn one_connection_a_job(ca: &dyn CaUnderTest) {
    let port = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let relay = Relay::to(port, ("127.0.0.1", 0));
    let ids = ["peer1", "peer2", "peer3", "peer4", "peer5", "peer6"];
    let peers = Organisation::with_peers_by(ca, &format!("https://localhost:{}", relay.port()), &ids);
    assert_eq!(relay.connections(), ids.len(), "both certificates of an enrolment over one connection");
    for (jobs, most) in [("1", 1), ("3", 3)] {
        for id in ids {
            peers.age(id, "msp", 2000);
            peers.age(id, "tls", 2000);
        }
        let (before, asked) = (relay.connections(), peers.asked());
        let ran = peers.renew(&["--jobs", jobs]);
        assert_eq!((ran.code, actions(&ran)), (0, vec!["reenrolled".to_owned(); ids.len()]), "{ran:?}");
        assert_eq!(peers.asked() - asked, 2 * ids.len());
        let opened = relay.connections() - before;
        assert!((1..=most).contains(&opened), "{opened} connections for {jobs} jobs");
    }
}

#[test]
fn a_pass_opens_one_connection_for_each_job() {
    let Some(ca) = RealCa::builder().start() else { return };
    one_connection_a_job(&ca);
}

/// Enrols a registrar beside the peers.
fn registrar(peers: &Organisation<'_>, (id, secret): (&str, &str)) -> String {
    let (url, anchor) = (peers.ca.url(), text(&peers.anchor()));
    let folder = text(&peers.dir.path().join(id).join("msp"));
    let args = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", id, "--no-node-ous", "--msp-dir", &folder];
    let enrolled = fabcert(&args, Some(secret));
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    folder
}

/// An identity that was removed at the CA.
fn a_registrar_shows_what_is_unknown(ca: &dyn CaUnderTest) {
    let peers = Organisation::with_peers(ca, &["peer1", "peer2"]);
    let admin = registrar(&peers, ADMIN);
    let (url, anchor) = (ca.url(), text(&peers.anchor()));
    let args = ["ca", "identity", "remove", "peer2", "--url", &url, "--tls-ca", &anchor, "--registrar", &admin];
    let removed = fabcert(&args, None);
    assert_eq!(removed.code, 0, "{removed:?}");
    let blind = peers.renew(&["--dry-run"]);
    assert_eq!((blind.code, actions(&blind)), (0, ["unchanged", "unchanged"].map(str::to_owned).to_vec()), "{blind:?}");
    let seen = peers.renew(&["--dry-run", "--registrar", &admin]);
    assert_eq!((seen.code, actions(&seen)), (1, ["unchanged", "due"].map(str::to_owned).to_vec()), "{seen:?}");
    let expected = Some("the CA does not know the identity \"peer2\"".to_owned());
    assert_eq!(rows(&seen)[1].2, [expected.clone(), expected], "{seen:?}");
    // The CA takes no token of it: an enrolment needs a registration first.
    let ran = peers.renew(&["--registrar", &admin]);
    assert_eq!((ran.code, actions(&ran)), (7, ["unchanged", "failed"].map(str::to_owned).to_vec()), "{ran:?}");
    let error = &ran.json()["identities"][1]["error"];
    assert!(error["help"].as_str().unwrap().contains("removed"), "{error}");
}

#[test]
fn a_registrar_shows_which_identities_were_removed() {
    let Some(ca) = RealCa::builder().allow_removal().start() else { return };
    a_registrar_shows_what_is_unknown(&ca);
}

/// What a registrar may not see is not called unknown.
#[test]
fn a_registrar_of_another_affiliation_shows_nothing() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peers = Organisation::with_peers(&ca, &["peer1"]);
    let attributes: &[&str] = &["hf.Registrar.Roles=peer"];
    let other = Registration { kind: "client", affiliation: "org2", attributes, ..Registration::peer("other", "pw") };
    ca.register(&other);
    let folder = registrar(&peers, ("other", "pw"));
    let seen = peers.renew(&["--dry-run", "--registrar", &folder]);
    assert_eq!((seen.code, actions(&seen)), (0, vec!["unchanged".to_owned()]), "{seen:?}");
    assert!(seen.stderr.contains("which the registrar may not see"), "{seen:?}");
}

/// A pass with a registrar at hand sees what the CA does not list as valid, with one list for all folders.
fn a_registrar_shows_what_is_revoked(ca: &dyn CaUnderTest) {
    let peers = Organisation::with_peers(ca, &["peer1", "peer2", "peer3"]);
    let admin = registrar(&peers, ADMIN);
    let unchanged = || vec!["unchanged".to_owned(); 3];
    let good = peers.renew(&["--dry-run", "--registrar", &admin]);
    assert_eq!((good.code, actions(&good), ca.count("certificates")), (0, unchanged(), 1), "{good:?}");
    ca.revoke("peer2");
    let blind = peers.renew(&["--dry-run"]);
    assert_eq!((blind.code, actions(&blind)), (0, unchanged()), "{blind:?}");
    let seen = peers.renew(&["--dry-run", "--registrar", &admin]);
    assert_eq!(
        (seen.code, actions(&seen)),
        (1, ["unchanged", "due", "unchanged"].map(str::to_owned).to_vec()),
        "{seen:?}"
    );
    let reasons = &rows(&seen)[1].2;
    assert!(reasons.iter().all(|reason| reason.as_ref().is_some_and(|r| r.contains("as revoked"))), "{reasons:?}");
    assert_eq!(ca.count("certificates"), 4, "one list, and one query for each of two certificates");
    // A revoked certificate is no credential: the pass says so, and renews nothing else.
    let asked = peers.asked();
    let ran = peers.renew(&["--registrar", &admin]);
    assert_eq!(
        (ran.code, actions(&ran)),
        (7, ["unchanged", "failed", "unchanged"].map(str::to_owned).to_vec()),
        "{ran:?}"
    );
    assert_eq!(peers.asked(), asked + 1, "{ran:?}");
    // An identity that may not ask, and a folder without one.
    let peer = text(&peers.folder("peer1", "msp"));
    let refused = peers.renew(&["--dry-run", "--registrar", &peer]);
    assert_eq!((refused.code, actions(&refused)), (7, vec!["failed".to_owned(); 3]), "{refused:?}");
    let nobody = text(peers.dir.path());
    let none = peers.renew(&["--dry-run", "--registrar", &nobody]);
    assert_eq!(none.code, 4, "{none:?}");
    // What is due by time is renewed all the same.
    peers.age("peer3", "msp", 2000);
    let due = peers.renew(&["--registrar", &nobody]);
    let row = &due.json()["identities"][2];
    assert_eq!((&row["action"], &row["error"]["kind"]), (&"reenrolled".into(), &"input".into()), "{due:?}");
}

#[test]
fn a_registrar_shows_which_certificates_are_revoked() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_registrar_shows_what_is_revoked(&ca);
}

/// A folder of the Go client has no record; with the URL of its CA it is renewed, and known from then on.
#[test]
fn a_folder_that_fabcert_did_not_install_needs_the_url_once() {
    let Some(ca) = RealCa::builder().start() else { return };
    ca.register(&Registration::peer("peer1", "pw"));
    let home = tempfile::tempdir().unwrap();
    let url = ca.url().replace("https://", "https://peer1:pw@");
    let ran = ca.client(home.path(), &["enroll", "-u", &url, "--csr.hosts", "peer1", "--mspdir", "msp"]);
    assert!(ran.status.success(), "{ran:?}");
    let folder = text(&home.path().join("msp"));
    let unknown = fabcert(&["renew", &folder, "--output", "json"], None);
    assert_eq!((unknown.code, actions(&unknown)), (4, vec!["failed".to_owned()]), "{unknown:?}");
    let error = &unknown.json()["identities"][0]["error"];
    assert!(error["message"].as_str().unwrap().contains("is not known"), "{error}");
    assert!(error["help"].as_str().unwrap().contains("--url"), "{error}");
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    // Its `NotBefore` is that of the CA: what is left counts.
    let before = ["--renew-before", "9000h"];
    let args = ["renew", &folder, "--output", "json", "--url", &url, "--tls-ca", &anchor];
    let ran = fabcert(&[&args[..], &before].concat(), None);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["reenrolled".to_owned()]), "{ran:?}");
    let known = fabcert(&["renew", &folder, "--output", "json"], None);
    assert_eq!((known.code, actions(&known)), (0, vec!["unchanged".to_owned()]), "{known:?}");
    assert!(!home.path().join("msp/config.yaml").exists(), "the folder has no file more than before");
    // A certificate that would always be due is an error and no loop.
    let sent = ca.count("reenroll");
    let fresh = fabcert(&[&["renew", &folder, "--output", "json"], &before[..]].concat(), None);
    assert_eq!((fresh.code, actions(&fresh)), (4, vec!["failed".to_owned()]), "{fresh:?}");
    assert_eq!(ca.count("reenroll"), sent);
}

#[test]
fn paths_without_certificates_have_exit_codes_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let none = fabcert(&["renew", &text(dir.path())], None);
    assert_eq!(none.code, 3, "{none:?}");
    let missing = fabcert(&["renew", &text(&dir.path().join("gone"))], None);
    assert_eq!(missing.code, 4, "{missing:?}");
    let nothing = fabcert(&["renew"], None);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(Path::new(dir.path()).read_dir().unwrap().next().is_none(), "nothing was written");
}
