//! Whole exchanges over plain HTTP: the request sent, and the result of each kind of answer or silence.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::server::{Behaviour, answer, block_on, plain_client, read_request, reply, serve, silence};
use crate::ca::{CaError, CaUrl, Class, Client, Connections, Credential, EnrollRequest, RegisterRequest};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::{Error, ErrorKind, Secret, Timestamp};

const REQUEST: EnrollRequest<'_> =
    EnrollRequest { csr_pem: "CSR", sans: &[], profile: None, attrs: None, not_before: None, label: None };

fn enroll(client: &Client) -> Result<crate::ca::Enrollment, CaError> {
    block_on(client.enroll("org1-peer1", &Secret::new("peerpw"), &REQUEST))
}

fn recorded(response: &str) -> String {
    let response: serde_json::Value = serde_json::from_str(response).expect("JSON");
    response["body_raw"].as_str().expect("a body").to_owned()
}

fn enrolled() -> String {
    recorded(include_str!("../../../testdata/wire/02-enroll-ok.response.json"))
}

#[test]
fn an_enrolment_sends_basic_json_and_returns_the_server_date() {
    let server = serve(None, vec![answer("201 Created", &enrolled())]);
    let (url, ..) = CaUrl::parse(&format!("http://{}/api/v1/", server.address)).expect("a URL");
    let client = Client::builder(url).plaintext(true).ca_name(Some("rootca".to_owned())).build().expect("a client");
    let enrollment = enroll(&client).expect("an enrolment");
    assert!(enrollment.cert_pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert_eq!(enrollment.ca_name, "rootca");
    assert_eq!(enrollment.server_date, Timestamp::parse_rfc3339("2026-11-23T03:42:39Z"));

    let requests = server.requests.lock().expect("a lock");
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a request");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /api/v1/enroll http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: basic b3jnms1wzwvymtpwzwvychc="), "{head}");
    assert!(head.contains(&format!("\r\nuser-agent: fabcert/{}", env!("CARGO_PKG_VERSION"))), "{head}");
    assert_eq!(body, r#"{"certificate_request":"CSR","caname":"rootca"}"#);
}

#[test]
fn cainfo_sends_no_credentials() {
    let body = recorded(include_str!("../../../testdata/wire/01-cainfo.response.json"));
    let server = serve(None, vec![answer("200 OK", &body)]);
    let info = block_on(plain_client(server.address).build().expect("a client").info()).expect("info");
    assert_eq!(info.version, "1.5.21");
    assert!(!server.requests.lock().expect("a lock")[0].to_ascii_lowercase().contains("authorization"));
}

#[test]
fn tokens_sign_the_exact_path_and_bytes_sent() {
    let body = recorded(include_str!("../../../testdata/wire/05-register-ok.response.json"));
    let server = serve(None, vec![answer("201 Created", &body)]);
    let (url, ..) = CaUrl::parse(&format!("http://{}/a b", server.address)).expect("a URL");
    let client = Client::builder(url).plaintext(true).build().expect("a client");
    let key = KeyPair::generate(KeyAlgorithm::P256).expect("a key");
    let credential = Credential { cert_pem: b"CERT", key: &key };
    let request = RegisterRequest { id: "peer0", ..RegisterRequest::default() };
    let secret = block_on(client.register(&credential, &request)).expect("a secret");
    assert_eq!(secret.expose(), "peer0pw");
    let requests = server.requests.lock().expect("a lock");
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a request");
    let target = head.split(' ').nth(1).expect("a target");
    assert_eq!(target, "/a%20b/register");
    assert!(is_signed(head, target, body, &key), "{head}");
}

/// Whether the request has a token of `CERT` and `key` for this target and body.
fn is_signed(head: &str, target: &str, body: &str, key: &KeyPair) -> bool {
    let header = head.lines().find_map(|line| line.strip_prefix("authorization: ")).expect("a token");
    let (certificate, signature) = header.split_once('.').expect("two parts");
    let payload = crate::ca::auth::token_payload("POST", target, body.as_bytes(), b"CERT");
    let signature = STANDARD.decode(signature).expect("base64");
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_point());
    certificate == STANDARD.encode("CERT") && key.verify(payload.as_bytes(), &signature).is_ok()
}

#[test]
fn a_refused_token_is_signed_again_for_the_path_behind_a_proxy() {
    let refusal =
        r#"{"success":false,"result":"","errors":[{"code":20,"message":"Authentication failure"}],"messages":[]}"#;
    let body = recorded(include_str!("../../../testdata/wire/05-register-ok.response.json"));
    let key = KeyPair::generate(KeyAlgorithm::P256).expect("a key");
    let credential = Credential { cert_pem: b"CERT", key: &key };
    let request = RegisterRequest { id: "peer0", ..RegisterRequest::default() };
    let register = |path: &str| {
        let server = serve(None, vec![answer("401 Unauthorized", refusal), answer("201 Created", &body)]);
        let (url, ..) = CaUrl::parse(&format!("http://{}{path}", server.address)).expect("a URL");
        let client = Client::builder(url).plaintext(true).build().expect("a client");
        let done = block_on(client.register(&credential, &request));
        let requests = server.requests.lock().expect("a lock").clone();
        (done, requests)
    };
    let (done, requests) = register("/ca/org1");
    assert_eq!(done.expect("a secret").expose(), "peer0pw");
    let (head, body) = requests[1].split_once("\r\n\r\n").expect("a request");
    assert!(head.starts_with("POST /ca/org1/register "), "{head}");
    assert!(is_signed(head, "/register", body, &key) && !is_signed(head, "/ca/org1/register", body, &key), "{head}");

    let (done, requests) = register("");
    assert!(done.expect_err("refused").is_refusal());
    assert_eq!(requests.len(), 1, "there is no other path to sign");
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    elsewhere.set_nonblocking(true).expect("a listener");
    let location = elsewhere.local_addr().expect("an address");
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let redirect = format!("HTTP/1.1 {status}\r\nLocation: http://{location}/enroll\r\nContent-Length: 0\r\n\r\n");
        let server = serve(None, vec![reply(redirect)]);
        let error = enroll(&plain_client(server.address).build().expect("a client")).expect_err(status);
        assert!(matches!(&error, CaError::Server { error, .. } if error.class == Class::Misconfigured), "{error}");
        assert!(!error.is_retryable() && !error.is_ambiguous());
        assert!(Error::from(error).help().expect("help").contains("redirects are not followed"));
        assert_eq!(server.requests.lock().expect("a lock").len(), 1);
    }
    assert!(elsewhere.accept().is_err(), "no connection may arrive");
}

#[test]
fn a_silent_server_times_out() {
    let server = serve(None, vec![silence()]);
    let client = plain_client(server.address).timeout(Duration::from_millis(300)).build().expect("a client");
    let begun = Instant::now();
    let error = enroll(&client).expect_err("silence");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(matches!(error, CaError::TimedOut { .. }), "{error}");
    assert!(error.is_retryable() && error.is_ambiguous());
    assert_eq!(Error::from(error).kind(), ErrorKind::Unreachable);
    server.closed.recv_timeout(Duration::from_secs(4)).expect("the connection is closed");
}

#[test]
fn an_endless_body_times_out() {
    let begins = |stream: &mut dyn super::server::Connection| {
        let _ = stream.write_all(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n");
        silence()(stream);
    };
    let server = serve(None, vec![Box::new(begins)]);
    let client = plain_client(server.address).timeout(Duration::from_millis(300)).build().expect("a client");
    let error = enroll(&client).expect_err("no end");
    assert!(matches!(error, CaError::TimedOut { .. }) && error.is_ambiguous(), "{error}");
}

#[test]
fn a_huge_body_is_rejected() {
    let head = |length: &str| format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n").into_bytes();
    let mut endless = head("Transfer-Encoding: chunked");
    for _ in 0..32 {
        endless.extend_from_slice(b"10000\r\n");
        endless.extend(std::iter::repeat_n(b'x', 0x10000));
        endless.extend_from_slice(b"\r\n");
    }
    for bytes in [endless, [head("Content-Length: 9999999"), vec![b'x'; 2 << 20]].concat()] {
        let server = serve(None, vec![reply(bytes)]);
        let error = enroll(&plain_client(server.address).build().expect("a client")).expect_err("huge");
        assert!(matches!(error, CaError::TooLarge { .. }), "{error}");
        assert!(!error.is_retryable() && error.is_ambiguous());
        assert_eq!(Error::from(error).kind(), ErrorKind::Unreachable);
    }
}

#[test]
fn a_cut_answer_is_ambiguous() {
    let whole = enrolled();
    let cut_body = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{}", whole.len(), &whole[..100]);
    for bytes in [
        cut_body.as_str(),
        "HTTP/1.1 201 Cr",
        "",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"r",
    ] {
        let server = serve(None, vec![reply(bytes)]);
        let error = enroll(&plain_client(server.address).build().expect("a client")).expect_err("cut");
        assert!(matches!(error, CaError::Lost { .. }), "{bytes:?} {error}");
        assert!(error.is_ambiguous() && error.is_retryable());
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.help().expect("help").contains("the key is kept"));
        let info = block_on(plain_client(server.address).build().expect("a client").info()).expect_err("cut");
        assert!(!info.is_ambiguous());
    }
}

#[test]
fn a_refused_connection_sends_nothing() {
    // Bound and not listening, so that no other test gets the port.
    let reserved = tokio::net::TcpSocket::new_v4().expect("a socket");
    reserved.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let port = reserved.local_addr().expect("an address");
    let error = enroll(&plain_client(port).build().expect("a client")).expect_err("not listening");
    assert!(matches!(error, CaError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("onnection refused"), "{error}");
    assert!(error.is_retryable() && !error.is_ambiguous());
}

#[test]
fn a_host_without_an_address_is_reported() {
    let (url, ..) = CaUrl::parse("http://no-such-host.invalid").expect("a URL");
    let client = Client::builder(url).plaintext(true).build().expect("a client");
    let error = enroll(&client).expect_err("no address");
    assert!(matches!(error, CaError::Resolve { .. }), "{error}");
    assert!(error.is_retryable() && !error.is_ambiguous());
}

#[test]
fn the_secret_is_removed_from_server_messages() {
    let says = r#"{"result":"","errors":[{"code":0,"message":"peerpw is no good"}],"messages":[],"success":false}"#;
    let server = serve(None, vec![answer("500 Internal Server Error", says), answer("400 Bad Request", "got peerpw")]);
    let client = plain_client(server.address).build().expect("a client");
    for _ in 0..2 {
        let error = enroll(&client).expect_err("a refusal");
        assert!(!format!("{error} {error:?}").contains("peerpw"), "{error}");
        assert!(error.to_string().contains("[redacted]"), "{error}");
    }
}

#[test]
fn user_and_password_of_the_proxy_are_removed_from_server_messages() {
    for (user_info, hidden, shown) in [
        ("http://t0ken-0f-proxy", "t0ken-0f-proxy", ""),
        ("t0ken-0f-proxy", "t0ken-0f-proxy", ""),
        ("http://t0ken%2D0f%2Dproxy", "t0ken-0f-proxy", ""),
        ("http://user:pr0xy%2Bpw", "pr0xy+pw", "user"),
        ("user:pr0xy%2Bpw", "pr0xy+pw", "user"),
    ] {
        let says = format!("{hidden} {shown} is not good");
        let proxy = serve(None, vec![answer("400 Bad Request", &says)]);
        let (url, ..) = CaUrl::parse("http://ca.invalid:7054").expect("a URL");
        let builder = Client::builder(url).plaintext(true);
        let client = builder.proxy(Some(format!("{user_info}@{}", proxy.address))).build().expect("a client");
        let error = enroll(&client).expect_err("a refusal").to_string();
        assert!(!error.contains(hidden) && error.contains("[redacted]") && error.contains(shown), "{error}");
    }
}

#[test]
fn a_large_answer_keeps_its_certificates_and_little_else() {
    let mut answer_of = serde_json::from_str::<serde_json::Value>(&enrolled()).expect("JSON");
    let chain = STANDARD.decode(answer_of["result"]["ServerInfo"]["CAChain"].as_str().expect("a chain"));
    let chain = String::from_utf8(chain.expect("base64")).expect("PEM");
    let padded = format!("{chain}{}{chain}peerpw", "one\n-----END CERTIFICATE-----\n".repeat(18_000));
    answer_of["result"]["ServerInfo"]["CAChain"] = STANDARD.encode(&padded).into();
    let server = serve(None, vec![answer("201 Created", &answer_of.to_string())]);
    let enrollment = enroll(&plain_client(server.address).build().expect("a client")).expect("an enrolment");
    let kept = String::from_utf8(enrollment.chain_pem).expect("text");
    assert_eq!(kept.matches(chain.trim()).count(), 2);
    assert!(kept.len() < 2 * chain.len() + (33 << 10) && !kept.contains("peerpw"), "{} bytes", kept.len());
}

#[test]
fn a_success_without_a_certificate_is_unusable() {
    let says = |result: &str| format!(r#"{{"result":{result},"errors":[],"messages":[],"success":true}}"#);
    for result in ["\"\"", "{}", r#"{"Cert":"x"}"#, r#"{"Cert":"%","ServerInfo":{"CAChain":""}}"#] {
        let server = serve(None, vec![answer("201 Created", &says(result))]);
        let error = enroll(&plain_client(server.address).build().expect("a client")).expect_err(result);
        assert!(matches!(error, CaError::Unusable { .. }), "{error}");
        assert!(error.is_ambiguous() && !error.is_retryable());
        assert_eq!(Error::from(error).kind(), ErrorKind::NotAsAsked);
    }
}

#[test]
fn ids_that_cannot_enrol_are_refused_before_sending() {
    let server = serve(None, vec![answer("500 Never", "")]);
    let client = plain_client(server.address).build().expect("a client");
    for id in ["", "a:b"] {
        let error = block_on(client.enroll(id, &Secret::new("s"), &REQUEST)).expect_err(id);
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    assert!(server.requests.lock().expect("a lock").is_empty());
}

#[test]
fn plain_http_and_missing_anchors_are_usage_errors() {
    let build = |text: &str| {
        let (url, ..) = CaUrl::parse(text).expect("a URL");
        Client::builder(url).build().expect_err(text)
    };
    for error in [build("http://h"), build("https://h")] {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().starts_with("h:7054: "), "{error}");
    }
}

#[test]
fn a_given_proxy_is_used() {
    let proxy = serve(None, vec![answer("201 Created", &enrolled())]);
    let (url, ..) = CaUrl::parse("http://ca.invalid:7054").expect("a URL");
    let builder = Client::builder(url).plaintext(true);
    let client = builder.proxy(Some(format!("http://{}", proxy.address))).build().expect("a client");
    enroll(&client).expect("an enrolment");
    assert!(proxy.requests.lock().expect("a lock")[0].starts_with("POST http://ca.invalid:7054/enroll "));
    let (url, ..) = CaUrl::parse("http://ca.invalid:7054").expect("a URL");
    let error =
        Client::builder(url).plaintext(true).proxy(Some("://u:hidden@".to_owned())).build().expect_err("not a URL");
    assert!(!format!("{error} {error:?}").contains("hidden"));
    assert_eq!(error.kind(), ErrorKind::Usage);
}

const CHILD: &str = "FABCERT_TEST_ADDRESS";

/// The environment is process-wide, so the test runs itself in a child process with proxies set.
#[test]
fn proxies_of_the_environment_are_not_used() {
    if let Ok(address) = std::env::var(CHILD) {
        enroll(&plain_client(address.parse().expect("an address")).build().expect("a client")).expect("an enrolment");
        return;
    }
    let server = serve(None, vec![answer("201 Created", &enrolled())]);
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let named = format!("http://{}", proxy.local_addr().expect("an address"));
    let mut child = std::process::Command::new(std::env::current_exe().expect("a path"));
    for variable in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(variable, &named);
    }
    child.env_remove("no_proxy").env_remove("NO_PROXY").env(CHILD, server.address.to_string());
    let test = "ca::tests::exchange::proxies_of_the_environment_are_not_used";
    let output = child.args(["--exact", test]).output().expect("a run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(server.requests.lock().expect("a lock").len(), 1);
    proxy.set_nonblocking(true).expect("a listener");
    assert!(proxy.accept().is_err(), "no connection may arrive");
}

#[test]
fn clients_of_one_ca_use_one_connection_until_the_ca_closes_it() {
    let body = enrolled();
    let kept_alive = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let three: Behaviour = Box::new(move |stream| {
        for left in (0..3).rev() {
            stream.write_all(kept_alive.as_bytes()).and_then(|()| stream.flush()).expect("an answer");
            assert!(left == 0 || read_request(stream).is_some(), "a request on the same connection");
        }
    });
    let server = serve(None, vec![three, answer("201 Created", &body)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut connections = Connections::default();
    let mut opened_after = |name: &str| {
        let client = plain_client(server.address).ca_name(Some(name.to_owned())).build_over(&mut connections);
        let client = client.expect("a client");
        let asked = runtime.block_on(client.enroll("peer1", &Secret::new("peerpw"), &REQUEST));
        asked.map(drop).expect("an enrolment");
        server.requests.lock().expect("a lock").len()
    };
    assert_eq!(["one", "two", "three"].map(&mut opened_after), [1; 3]);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(opened_after("four"), 2);
}
