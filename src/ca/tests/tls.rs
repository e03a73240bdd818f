//! Real TLS handshakes with a server on loopback.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::pki::{Made, Pki, ca_params, issued, params, pki, self_signed};
use super::server::{Behaviour, Server, answer, block_on, plain_client, serve, silence};
use crate::ca::tls::crypto_provider;
use crate::ca::{CaError, CaUrl, Client, ClientBuilder, TlsFailure, TrustAnchors};
use crate::{Error, ErrorKind};

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn config(chain: &[&Made], clients: Option<&Made>, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let provider = Arc::new(crypto_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.der()).expect("a root");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
            builder.with_client_cert_verifier(verifier)
        }
    };
    let certs = chain.iter().map(|c| c.der()).collect();
    builder.with_single_cert(certs, chain[0].key_der().into()).expect("a certificate")
}

fn info() -> Behaviour {
    answer("200 OK", r#"{"result":{"CAName":"x","CAChain":"","Version":"1"},"errors":[],"messages":[],"success":true}"#)
}

fn client(url: &str, anchor: &Made) -> ClientBuilder {
    let (url, ..) = CaUrl::parse(url).expect("a URL");
    let anchors = TrustAnchors::from_pem("ca.pem", anchor.pem().as_bytes()).expect("anchors");
    Client::builder(url).anchors(anchors).timeout(Duration::from_secs(10))
}

fn at(address: SocketAddr) -> String {
    format!("https://{address}")
}

fn ask(builder: ClientBuilder) -> Result<(), CaError> {
    block_on(builder.build().expect("a client").info()).map(|_| ())
}

fn failure(builder: ClientBuilder) -> TlsFailure {
    let error = ask(builder).expect_err("not trusted");
    assert!(!error.is_retryable() && !error.is_ambiguous(), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let CaError::Tls { failure, .. } = error else { panic!("{error} {error:?}") };
    *failure
}

fn count(server: &Server) -> usize {
    server.requests.lock().expect("a lock").len()
}

#[test]
fn tls_1_2_and_1_3_are_accepted_by_name_and_address() {
    let Pki { intermediate, leaf, .. } = pki(&NAMES);
    for version in BOTH {
        let server = serve(Some(config(&[&leaf], None, &[version])), vec![info()]);
        ask(client(&at(server.address), &intermediate)).expect("an answer");
        ask(client(&format!("https://localhost:{}", server.address.port()), &intermediate)).expect("an answer");
        assert_eq!(count(&server), 2);
    }
}

#[test]
fn no_request_is_sent_to_an_untrusted_server() {
    let Pki { root, intermediate, leaf } = pki(&["org1-ca", "org1-ca.fabric"]);
    let server = serve(Some(config(&[&leaf], None, BOTH)), vec![info()]);
    let wrong = failure(client(&at(server.address), &intermediate));
    assert_eq!(
        wrong.to_string(),
        "the CA's TLS certificate (\"CN=org1-ca\") is not for \"127.0.0.1\"; it is for org1-ca, org1-ca.fabric"
    );
    assert!(matches!(failure(client(&at(server.address), &root)), TlsFailure::UnknownIssuer(_)));
    assert_eq!(count(&server), 0);
}

#[test]
fn an_ingress_default_certificate_is_reported() {
    let root = self_signed(ca_params("root"));
    let fake = self_signed(params("Kubernetes Ingress Controller Fake Certificate", &["ingress.local"]));
    let server = serve(Some(config(&[&fake], None, BOTH)), vec![info()]);
    assert!(matches!(failure(client(&at(server.address), &root)), TlsFailure::IngressDefault { .. }));
}

#[test]
fn a_client_certificate_is_sent_if_required() {
    let Pki { intermediate, leaf, .. } = pki(&NAMES);
    let clients = self_signed(ca_params("clients"));
    // As a Fabric CA issues identities: no extended key usage.
    let known = issued(params("org1-peer1", &[]), &clients);
    let stranger = self_signed(params("stranger", &[]));
    for version in BOTH {
        let server = serve(Some(config(&[&leaf], Some(&clients), &[version])), vec![info()]);
        let to_server = || client(&at(server.address), &intermediate);
        ask(to_server().client_identity(known.pem().into_bytes(), known.key())).expect("an answer");
        let none = failure(to_server());
        assert_eq!(none, TlsFailure::ClientCertRequired);
        assert!(none.next_step().contains("--tls-client-cert"));
        let refused = failure(to_server().client_identity(stranger.pem().into_bytes(), stranger.key()));
        assert!(matches!(refused, TlsFailure::ClientCertRefused { .. }), "{refused}");
        assert_eq!(count(&server), 1);
    }
}

#[test]
fn a_client_certificate_needs_its_own_key() {
    let anchor = self_signed(ca_params("root"));
    let (one, other) = (self_signed(params("a", &[])), self_signed(params("b", &[])));
    for pem in [one.pem().into_bytes(), b"none".to_vec()] {
        let error = client("https://h", &anchor).client_identity(pem, other.key()).build().expect_err("unusable");
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(matches!(error, CaError::ClientIdentity { .. }), "{error}");
    }
}

#[test]
fn tls_to_a_plain_http_port_is_reported() {
    let anchor = self_signed(ca_params("root"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let plain = failure(client(&at(address), &anchor));
    assert_eq!(plain, TlsFailure::NotTls);
    assert!(plain.next_step().contains("--plaintext"));
    answering.join().expect("a thread");
}

#[test]
fn plain_http_to_a_tls_port_is_reported() {
    let go = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let server = serve(None, vec![super::server::reply(go)]);
    let error = ask(plain_client(server.address)).expect_err("not an answer of a CA");
    assert!(error.to_string().contains("TLS port") && !error.is_retryable(), "{error}");
    assert!(Error::from(error).help().expect("help").contains("https://"));
}

#[test]
fn a_missing_handshake_is_transient_and_sends_nothing() {
    let anchor = self_signed(ca_params("root"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let error = ask(client(&at(address), &anchor).connect_timeout(Duration::from_millis(200))).expect_err("silence");
    assert!(matches!(error, CaError::ConnectTimeout { .. }), "{error}");
    assert!(error.is_retryable() && !error.is_ambiguous());
    // An equally short total limit has the same result: nothing was sent.
    let error = ask(client(&at(address), &anchor).timeout(Duration::from_millis(200))).expect_err("silence");
    assert!(matches!(error, CaError::ConnectTimeout { .. }), "{error}");
}

#[test]
fn silence_after_the_handshake_is_ambiguous() {
    let Pki { intermediate, leaf, .. } = pki(&NAMES);
    let server = serve(Some(config(&[&leaf], None, BOTH)), vec![silence()]);
    let error = ask(client(&at(server.address), &intermediate).timeout(Duration::from_secs(2))).expect_err("silence");
    assert!(matches!(error, CaError::TimedOut { .. }), "{error}");
}

#[test]
fn a_given_proxy_tunnels_tls() {
    let anchor = self_signed(ca_params("root"));
    let proxy = serve(None, vec![answer("502 Bad Gateway", "")]);
    let builder = client("https://ca.invalid:7054", &anchor).proxy(Some(format!("http://{}", proxy.address)));
    let error = ask(builder).expect_err("no tunnel");
    let by_proxy = |proxy: &str| matches!(&error, CaError::Proxied { proxy: named, .. } if named == proxy);
    assert!(by_proxy(&proxy.address.to_string()), "{error}");
    assert!(proxy.requests.lock().expect("a lock")[0].starts_with("CONNECT ca.invalid:7054 "));
}

#[test]
fn alerts_of_a_go_server_are_recognised() {
    let read = |alert, identified| TlsFailure::from_rustls(&rustls::Error::AlertReceived(alert), identified);
    assert_eq!(read(AlertDescription::CertificateRequired, false), TlsFailure::ClientCertRequired);
    // Go's crypto/tls sends this under TLS 1.2 if the certificate is missing.
    assert_eq!(read(AlertDescription::BadCertificate, false), TlsFailure::ClientCertRequired);
    assert!(matches!(read(AlertDescription::BadCertificate, true), TlsFailure::ClientCertRefused { .. }));
    assert!(matches!(read(AlertDescription::ProtocolVersion, false), TlsFailure::NoCommonVersion { .. }));
    assert!(matches!(read(AlertDescription::InternalError, false), TlsFailure::Other { .. }));
}
