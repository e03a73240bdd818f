//! The same tests on the dev CA, and those that need another clock, slow answers or faults.

use std::time::{Duration, Instant};

use fabcert::devca::{Endpoint, Fault, FaultRule};

use super::shown::{LISTEN, address, get};
use super::{Agent, Peer};
use crate::command::fabcert;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest, RealCa, Registration};

#[test]
fn the_agent_behaves_as_on_the_real_ca() {
    for run in [
        super::enrols_once_and_renews_ten_times,
        super::signals_and_restarts,
        super::a_wrong_secret,
        super::a_late_ca,
        super::a_tree,
    ] {
        run(&DevCaUnderTest::start(|_| {}, None));
    }
}

#[test]
fn sigterm_ends_a_renewal_at_once_and_the_pairs_stay_whole() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    let before = peer.serials();
    ca.running.add_fault(FaultRule::new(Fault::Delay(120_000)).on(Endpoint::Reenroll));
    let asked = ca.running.count(Endpoint::Reenroll);
    agent.signal("-USR1");
    agent.until("the request is sent", |_| ca.running.count(Endpoint::Reenroll) > asked);
    let start = Instant::now();
    assert_eq!(agent.end("-TERM"), Some(143));
    // The CA alone would take two minutes.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!(peer.serials(), before);
}

/// Certificates that are due as soon as they are issued: three an hour, and then an error on the board.
#[test]
fn certificates_of_four_minutes_are_no_loop() {
    let ca = DevCaUnderTest::start(|config| config.lifetime = Duration::from_secs(240), None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    let asked = peer.asked();
    for _ in 0..5 {
        agent.signal("-HUP");
        std::thread::sleep(Duration::from_millis(50));
    }
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(peer.asked(), asked, "{}", agent.log());
}

/// What is the same at each try is logged once, and names no flag that the agent lacks; SIGTERM is a normal end.
#[test]
fn repeated_tries_log_their_steps_once() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let port = crate::reserved::ReservedPort::new();
    let (url, anchor) = (format!("https://localhost:{}", port.number()), text(&peer.dir().join("anchor.pem")));
    let (secret, tls) = (peer.dir().join("secret"), text(&peer.tls()));
    std::fs::write(&secret, "peerpw").unwrap();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(&secret, 0o644);
    open(peer.dir(), 0o755);
    let secret = text(&secret);
    let args = ["--url", &url, "--tls-ca", &anchor, "--id", "org1-peer1", "--tls-dir", &tls, "--san", "localhost"];
    let mut agent = Agent::start(peer.dir(), &[&args[..], &["--secret-file", &secret], &LISTEN].concat(), None);
    let at = address(&mut agent);
    let failures = |metrics: &str| {
        let line = metrics.lines().find(|line| line.contains("result=\"failure\"")).unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0)
    };
    agent.until("it is tried three times", |_| failures(&get(&at, "/metrics").1) >= 3);
    let log = agent.log();
    let mut once: Vec<&str> = log.lines().collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), log.lines().count(), "{log}");
    assert!(log.contains("other users can read the secret file") && !log.contains("--wait"), "{log}");
    let file = agent.log.clone();
    assert_eq!(agent.end("-TERM"), Some(143));
    let log = std::fs::read_to_string(file).unwrap();
    assert_eq!(log.lines().last(), Some("ended by SIGTERM; nothing is half written"), "{log}");
}

/// A run that is killed between the certificate and its record leaves the note of the install.
#[test]
fn a_certificate_without_its_record_is_dated_by_its_install() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    for state in std::fs::read_dir(peer.dir().join("peer")).unwrap() {
        let record = state.unwrap().path().join("record.json");
        if record.exists() {
            std::fs::remove_file(record).unwrap();
        }
    }
    let before = peer.serials();
    peer.age(2000);
    agent.signal("-HUP");
    agent.until("both certificates are new", |_| peer.serials().iter().zip(&before).all(|(new, old)| new != old));
}

#[test]
fn a_revoked_identity_is_asked_for_once_an_hour() {
    a_revoked_identity(&DevCaUnderTest::start(|_| {}, None));
}

/// The real CA disables an identity that it revokes.
#[test]
fn a_disabled_identity_is_asked_for_once_an_hour() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_revoked_identity(&ca);
}

/// Whoever is revoked is refused by token, and the secret is not sent in its place.
fn a_revoked_identity(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    let asked = peer.asked();
    ca.revoke("org1-peer1");
    peer.age(2000);
    agent.signal("-HUP");
    agent.until("the refusal is known", |log| log.contains("next try at"));
    for _ in 0..3 {
        agent.signal("-HUP");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(peer.asked(), (asked.0, asked.1 + 1), "{}", agent.log());
    assert!(agent.log().contains("revoked"), "{}", agent.log());
}

/// Hooks that have passed, and a server that nobody asks.
const IDLE: [&str; 6] = ["--hook", "[\"true\"]", "--signal", "/nowhere/pid:HUP", "--listen", "127.0.0.1:0"];

/// Between two turns nothing wakes it. The log is JSON where that is asked for.
#[test]
fn an_idle_agent_sleeps() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("peerpw", &[&["--log-format", "json"], &IDLE[..]].concat());
    agent.until_it_watches();
    agent.until("the hooks have passed", |log| log.contains("the hooks passed"));
    for line in agent.log().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    is_idle(&agent);
}

/// Ten identities cost memory once, and no wake-up. Pages of the binary do not count: this one is not optimised.
#[test]
fn an_idle_agent_of_ten_identities_sleeps_in_little_memory() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let dir = tempfile::tempdir().unwrap();
    let (url, anchor, all) = (ca.url(), text(ca.tls_anchor()), dir.path().join("nodes"));
    for n in 0..10 {
        let id = format!("peer{n}");
        ca.register(&Registration::peer(&id, "peerpw"));
        let (msp, tls) = (text(&all.join(&id).join("msp")), text(&all.join(&id).join("tls")));
        let args = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", &id, "--msp-dir", &msp, "--tls-dir", &tls];
        let ran = fabcert(&[&args[..], &["--role", "peer", "--san", &id]].concat(), Some("peerpw"));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let mut agent = Agent::start(dir.path(), &[&[text(&all).as_str()], &IDLE[..]].concat(), None);
    agent.until_it_watches();
    assert!(agent.log().contains("watching 10 identities"), "{}", agent.log());
    is_idle(&agent);
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes <= 8 * 1024, "{line}");
}

/// Asserts that nothing wakes the agent for 3 s. On a slow machine its last turn may take longer than the first of these times.
fn is_idle(agent: &Agent) {
    assert!(switches(agent) > 0);
    for _ in 0..10 {
        let before = switches(agent);
        std::thread::sleep(Duration::from_secs(3));
        if switches(agent) == before {
            return;
        }
    }
    panic!("something wakes the agent again and again: {}", agent.log());
}

/// How often the threads of the agent gave up the processor.
fn switches(agent: &Agent) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", agent.child.id())).unwrap();
    let of = |status: String| -> u64 {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(|line| line.split_whitespace().last().unwrap().parse::<u64>().unwrap()).sum()
    };
    tasks.map(|task| of(std::fs::read_to_string(task.unwrap().path().join("status")).unwrap())).sum()
}
