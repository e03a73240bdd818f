//! A minimal HTTP client: one request per connection.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::devca::Running;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::SanName;
use crate::pki::x509::{Csr, CsrSpec, SubjectFields};
use crate::text::pem_blocks;

/// A received answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Without the chunked framing.
    pub(super) body: Vec<u8>,
    /// Whether the body is complete.
    pub(super) complete: bool,
}

impl Reply {
    /// Parses an answer; `None` if the connection closed without one.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let pair = |l: &str| l.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
        let headers: Vec<_> = lines.map(pair).collect();
        let rest = &raw[end + 4..];
        let chunked = headers.iter().any(|(n, v)| n == "Transfer-Encoding" && v == "chunked");
        let length = headers.iter().find(|(n, _)| n == "Content-Length").map(|(_, v)| v.parse::<usize>().unwrap());
        let (body, complete) = match length {
            _ if chunked => dechunk(rest),
            Some(length) => (rest.to_vec(), rest.len() == length),
            None => (rest.to_vec(), true),
        };
        Some(Self { status, headers, body, complete })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and code of the envelope's error; code -1 without an error.
    pub(super) fn verdict(&self) -> (u16, i64) {
        (self.status, self.json()["errors"][0]["code"].as_i64().unwrap_or(-1))
    }

    pub(super) fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or("").to_owned()
    }

    /// PEM of the issued certificate.
    pub(super) fn cert_pem(&self) -> String {
        assert_eq!(self.status, 201, "{}", String::from_utf8_lossy(&self.body));
        decoded(&self.json()["result"]["Cert"])
    }

    /// DER of the issued certificate.
    pub(super) fn cert_der(&self) -> Vec<u8> {
        pem_blocks(self.cert_pem().as_bytes()).unwrap().remove(0).der
    }

    /// The certificates of `CAChain`, DER.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        let pem = decoded(&self.json()["result"]["ServerInfo"]["CAChain"]);
        pem_blocks(pem.as_bytes()).unwrap().into_iter().map(|b| b.der).collect()
    }
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        let data = &rest[end + 2..];
        if size == 0 {
            return (body, true);
        }
        if data.len() < size {
            body.extend(data);
            break;
        }
        body.extend(&data[..size]);
        rest = data.get(size + 2..).unwrap_or(&[]);
    }
    (body, false)
}

/// Sends one request to the plaintext server and reads until the connection closes.
pub(super) fn try_send(
    ca: &Running,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Reply> {
    let mut stream = TcpStream::connect(ca.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&request(method, target, headers, body)).unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    Reply::parse(&raw)
}

pub(super) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !body.is_empty() {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

pub(super) fn send(ca: &Running, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    try_send(ca, method, target, headers, body).expect("an answer")
}

pub(super) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A CSR of `key` for `id` with these SANs, PEM.
pub(super) fn csr(id: &str, sans: &[SanName], key: &KeyPair) -> String {
    let subject = SubjectFields::default();
    Csr::build(&CsrSpec { enrollment_id: id, sans, subject: &subject }, key).unwrap().to_pem()
}

/// Enrols with `more` members in addition to the CSR (an object), a new key and no SANs in the CSR.
pub(super) fn enroll(ca: &Running, id: &str, secret: &str, more: Value) -> Reply {
    enroll_key(ca, id, secret, more, &new_key())
}

pub(super) fn new_key() -> KeyPair {
    KeyPair::generate(KeyAlgorithm::P256).unwrap()
}

pub(super) fn enroll_key(ca: &Running, id: &str, secret: &str, more: Value, key: &KeyPair) -> Reply {
    let mut body = more;
    body["certificate_request"] = json!(csr(id, &[], key));
    post_enroll(ca, id, secret, &body)
}

/// Posts this body to `enroll`.
pub(super) fn post_enroll(ca: &Running, id: &str, secret: &str, body: &Value) -> Reply {
    let body = body.to_string();
    send(ca, "POST", "/api/v1/enroll", &[("Authorization", &basic(id, secret))], body.as_bytes())
}

/// Parses a certificate.
pub(super) fn with_cert<T>(der: &[u8], read: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
    read(&X509Certificate::from_der(der).unwrap().1)
}

/// An enrolled identity that can sign tokens.
pub(super) struct Member {
    pub(super) key: KeyPair,
    pub(super) pem: String,
}

impl Member {
    pub(super) fn enroll(ca: &Running, id: &str, secret: &str) -> Self {
        let key = new_key();
        let pem = enroll_key(ca, id, secret, json!({}), &key).cert_pem();
        Self { key, pem }
    }

    pub(super) fn token(&self, method: &str, target: &str, body: &[u8]) -> String {
        let certificate = STANDARD.encode(&self.pem);
        let payload = format!("{method}.{}.{}.{certificate}", STANDARD.encode(target), STANDARD.encode(body));
        let signature = self.key.sign_sha256(payload.as_bytes()).unwrap();
        format!("{certificate}.{}", STANDARD.encode(signature))
    }

    /// Sends with a token for this request.
    pub(super) fn send(&self, ca: &Running, method: &str, target: &str, body: &Value) -> Reply {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let token = self.token(method, target, &body);
        send(ca, method, target, &[("Authorization", &token)], &body)
    }

    /// Reenrols as `id` with a new key.
    pub(super) fn reenroll(&self, ca: &Running, id: &str) -> Reply {
        self.send(ca, "POST", "/reenroll", &json!({"certificate_request": csr(id, &[], &new_key())}))
    }
}
