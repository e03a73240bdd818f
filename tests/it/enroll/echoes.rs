//! Servers that repeat the credential of a request, in every form that a server, proxy or page for debugging may give it: it is
//! in no output, at any log level, and in no file.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fabcert::internals::pem_encode;
use serde_json::json;

use super::scene::text;
use crate::command::{Ran, fabcert, tree};

const ID: &str = "org1-peer1";
/// With characters that URLs, HTML and JSON must escape.
const SECRET: &str = "s3cr3t/of@<nobody> \"&\" q7+\\x";

/// Writes a text in another form.
type Form = fn(&str) -> String;

/// How a text is written.
const FORMS: &[(&str, Form)] = &[
    ("plain", str::to_owned),
    ("percent, upper case", |t| each(t, |b| format!("%{b:02X}"))),
    ("percent, lower case", |t| each(t, |b| format!("%{b:02x}"))),
    ("form", |t| url::form_urlencoded::byte_serialize(t.as_bytes()).collect()),
    ("HTML names", |t| {
        t.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('/', "&sol;")
    }),
    ("HTML, decimal", |t| each(t, |b| format!("&#{b};"))),
    ("HTML, hexadecimal", |t| each(t, |b| format!("&#x{b:x};"))),
    ("JSON, lower case", |t| each(t, |b| format!("\\u{b:04x}"))),
    ("JSON, upper case", |t| each(t, |b| format!("\\u{b:04X}"))),
    ("JSON text", |t| json!(t).to_string().replace('/', "\\/")),
    ("C", |t| each(t, |b| format!("\\x{b:02x}"))),
    ("quoted-printable", |t| each(t, |b| format!("={b:02X}"))),
    ("hexadecimal", |t| each(t, |b| format!("{b:02x}"))),
    ("bytes of Go", |t| format!("[{}]", each(t, |b| format!("{b} ")))),
    ("base64", |t| STANDARD.encode(t)),
    ("base64 for URLs", |t| URL_SAFE_NO_PAD.encode(t)),
    ("base64, one byte further", |t| STANDARD.encode(format!("?{t}?"))),
    ("base64, two bytes further", |t| STANDARD.encode(format!("??{t}?"))),
    ("base64 in lines", |t| folded(&STANDARD.encode(t), 5)),
    ("folded", |t| folded(t, 3)),
    ("base64, percent-encoded", |t| each(&STANDARD.encode(t), |b| format!("%{b:02x}"))),
    ("base64 twice", |t| STANDARD.encode(STANDARD.encode(t))),
];

fn each(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

fn folded(text: &str, width: usize) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
    lines.join(
        "
 ",
    )
}

/// An answer: status line, headers, body.
type Answer = (&'static str, String, String);

fn envelope(code: i64, message: &str) -> String {
    json!({ "success": false, "result": "", "errors": [{ "code": code, "message": message }], "messages": [] })
        .to_string()
}

fn success(cert: &str, chain: &str, name: &str) -> String {
    let info = json!({ "CAName": name, "CAChain": STANDARD.encode(chain), "Version": "1.5.21" });
    let result = json!({ "Cert": STANDARD.encode(cert), "ServerInfo": info });
    json!({ "success": true, "result": result, "errors": [], "messages": [] }).to_string()
}

/// Makes an answer that repeats a text.
type Carrier = fn(&str) -> Answer;

/// Where an answer repeats a text.
const CARRIERS: &[(&str, Carrier)] = &[
    ("envelope", |t| {
        ("401 Unauthorized", String::new(), envelope(20, &format!("Authentication failure: {t} was sent")))
    }),
    ("HTML", |t| ("401 Unauthorized", String::new(), format!("<html><body><pre>{t}</pre> is wrong</body></html>"))),
    ("500", |t| ("500 Internal Server Error", String::new(), format!("panic: {t}\n\ngoroutine 1 [running]:"))),
    ("cut envelope", |t| {
        ("403 Forbidden", String::new(), envelope(71, &format!("{t} was sent"))[..].trim_end_matches('}').to_owned())
    }),
    ("headers", |t| {
        let line = t.replace(['\r', '\n'], "");
        (
            "302 Found",
            format!("Location: https://x/?{line}\r\nWWW-Authenticate: Basic realm=\"{line}\"\r\n"),
            t.to_owned(),
        )
    }),
    ("PEM label", |t| {
        let label = t.replace(['\r', '\n'], "");
        ("201 Created", String::new(), success(&pem_encode(&label, b"x"), &pem_encode(&label, b"x"), "ca"))
    }),
    ("PEM text", |t| {
        let broken = format!("{t}\n-----BEGIN CERTIFICATE-----\n{t}\n-----END {t}-----\n");
        ("201 Created", String::new(), success(&broken, &broken, t))
    }),
];

/// Makes an answer of an `Authorization` header.
type Maker = Box<dyn Fn(&str) -> Answer + Send>;

/// A server that answers each request with what `answer` makes of its `Authorization` header.
struct Echo {
    url: String,
    answer: Arc<Mutex<Maker>>,
    heard: Arc<Mutex<usize>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer: Arc<Mutex<Maker>> = Arc::new(Mutex::new(Box::new(CARRIERS[0].1)));
        let heard = Arc::new(Mutex::new(0));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&heard));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let authorization = authorization(&mut connection);
                *count.lock().unwrap() += 1;
                let (status, headers, body) = answers.lock().unwrap()(&authorization);
                let start = format!(
                    "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                connection.write_all((start + &body).as_bytes()).unwrap();
            }
        });
        Self { url, answer, heard }
    }

    fn answer(&self, answer: impl Fn(&str) -> Answer + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// Enrols into `dir`, and fails if any output or file shows the secret.
    fn enroll(&self, dir: &Path, secret: &str, what: &str) -> Ran {
        let folder = text(&dir.join("peer/msp"));
        // Both forms of the log in turn.
        let log = if what.len().is_multiple_of(2) { "text" } else { "json" };
        let ran = fabcert(
            &[
                &["enroll", "--url", &self.url, "--plaintext", "--id", ID, "--msp-dir", &folder, "--force"],
                &["-vv", "--log-format", log, "--output", "json"][..],
            ]
            .concat(),
            Some(secret),
        );
        assert!([6, 7, 8].contains(&ran.code), "{what}: {ran:?}");
        none_shows(secret, &ran.stdout, &format!("{what}, standard output"));
        none_shows(secret, &ran.stderr, &format!("{what}, standard error"));
        let files = tree(dir);
        assert!(files.keys().any(|path| path.contains(".json")), "{what}: {:?}", files.keys());
        for (path, (_, content)) in files {
            none_shows(secret, &String::from_utf8_lossy(&content), &format!("{what}, {path}"));
        }
        ran
    }
}

/// The `Authorization` header of a request, which is read to its end.
fn authorization(connection: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let read = connection.read(&mut buffer).unwrap();
        assert!(read > 0, "the request ended early");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(": ")?;
                known.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return header("authorization").unwrap();
        }
    }
}

/// The id and the secret as the server reads them.
fn credential(authorization: &str) -> String {
    let basic = authorization.strip_prefix("Basic ").unwrap();
    String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap()
}

/// Fails if a text shows eight characters of the secret in any form. The texts are compared without whitespace.
fn none_shows(secret: &str, shown: &str, what: &str) {
    let tight = |text: &str| text.split_whitespace().collect::<String>();
    let pair = format!("{ID}:{secret}");
    let texts = [tight(shown), tight(&shown.replace("\\\\", "\\")), tight(&shown.replace("\\\"", "\""))];
    for (name, form) in FORMS {
        let (whole, id) = (tight(&form(secret)), tight(&form(ID)));
        let credential = tight(&form(&pair));
        // What the credential adds to the id, the first characters left out, which the last ones of the id share.
        let rest = credential.get(id.len() + 2..).unwrap_or_default();
        for needle in [whole.as_str(), rest] {
            let length = if *name == "plain" { 8 } else { 12 };
            for part in needle.as_bytes().windows(length) {
                let part = String::from_utf8_lossy(part);
                assert!(texts.iter().all(|text| !text.contains(&*part)), "{what} shows {part} ({name}):\n{shown}");
            }
        }
    }
}

#[test]
fn no_form_of_an_echo_is_shown() {
    let echo = Echo::start();
    let mut forms = 0;
    for (carrier, answer) in CARRIERS {
        for (name, form) in FORMS {
            echo.answer(|authorization| answer(&form(&credential(authorization))));
            let dir = tempfile::tempdir().unwrap();
            let ran = echo.enroll(dir.path(), SECRET, &format!("{carrier}, {name}"));
            // The message is there, without the secret: nothing else would be shown.
            if ["envelope", "500"].contains(carrier) {
                assert!(ran.stderr.contains("[redact"), "{carrier}, {name}: {ran:?}");
            }
            forms += 1;
        }
        echo.answer(|authorization| answer(&format!("Authorization: {authorization}")));
        let dir = tempfile::tempdir().unwrap();
        echo.enroll(dir.path(), SECRET, &format!("{carrier}, header"));
        forms += 1;
    }
    assert!(forms >= 60, "{forms} forms");
    assert!(*echo.heard.lock().unwrap() >= forms, "each run is a request");
}

#[test]
fn no_part_of_an_echo_is_shown_where_a_message_is_cut() {
    let echo = Echo::start();
    for padding in (40..84).step_by(4).chain((260..304).step_by(4)) {
        for answer in [CARRIERS[0].1, CARRIERS[2].1] {
            echo.answer(move |authorization| {
                answer(&format!("{}{authorization} {}", "x ".repeat(padding / 2), credential(authorization)))
            });
            let dir = tempfile::tempdir().unwrap();
            echo.enroll(dir.path(), SECRET, &format!("cut after {padding}"));
        }
    }
}

#[test]
fn short_secrets_are_not_shown_in_base64() {
    let echo = Echo::start();
    for secret in ["a", "pw", "q7x"] {
        echo.answer(|authorization| (CARRIERS[0].1)(&format!("a header {authorization}")));
        let dir = tempfile::tempdir().unwrap();
        let folder = text(&dir.path().join("msp"));
        let ran = fabcert(
            &["enroll", "--url", &echo.url, "--plaintext", "--id", ID, "--msp-dir", &folder, "-vv", "--output", "json"],
            Some(secret),
        );
        assert_eq!(ran.code, 7, "{ran:?}");
        let basic = STANDARD.encode(format!("{ID}:{secret}"));
        let shown = format!("{}{}{:?}", ran.stdout, ran.stderr, tree(dir.path()));
        assert!(!shown.contains(&basic[..16]) && shown.contains("a header Basic [redacted]"), "{shown}");
    }
}
