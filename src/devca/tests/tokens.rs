//! The validity of tokens: request, signature and certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};

use super::client::{Member, csr, enroll, new_key, send};
use super::{NOW, plain, start, start_with_peer};
use crate::Timestamp;
use crate::devca::{DevCaConfig, IdentitySpec, Running};

const REFUSED: (u16, i64) = (401, 20);

fn reenroll_with(ca: &Running, token: &str, body: &[u8]) -> (u16, i64) {
    send(ca, "POST", "/reenroll", &[("Authorization", token)], body).verdict()
}

fn body(id: &str) -> Vec<u8> {
    json!({"certificate_request": csr(id, &[], &new_key())}).to_string().into_bytes()
}

#[test]
fn a_token_is_valid_only_for_its_request() {
    let ca = start_with_peer();
    let peer = Member::enroll(&ca, "peer0", "peer0pw");
    let body = body("peer0");
    let good = peer.token("POST", "/reenroll", &body);
    assert_eq!(reenroll_with(&ca, &good, &body), (201, -1));
    assert_eq!(reenroll_with(&ca, &good, &body), (201, -1), "a replay is accepted");
    for (what, token) in [
        ("path", peer.token("POST", "/api/v1/reenroll", &body)),
        ("query", peer.token("POST", "/reenroll?", &body)),
        ("method", peer.token("PUT", "/reenroll", &body)),
        ("body", peer.token("POST", "/reenroll", b"{}")),
        ("scheme word", format!("Bearer {good}")),
        ("parts", format!("{good}.x")),
        ("nothing", "x".to_owned()),
    ] {
        assert_eq!(reenroll_with(&ca, &token, &body), REFUSED, "{what}");
    }
    assert_eq!(send(&ca, "POST", "/reenroll", &[], &body).verdict(), (401, 2));
}

#[test]
fn base64_without_its_padding_is_refused() {
    let ca = start_with_peer();
    let mut peer = Member::enroll(&ca, "peer0", "peer0pw");
    // Text after the PEM is ignored; it changes the length so that base64 needs padding.
    while peer.pem.len() % 3 != 1 {
        peer.pem.push('\n');
    }
    let body = body("peer0");
    let token = |certificate: &str| {
        let payload = format!("POST.{}.{}.{certificate}", STANDARD.encode("/reenroll"), STANDARD.encode(&body));
        format!("{certificate}.{}", STANDARD.encode(peer.key.sign_sha256(payload.as_bytes()).unwrap()))
    };
    let padded = STANDARD.encode(&peer.pem);
    assert_eq!(reenroll_with(&ca, &token(&padded), &body), (201, -1));
    assert_eq!(reenroll_with(&ca, &token(padded.trim_end_matches('=')), &body), REFUSED);
}

#[test]
fn the_query_is_signed() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let target = "/api/v1/identities/peer0?ca=rootca&x=%2f";
    let token = admin.token("GET", target, b"");
    assert_eq!(send(&ca, "GET", target, &[("Authorization", &token)], b"").status, 200);
    let other = "/api/v1/identities/peer0?x=%2f&ca=rootca";
    assert_eq!(send(&ca, "GET", other, &[("Authorization", &token)], b"").verdict(), REFUSED);
}

#[test]
fn a_high_s_is_refused() {
    let ca = start_with_peer();
    let peer = Member::enroll(&ca, "peer0", "peer0pw");
    let body = body("peer0");
    let low = peer.token("POST", "/reenroll", &body);
    let (certificate, signature) = low.split_once('.').unwrap();
    let (r, s) = yasna::parse_der(&STANDARD.decode(signature).unwrap(), |r| {
        r.read_sequence(|r| Ok((r.next().read_bigint_bytes()?.0, r.next().read_bigint_bytes()?.0)))
    })
    .unwrap();
    let order = BigUint::parse_bytes(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16).unwrap();
    let high = (order - BigUint::from_bytes_be(&s)).to_bytes_be();
    let der = |s: &[u8]| {
        yasna::construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_bigint_bytes(&r, true);
                w.next().write_bigint_bytes(s, true);
            });
        })
    };
    let token = |signature: &[u8]| format!("{certificate}.{}", STANDARD.encode(signature));
    assert_eq!(reenroll_with(&ca, &token(&der(&high)), &body), REFUSED);
    let mut trailing = der(&s);
    trailing.extend([1, 2, 3]);
    assert_eq!(reenroll_with(&ca, &token(&trailing), &body), (201, -1), "bytes after the signature are ignored");
}

#[test]
fn a_token_of_another_ca_or_an_unknown_identity_is_refused() {
    let ca = start_with_peer();
    let other = start_with_peer();
    let stranger = Member::enroll(&other, "peer0", "peer0pw");
    assert_eq!(stranger.reenroll(&ca, "peer0").verdict(), REFUSED);
}

#[test]
fn a_revoked_certificate_is_refused() {
    let ca = start_with_peer();
    let peer = Member::enroll(&ca, "peer0", "peer0pw");
    ca.revoke("peer0").unwrap();
    assert_eq!(peer.reenroll(&ca, "peer0").verdict(), REFUSED);
}

/// A dev CA with a clock that the test controls.
fn with_clock(change: impl Fn(&mut DevCaConfig)) -> (Running, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(NOW.unix()));
    let clock = Arc::clone(&time);
    let mut config = plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer"));
    config.clock = Arc::new(move || Timestamp::from_unix(clock.load(Ordering::Relaxed)));
    change(&mut config);
    (start(config), time)
}

#[test]
fn an_expired_certificate_reenrols_only_if_configured() {
    for allowed in [false, true] {
        let (ca, time) = with_clock(|config| config.reenroll_expired = allowed);
        let peer = Member::enroll(&ca, "peer0", "peer0pw");
        time.fetch_add(8760 * 3600 + 120, Ordering::Relaxed);
        let wanted = if allowed { (201, -1) } else { REFUSED };
        assert_eq!(peer.reenroll(&ca, "peer0").verdict(), wanted);
        assert_eq!(peer.send(&ca, "GET", "/identities/peer0", &Value::Null).verdict(), REFUSED);
    }
}

#[test]
fn a_token_with_a_future_certificate_is_refused() {
    let (ca, time) = with_clock(|_| {});
    let later = NOW.plus(std::time::Duration::from_secs(3600)).rfc3339();
    let key = new_key();
    let pem = super::client::enroll_key(&ca, "peer0", "peer0pw", json!({"NotBefore": later}), &key).cert_pem();
    let peer = Member { key, pem };
    assert_eq!(peer.reenroll(&ca, "peer0").verdict(), REFUSED);
    time.fetch_add(3601, Ordering::Relaxed);
    assert_eq!(peer.reenroll(&ca, "peer0").status, 201);
}

#[test]
fn a_reenrolment_counts_no_enrolment_and_inherits_nothing() {
    let ca = start(plain().with_identity(IdentitySpec::new("one", "onepw", "client").limited_to(1)));
    let key = new_key();
    let pem = super::client::enroll_key(&ca, "one", "onepw", json!({"hosts": ["a.example"]}), &key).cert_pem();
    let one = Member { key, pem };
    let reply = one.reenroll(&ca, "one");
    assert_eq!(reply.status, 201);
    super::client::with_cert(&reply.cert_der(), |c| assert!(c.subject_alternative_name().unwrap().is_none()));
    assert_eq!(one.reenroll(&ca, "one").status, 201, "the old certificate stays valid");
    assert_eq!(ca.enrollments("rootca", "one"), Some(1));
    assert_eq!(one.reenroll(&ca, "admin").verdict(), (403, 77));
    assert_eq!(enroll(&ca, "one", "onepw", json!({})).verdict(), REFUSED);
}
