//! Tests on the real fabric-ca-server, judged by Fabric's own MSP package and Go's TLS.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fabcert::pki::x509::Cert;

use crate::command::{Ran, fabcert, tree};
use crate::real::proxy::PathProxy;
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

use super::scene::{self, Peer};

const NAMES: [&str; 9] = [
    "127.0.0.1",
    "org1-peer1",
    "org1-peer1.fabric",
    "org1-peer1.fabric.svc",
    "org1-peer1.fabric.svc.cluster.local",
    "org1-peer-gateway-svc",
    "org1-peer-gateway-svc.fabric",
    "org1-peer-gateway-svc.fabric.svc",
    "org1-peer-gateway-svc.fabric.svc.cluster.local",
];

fn enroll(ca: &dyn CaUnderTest, dir: &Path, secret: &str, more: &[&str]) -> Ran {
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let msp = dir.join("p/msp").display().to_string();
    let mut args = vec!["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", &anchor, "--msp-dir", &msp];
    args.extend(["--role", "peer", "--output", "json"]);
    if let Some(name) = ca.ca_name() {
        args.extend(["--ca-name", name]);
    }
    args.extend(more);
    fabcert(&args, Some(secret))
}

/// Each role in config.yaml names the file of the CA that issued the signing certificate. With the root in place of an
/// intermediate CA, Fabric finds no role for the peer.
pub(super) fn node_ous_name_the_issuer(msp: &Path) {
    let certificate = |path: &Path| Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap().remove(0);
    let config = std::fs::read_to_string(msp.join("config.yaml")).unwrap();
    let mut named: Vec<&str> =
        config.lines().filter_map(|line| Some(line.trim().strip_prefix("Certificate:")?.trim())).collect();
    assert_eq!(named.len(), 4, "{config}");
    named.dedup();
    let [file] = named[..] else { panic!("the roles name several files: {config}") };
    let leaf = certificate(&std::fs::read_dir(msp.join("signcerts")).unwrap().next().unwrap().unwrap().path());
    assert!(leaf.is_issued_by(&certificate(&msp.join(file))), "{file} did not issue {}", leaf.subject());
}

/// MSP and TLS in one command, loaded by Fabric and accepted by Go with every name.
pub(super) fn both_folders(ca: &dyn CaUnderTest, intermediates: usize) {
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let dir = tempfile::tempdir().unwrap();
    let tls = dir.path().join("p/tls");
    let more = ["--tls-dir", &tls.display().to_string(), "--hostname", "org1-peer1", "--san", "127.0.0.1"];
    let gateway = ["--gateway-service", "org1-peer-gateway-svc", "--namespace", "fabric"];
    let ran = enroll(ca, dir.path(), "peerpw", &[&more[..], &gateway[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!(json["action"], "enrolled");
    // The server groups names by type.
    let mut sans: Vec<&str> =
        json["certificates"][1]["sans"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    sans.sort_unstable();
    let mut wanted = NAMES;
    wanted.sort_unstable();
    assert_eq!(sans, wanted);

    let msp = dir.path().join("p/msp");
    let found = tree(&msp);
    let below = |folder: &str| found.keys().filter(|p| p.starts_with(&format!("{folder}/"))).count();
    assert_eq!((below("keystore"), below("signcerts"), below("cacerts")), (1, 1, 1));
    assert_eq!(below("intermediatecerts"), intermediates);
    for (path, (_, content)) in found.iter().filter(|(p, _)| p.contains("certs/")) {
        assert_eq!(String::from_utf8_lossy(content).matches("BEGIN CERTIFICATE").count(), 1, "{path}");
    }
    node_ous_name_the_issuer(&msp);
    if let Some(verdict) = oracle::msp(&msp, "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer() && verdict.verifies, "{verdict:?}");
    }
    let (cert, key, anchors) = (tls.join("server.crt"), tls.join("server.key"), tls.join("ca.crt"));
    for name in NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            let is_served = verdict.dns_names.iter().any(|n| n == name) || name.parse::<IpAddr>().is_ok();
            assert!(verdict.accept && is_served, "{name}: {verdict:?}");
        }
    }
    if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, "org2-peer-gateway-svc") {
        assert!(!verdict.accept && verdict.error.as_ref().is_some_and(|e| e.contains("x509")), "{verdict:?}");
    }
    let unchanged = enroll(ca, dir.path(), "peerpw", &[&more[..], &gateway[..]].concat());
    assert_eq!((unchanged.code, unchanged.json()["action"].as_str()), (0, Some("unchanged")), "{unchanged:?}");
}

#[test]
fn a_root_ca_gives_folders_that_fabric_loads() {
    let Some(ca) = RealCa::builder().start() else { return };
    both_folders(&ca, 0);
}

#[test]
fn an_intermediate_ca_gives_folders_that_fabric_loads() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    both_folders(&ca, 1);
}

#[test]
fn two_intermediates_give_folders_that_fabric_loads() {
    let Some(ca) = RealCa::builder().intermediates(2).start() else { return };
    both_folders(&ca, 2);
}

#[test]
fn one_of_several_cas_is_reached_by_its_name() {
    let Some(ca) = RealCa::builder().name("ca-one").also_named("ca-two").start() else { return };
    both_folders(&ca.with_ca_name("ca-two"), 0);
}

#[test]
fn a_second_run_does_nothing_and_every_missing_item_enrols_again() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_folder_is_left_alone_until_something_lacks(&ca);
}

pub(super) fn a_folder_is_left_alone_until_something_lacks(ca: &dyn CaUnderTest) {
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(enroll(ca, dir.path(), "peerpw", &["--san", "org1-peer1"]).code, 0);
    let msp = dir.path().join("p/msp");
    let (before, asked) = (tree(&msp), ca.answered().len());
    let again = enroll(ca, dir.path(), "peerpw", &["--san", "org1-peer1"]);
    assert_eq!(again.json()["action"], "unchanged");
    assert!(tree(&msp) == before && ca.answered().len() == asked, "the folder or the CA noticed the second run");
    let more = enroll(ca, dir.path(), "peerpw", &["--san", "org1-peer1,org1-peer-gateway-svc"]);
    assert_eq!(more.json()["action"], "enrolled");
    let fewer = enroll(ca, dir.path(), "peerpw", &["--san", "org1-peer1"]);
    assert_eq!(fewer.json()["action"], "unchanged");
}

#[test]
fn a_hundred_runs_leave_one_key_and_fifty_enrolments() {
    let Some(ca) = RealCa::builder().start() else { return };
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let dir = tempfile::tempdir().unwrap();
    let before = ca.count_status("enroll", 201);
    for i in 0..100 {
        let force: &[&str] = if i % 2 == 0 { &["--force"] } else { &[] };
        let ran = enroll(&ca, dir.path(), "peerpw", force);
        assert_eq!(ran.code, 0, "run {i}: {ran:?}");
    }
    assert_eq!(ca.count_status("enroll", 201) - before, 50);
    let found = tree(&dir.path().join("p/msp"));
    let below = |folder: &str| found.keys().filter(|p| p.starts_with(folder)).count();
    assert_eq!((below("keystore/"), below("signcerts/")), (1, 1));
}

#[test]
fn a_wrong_secret_is_not_sent_in_a_loop() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_wrong_secret_locks_nothing(&ca);
}

pub(super) fn a_wrong_secret_locks_nothing(ca: &dyn CaUnderTest) {
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..14 {
        assert_eq!(enroll(ca, dir.path(), "wrong", &["--wait", "5s"]).code, 7);
    }
    // Another after ten seconds, if the runs take that long.
    assert!((1..=3).contains(&ca.count_status("enroll", 401)));
    let right = enroll(ca, dir.path(), "peerpw", &[]);
    assert_eq!(right.code, 0, "{right:?}");
}

#[test]
fn another_root_and_another_identity_are_refused_and_nothing_changes() {
    let Some(ca) = RealCa::builder().start() else { return };
    let Some(other) = RealCa::builder().start() else { return };
    for server in [&ca, &other] {
        server.register(&Registration::peer("org1-peer1", "peerpw"));
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(enroll(&ca, dir.path(), "peerpw", &[]).code, 0);
    let before = tree(&dir.path().join("p/msp"));
    let moved = enroll(&other, dir.path(), "peerpw", &["--san", "new-name"]);
    assert_eq!(moved.code, 8, "{moved:?}");
    let (url, anchor) = (ca.url().replace("https://", "https://org1-peer2:x@"), ca.tls_anchor().display().to_string());
    let msp = dir.path().join("p/msp").display().to_string();
    let renamed = fabcert(&["enroll", "--url", &url, "--tls-ca", &anchor, "--msp-dir", &msp], None);
    assert_eq!(renamed.code, 4, "{renamed:?}");
    assert!(tree(&dir.path().join("p/msp")) == before);
    let unknown = enroll(&ca.with_ca_name("no-such-ca"), dir.path(), "peerpw", &["--force"]);
    assert_eq!(unknown.code, 7, "{unknown:?}");
    assert!(tree(&dir.path().join("p/msp")) == before);
}

/// Behind a proxy that rewrites the path, the CA sees another path than the token signs. One enrolment is enough here
/// too.
#[test]
fn a_ca_under_a_url_path_behind_a_proxy_gives_both_folders() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    let peer = Peer::register(&ca, "peerpw", Some(1));
    let port: u16 = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let certificate = ca.transport().issue("proxy", &["localhost", "127.0.0.1"]);
    let proxy = PathProxy::start("/ca/org1", port, ca.tls_anchor(), &certificate);
    let (by_secret, by_token) = peer.issued();
    let ran = peer.enroll_at(&proxy.url(), ca.tls_anchor(), ca.ca_name(), "peerpw", &[]);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("enrolled")), "{ran:?}");
    assert_eq!(peer.issued(), (by_secret + 1, by_token + 1));
    assert_eq!(proxy.seen(), ["/ca/org1/enroll", "/ca/org1/reenroll", "/ca/org1/reenroll"]);
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    let (cert, key, anchors) =
        (peer.tls().join("server.crt"), peer.tls().join("server.key"), peer.tls().join("ca.crt"));
    for name in scene::NAMES {
        if let Some(verdict) = oracle::serves_under(&cert, &key, &anchors, name) {
            let is_served = verdict.dns_names.iter().any(|n| n == name) || name.parse::<IpAddr>().is_ok();
            assert!(verdict.accept && is_served, "{name}: {verdict:?}");
        }
    }
    let unchanged = peer.enroll_at(&proxy.url(), ca.tls_anchor(), ca.ca_name(), "peerpw", &[]);
    assert_eq!((unchanged.code, proxy.seen().len()), (0, 3), "{unchanged:?}");
}

/// Each difference from the real client's folder for the same request is listed here and intended; `docs/install.md`
/// gives the reason.
#[test]
fn the_folder_differs_from_the_go_clients_only_as_documented() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(enroll(&ca, dir.path(), "peerpw", &["--san", "org1-peer1", "--layout", "fabric-ca"]).code, 0);
    let home = dir.path().join("go");
    let url = ca.url().replace("https://", "https://org1-peer1:peerpw@");
    let ran = ca.client(&home, &["enroll", "-u", &url, "--csr.hosts", "org1-peer1", "--mspdir", "msp"]);
    assert!(ran.status.success(), "{ran:?}");
    let (own_msp, reference_msp) = (dir.path().join("p/msp"), home.join("msp"));
    let entries = |msp: &Path| -> BTreeMap<String, (u32, Vec<u8>)> {
        let key = |p: String| if p.starts_with("keystore/") { "keystore/<SKI>_sk".to_owned() } else { p };
        let mut found: BTreeMap<_, _> = tree(msp).into_iter().map(|(p, entry)| (key(p), entry)).collect();
        found.insert(".".to_owned(), (std::fs::metadata(msp).unwrap().permissions().mode(), Vec::new()));
        found
    };
    let (own, reference) = (entries(&own_msp), entries(&reference_msp));
    let only = |a: &BTreeMap<String, _>, b: &BTreeMap<String, _>| -> Vec<String> {
        a.keys().filter(|p| !b.contains_key(*p)).cloned().collect()
    };
    assert_eq!(only(&own, &reference), ["config.yaml"]);
    assert_eq!(only(&reference, &own), ["IssuerPublicKey", "IssuerRevocationPublicKey", "user"]);
    let other_modes: Vec<String> = own
        .iter()
        .filter_map(|(p, (mode, _))| {
            let reference = reference.get(p)?.0;
            (*mode != reference).then(|| format!("{p}: {:o}, not {:o}", mode & 0o7777, reference & 0o7777))
        })
        .collect();
    assert_eq!(other_modes, [".: 755, not 700"]);
    let other_contents: Vec<&String> = own
        .iter()
        .filter(|(p, (_, content))| reference.get(*p).is_some_and(|t| t.1 != *content))
        .map(|(p, _)| p)
        .collect();
    assert_eq!(other_contents, ["keystore/<SKI>_sk", "signcerts/cert.pem"], "another key, and its certificate");

    // The key has the same form, and the certificate has the same issuer and the same names.
    let lines = |entries: &BTreeMap<String, (u32, Vec<u8>)>| -> Vec<usize> {
        let pem = String::from_utf8(entries["keystore/<SKI>_sk"].1.clone()).unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        pem.lines().map(str::len).collect()
    };
    assert_eq!(lines(&own), lines(&reference));
    let cert = |entries: &BTreeMap<String, (u32, Vec<u8>)>| {
        let mut certs = Cert::all_from_pem(&entries["signcerts/cert.pem"].1).unwrap();
        assert_eq!(certs.len(), 1);
        certs.remove(0)
    };
    let (own_cert, reference_cert) = (cert(&own), cert(&reference));
    assert_eq!((own_cert.issuer(), own_cert.sans()), (reference_cert.issuer(), reference_cert.sans()));
    let subject = "CN=org1-peer1,OU=org1+OU=peer";
    assert_eq!(own_cert.subject(), subject);
    assert_eq!(reference_cert.subject(), format!("{subject},O=Hyperledger,ST=North Carolina,C=US"));

    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md")).unwrap();
    let section = page.split("## What differs from the Go client's folder\n").nth(1).expect("a section");
    let section = section.split("\n## ").next().unwrap();
    let listed: Vec<&str> = section.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let differing =
        ["config.yaml", "IssuerPublicKey", "IssuerRevocationPublicKey", "user/", "msp/", "signcerts/cert.pem"];
    assert_eq!(listed, differing, "docs/install.md lists the differences");
}

/// The Go client writes all intermediate CAs to one file, of which Fabric reads the first certificate only; fabcert
/// writes one file for each.
#[test]
fn each_intermediate_ca_of_the_go_clients_file_has_its_own_file() {
    let Some(ca) = RealCa::builder().intermediates(2).start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let ran = peer.enroll("peerpw", &["--layout", "fabric-ca"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let home = peer.dir().join("go");
    let url = ca.url().replace("https://", "https://org1-peer1:peerpw@");
    let ran = ca.client(&home, &["enroll", "-u", &url, "--mspdir", "msp"]);
    assert!(ran.status.success(), "{ran:?}");
    let certificates = |msp: &Path, folder: &str| -> Vec<Vec<Vec<u8>>> {
        let ders = |(_, content): &(u32, Vec<u8>)| -> Vec<Vec<u8>> {
            Cert::all_from_pem(content).unwrap().iter().map(|cert| cert.der().to_vec()).collect()
        };
        tree(&msp.join(folder)).values().map(ders).collect()
    };
    let (own, reference) = (peer.msp(), home.join("msp"));
    assert_eq!(certificates(&own, "cacerts"), certificates(&reference, "cacerts"));
    let (own_files, reference_files) =
        (certificates(&own, "intermediatecerts"), certificates(&reference, "intermediatecerts"));
    assert_eq!((own_files.len(), reference_files.len()), (2, 1));
    let sorted = |files: Vec<Vec<Vec<u8>>>| {
        let mut all = files.concat();
        all.sort();
        all
    };
    assert!(sorted(own_files) == sorted(reference_files), "other intermediate CAs than the Go client's");
}
