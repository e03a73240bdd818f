//! Exchanges recorded between the real client and the real server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Map, Value};

use crate::ca::status::{Operation, classify};
use crate::ca::wire::{self, Attribute, EnrollRequest, RegisterRequest};
use crate::ca::{Class, ServerError};
use crate::pki::name::{HostName, SanName};
use crate::pki::x509::Cert;
use crate::secret::Redactor;
use crate::{ErrorKind, Secret};

macro_rules! recorded {
    ($name:literal) => {
        (
            serde_json::from_str::<Value>(include_str!(concat!("../../../testdata/wire/", $name, ".request.json")))
                .expect("JSON"),
            serde_json::from_str::<Value>(include_str!(concat!("../../../testdata/wire/", $name, ".response.json")))
                .expect("JSON"),
        )
    };
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The meaning of a Go client's request: empty members removed, names in the spelling of this client.
fn meaning(body: &Value) -> Value {
    let silent = |v: &Value| matches!(v, Value::Null | Value::Bool(false)) || v == "" || v == "0001-01-01T00:00:00Z";
    let members = body.as_object().expect("an object").iter().filter(|(_, v)| !silent(v));
    let renamed = members.map(|(k, v)| (if k == "CAName" { "caname".to_owned() } else { k.clone() }, v.clone()));
    Value::Object(renamed.collect::<Map<_, _>>())
}

fn san(host: &str) -> SanName {
    host.parse().map_or_else(|_| SanName::Dns(HostName::from_certificate(host)), SanName::Ip)
}

fn answer(operation: Operation, response: &Value) -> Result<Value, ServerError> {
    let status = u16::try_from(response["status"].as_u64().expect("a status")).expect("a status");
    classify(operation, status, text(response, "body_raw").as_bytes(), &Redactor::default())
}

#[test]
fn enrolment_requests_are_equivalent_to_the_go_clients() {
    for (request, _) in [
        recorded!("02-enroll-ok"),
        recorded!("07-enroll-hosts"),
        recorded!("08-enroll-tls-profile"),
        recorded!("09-reenroll"),
    ] {
        let body = &request["body"];
        let sans: Vec<_> = body["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str).map(san).collect();
        let own = wire::enroll_body(
            &EnrollRequest {
                csr_pem: text(body, "certificate_request"),
                sans: &sans,
                profile: Some(text(body, "profile")),
                ..EnrollRequest::default()
            },
            Some(text(body, "CAName")),
        );
        assert_eq!(serde_json::from_slice::<Value>(&own).expect("JSON"), meaning(body), "{}", text(&request, "target"));
    }
}

#[test]
fn cainfo_and_register_requests_are_equivalent_to_the_go_clients() {
    let (request, _) = recorded!("01-cainfo");
    assert_eq!(serde_json::from_slice::<Value>(&wire::cainfo_body(Some("rootca"))).expect("JSON"), request["body"]);

    let (request, _) = recorded!("05-register-ok");
    let body = &request["body"];
    let attribute = |a: &Value| Attribute {
        name: text(a, "name").to_owned(),
        value: text(a, "value").to_owned(),
        ecert: a["ecert"] == true,
    };
    let attrs: Vec<_> = body["attrs"].as_array().expect("attrs").iter().map(attribute).collect();
    let own = wire::register_body(
        &RegisterRequest {
            id: text(body, "id"),
            identity_type: Some(text(body, "type")),
            secret: Some(&Secret::new(text(body, "secret"))),
            affiliation: Some(text(body, "affiliation")),
            attrs: &attrs,
            ..RegisterRequest::default()
        },
        Some("rootca"),
    );
    assert_eq!(serde_json::from_slice::<Value>(&own).expect("JSON"), meaning(body));
}

#[test]
fn options_without_a_value_are_omitted() {
    let own = wire::enroll_body(&EnrollRequest { csr_pem: "CSR", ..EnrollRequest::default() }, None);
    assert_eq!(own, br#"{"certificate_request":"CSR"}"#);
    assert_eq!(wire::cainfo_body(None), b"{}");
}

#[test]
fn not_before_is_sent_in_rfc_3339() {
    let request = EnrollRequest {
        csr_pem: "CSR",
        not_before: crate::Timestamp::parse_rfc3339("2026-11-23T16:00:00Z"),
        label: Some("l"),
        attrs: Some(&[wire::AttrRequest { name: "a".to_owned(), optional: true }]),
        ..EnrollRequest::default()
    };
    let own: Value = serde_json::from_slice(&wire::enroll_body(&request, Some("x"))).expect("JSON");
    let expected = serde_json::json!({
        "certificate_request": "CSR", "label": "l", "NotBefore": "2026-11-23T16:00:00Z", "caname": "x",
        "attr_reqs": [{"name": "a", "optional": true}],
    });
    assert_eq!(own, expected);
}

#[test]
fn go_client_tokens_sign_the_same_payload() {
    for (request, _) in [recorded!("05-register-ok"), recorded!("09-reenroll")] {
        let headers = request["headers"].as_array().expect("headers");
        let token = headers.iter().find(|h| h[0] == "Authorization").and_then(|h| h[1].as_str()).expect("a token");
        let (cert, signature) = token.split_once('.').expect("two parts");
        let cert_pem = STANDARD.decode(cert).expect("base64");
        let payload = crate::ca::auth::token_payload(
            text(&request, "method"),
            text(&request, "target"),
            text(&request, "body_raw").as_bytes(),
            &cert_pem,
        );
        let cert = &Cert::all_from_pem(&cert_pem).expect("a certificate")[0];
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, cert.public_key_bits())
            .verify(payload.as_bytes(), &STANDARD.decode(signature).expect("base64"))
            .expect("a signature over the same payload");
    }
}

#[test]
fn certificates_and_chains_are_parsed_from_real_answers() {
    for ((_, response), length) in [
        (recorded!("02-enroll-ok"), 1),
        (recorded!("07-enroll-hosts"), 1),
        (recorded!("08-enroll-tls-profile"), 1),
        (recorded!("09-reenroll"), 1),
        (recorded!("34-enroll-intermediate"), 2),
    ] {
        let result = answer(Operation::Enroll, &response).expect("a success");
        let enrollment = wire::read_enrollment(result, None, &Redactor::default()).expect("an enrolment");
        let leaf = Cert::all_from_pem(&enrollment.cert_pem).expect("a certificate");
        let chain = Cert::all_from_pem(&enrollment.chain_pem).expect("a chain");
        assert_eq!((leaf.len(), chain.len()), (1, length));
        assert!(leaf[0].is_issued_by(&chain[0]));
    }
    let (_, response) = recorded!("01-cainfo");
    let info = wire::read_cainfo(answer(Operation::CaInfo, &response).expect("a success"), None).expect("info");
    assert_eq!((info.ca_name.as_str(), info.version.as_str()), ("rootca", "1.5.21"));
    let (_, response) = recorded!("05-register-ok");
    let secret = wire::read_secret(answer(Operation::Register, &response).expect("a success")).expect("a secret");
    assert_eq!(secret.expose(), "peer0pw");
}

#[test]
fn real_refusals_are_refusals() {
    let cases = [
        (recorded!("03-enroll-wrong-password"), Some(20), Class::Credential, "each wrong secret counts"),
        (recorded!("04-enroll-unknown-ca"), Some(19), Class::Permanent, "--ca-name"),
        (recorded!("06-register-duplicate"), Some(74), Class::Permanent, "no action needed"),
        (recorded!("22-malformed-csr-not-pem"), Some(31), Class::Permanent, ""),
        (recorded!("23-malformed-csr-bad-der"), Some(0), Class::Permanent, ""),
        (recorded!("24-malformed-csr-bad-signature"), Some(0), Class::Permanent, ""),
        (recorded!("25-enroll-cn-mismatch"), Some(77), Class::Permanent, "the enrolment id"),
        (recorded!("26-enroll-unknown-profile"), Some(0), Class::Permanent, ""),
        (recorded!("29-enroll-no-auth-header"), Some(2), Class::Credential, "proxy"),
        (recorded!("33-invalid-json"), Some(5), Class::Permanent, ""),
    ];
    for ((_, response), code, class, step) in cases {
        let error = answer(Operation::Enroll, &response).expect_err("a refusal");
        assert_eq!((error.code, error.class), (code, class), "{error}");
        assert_eq!(error.class.kind(), ErrorKind::Refused);
        assert!(error.next_step().contains(step), "{}", error.next_step());
        assert!(!error.is_ambiguous());
    }
}

#[test]
fn requests_repeated_by_the_ca_are_omitted() {
    let (_, response) = recorded!("33-invalid-json");
    assert!(text(&response, "body_raw").contains("secret-in-body"));
    let error = answer(Operation::Enroll, &response).expect_err("a refusal");
    let shown = format!("{error} {error:?} {}", error.next_step());
    assert!(!shown.contains("secret-in-body"), "{shown}");
}

#[test]
fn the_real_servers_plain_404_points_to_the_path() {
    let (_, response) = recorded!("31-not-found-path");
    let error = answer(Operation::Enroll, &response).expect_err("not an answer of a CA");
    assert_eq!((error.code, error.class), (None, Class::Misconfigured));
    assert_eq!(error.class.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("HTTP 404") && error.next_step().contains("path"), "{error}");
}
