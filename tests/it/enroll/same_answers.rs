//! The same requests to the real server and to the dev CA: the differences are listed in `docs/dev-ca.md`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::internals::pem_blocks;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::x509::{Cert, Crl, Csr, CsrSpec, SubjectFields};
use serde_json::{Value, json};

use crate::real::{ADMIN, CaUnderTest, RealCa, transport};

use super::on_the_dev_ca::DevCaUnderTest;

mod requests;

/// The authentication of a request.
#[derive(Clone)]
enum Login {
    Nobody,
    Header(String),
    /// The registrar's token.
    Token,
}

struct Request {
    method: &'static str,
    target: String,
    login: Login,
    body: String,
}

/// A CA with the registrar's key and certificate.
struct Asked<'a> {
    ca: &'a dyn CaUnderTest,
    key: &'a KeyPair,
    cert_pem: String,
}

fn basic(id: &str, secret: &str) -> Login {
    Login::Header(format!("Basic {}", BASE64.encode(format!("{id}:{secret}"))))
}

fn csr(id: &str, key: &KeyPair) -> String {
    Csr::build(&CsrSpec { enrollment_id: id, sans: &[], subject: &SubjectFields::default() }, key).unwrap().to_pem()
}

impl<'a> Asked<'a> {
    fn new(ca: &'a dyn CaUnderTest, key: &'a KeyPair) -> Self {
        let mut asked = Self { ca, key, cert_pem: String::new() };
        let body = json!({ "certificate_request": csr(ADMIN.0, key) }).to_string();
        let request = Request { method: "POST", target: "/enroll".into(), login: basic(ADMIN.0, ADMIN.1), body };
        let answer = asked.answer(&request);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let json: Value = serde_json::from_str(dechunked(body).as_str()).unwrap_or_else(|e| panic!("{e}: {answer}"));
        let cert = BASE64.decode(json["result"]["Cert"].as_str().unwrap()).unwrap();
        asked.cert_pem = String::from_utf8(cert).unwrap();
        asked
    }

    fn answer(&self, request: &Request) -> String {
        let Request { method, target, login, body } = request;
        let port = self.ca.url().rsplit(':').next().unwrap().parse().unwrap();
        let login = match login {
            Login::Nobody => String::new(),
            Login::Header(value) => format!("Authorization: {value}\r\n"),
            Login::Token => {
                let base64 = |bytes: &[u8]| BASE64.encode(bytes);
                let cert = base64(self.cert_pem.as_bytes());
                let payload = format!("{method}.{}.{}.{cert}", base64(target.as_bytes()), base64(body.as_bytes()));
                format!("Authorization: {cert}.{}\r\n", base64(&self.key.sign_sha256(payload.as_bytes()).unwrap()))
            }
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{login}");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        transport::exchange(port, self.ca.tls_anchor(), &request).unwrap()
    }

    /// The answer without the parts that differ between any two CAs: times, keys, serial numbers.
    fn likeness(&self, request: &Request) -> Value {
        let answer = self.answer(request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers: BTreeMap<String, &str> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .filter(|(name, _)| name != "date" && name != "connection")
            .collect();
        let chunked = headers.get("transfer-encoding").is_some_and(|v| *v == "chunked");
        let body = if chunked { dechunked(body) } else { body.to_owned() };
        let body = serde_json::from_str(&body).map_or(Value::String(body), likeness_of);
        json!({ "status": status, "headers": headers, "body": body })
    }
}

fn dechunked(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&after[..size]);
        if size == 0 {
            break;
        }
        rest = &after[size + 2..];
    }
    whole
}

/// The parts that all certificates of the same request have in common.
fn certificate(pem: &[u8]) -> Value {
    let cert = Cert::all_from_pem(pem).unwrap().remove(0);
    let sans: Vec<String> = cert.sans().iter().map(|san| format!("{san:?}")).collect();
    let usages = format!("{:?} {:?}", cert.key_usage(), cert.extended_key_usage());
    let attributes: Option<Vec<(String, String)>> =
        cert.attributes().map(|a| a.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
    json!({ "subject": cert.subject(), "sans": sans, "usages": usages, "attributes": attributes, "ca": cert.is_ca() })
}

/// The parts that the CRLs of two CAs have in common.
fn revocations(pem: &[u8]) -> Value {
    let block = pem_blocks(pem).unwrap().remove(0);
    let crl = Crl::from_der(block.der.clone()).unwrap();
    let life = crl.next_update().unwrap().seconds_since(crl.this_update());
    json!({ "label": block.label, "revoked": crl.len(), "life": life })
}

fn likeness_of(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let value = match (name.as_str(), &value) {
                    ("Cert", Value::String(cert)) => certificate(&BASE64.decode(cert).unwrap()),
                    ("CRL", Value::String(crl)) if !crl.is_empty() => revocations(&BASE64.decode(crl).unwrap()),
                    ("PEM", Value::String(pem)) => certificate(pem.as_bytes()),
                    ("CAChain", Value::String(chain)) => {
                        let pem = BASE64.decode(chain).unwrap();
                        json!(Cert::all_from_pem(&pem).unwrap().len())
                    }
                    ("IssuerPublicKey" | "IssuerRevocationPublicKey", Value::String(_)) => json!("something"),
                    ("secret", Value::String(secret)) => json!(secret.len()),
                    // In the random order of a Go map.
                    ("attrs" | "affiliations", Value::Array(values)) => {
                        let mut values: Vec<Value> = values.iter().cloned().map(likeness_of).collect();
                        values.sort_by_key(ToString::to_string);
                        Value::Array(values)
                    }
                    _ => likeness_of(value),
                };
                (name, value)
            };
            members.into_iter().map(member).collect()
        }
        Value::Array(values) => values.into_iter().map(likeness_of).collect(),
        other => other,
    }
}

/// The differences in the dev CA's answers. Each has a section in `docs/dev-ca.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// Endpoints that it does not have.
    Missing,
    /// The same status and code with another message.
    Words,
    /// Another order.
    Order,
}

const DIFFERENCES: [(&str, Difference); 10] = [
    ("GET /idemix/credential", Difference::Missing),
    ("enroll with a BOM", Difference::Words),
    ("enroll with a CSR that is a number", Difference::Words),
    ("enroll with a CSR that is not DER", Difference::Words),
    ("enroll with hosts that are a text", Difference::Words),
    ("enroll with a start that is not a time", Difference::Words),
    ("GET /identities", Difference::Order),
    ("GET /certificates?id=org1-peer1&revoked_start=x", Difference::Words),
    ("POST /idemix/credential {}", Difference::Missing),
    ("POST /idemix/cri {}", Difference::Missing),
];

/// Whether the two answers differ only in this way.
fn differs_so(difference: Difference, real: &Value, dev: &Value) -> bool {
    let code = |answer: &Value| answer["body"]["errors"][0]["code"].clone();
    match difference {
        Difference::Missing => {
            let unknown = dev["body"]["errors"][0]["message"] == "the dev CA does not have this endpoint of Fabric CA";
            unknown && dev["status"] == "500" && code(dev) == 0
        }
        Difference::Words => {
            (&real["status"], &real["headers"], code(real)) == (&dev["status"], &dev["headers"], code(dev))
        }
        Difference::Order => {
            let ids = |answer: &Value| -> Vec<String> {
                let list = answer["body"]["result"]["identities"].as_array().unwrap();
                let ids = list.iter().map(|i| i["id"].as_str().unwrap().to_owned());
                // The login of the intermediate CA, which the real server's configuration in these tests has.
                ids.filter(|id| id != "org1-intermediate1").collect()
            };
            let (mut real, dev) = (ids(real), ids(dev));
            real.sort();
            real == dev
        }
    }
}

#[test]
fn the_dev_ca_differs_from_the_real_server_only_as_listed() {
    let Some(real) = RealCa::builder().also_named("ca2").start() else { return };
    let dev = DevCaUnderTest::start(|c| c.ca_names = vec!["org1-ca".into(), "ca2".into()], Some("org1-ca"));
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let both = [&real as &dyn CaUnderTest, &dev as &dyn CaUnderTest].map(|ca| Asked::new(ca, &key));
    let requests = requests::all(&key);
    let mut wrong = Vec::new();
    for (name, request) in &requests {
        let [real, dev] = [&both[0], &both[1]].map(|asked| asked.likeness(request));
        let listed = DIFFERENCES.iter().find(|(of, _)| of == name).map(|(_, difference)| *difference);
        let as_listed = listed.map_or(real == dev, |difference| real != dev && differs_so(difference, &real, &dev));
        if !as_listed {
            wrong.push(format!("{name} ({listed:?})\n  real {real}\n  dev  {dev}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), requests.len(), wrong.join("\n"));
    let unknown: Vec<_> = DIFFERENCES.iter().filter(|(of, _)| requests.iter().all(|(name, _)| name != of)).collect();
    assert!(unknown.is_empty(), "no such requests: {unknown:?}");

    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dev-ca.md")).unwrap();
    let figures = format!("Of {} requests, {} are answered alike", requests.len(), requests.len() - DIFFERENCES.len());
    assert!(page.contains(&figures), "docs/dev-ca.md has other figures than: {figures}");
}
