//! The same tests on the dev CA, and those that need another clock, slow answers or faults.

use std::time::{Duration, Instant};

use fabcert::devca::{Endpoint, Fault, FaultRule};

use super::Peer;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;

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
