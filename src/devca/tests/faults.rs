//! Each fault, as seen by a client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Reply, basic, csr, enroll, enroll_key, new_key, request, send, try_send, with_cert};
use super::{NOW, start_with_peer};
use crate::Timestamp;
use crate::devca::{Endpoint, Fault, FaultRule, Running};

fn struck(fault: Fault, more: Value) -> (Running, Reply) {
    let ca = start_with_peer();
    ca.set_fault(fault);
    let reply = enroll(&ca, "peer0", "peer0pw", more);
    (ca, reply)
}

fn two_hosts() -> Value {
    json!({"hosts": ["a.example", "b.example"]})
}

fn san_count(reply: &Reply) -> usize {
    with_cert(&reply.cert_der(), |c| c.subject_alternative_name().unwrap().map_or(0, |e| e.value.general_names.len()))
}

#[test]
fn sans_are_dropped_or_added() {
    for (fault, left) in [(Fault::DropSans, 0), (Fault::DropOneSan, 1), (Fault::ExtraSan, 3)] {
        let (_ca, reply) = struck(fault.clone(), two_hosts());
        assert_eq!(san_count(&reply), left, "{fault}");
    }
}

#[test]
fn the_certificate_is_for_another_key_or_id() {
    let ca = start_with_peer();
    ca.set_fault(Fault::OtherKey);
    let key = new_key();
    let reply = enroll_key(&ca, "peer0", "peer0pw", json!({}), &key);
    with_cert(&reply.cert_der(), |c| assert_ne!(c.public_key().raw, key.spki_der()));
    let (_ca, reply) = struck(Fault::OtherCn, json!({}));
    with_cert(&reply.cert_der(), |c| {
        assert_eq!(c.subject().iter_common_name().next().unwrap().as_str().unwrap(), "peer0-other");
    });
}

#[test]
fn the_chain_is_wrong_empty_or_in_another_order() {
    let issued_by = |reply: &Reply| {
        let leaf = reply.cert_der();
        let verified = |der: &Vec<u8>| {
            with_cert(&leaf, |leaf| with_cert(der, |ca| leaf.verify_signature(Some(ca.public_key())).is_ok()))
        };
        reply.chain().iter().map(verified).collect::<Vec<bool>>()
    };
    let (_ca, reply) = struck(Fault::WrongChain, json!({}));
    assert_eq!(issued_by(&reply), [false]);
    let (_ca, reply) = struck(Fault::EmptyChain, json!({}));
    assert!(issued_by(&reply).is_empty());
    let (_ca, reply) = struck(Fault::NonCaInChain, json!({}));
    assert_eq!(reply.chain()[1], reply.cert_der());

    let mut config = super::plain();
    config.intermediates = 1;
    config.faults = vec![Fault::ReversedChain.into()];
    let ca = super::start(config);
    assert_eq!(issued_by(&enroll(&ca, "admin", "adminpw", json!({}))), [false, true]);
}

#[test]
fn the_dates_are_in_the_past_or_future() {
    let dates = |fault| {
        let (_ca, reply) = struck(fault, json!({}));
        with_cert(&reply.cert_der(), |c| (c.validity().not_before.timestamp(), c.validity().not_after.timestamp()))
    };
    let (start, end) = dates(Fault::Expired);
    assert!(start < end && end < NOW.unix());
    assert!(dates(Fault::NotYetValid).0 > NOW.unix());
}

#[test]
fn the_usages_belong_to_the_other_profile() {
    for (profile, has_eku) in [("", true), ("tls", false)] {
        let (_ca, reply) = struck(Fault::WrongProfile, json!({"profile": profile}));
        with_cert(&reply.cert_der(), |c| assert_eq!(c.extended_key_usage().unwrap().is_some(), has_eku));
    }
}

#[test]
fn the_role_is_missing_or_not_unique() {
    let units = |fault| {
        let (_ca, reply) = struck(fault, json!({}));
        with_cert(&reply.cert_der(), |c| {
            c.subject().iter_organizational_unit().map(|u| u.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        })
    };
    assert!(units(Fault::NoOu).is_empty());
    let two = units(Fault::TwoOus);
    assert!(two.contains(&"peer".to_owned()) && two.contains(&"admin".to_owned()));
}

#[test]
fn the_answer_contains_extra_or_other_content() {
    let (_ca, reply) = struck(Fault::KeyInAnswer, json!({}));
    assert!(reply.cert_pem().contains("BEGIN PRIVATE KEY") && reply.cert_pem().ends_with("and junk\n"));
    let (_ca, reply) = struck(Fault::WrongContent, json!({}));
    assert!(!reply.cert_pem().contains("BEGIN"));
}

#[test]
fn a_slow_or_delayed_answer_is_complete() {
    let begin = Instant::now();
    let (_ca, reply) = struck(Fault::Delay(150), json!({}));
    assert!(begin.elapsed() >= Duration::from_millis(150) && reply.status == 201);
    let ca = start_with_peer();
    ca.set_fault(FaultRule::new(Fault::Slow(1)).on(Endpoint::Enroll));
    let begin = Instant::now();
    let reply = enroll(&ca, "peer0", "nope", json!({}));
    assert!(begin.elapsed() >= Duration::from_millis(80), "a hundred bytes take a hundred milliseconds");
    assert_eq!(reply.verdict(), (401, 20));
}

#[test]
fn a_silent_server_keeps_the_connection_without_an_answer() {
    let ca = start_with_peer();
    ca.set_fault(Fault::Silent);
    let mut stream = TcpStream::connect(ca.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.write_all(&request("POST", "/enroll", &[("Authorization", &basic("peer0", "peer0pw"))], b"{}")).unwrap();
    let kind = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{kind:?}");
    let logged = ca.requests();
    assert_eq!((logged.len(), logged[0].status), (1, None));
    assert_eq!(ca.enrollments("rootca", "peer0"), Some(0));
}

#[test]
fn then_good_faults_end() {
    for (fault, status) in [(Fault::ServerErrorThenGood, 500), (Fault::UnavailableThenGood, 503)] {
        let (ca, reply) = struck(fault, json!({}));
        assert_eq!(reply.status, status);
        assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).status, 201);
        assert_eq!(ca.enrollments("rootca", "peer0"), Some(1));
    }
    let ca = start_with_peer();
    ca.set_fault(FaultRule::new(Fault::ServerErrorThenGood).times(2));
    let statuses: Vec<u16> = (0..3).map(|_| enroll(&ca, "peer0", "peer0pw", json!({})).status).collect();
    assert_eq!(statuses, [500, 500, 201]);
}

#[test]
fn a_cut_body_is_incomplete() {
    let (ca, reply) = struck(Fault::CutBody, json!({}));
    assert!(reply.status == 201 && !reply.complete && !reply.body.is_empty());
    assert_eq!(ca.enrollments("rootca", "peer0"), Some(1));
}

#[test]
fn a_lost_answer_counts() {
    let ca = start_with_peer();
    ca.set_fault(FaultRule::new(Fault::LostAnswer).times(1));
    let body = json!({"certificate_request": csr("peer0", &[], &new_key())}).to_string();
    let auth = basic("peer0", "peer0pw");
    let reply = try_send(&ca, "POST", "/enroll", &[("Authorization", &auth)], body.as_bytes());
    assert!(reply.is_none(), "{reply:?}");
    assert_eq!((ca.enrollments("rootca", "peer0"), ca.issued("peer0").len()), (Some(1), 1));
}

#[test]
fn answers_of_a_proxy() {
    let (_ca, reply) = struck(Fault::NoJson, json!({}));
    assert!(reply.status == 201 && serde_json::from_slice::<Value>(&reply.body).is_err());
    let (_ca, reply) = struck(Fault::Html404, json!({}));
    assert_eq!((reply.status, reply.header("Content-Type")), (404, Some("text/html")));
    let (_ca, reply) = struck(Fault::HugeBody(3), json!({}));
    assert!(reply.status == 201 && reply.body.len() >= 3 << 20);
}

#[test]
fn a_redirect_has_the_target_url() {
    for status in [302, 307] {
        let to = "https://elsewhere.example/enroll".to_owned();
        let (_ca, reply) = struck(Fault::Redirect { status, to: to.clone() }, json!({}));
        assert_eq!((reply.status, reply.header("Location")), (status, Some(to.as_str())));
    }
}

#[test]
fn clock_skew_changes_only_the_date_header() {
    let ca = start_with_peer();
    ca.set_fault(Fault::ClockSkew(-7200));
    let reply = send(&ca, "GET", "/cainfo", &[], b"");
    let date = Timestamp::parse_http_date(reply.header("Date").unwrap()).unwrap();
    assert_eq!(date.unix(), NOW.unix() - 7200);
    ca.clear_faults();
    let reply = send(&ca, "GET", "/cainfo", &[], b"");
    assert_eq!(Timestamp::parse_http_date(reply.header("Date").unwrap()), Some(NOW));
}

#[test]
fn a_locked_database_neither_records_nor_counts() {
    let (ca, reply) = struck(Fault::DatabaseLocked, json!({}));
    assert_eq!(reply.verdict(), (500, 0));
    assert!(reply.message().contains("database is locked"), "{}", reply.message());
    assert_eq!((ca.enrollments("rootca", "peer0"), ca.issued("peer0").len()), (Some(0), 0));
}

#[test]
fn faults_combine_and_are_logged() {
    let ca = start_with_peer();
    ca.add_fault(Fault::DropSans);
    ca.add_fault(Fault::ClockSkew(60));
    let reply = enroll(&ca, "peer0", "peer0pw", two_hosts());
    assert_eq!(san_count(&reply), 0);
    assert_eq!(ca.requests()[0].faults, [Fault::DropSans, Fault::ClockSkew(60)]);
}
