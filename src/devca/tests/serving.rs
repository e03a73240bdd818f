//! Paths, methods, headers, TLS, start and stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use serde_json::json;

use super::client::{Member, Reply, enroll, request, send, try_send};
use super::{NOW, plain, start, start_with_peer};
use crate::devca::{DevCa, DevCaConfig, Endpoint, IdentitySpec, Running};

#[test]
fn unknown_paths_wrong_methods_and_unclean_paths() {
    let ca = start(plain());
    let reply = send(&ca, "GET", "/cainfo/", &[], b"");
    assert_eq!((reply.status, reply.body.as_slice()), (404, &b"404 page not found\n"[..]));
    let reply = send(&ca, "POST", "//enroll?ca=x", &[], b"{}");
    assert_eq!((reply.status, reply.header("Location"), reply.body.len()), (301, Some("/enroll?ca=x"), 0));
    for (method, path) in [("GET", "/enroll"), ("OPTIONS", "/cainfo"), ("PUT", "/register"), ("POST", "/identities/a")]
    {
        let reply = send(&ca, method, path, &[], b"");
        assert_eq!(reply.verdict(), (405, 1), "{method} {path}");
        assert_eq!(reply.message(), format!("Method {method} is not allowed"));
    }
    let reply = send(&ca, "HEAD", "/cainfo", &[], b"");
    assert_eq!((reply.status, reply.header("Content-Length"), reply.body.len()), (200, Some("0"), 0));
    assert_eq!(send(&ca, "POST", "/idemix/cri", &[], b"{}").verdict(), (500, 0));
}

#[test]
fn cainfo_accepts_every_form_of_request() {
    let ca = start(plain());
    for (method, target, body) in [
        ("GET", "/cainfo", ""),
        ("GET", "/api/v1/cainfo?ca=rootca", ""),
        ("POST", "/cainfo", ""),
        ("POST", "/cainfo", "null"),
        ("POST", "/cainfo", "{}"),
        ("POST", "/cainfo", r#"{"CAName":"rootca"}"#),
    ] {
        let reply = send(&ca, method, target, &[], body.as_bytes());
        assert_eq!((reply.status, &reply.json()["result"]["CAName"]), (200, &json!("rootca")), "{method} {body}");
    }
    assert_eq!(send(&ca, "GET", "/cainfo?ca=x", &[], b"").verdict(), (404, 19));
    assert_eq!(ca.count(Endpoint::CaInfo), 7);
}

#[test]
fn a_kept_connection_serves_more_requests() {
    let ca = start(plain());
    let mut stream = TcpStream::connect(ca.addr()).unwrap();
    let kept = b"GET /cainfo HTTP/1.1\r\nHost: ca\r\n\r\n";
    stream.write_all(kept).unwrap();
    let mut raw = Vec::new();
    while !raw.ends_with(b"0\r\n\r\n") {
        let mut buffer = [0u8; 4096];
        let n = stream.read(&mut buffer).unwrap();
        raw.extend(&buffer[..n]);
    }
    assert_eq!(Reply::parse(&raw).unwrap().header("Connection"), Some("Keep-Alive"));
    stream.write_all(&request("GET", "/cainfo", &[], b"")).unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    assert_eq!(Reply::parse(&raw).unwrap().status, 200);
}

#[test]
fn with_a_path_prefix_the_ca_sees_another_target() {
    let mut config = plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer"));
    config.path_prefix = Some("/ca/org1/".to_owned());
    let ca = start(config);
    assert!(ca.url().ends_with("/ca/org1"), "{}", ca.url());
    assert_eq!(send(&ca, "GET", "/ca/org1/cainfo", &[], b"").status, 200);
    assert_eq!(send(&ca, "GET", "/cainfo", &[], b"").status, 404);
    assert_eq!(send(&ca, "GET", "/ca/org1x/cainfo", &[], b"").status, 404);
    let key = super::client::new_key();
    let body = json!({"certificate_request": super::client::csr("peer0", &[], &key)}).to_string();
    let auth = super::client::basic("peer0", "peer0pw");
    let reply = send(&ca, "POST", "/ca/org1/enroll", &[("Authorization", &auth)], body.as_bytes());
    let member = Member { key, pem: reply.cert_pem() };
    let reenroll = |signed: &str| {
        let token = member.token("POST", signed, body.as_bytes());
        send(&ca, "POST", "/ca/org1/reenroll", &[("Authorization", &token)], body.as_bytes()).status
    };
    assert_eq!(reenroll("/ca/org1/reenroll"), 401);
    assert_eq!(reenroll("/reenroll"), 201);
}

#[test]
fn requests_are_logged_without_secrets() {
    let ca = start_with_peer();
    enroll(&ca, "peer0", "wrong-secret", json!({}));
    let logged = ca.requests();
    assert_eq!(logged.len(), 1);
    assert_eq!((logged[0].status, logged[0].code, logged[0].authorized), (Some(401), Some(20), true));
    assert_eq!((logged[0].method.as_str(), logged[0].target.as_str()), ("POST", "/api/v1/enroll"));
    assert!(!format!("{logged:?}").contains("wrong-secret"));
    ca.clear_requests();
    assert_eq!(ca.count(Endpoint::Enroll), 0);
}

#[test]
fn dropping_the_handle_stops_the_server() {
    let ca = start(plain());
    let address = ca.addr();
    let idle = TcpStream::connect(address).unwrap();
    drop(ca);
    assert!(TcpStream::connect(address).is_err());
    drop(idle);
}

#[test]
fn it_runs_in_the_given_runtime_until_its_handle_is_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = runtime.block_on(async {
        let ca = DevCa::start(plain()).await.unwrap();
        let address = ca.addr();
        let asked = tokio::task::spawn_blocking(move || {
            let reply = try_send(&ca, "GET", "/cainfo", &[], b"").unwrap().status;
            (ca, reply)
        });
        let (ca, status) = asked.await.unwrap();
        assert_eq!(status, 200);
        drop(ca);
        address
    });
    drop(runtime);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_address_in_use_is_reported() {
    let ca = start(plain());
    let mut config = plain();
    config.listen = ca.addr();
    let error = DevCa::spawn_thread(config).unwrap_err();
    assert!(error.to_string().contains(&ca.addr().to_string()), "{error}");
}

/// rustls requires the time; the dev CA uses [`NOW`].
#[derive(Debug)]
struct Clock;

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW.unix().cast_unsigned())))
    }
}

fn over_tls(ca: &Running, name: &'static str, identity: Option<&Member>) -> std::io::Result<Reply> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.tls_anchor_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Clock));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(member) => {
            let certificate = CertificateDer::from_pem_slice(member.pem.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(member.key.to_pkcs8_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(ca.addr())?);
    stream.write_all(&request("GET", "/cainfo", &[], b""))?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw)?;
    Ok(Reply::parse(&raw).unwrap())
}

fn tls(intermediates: u8) -> DevCaConfig {
    let mut config = plain();
    config.plaintext = false;
    config.intermediates = intermediates;
    config.hosts = vec!["org1-ca".to_owned()];
    config
}

#[test]
fn tls_serves_the_configured_names() {
    for intermediates in [0, 1] {
        let ca = start(tls(intermediates));
        assert!(ca.url().starts_with("https://127.0.0.1:"));
        for name in ["localhost", "127.0.0.1", "::1", "org1-ca"] {
            assert_eq!(over_tls(&ca, name, None).unwrap().status, 200, "{name}");
        }
        assert!(over_tls(&ca, "other-ca", None).is_err());
    }
}

#[test]
fn plain_http_to_the_tls_port_gets_gos_answer() {
    let ca = start(tls(0));
    let mut stream = TcpStream::connect(ca.addr()).unwrap();
    stream.write_all(b"GET /cainfo HTTP/1.1\r\nHost: ca\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
}

#[test]
fn a_client_certificate_is_required_if_configured() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut config = plain();
    config.state = Some(state.clone());
    let member = Member::enroll(&start(config), "admin", "adminpw");
    let mut config = tls(0);
    config.state = Some(state);
    config.require_client_certificate = true;
    let ca = start(config);
    assert!(over_tls(&ca, "localhost", None).is_err());
    assert_eq!(over_tls(&ca, "localhost", Some(&member)).unwrap().status, 200);
}

#[test]
fn an_unusable_state_file_is_named_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = plain();
    config.state = Some(folder.path().to_owned());
    let error = DevCa::spawn_thread(config).unwrap_err().to_string();
    assert!(error.contains(folder.path().to_str().unwrap()) && error.contains("directory"), "{error}");
}
