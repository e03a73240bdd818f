//! The classification of each kind of answer.

use crate::ErrorKind;
use crate::ca::status::{Operation, classify, harmless};
use crate::ca::{CaError, Class, ServerError};
use crate::secret::Redactor;

fn envelope(code: i64, message: &str) -> String {
    serde_json::json!({"result": "", "errors": [{"code": code, "message": message}], "messages": [], "success": false})
        .to_string()
}

fn judged(operation: Operation, status: u16, body: &str) -> CaError {
    let error = classify(operation, status, body.as_bytes(), &Redactor::default()).expect_err("not a success");
    CaError::Server { address: "h:7054".to_owned(), error }
}

fn server_error(error: &CaError) -> &ServerError {
    let CaError::Server { error, .. } = error else { panic!("{error}") };
    error
}

#[test]
fn envelopes_are_classified_by_status_and_code() {
    use Class::{Ambiguous, Credential, Locked, Permanent, Transient, TransientOnce};
    let cases = [
        (401, 20, "Authentication failure", Credential),
        (401, 2, "No authorization header", Credential),
        (401, 73, "Incorrect password entered 10 times", Locked),
        (401, 29, "failed to check revocation", TransientOnce),
        (403, 71, "Authorization failure", Credential),
        (403, 77, "The CSR subject common name must equal the enrollment ID", Permanent),
        (403, 56, "Identity removal is disabled", Permanent),
        (404, 19, "CA 'x' does not exist", Permanent),
        (404, 63, "Failed to get user", Permanent),
        (400, 31, "Bad CSR", Permanent),
        (409, 74, "Identity 'a' is already registered", Permanent),
        (405, 1, "Method GET is not allowed", Permanent),
        (500, 0, "invalid profile: 'x'", Permanent),
        (500, 0, "Failed to insert record into database: database is locked", Transient),
        (500, 0, "Database error", Transient),
        (500, 0, "enroll handler failed to initialize DB: Failed to ping to SQLite: disk I/O error", Transient),
        (500, 0, "Certificate signing failure: Failed to insert record into database: bad connection", Transient),
        (500, 0, "Certificate signing failure: Failed to insert the certificate record; no rows affected", Transient),
        (500, 0, "Failed to update state of identity org1-peer1 to 1: no such table: users", Transient),
        (500, 0, "Failed to update state of identity org1-peer1 to 1: attempt to write a readonly file", Transient),
        (500, 0, "Failed to get number of rows affected: invalid connection", Transient),
        (500, 0, "2 rows were affected when updating the state of identity org1-peer1", Transient),
        (500, 0, "pq: the server is in recovery mode", Transient),
        (500, 0, "Failed to find requested attributes: The following required attributes are missing: x", Permanent),
        (500, 0, "Failed to get CA certificate information", Permanent),
        (500, 0, "No rows were affected when updating the state of identity org1-peer1", Ambiguous),
        (500, 3, "Failed to read body", Transient),
        (500, 49, "Failed to get users", Transient),
        (504, 51, "Failed to query", Transient),
        (503, 999, "code of a later version", Transient),
        (500, 999, "code of a later version", Permanent),
        (401, 999, "code of a later version", Credential),
        (200, 67, "row error after the status line", Permanent),
    ];
    for (status, code, message, class) in cases {
        let error = judged(Operation::Enroll, status, &envelope(code, message));
        assert_eq!(server_error(&error).class, class, "{status}/{code} {message}");
        let transient = matches!(class, Transient | TransientOnce);
        assert_eq!(error.is_retryable(), transient, "{status}/{code} {message}");
        assert_eq!(error.is_refusal(), !transient && class != Ambiguous, "{status}/{code} {message}");
        assert_eq!(error.is_ambiguous(), class == Ambiguous, "{status}/{code} {message}");
    }
}

#[test]
fn answers_without_an_envelope_are_not_refusals() {
    let html = "<html>\r\n<head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>";
    let cases = [
        (502, html, Class::Gateway, "nginx"),
        (503, "no healthy upstream", Class::Gateway, "Envoy"),
        (503, "", Class::Gateway, "HTTP 503"),
        (503, "{}", Class::Gateway, "HTTP 503"),
        (500, "{\"success\":true,\"result\":\"\"}", Class::Gateway, "HTTP 500"),
        (404, "default backend - 404", Class::Misconfigured, "ingress"),
        (404, "404 page not found\n", Class::Misconfigured, "the path in the URL may be wrong"),
        (404, "<h1>Not Found</h1>", Class::Misconfigured, "the path in the URL may be wrong"),
        (405, "", Class::Misconfigured, "the path in the URL may be wrong"),
        (401, "<h1>Log in</h1>", Class::Misconfigured, "Log in"),
        (403, "Forbidden by policy", Class::Misconfigured, "Forbidden"),
        (400, "Client sent an HTTP request to an HTTPS server.\n", Class::Misconfigured, "TLS port"),
        (301, "", Class::Misconfigured, "HTTP 301"),
        (200, "<html>welcome</html>", Class::Misconfigured, "welcome"),
        (201, "{\"result\":{\"Cert\":", Class::Misconfigured, "Cert"),
        (200, "{\"success\":false,\"errors\":[]}", Class::Misconfigured, "success"),
        (429, "slow down", Class::Misconfigured, "HTTP 429"),
    ];
    for (status, body, class, word) in cases {
        let error = judged(Operation::Enroll, status, body);
        assert_eq!(server_error(&error).class, class, "{status} {body}");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{status} {body}");
        assert!(!word.contains("the path") || error.help().contains("check the path in the URL"), "{error}");
        assert_eq!(error.is_retryable(), status >= 500, "{status} {body}");
        assert!(error.to_string().contains(word), "{error}");
        // A gateway's failure or an unreadable success does not show whether the CA counted the enrolment.
        assert_eq!(error.is_ambiguous(), !(300..500).contains(&status), "{status} {body}");
        assert!(!judged(Operation::CaInfo, status, body).is_ambiguous(), "{status} {body}");
    }
}

#[test]
fn the_next_step_differs_for_secret_and_token() {
    let help = |operation| server_error(&judged(operation, 401, &envelope(20, "Authentication failure"))).next_step();
    assert!(help(Operation::Enroll).contains("secret"));
    assert!(help(Operation::Reenroll).contains("certificate"));
}

#[test]
fn foreign_text_is_bounded_and_safe_for_a_terminal() {
    assert_eq!(harmless("a\u{1b}[31m\r\nb\u{202e}c\0", 80), "a [31m b c");
    assert_eq!(harmless(&"x".repeat(1000), 80), format!("{}...", "x".repeat(80)));
    assert_eq!(harmless(&"é".repeat(80), 80), "é".repeat(80));
    let long = judged(Operation::Enroll, 500, &envelope(0, &"y".repeat(5000)));
    assert!(long.to_string().len() < 500);
}

#[test]
fn exit_codes_follow_the_class() {
    let exit = |status, body: &str| crate::Error::from(judged(Operation::Enroll, status, body)).exit_code();
    assert_eq!(exit(401, &envelope(20, "Authentication failure")), 7);
    assert_eq!(exit(404, &envelope(19, "no such CA")), 7);
    assert_eq!(exit(500, &envelope(0, "database is locked")), 6);
    assert_eq!(exit(404, "404 page not found"), 6);
    assert_eq!(exit(502, ""), 6);
}

proptest::proptest! {
    #[test]
    fn classification_never_panics(status in 100u16..600, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        if let Err(error) = classify(Operation::Enroll, status, &body, &Redactor::default()) {
            proptest::prop_assert!(!error.to_string().chars().any(char::is_control));
        }
    }
}
