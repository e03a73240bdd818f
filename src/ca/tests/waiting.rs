//! Retries: which errors, for how long, and with which pauses.

use std::cell::Cell;
use std::time::Duration;

use super::server::{answer, block_on, plain_client, serve};
use crate::ca::status::{Operation, classify};
use crate::ca::{CaError, LockRisk, Patience, TlsFailure};
use crate::secret::Redactor;

const MINUTE: Duration = Duration::from_secs(60);

fn refused_connection() -> CaError {
    CaError::Connect { address: "h:1".to_owned(), reason: "connection refused".to_owned() }
}

fn answered(status: u16, body: &str) -> CaError {
    let error = classify(Operation::Enroll, status, body.as_bytes(), &Redactor::default()).expect_err("not a success");
    CaError::Server { address: "h:1".to_owned(), error }
}

fn envelope(code: i64, message: &str) -> String {
    format!(r#"{{"result":"","errors":[{{"code":{code},"message":"{message}"}}],"messages":[],"success":false}}"#)
}

#[test]
fn without_wait_there_are_no_retries() {
    assert_eq!(Patience::new(None).pause(&refused_connection(), 1, 0.5), None);
}

#[test]
fn pauses_grow_to_a_cap_and_stop_at_the_deadline() {
    let pause = |failures, left, random| {
        Patience::pause_within(Duration::from_secs(left), &refused_connection(), failures, random)
    };
    let longest: Vec<_> = (1..8).map(|n| pause(n, 60, 1.0).expect("a pause").as_millis()).collect();
    assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    assert_eq!(pause(1, 60, 0.0), Some(Duration::ZERO));
    assert_eq!(pause(3, 60, 0.5), Some(Duration::from_secs(1)));
    assert_eq!(pause(u32::MAX, 60, 1.0), Some(Duration::from_secs(10)));
    assert_eq!(pause(9, 3, 1.0), Some(Duration::from_secs(3)));
    assert_eq!(pause(1, 60, f64::NAN), Some(Duration::ZERO));
    assert_eq!(Patience::new(Some(Duration::ZERO)).pause(&refused_connection(), 1, 0.5), None);
}

#[test]
fn only_temporary_errors_are_retried() {
    let tried = |error: &CaError| Patience::pause_within(MINUTE, error, 1, 0.5).is_some();
    let address = || "h:1".to_owned();
    let operation = Operation::Enroll;
    for error in [
        refused_connection(),
        CaError::Resolve { address: address(), reason: String::new() },
        CaError::ConnectTimeout { address: address(), after: MINUTE },
        CaError::TimedOut { address: address(), operation, after: MINUTE },
        CaError::Lost { address: address(), operation, reason: String::new() },
        answered(503, "no healthy upstream"),
        answered(504, &envelope(51, "database")),
        answered(500, &envelope(0, "database is locked")),
    ] {
        assert!(tried(&error), "{error}");
    }
    for error in [
        CaError::Tls { address: address(), failure: Box::new(TlsFailure::NotTls) },
        CaError::TooLarge { address: address(), operation, http_status: 200, limit: 1 },
        CaError::Unusable { address: address(), operation, reason: "no Cert" },
        answered(401, &envelope(20, "Authentication failure")),
        answered(401, &envelope(73, "locked")),
        answered(404, "404 page not found"),
        answered(307, ""),
        answered(500, &envelope(0, "no rows: state of identity")),
    ] {
        assert!(!tried(&error), "{error}");
    }
}

#[test]
fn an_unchecked_revocation_is_retried_once() {
    let error = answered(401, &envelope(29, "failed to fetch CRL"));
    assert!(Patience::pause_within(MINUTE, &error, 1, 0.5).is_some());
    assert_eq!(Patience::pause_within(MINUTE, &error, 2, 0.5), None);
}

#[test]
fn run_stops_at_success_and_at_a_refusal() {
    let tries = Cell::new(0);
    let heard = Cell::new(0);
    let run = |until: u32, last: fn() -> Result<u8, CaError>| {
        tries.set(0);
        heard.set(0);
        let attempt = || {
            tries.set(tries.get() + 1);
            let result = if tries.get() < until { Err(refused_connection()) } else { last() };
            std::future::ready(result)
        };
        block_on(Patience::new(Some(MINUTE)).run(|| 0.0, |_| heard.set(heard.get() + 1), attempt))
    };
    assert_eq!(run(4, || Ok(7)).expect("a success"), 7);
    assert_eq!((tries.get(), heard.get()), (4, 3));
    let refusal = run(2, || Err(answered(401, &envelope(20, "Authentication failure")))).expect_err("a refusal");
    assert!(refusal.is_refusal());
    assert_eq!((tries.get(), heard.get()), (2, 1));
}

#[test]
fn one_budget_serves_every_request_of_a_run() {
    let mut patience = Patience::new(Some(Duration::from_millis(300)));
    let begun = std::time::Instant::now();
    for _ in 0..2 {
        let failed = block_on(patience.run(|| 0.1, |_| {}, || std::future::ready(Err::<(), _>(refused_connection()))));
        assert!(failed.is_err());
    }
    let took = begun.elapsed();
    assert!((300..550).contains(&took.as_millis()), "{took:?}");
    let error = patience.ended(crate::Error::from(refused_connection())).to_string();
    assert!(error.contains("; gave up after ") && error.contains(" attempts in "), "{error}");
}

/// What each failure of a request by secret means for the CA's lock.
#[test]
fn a_try_counts_unless_the_ca_surely_did_not_count_it() {
    use LockRisk::{None, Open, Refused};
    let (address, operation) = (|| "h:1".to_owned(), Operation::Enroll);
    let html = "<html>login</html>";
    for (error, risk) in [
        (refused_connection(), None),
        (CaError::Resolve { address: address(), reason: String::new() }, None),
        (CaError::ConnectTimeout { address: address(), after: MINUTE }, None),
        (CaError::Tls { address: address(), failure: Box::new(TlsFailure::NotTls) }, None),
        (CaError::TimedOut { address: address(), operation, after: MINUTE }, Open),
        (CaError::Lost { address: address(), operation, reason: String::new() }, Open),
        (CaError::Unusable { address: address(), operation, reason: "no Cert" }, Open),
        (CaError::TooLarge { address: address(), operation, http_status: 200, limit: 1 }, Open),
        (CaError::TooLarge { address: address(), operation, http_status: 401, limit: 1 }, Refused),
        (answered(401, &envelope(20, "Authentication failure")), Refused),
        (answered(401, &envelope(73, "locked")), Refused),
        (answered(401, &envelope(2, "No authorization header")), Refused),
        (answered(403, &envelope(71, "Authorization failure")), Refused),
        (answered(403, &envelope(77, "CN")), None),
        (answered(404, &envelope(19, "no such CA")), None),
        (answered(500, &envelope(0, "unknown profile")), None),
        (answered(500, &envelope(0, "database is locked")), None),
        (answered(504, &envelope(51, "database")), None),
        (answered(500, &envelope(0, "no rows: state of identity")), Open),
        (answered(401, html), Refused),
        (answered(401, ""), Refused),
        (answered(403, html), Refused),
        (answered(407, ""), Refused),
        (answered(200, html), Open),
        (answered(302, ""), Open),
        (answered(400, html), Open),
        (answered(404, html), Open),
        (answered(429, ""), Open),
        (answered(500, html), Open),
        (answered(502, html), Open),
        (answered(503, ""), Open),
        (answered(504, ""), Open),
        // The form of a Fabric CA, and not from one.
        (answered(502, &envelope(51, "upstream")), Open),
        (answered(400, &envelope(10_000, "Authentication error")), Open),
        (answered(401, &envelope(10_000, "Authentication error")), Refused),
        (answered(504, &envelope(10_000, "timeout")), Open),
    ] {
        assert_eq!(error.lock_risk(), risk, "{error}");
    }
}

#[test]
fn the_pause_that_an_answer_asks_for_is_kept() {
    let busy = answer("503 Service Unavailable\r\nRetry-After: 7", "busy");
    let server = serve(None, vec![busy]);
    let client = plain_client(server.address).build().expect("a client");
    let error = block_on(client.info()).expect_err("no success");
    assert_eq!(Patience::pause_within(MINUTE, &error, 1, 0.5), Some(Duration::from_secs(7)));
    assert_eq!(Patience::pause_within(Duration::from_secs(3), &error, 1, 0.5), Some(Duration::from_secs(3)));
    assert_eq!(crate::Error::from(error).retry_after(), Some(Duration::from_secs(7)));
}
