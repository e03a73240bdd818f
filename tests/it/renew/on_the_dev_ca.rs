//! The same tests, and those that need another clock or slow answers.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use fabcert::Timestamp;
use fabcert::devca::{Endpoint, Fault, FaultRule, FormerRoot};
use fabcert::pki::key::KeyPair;
use fabcert::pki::x509::Cert;

use super::rollover::{IDS, Successor, phases};
use super::{DAY, Organisation, a_day_later, actions, rows};
use crate::command::command;
use crate::enroll::faults::now;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::CaUnderTest;
use crate::terminal::at_a_terminal;

#[test]
fn only_what_is_due_is_renewed() {
    super::only_what_is_due(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn an_identity_that_fails_stops_no_other() {
    super::one_failure_stops_no_other(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn a_pass_opens_one_connection_for_each_job() {
    super::one_connection_a_job(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn a_registrar_shows_which_certificates_are_revoked() {
    super::a_registrar_shows_what_is_revoked(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn a_registrar_shows_which_identities_were_removed() {
    super::a_registrar_shows_what_is_unknown(&DevCaUnderTest::start(|c| c.allow_removal = true, None));
}

/// The CA with the state file of a running one, and a new root.
fn succeeds(state: &std::path::Path, intermediates: u8) -> Successor {
    let ca = DevCaUnderTest::start(
        |c| {
            c.state = Some(state.to_owned());
            c.intermediates = intermediates;
            c.new_root = Some(FormerRoot::InChain);
        },
        None,
    );
    Successor { root: ca.running.root_pem(), ca: Box::new(ca) }
}

#[test]
fn a_root_is_replaced_in_phases() {
    for intermediates in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.json");
        let old = DevCaUnderTest::start(
            |c| {
                c.state = Some(state.clone());
                c.intermediates = intermediates;
            },
            None,
        );
        phases(&old, &|| succeeds(&state, intermediates));
    }
}

/// Changes when the certificates of a peer are to be issued again.
pub(super) fn turn_now(peers: &Organisation<'_>, id: &str) {
    for name in ["msp", "tls"] {
        let path = peers.root().join(id).join(format!(".{name}.fabcert/overlap.json"));
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        json["reissue_at"] = (now().unix() - 1).into();
        std::fs::write(&path, json.to_string()).unwrap();
    }
}

#[test]
fn a_pass_issues_again_by_the_new_root_once_and_only_at_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = DevCaUnderTest::start(|c| c.state = Some(state.clone()), None);
    let peers = Organisation::with_peers(&old, &IDS);
    let next = succeeds(&state, 0);
    let root = folder.path().join("new.pem");
    std::fs::write(&root, &next.root).unwrap();
    let ran = peers.rollover(&["--new-root", &text(&root)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // It is the turn of peer1, but its CA issues with the old root: one request, then none until something changes.
    let reissue = ["--url", &next.ca.url(), "--tls-ca", &text(next.ca.tls_anchor())];
    let ran = peers.rollover(&reissue);
    assert_eq!(ran.code, 0, "{ran:?}");
    turn_now(&peers, "peer2");
    let asked = old.count("reenroll");
    for _ in 0..3 {
        let ran = peers.renew(&[]);
        assert_eq!((ran.code, actions(&ran)), (8, ["unchanged", "failed", "unchanged"].map(str::to_owned).to_vec()));
        assert_eq!(old.count("reenroll"), asked + 1, "{ran:?}");
    }
    // The CA starts with its new root.
    for name in ["msp", "tls"] {
        let path = peers.root().join(format!("peer2/.{name}.fabcert/record.json"));
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        json["ca"]["url"] = next.ca.url().into();
        std::fs::write(&path, json.to_string()).unwrap();
    }
    let anchor = text(next.ca.tls_anchor());
    let ran = peers.renew(&["--dry-run", "--tls-ca", &anchor]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(rows(&ran)[1].2.iter().all(|reason| reason.as_ref().unwrap().starts_with("new root: ")), "{ran:?}");
    let ran = peers.renew(&["--tls-ca", &anchor]);
    assert_eq!((ran.code, actions(&ran)), (0, ["unchanged", "reenrolled", "unchanged"].map(str::to_owned).to_vec()));
    assert_eq!(peers.states(&[])[2..4], ["drop both new"; 2]);
    for _ in 0..2 {
        let ran = peers.renew(&["--tls-ca", &anchor]);
        assert_eq!((ran.code, actions(&ran)), (0, vec!["unchanged".to_owned(); 3]), "{ran:?}");
    }
}

#[test]
fn phases_that_are_killed_at_any_time_are_finished_by_later_runs() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = DevCaUnderTest::start(|c| c.state = Some(state.clone()), None);
    let peers = Organisation::with_peers(&old, &IDS);
    let old_root = old.running.root_pem();
    let next = succeeds(&state, 0);
    let root = folder.path().join("new.pem");
    std::fs::write(&root, &next.root).unwrap();
    let (root, url, anchor, tree) = (text(&root), next.ca.url(), text(next.ca.tls_anchor()), text(&peers.root()));
    let args = ["renew", &tree, "--rollover", "--url", &url, "--tls-ca", &anchor, "--new-root", &root];
    let start = Instant::now();
    peers.states(&["--new-root", &root]);
    // A run that requests a certificate takes some times longer than one that only looks.
    let mut span = start.elapsed() * 6;
    let both = old_root.clone() + &next.root;
    let (mut killed, mut runs) = (0, 0);
    let mut before = peers.states(&["--new-root", &root]);
    while before != ["done new new"; 6] {
        runs += 1;
        assert!(runs < 300, "{before:?}");
        let mut child = command(&args, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Three of four runs are killed, later and later.
        if runs % 4 == 0 {
            assert_eq!(child.wait().unwrap().code(), Some(0));
        } else {
            std::thread::sleep(span * (runs * 7 % 20) / 20);
            child.kill().unwrap();
            let was_killed = child.wait().unwrap().signal() == Some(9);
            killed += usize::from(was_killed);
            // The machine may be faster than it was at the start.
            span = if was_killed { span } else { span / 2 };
        }
        peers.works(&[&both]);
        let states = peers.states(&["--new-root", &root]);
        assert!(states.iter().zip(&before).all(|(now, before)| rank(now) >= rank(before)), "{before:?}, {states:?}");
        before = states;
        a_day_later(&peers.root());
    }
    assert!(killed > 1, "{killed} of {runs} runs were killed");
    peers.is_over(&old_root);
}

/// The place of a folder's state in the order of the phases.
fn rank(state: &str) -> usize {
    ["trust", "reissue", "drop", "done"].iter().position(|phase| state.starts_with(phase)).unwrap()
}

/// The dates of two members of a gateway, in the days after their issue.
fn dates(years: i64) -> Vec<i64> {
    let behind = Arc::new(AtomicI64::new(years * 365 * DAY));
    let clock = Arc::clone(&behind);
    let ca = DevCaUnderTest::start(
        |c| c.clock = Arc::new(move || Timestamp::from_unix(now().unix() - clock.load(Ordering::SeqCst))),
        None,
    );
    behind.store(0, Ordering::SeqCst);
    let peers = Organisation::with_peers(&ca, &["peer1", "peer2"]);
    let ran = peers.renew(&["--dry-run"]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["unchanged".to_owned(); 2]), "{ran:?}");
    let json = ran.json();
    let at = |row: &serde_json::Value| {
        let due = row["folders"].as_array().unwrap().iter().map(|folder| folder["due_at"].as_str().unwrap());
        due.map(|due| Timestamp::parse_rfc3339(due).unwrap().unix()).min().unwrap() - now().unix()
    };
    json["identities"].as_array().unwrap().iter().map(at).collect()
}

#[test]
fn a_fresh_certificate_of_an_old_ca_is_due_as_one_of_a_new_ca() {
    for years in [0, 1, 3, 10] {
        let dates = dates(years);
        let window = (365 * DAY * 2 / 3 - 365 * DAY / 20 - 600)..=(365 * DAY * 2 / 3 + 3600);
        assert!(dates.iter().all(|date| window.contains(date)), "{years} years: {dates:?}");
        assert!((dates[0] - dates[1]).abs() >= 20 * 60 - 2, "members of one gateway: {dates:?}");
    }
}

#[test]
fn an_interrupted_pass_leaves_pairs_and_the_next_one_finishes() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let ids = ["peer1", "peer2"];
    let peers = Organisation::with_peers(&ca, &ids);
    for id in ids {
        peers.age(id, "tls", 2000);
    }
    let asked = ca.count("reenroll");
    ca.running.add_fault(FaultRule::new(Fault::Delay(5000)).on(Endpoint::Reenroll));
    let mut child = command(&["renew", &text(&peers.root())], &[]).spawn().unwrap();
    while ca.running.count(Endpoint::Reenroll) < asked + 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for id in ids {
        let read = |file: &str| std::fs::read(peers.folder(id, "tls").join(file)).unwrap();
        let cert = Cert::all_from_pem(&read("server.crt")).unwrap().remove(0);
        assert_eq!(KeyPair::from_pem(&read("server.key")).unwrap().spki_der(), cert.spki_der());
    }
    ca.running.clear_faults();
    let ran = peers.renew(&[]);
    assert_eq!((ran.code, actions(&ran)), (0, vec!["reenrolled".to_owned(); 2]), "{ran:?}");
}

#[test]
fn a_long_pass_says_how_far_it_is_on_a_terminal_only() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let ids = ["peer1", "peer2", "peer3"];
    let peers = Organisation::with_peers(&ca, &ids);
    ca.revoke("peer2");
    ca.running.add_fault(FaultRule::new(Fault::Delay(400)).on(Endpoint::Reenroll));
    let line = format!("fabcert renew '{}' --jobs 1", text(&peers.root()));
    let shown_by = |more: &str| {
        for id in ids {
            peers.age(id, "tls", 2000);
        }
        at_a_terminal(200, &format!("{line} {more}"), "", &[])
    };
    let shown = shown_by("");
    for part in ["] 1 of 3: peer2", "] 2 of 3, 1 failed: peer3"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // What is printed next wipes it.
    assert!(shown.contains("\r\u{1b}[K"), "{shown}");
    for more in ["--quiet", "--output json", "--log-format json", "2>&1 | cat"] {
        let shown = shown_by(more);
        assert!(!shown.contains(" of 3"), "{more}: {shown}");
    }
}

/// Several threads look into so many folders.
#[test]
fn many_identities_are_found_in_the_order_of_their_paths() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peers = Organisation::with_peers(&ca, &["peer00"]);
    for n in 1..70 {
        let paths = [0, n].map(|n| peers.root().join(format!("peer{n:02}")));
        assert!(std::process::Command::new("cp").arg("-a").args(paths).status().unwrap().success());
    }
    // A TLS folder that comes before the MSP folder belongs to it all the same.
    for (from, to) in [("tls", "a-tls"), (".tls.fabcert", ".a-tls.fabcert")] {
        std::fs::rename(peers.folder("peer07", from), peers.folder("peer07", to)).unwrap();
    }
    let ran = peers.renew(&["--dry-run"]);
    let rows = ran.json()["identities"].as_array().unwrap().clone();
    let paths = |row: &serde_json::Value| -> Vec<String> {
        row["folders"].as_array().unwrap().iter().map(|folder| folder["path"].as_str().unwrap().to_owned()).collect()
    };
    let expected = |n: usize| {
        let id = format!("peer{n:02}");
        ["msp", if n == 7 { "a-tls" } else { "tls" }].map(|name| text(&peers.folder(&id, name))).to_vec()
    };
    assert_eq!(rows.iter().map(paths).collect::<Vec<_>>(), (0..70).map(expected).collect::<Vec<_>>());
}
