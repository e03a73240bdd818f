//! `SIGKILL` at any time between the start of an agent and the end of its hooks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::hooks::Node;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::real::CaUnderTest as _;

/// A small generator (xorshift), so that each seed is a case that can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Kills an agent of one node again and again, at random times between its start and the end of the hooks; the number of kills
/// after which the hooks waited.
fn killed_again_and_again(ca: &DevCaUnderTest, lane: u64, seeds: std::ops::Range<u64>, end: Instant) -> (u64, u64) {
    let id = format!("peer{lane}");
    let node = Node::new(ca, &id);
    let hooks =
        ["first", "second"].map(|file| node.shell(&format!("sleep 0.02; echo $FABCERT_TLS_FINGERPRINT >> {file}")));
    let more = ["--hook", &hooks[0], "--hook", &hooks[1]];
    // What is there before the first agent with hooks is not new.
    node.agent(&more).until_it_watches();
    let adopted = node.fingerprint();
    let (mut certificates, mut kills): (Vec<String>, BTreeMap<String, usize>) = (Vec::new(), BTreeMap::new());
    let (mut ran, mut waited) = (0, 0);
    // The time of an undisturbed renewal with its hooks.
    let mut whole = Duration::from_millis(400);
    for seed in seeds {
        if Instant::now() > end {
            break;
        }
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1));
        let has_passed = node.has_passed();
        if has_passed {
            node.age();
        }
        let start = Instant::now();
        let mut agent = node.agent(&more);
        // A second kill of the same hooks leads to a pause, and teaches less.
        if has_passed && random.below(4) > 0 {
            let before = certificates.last().unwrap_or(&adopted);
            let is_new = || node.path("node/tls").exists() && node.fingerprint() != *before;
            agent.until("it is renewed or not due", |log| is_new() || log.contains("watching "));
            if !is_new() {
                // A kill between the certificate and its record leaves a certificate whose age cannot be changed.
                agent.signal("-USR1");
                agent.until("the certificate is new", |_| is_new());
            }
            std::thread::sleep(Duration::from_micros(random.below(120_000)));
        } else if has_passed || random.below(4) == 0 {
            let most = u64::try_from(whole.as_micros()).unwrap() * 5 / 4;
            std::thread::sleep(Duration::from_micros(random.below(most)));
        } else {
            agent.until("the hooks have passed", |_| node.has_passed());
            whole = start.elapsed().clamp(Duration::from_millis(100), Duration::from_secs(2));
        }
        drop(agent);
        let fingerprint = node.fingerprint();
        if fingerprint != adopted && certificates.last() != Some(&fingerprint) {
            certificates.push(fingerprint.clone());
        }
        *kills.entry(fingerprint).or_default() += 1;
        ran += 1;
        waited += u64::from(!node.has_passed());
    }
    let mut agent = node.agent(&more);
    agent.until("the hooks have passed", |_| node.has_passed());
    drop(agent);
    for file in ["first", "second"] {
        let all = node.lines(file);
        let mut once: Vec<String> = Vec::new();
        for line in &all {
            if !once.contains(line) {
                once.push(line.clone());
            }
        }
        assert_eq!(once, certificates, "lane {lane}: {file}");
        for (fingerprint, kills) in &kills {
            let runs = all.iter().filter(|line| *line == fingerprint).count();
            assert!(runs <= kills + 1, "lane {lane}: {file}: {runs} runs after {kills} kills");
        }
    }
    assert_eq!(ca.count("enroll"), 4, "no identity was enrolled twice");
    (ran, waited)
}

#[test]
fn whenever_the_agent_is_killed_each_certificate_has_its_hooks_in_order() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let end = Instant::now() + Duration::from_secs(40);
    let counts: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let lane = |lane: u64| {
            let ca = &ca;
            scope.spawn(move || killed_again_and_again(ca, lane, lane * 50..(lane + 1) * 50, end))
        };
        let lanes: Vec<_> = (0..4).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let (ran, waited) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{ran} of 200 seeds; after {waited} kills the hooks waited");
    assert!(ran >= 40 && waited >= ran / 10, "too few: {ran} seeds, {waited} kills");
}
