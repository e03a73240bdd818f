//! An agent whose disk is full when a renewal is due.

use super::{Agent, age};
use crate::command::tree;
use crate::enroll::scene::text;
use crate::install::mounts::{fill_up, mounted_here, with_tmpfs};
use crate::real::{CaUnderTest, RealCa, Registration};

/// No request is sent that could not be installed, over restarts too; with room again, one request for each certificate.
#[test]
fn a_full_disk_costs_no_request_and_stops_no_later_renewal() {
    let Some(mount) = mounted_here() else {
        return with_tmpfs("agent::full_disk::a_full_disk_costs_no_request_and_stops_no_later_renewal", "volume");
    };
    let Some(ca) = RealCa::builder().start() else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer("org1-peer1", "peerpw") });
    let logs = tempfile::tempdir().unwrap();
    let (parent, url, anchor) = (mount.join("peer"), ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&parent.join("msp")), text(&parent.join("tls")));
    let args = ["--url", &url, "--ca-name", ca.ca_name().unwrap(), "--tls-ca", &anchor, "--id", "org1-peer1"];
    let args = [&args[..], &["--msp-dir", &msp, "--tls-dir", &tls, "--san", "org1-peer1", "--role", "peer"]].concat();
    let asked = || (ca.count("enroll"), ca.count("reenroll"));
    let folders = || [tree(&parent.join("msp")), tree(&parent.join("tls"))];
    let certificates = || [parent.join("msp/signcerts/cert.pem"), parent.join("tls/server.crt")].map(std::fs::read);
    let start = || Agent::start(logs.path(), &args, Some("peerpw"));
    let mut agent = start();
    agent.until_it_watches();
    assert!(parent.join("msp").exists() && parent.join("tls").exists(), "{}", agent.log());

    age(&parent, 2000);
    let (before, requests) = (folders(), asked());
    fill_up(&mount, 0);
    agent.signal("-HUP");
    let is_known = |log: &str| log.contains("next try at") && log.contains("No space left on device");
    agent.until("the failure is known", is_known);
    assert!(agent.log().contains("make room"), "{}", agent.log());
    assert_eq!(agent.end("-TERM"), Some(143));
    let mut agent = start();
    agent.until("the failure is known after a restart", is_known);
    assert_eq!(asked(), requests, "{}", agent.log());
    assert!(folders() == before, "the old set is whole");

    for entry in std::fs::read_dir(&mount).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().unwrap().to_string_lossy().starts_with("ballast") {
            std::fs::remove_file(entry).unwrap();
        }
    }
    let old = certificates().map(Result::unwrap);
    // It tries again by itself.
    agent.until("both certificates are new", |_| {
        certificates().into_iter().zip(&old).all(|(new, old)| new.is_ok_and(|new| new != *old))
    });
    agent.signal("-HUP");
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(asked(), (requests.0, requests.1 + 2), "{}", agent.log());
    assert_eq!(agent.end("-TERM"), Some(143));
}
