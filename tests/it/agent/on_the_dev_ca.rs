//! The same tests on the dev CA, and those that need another clock, slow answers or faults.

use std::time::{Duration, Instant};

use fabcert::devca::{Endpoint, Fault, FaultRule};

use super::{Agent, Peer};
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::real::CaUnderTest;

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
    ca.running.add_fault(FaultRule::new(Fault::Delay(20_000)).on(Endpoint::Reenroll));
    let asked = ca.running.count(Endpoint::Reenroll);
    agent.signal("-USR1");
    agent.until("the request is sent", |_| ca.running.count(Endpoint::Reenroll) > asked);
    let start = Instant::now();
    assert_eq!(agent.end("-TERM"), Some(143));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
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

/// Whoever is revoked is refused by token, and the secret is not sent in its place.
#[test]
fn a_revoked_identity_is_asked_for_once_an_hour() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
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

/// Between two turns nothing wakes it. The log is JSON where that is asked for.
#[test]
fn an_idle_agent_sleeps() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("peerpw", &["--log-format", "json"]);
    agent.until_it_watches();
    for line in agent.log().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    let before = switches(&agent);
    assert!(before > 0);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(switches(&agent), before, "wake-ups in 3 s");
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
