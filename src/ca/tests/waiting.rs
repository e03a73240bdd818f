//! Retries: which errors, for how long, and with which pauses.

use std::cell::Cell;
use std::time::Duration;

use super::server::block_on;
use crate::ca::status::{Operation, classify};
use crate::ca::{CaError, RetryPolicy, TlsFailure};
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
    assert_eq!(RetryPolicy::once().pause(&refused_connection(), 1, Duration::ZERO, 0.5), None);
}

#[test]
fn pauses_grow_to_a_cap_and_stop_at_the_deadline() {
    let policy = RetryPolicy::until(MINUTE);
    let pause =
        |failures, elapsed, random| policy.pause(&refused_connection(), failures, Duration::from_secs(elapsed), random);
    let longest: Vec<_> = (1..8).map(|n| pause(n, 0, 1.0).expect("a pause").as_millis()).collect();
    assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    assert_eq!(pause(1, 0, 0.0), Some(Duration::ZERO));
    assert_eq!(pause(3, 0, 0.5), Some(Duration::from_secs(1)));
    assert_eq!(pause(u32::MAX, 0, 1.0), Some(Duration::from_secs(10)));
    assert_eq!(pause(9, 57, 1.0), Some(Duration::from_secs(3)));
    assert_eq!(pause(9, 60, 1.0), None);
    assert_eq!(pause(9, 61, 1.0), None);
    assert_eq!(pause(1, 0, f64::NAN), Some(Duration::ZERO));
}

#[test]
fn only_temporary_errors_are_retried() {
    let policy = RetryPolicy::until(MINUTE);
    let tried = |error: &CaError| policy.pause(error, 1, Duration::ZERO, 0.5).is_some();
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
    let policy = RetryPolicy::until(MINUTE);
    assert!(policy.pause(&error, 1, Duration::ZERO, 0.5).is_some());
    assert_eq!(policy.pause(&error, 2, Duration::ZERO, 0.5), None);
}

#[test]
fn run_stops_at_success_and_at_a_refusal() {
    let policy = RetryPolicy::until(MINUTE);
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
        block_on(policy.run(|| 0.0, |_, _| heard.set(heard.get() + 1), attempt))
    };
    assert_eq!(run(4, || Ok(7)).expect("a success"), 7);
    assert_eq!((tries.get(), heard.get()), (4, 3));
    let refusal = run(2, || Err(answered(401, &envelope(20, "Authentication failure")))).expect_err("a refusal");
    assert!(refusal.is_refusal());
    assert_eq!((tries.get(), heard.get()), (2, 1));
}
