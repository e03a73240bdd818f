//! Replays recorded requests to a real fabric-ca-server, and compares the answers.

use serde_json::Value;
use x509_parser::prelude::X509Certificate;

use super::client::{Member, Reply, post_enroll, send, with_cert};
use super::{plain, start, start_with_peer};
use crate::devca::{IdentitySpec, Running};
use crate::text::pem_blocks;

macro_rules! recorded {
    ($name:literal) => {
        (
            include_str!(concat!("../../../testdata/wire/", $name, ".request.json")),
            include_str!(concat!("../../../testdata/wire/", $name, ".response.json")),
        )
    };
}

struct Exchange {
    request: Value,
    response: Value,
}

impl Exchange {
    fn new((request, response): (&str, &str)) -> Self {
        let read = |text| serde_json::from_str(text).unwrap();
        Self { request: read(request), response: read(response) }
    }

    fn replay(&self, ca: &Running) -> Reply {
        let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
        let headers = self.request["headers"].as_array().unwrap();
        let sent: Vec<(String, String)> = headers
            .iter()
            .map(|h| (text(&h[0]), text(&h[1])))
            .filter(|(n, _)| !matches!(n.as_str(), "Host" | "Content-Length"))
            .collect();
        let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let body = text(&self.request["body_raw"]);
        send(ca, &text(&self.request["method"]), &text(&self.request["target"]), &sent, body.as_bytes())
    }

    /// Header names and values except `Date` and `Connection` (the replay requests close).
    fn headers(&self) -> Vec<(String, String)> {
        let headers = self.response["headers"].as_array().unwrap().iter();
        let pairs = headers.map(|h| (h[0].as_str().unwrap().to_owned(), h[1].as_str().unwrap().to_owned()));
        sorted(pairs.collect())
    }

    fn status(&self) -> Value {
        self.response["status"].clone()
    }

    fn cert(&self) -> Vec<u8> {
        let reply = Reply {
            status: 201,
            headers: Vec::new(),
            body: self.response["body"].to_string().into_bytes(),
            complete: true,
        };
        reply.cert_der()
    }
}

fn sorted(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.retain(|(n, _)| !matches!(n.as_str(), "Date" | "Connection"));
    headers.sort();
    headers
}

#[test]
fn refusals_equal_those_of_the_real_server() {
    let ca = start(plain());
    for (name, files) in [
        ("03", recorded!("03-enroll-wrong-password")),
        ("04", recorded!("04-enroll-unknown-ca")),
        ("22", recorded!("22-malformed-csr-not-pem")),
        ("24", recorded!("24-malformed-csr-bad-signature")),
        ("25", recorded!("25-enroll-cn-mismatch")),
        ("26", recorded!("26-enroll-unknown-profile")),
        ("29", recorded!("29-enroll-no-auth-header")),
        ("31", recorded!("31-not-found-path")),
        ("33", recorded!("33-invalid-json")),
    ] {
        let exchange = Exchange::new(files);
        let reply = exchange.replay(&ca);
        assert_eq!(Value::from(reply.status), exchange.status(), "{name}");
        assert_eq!(String::from_utf8_lossy(&reply.body), exchange.response["body_raw"].as_str().unwrap(), "{name}");
        assert_eq!(sorted(reply.headers), exchange.headers(), "{name}");
    }
}

#[test]
fn bad_der_is_refused_with_the_status_of_the_real_server() {
    let ca = start(plain());
    let exchange = Exchange::new(recorded!("23-malformed-csr-bad-der"));
    let reply = exchange.replay(&ca);
    assert_eq!(Value::from(reply.status), exchange.status());
    assert_eq!(reply.json()["errors"][0]["code"], exchange.response["body"]["errors"][0]["code"]);
    assert!(reply.message().starts_with("asn1: "));
}

#[test]
fn cainfo_has_the_members_of_the_real_answer() {
    let ca = start(plain());
    let exchange = Exchange::new(recorded!("01-cainfo"));
    let reply = exchange.replay(&ca);
    let (own, real) = (&reply.json()["result"], &exchange.response["body"]["result"]);
    assert_eq!(keys(own), keys(real));
    assert_eq!((&own["CAName"], &own["Version"]), (&real["CAName"], &real["Version"]));
    assert_eq!(sorted(reply.headers), exchange.headers());
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

/// The common parts of two certificates for the same request: everything but serial number, times, AKI and signature.
fn common_part(certificate: &X509Certificate<'_>) -> Vec<(String, bool, Vec<u8>)> {
    let mut part = vec![
        ("version".to_owned(), true, certificate.version().0.to_be_bytes().to_vec()),
        ("issuer".to_owned(), true, certificate.issuer().as_raw().to_vec()),
        ("subject".to_owned(), true, certificate.subject().as_raw().to_vec()),
        ("key".to_owned(), true, certificate.public_key().raw.to_vec()),
        ("algorithm".to_owned(), true, certificate.signature_algorithm.algorithm.as_bytes().to_vec()),
    ];
    for extension in certificate.extensions() {
        let oid = extension.oid.to_id_string();
        let value = if oid == "2.5.29.35" { Vec::new() } else { extension.value.to_vec() };
        part.push((oid, extension.critical, value));
    }
    part
}

#[test]
fn certificates_equal_those_of_the_real_server_in_reproducible_parts() {
    let ca = start(
        plain().with_identity(
            IdentitySpec::new("peer0", "peer0pw", "peer")
                .at("org1.department1")
                .with_attribute("app.role", "endorser", true)
                .with_attribute("zone", "z1", false),
        ),
    );
    for (name, files) in [
        ("02", recorded!("02-enroll-ok")),
        ("07", recorded!("07-enroll-hosts")),
        ("08", recorded!("08-enroll-tls-profile")),
    ] {
        let exchange = Exchange::new(files);
        let reply = exchange.replay(&ca);
        assert_eq!(Value::from(reply.status), exchange.status(), "{name}");
        let own = with_cert(&reply.cert_der(), common_part);
        assert_eq!(own, with_cert(&exchange.cert(), common_part), "{name}");
        assert_eq!(
            keys(&reply.json()["result"]["ServerInfo"]),
            keys(&exchange.response["body"]["result"]["ServerInfo"])
        );
        assert_eq!(reply.json()["result"]["ServerInfo"]["Version"], "");
        assert_eq!(sorted(reply.headers), exchange.headers(), "{name}");
    }
}

#[test]
fn a_reenrolment_equals_that_of_the_real_server() {
    let ca = start(
        plain().with_identity(
            IdentitySpec::new("peer0", "peer0pw", "peer")
                .at("org1.department1")
                .with_attribute("app.role", "endorser", true),
        ),
    );
    let exchange = Exchange::new(recorded!("09-reenroll"));
    let member = Member::enroll(&ca, "peer0", "peer0pw");
    let reply = member.send(&ca, "POST", "/reenroll", &exchange.request["body"]);
    assert_eq!(Value::from(reply.status), exchange.status());
    assert_eq!(with_cert(&reply.cert_der(), common_part), with_cert(&exchange.cert(), common_part));
}

#[test]
fn registrations_equal_those_of_the_real_server() {
    let ca = start(plain());
    let admin = Member::enroll(&ca, "admin", "adminpw");
    for files in [recorded!("05-register-ok"), recorded!("06-register-duplicate")] {
        let exchange = Exchange::new(files);
        let reply = admin.send(&ca, "POST", "/register", &exchange.request["body"]);
        assert_eq!(Value::from(reply.status), exchange.status());
        assert_eq!(String::from_utf8_lossy(&reply.body), exchange.response["body_raw"].as_str().unwrap());
        assert_eq!(sorted(reply.headers), exchange.headers());
    }
}

#[test]
fn an_intermediate_ca_sends_its_own_certificate_first() {
    let mut config = plain().with_identity(IdentitySpec::new("peer2", "peer2pw", "peer").at("org1"));
    config.intermediates = 1;
    config.ca_names = vec!["interca".to_owned()];
    let ca = start(config);
    let exchange = Exchange::new(recorded!("34-enroll-intermediate"));
    let reply = post_enroll(&ca, "peer2", "peer2pw", &exchange.request["body"]);
    let real =
        Reply { status: 201, headers: Vec::new(), body: exchange.response["body"].to_string().into(), complete: true };
    let is_ca = |der: &Vec<u8>| with_cert(der, |c| c.is_ca() && c.subject().as_raw() == c.issuer().as_raw());
    assert_eq!(reply.chain().iter().map(is_ca).collect::<Vec<_>>(), real.chain().iter().map(is_ca).collect::<Vec<_>>());
    let path_len =
        |der: &Vec<u8>| with_cert(der, |c| c.basic_constraints().unwrap().unwrap().value.path_len_constraint);
    assert_eq!(
        reply.chain().iter().map(path_len).collect::<Vec<_>>(),
        real.chain().iter().map(path_len).collect::<Vec<_>>()
    );
    let subject = |der: &[u8]| with_cert(der, |c| c.subject().as_raw().to_vec());
    assert_eq!(subject(&reply.cert_der()), subject(&real.cert_der()));
    with_cert(&reply.chain()[0], |issuer| {
        with_cert(&reply.cert_der(), |leaf| {
            assert_eq!(leaf.issuer().as_raw(), issuer.subject().as_raw());
            leaf.verify_signature(Some(issuer.public_key())).unwrap();
        });
    });
}

#[test]
fn recorded_tokens_get_the_verdict_of_the_default_server() {
    let file: Value = serde_json::from_str(include_str!("../../../testdata/wire/token-kat.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 9);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let signed = crate::devca::token::Signed {
            method: text("method"),
            target: text("request_uri"),
            body: text("body").as_bytes(),
        };
        let taken = crate::devca::token::verify(text("token"), &signed);
        let der = pem_blocks(text("certificate_pem").as_bytes()).unwrap().remove(0).der;
        // The legacy layout is only accepted by a server in compatibility mode.
        let good = text("style") == "current" && vector["low_s"] == true;
        assert_eq!(taken, good.then_some(der), "{}", text("name"));
    }
}

#[test]
fn an_identity_equals_that_of_the_real_server() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let reply = admin.send(&ca, "GET", "/identities/peer0?ca=rootca", &Value::Null);
    let expected = serde_json::json!({
        "id": "peer0", "type": "peer", "affiliation": "org1.department1", "max_enrollments": -1, "caname": "rootca",
        "attrs": [
            {"name": "hf.EnrollmentID", "value": "peer0", "ecert": true},
            {"name": "hf.Type", "value": "peer", "ecert": true},
            {"name": "hf.Affiliation", "value": "org1.department1", "ecert": true},
        ],
    });
    assert_eq!((reply.status, &reply.json()["result"]), (200, &expected));
}
