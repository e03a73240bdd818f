//! A server that answers every enrolment with the certificates that a test makes for the key in the request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::pki::x509::Csr;
use serde_json::{Value, json};

use super::minted::pem;
use super::scene::{NAMES, text};
use crate::command::{Ran, fabcert};

/// A certificate and its chain, DER.
pub(super) type Answer = (Vec<u8>, Vec<Vec<u8>>);

/// Makes an answer for a key (`SubjectPublicKeyInfo`, DER).
pub(super) type Maker = Box<dyn Fn(&[u8]) -> Answer + Send>;

/// The server, and the folder into which an enrolment at it installs.
pub(super) struct Answering {
    url: String,
    maker: Arc<Mutex<Maker>>,
    dir: tempfile::TempDir,
}

/// What is enrolled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A TLS folder of three files.
    Tls,
    /// A TLS certificate in a folder of an MSP's shape.
    TlsInMsp,
    /// An MSP folder.
    Msp,
}

impl Answering {
    pub(super) fn with(maker: impl Fn(&[u8]) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let maker: Arc<Mutex<Maker>> = Arc::new(Mutex::new(Box::new(maker)));
        let answers = Arc::clone(&maker);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let body = request_body(&mut connection);
                let csr = body["certificate_request"].as_str().unwrap().to_owned();
                let csr = Csr::from_pem(csr.as_bytes()).unwrap();
                let (leaf, chain) = answers.lock().unwrap()(csr.spki_der());
                let answer = envelope(&pem(&[leaf]), &pem(&chain));
                let head =
                    format!("HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", answer.len());
                connection.write_all((head + &answer).as_bytes()).unwrap();
            }
        });
        Self { url, maker, dir: tempfile::tempdir().unwrap() }
    }

    /// Answers so from now on.
    pub(super) fn answer(&self, maker: impl Fn(&[u8]) -> Answer + Send + 'static) {
        *self.maker.lock().unwrap() = Box::new(maker);
    }

    /// The folder of that form.
    pub(super) fn folder(&self, form: Form) -> PathBuf {
        self.dir.path().join(match form {
            Form::Tls => "peer/tls",
            Form::TlsInMsp => "shaped/tls",
            Form::Msp => "peer/msp",
        })
    }

    /// Enrols for that form, whatever is in the folder now.
    pub(super) fn enroll(&self, form: Form) -> Ran {
        let folder = text(&self.folder(form));
        let mut args = vec!["enroll", "--url", &self.url, "--plaintext", "--id", "org1-peer1", "--force"];
        match form {
            Form::Tls => args.extend(["--tls-dir", &folder]),
            Form::TlsInMsp => args.extend(["--msp-dir", &folder, "--profile", "tls"]),
            Form::Msp => args.extend(["--msp-dir", &folder]),
        }
        if form != Form::Msp {
            args.extend(["--san", NAMES[0], "--san", NAMES[1]]);
        }
        fabcert(&args, Some("peerpw"))
    }
}

/// The refusals that an audit of the folder gives as verdicts, when clients dial the names of the scene.
pub(super) fn refusals(folder: &Path, expect_names: bool) -> Vec<String> {
    let folder = text(folder);
    let mut args = vec!["audit", &folder, "--output", "json", "--no-policy"];
    if expect_names {
        args.extend(["--expect-san", NAMES[0], "--expect-san", NAMES[1]]);
    }
    let ran = fabcert(&args, None);
    let report = ran.json();
    let subjects = report["subjects"].as_array().unwrap();
    assert!(!subjects.is_empty(), "{report}");
    let verdicts = subjects.iter().flat_map(|s| s["verdicts"].as_object().into_iter().flatten());
    let judged: Vec<_> = verdicts.filter(|(_, v)| !v.is_null()).collect();
    assert!(!judged.is_empty(), "nothing was judged: {report}");
    judged.iter().filter(|(_, v)| v["verdict"] != "accept").map(|(who, v)| format!("{who}: {v}")).collect()
}

fn envelope(cert: &str, chain: &str) -> String {
    let info = json!({
        "CAName": "ca", "CAChain": BASE64.encode(chain), "IssuerPublicKey": "", "IssuerRevocationPublicKey": "",
        "Version": "1.5.21"
    });
    let result = json!({ "Cert": BASE64.encode(cert), "ServerInfo": info });
    json!({ "success": true, "result": result, "errors": [], "messages": [] }).to_string()
}

/// The body by `Content-Length`, as JSON.
fn request_body(connection: &mut TcpStream) -> Value {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = connection.read(&mut buffer).unwrap();
        assert!(read > 0, "the request ended early");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |l| l.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return serde_json::from_slice(&bytes[end + 4..]).unwrap();
        }
    }
}
