//! Live endpoints: real TLS servers on loopback, alone and behind a balancer.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::scene::{Scene, found};
use crate::command::fabcert;
use crate::reserved::nobody;

/// A TLS server that ends each connection after the handshake; its port. Ends with the test's process.
pub(crate) fn serve(cert: &str, key: &str) -> u16 {
    serve_with(server_config(cert, key))
}

/// What a TLS server with this certificate and key needs, both PEM.
pub(crate) fn server_config(cert: &str, key: &str) -> ServerConfig {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A TLS server with this configuration, as [`serve`].
pub(crate) fn serve_with(config: ServerConfig) -> u16 {
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            shake_hands(tcp, &config);
        }
    });
    port
}

/// Answers a client as a server with this configuration, and ends the connection.
pub(crate) fn shake_hands(mut tcp: TcpStream, config: &Arc<ServerConfig>) {
    let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
    while tls.is_handshaking() && tls.complete_io(&mut tcp).is_ok() {}
    let _ = tls.complete_io(&mut tcp);
}

/// A balancer that leads each connection to the next of `members`.
pub(crate) fn balance(members: Vec<u16>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let next = AtomicUsize::new(0);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let member = members[next.fetch_add(1, Ordering::SeqCst) % members.len()];
            let server = TcpStream::connect(("127.0.0.1", member)).unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    port
}

#[test]
fn each_member_behind_a_balancer_is_met_and_the_one_that_lacks_the_name_is_found() {
    let scene = Scene::new();
    let gateway = "org1-peer-gateway-svc";
    let (good, good_key) = scene.server("org1-peer1", &["org1-peer1", gateway]);
    let (bad, bad_key) = scene.server("org1-peer2", &["org1-peer2"]);
    let root = scene.write("root.pem", scene.root()).display().to_string();
    let port = balance(vec![serve(&good, &good_key), serve(&bad, &bad_key)]);
    let endpoint = format!("127.0.0.1:{port}");
    let args = ["audit", "--no-policy", "--output", "json", "--connect", &endpoint, "--server-name", gateway];
    let ran = fabcert(&[&args[..], &["--tls-ca", &root, "--samples", "6"]].concat(), None);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    assert_eq!(
        (report["summary"]["subjects"].as_u64(), report["summary"]["errors"].as_u64()),
        (Some(2), Some(1)),
        "{report}"
    );
    let finding = &report["findings"][0];
    assert_eq!((finding["rule"].as_str(), &finding["names"]), (Some("san-missing"), &serde_json::json!([gateway])));
    assert!(finding["subject"].as_str().unwrap().contains("org1-peer2"));
    let mut verdicts: Vec<&str> = report["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["verdicts"]["client"]["verdict"].as_str().unwrap())
        .collect();
    verdicts.sort_unstable();
    assert_eq!(verdicts, ["accept", "refuse"]);
}

#[test]
fn a_member_is_met_although_others_behind_the_balancer_are_silent_before_it() {
    let scene = Scene::new();
    let (cert, key) = scene.server("org1-peer1", &["localhost"]);
    let root = scene.write("root.pem", scene.root()).display().to_string();
    // The kernel takes the connection, and nobody ever answers.
    let silent: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let mut members: Vec<u16> = silent.iter().map(|l| l.local_addr().unwrap().port()).collect();
    members.push(serve(&cert, &key));
    let endpoint = format!("127.0.0.1:{}", balance(members));
    let args = ["audit", "--no-policy", "--output", "json", "--connect", &endpoint, "--server-name", "localhost"];
    let ran = fabcert(&[&args[..], &["--tls-ca", &root, "--samples", "4", "--dial-timeout", "300ms"]].concat(), None);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert_eq!(ran.json()["summary"]["certificates"], 1, "{ran:?}");
}

#[test]
fn a_certificate_that_is_served_and_not_on_disk_is_a_warning() {
    let scene = Scene::new();
    let (old, key) = scene.server("org1-peer1", &["localhost"]);
    let endpoint = format!("127.0.0.1:{}", serve(&old, &key));
    scene.tls_folder("peer1/tls", "org1-peer1", &["localhost"]);
    let ran = scene.audit("peer1", &["--connect", &endpoint]);
    assert_eq!((ran.code, found(&ran)), (0, vec![format!("served-not-on-disk {endpoint}")]), "{ran:?}");
}

#[test]
fn an_endpoint_that_is_not_there_is_6_unless_something_worse_is_found() {
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    let endpoint = nobody().to_string();
    let ran = scene.audit("peer1", &["--connect", &endpoint]);
    assert_eq!((ran.code, found(&ran)), (6, vec![format!("endpoint-unreachable {endpoint}")]), "{ran:?}");
    assert_eq!(scene.audit("peer1", &["--connect", &endpoint, "--expect-san", "x"]).code, 1);
    assert_eq!(scene.audit("peer1", &["--connect", "no-port"]).code, 2);
}
