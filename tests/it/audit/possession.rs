//! Live endpoints: a server counts only if it proves that it holds the key of the certificate that it serves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::live::serve_with;
use super::scene::{Scene, server};
use crate::command::{Ran, fabcert};
use crate::real::tools::{Tool, find};

const GATEWAY: &str = "org1-peer-gateway-svc";
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const NO_KEY: &str = "does not hold the key of the certificate it serves";

/// Serves a certificate with any key, which rustls refuses to set up otherwise.
#[derive(Debug)]
struct Pretender(Arc<CertifiedKey>);

impl ResolvesServerCert for Pretender {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn signing(key: &KeyPair) -> Arc<dyn SigningKey> {
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    rustls::crypto::ring::sign::any_supported_type(&der).unwrap()
}

/// A server of the certificate (DER) with this key, right or wrong; its port.
fn pretend(cert: Vec<u8>, key: &KeyPair, version: &'static SupportedProtocolVersion) -> u16 {
    let certified = CertifiedKey::new(vec![CertificateDer::from(cert)], signing(key));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Pretender(Arc::new(certified))));
    serve_with(config)
}

/// The readiness probe of the documentation.
fn probe(scene: &Scene, port: u16) -> Ran {
    let root = scene.write("root.pem", scene.root()).display().to_string();
    let member = format!("127.0.0.1:{port}");
    let args = ["audit", "--no-policy", "--output", "json", "--server-name", GATEWAY, "--member", &member];
    fabcert(&[&args[..], &["--tls-ca", &root]].concat(), None)
}

/// The number of members that answer, and the messages of all findings.
fn seen(ran: &Ran) -> (u64, Vec<String>) {
    let report = ran.json();
    let message = |f: &serde_json::Value| format!("{}: {}", f["rule"], f["message"]).replace('"', "");
    let messages = report["findings"].as_array().unwrap().iter().map(message).collect();
    (report["gateways"][0]["answering"].as_u64().unwrap(), messages)
}

/// Two keys of each kind.
fn keys() -> Vec<(String, [KeyPair; 2])> {
    let made = |algorithm: &'static SignatureAlgorithm| {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        (format!("{algorithm:?}"), [key(), key()])
    };
    let mut keys = vec![made(&PKCS_ECDSA_P256_SHA256), made(&PKCS_ECDSA_P384_SHA384), made(&PKCS_ED25519)];
    if let Some(openssl) = find(Tool::OpenSsl) {
        let key = || {
            let args = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
            let made = Command::new(&openssl).args(args).output().unwrap();
            let der = PrivatePkcs8KeyDer::from_pem_slice(&made.stdout).unwrap();
            KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).unwrap()
        };
        keys.push(("RSA".to_owned(), [key(), key()]));
    }
    keys
}

#[test]
fn server_without_the_key_of_its_certificate_does_not_answer() {
    let scene = Scene::new();
    let keys = keys();
    let other_kind = &keys[0].1[0];
    for version in VERSIONS {
        for (kind, [key, other]) in &keys {
            let cert = scene.sign(&server("peer", &[GATEWAY]), key);
            let right = probe(&scene, pretend(cert.clone(), key, version));
            assert_eq!((right.code, seen(&right).0), (0, 1), "{kind} {version:?} {right:?}");
            // TLS 1.2 with ECDSA does not bind the curve, so the P-256 key is just another key there.
            let others = [other, other_kind].into_iter().filter(|wrong| wrong.serialize_der() != key.serialize_der());
            for wrong in others {
                let port = pretend(cert.clone(), wrong, version);
                let ran = probe(&scene, port);
                let (answering, messages) = seen(&ran);
                assert_eq!((ran.code, answering), (6, 0), "{kind} {version:?} {ran:?}");
                assert_eq!(ran.json()["summary"]["certificates"], 0, "{ran:?}");
                assert!(
                    messages.len() == 1
                        && messages[0].starts_with("endpoint-unreachable")
                        && messages[0].contains(NO_KEY),
                    "{kind} {version:?}: {messages:?}"
                );
            }
        }
    }
}

#[test]
fn openssl_refuses_the_server_without_the_key_too() {
    let Some(openssl) = find(Tool::OpenSsl) else { return };
    let scene = Scene::new();
    let [key, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let cert = scene.sign(&server("peer", &[GATEWAY]), &key);
    for version in VERSIONS {
        let dial = |key: &KeyPair| {
            let address = format!("127.0.0.1:{}", pretend(cert.clone(), key, version));
            let args = ["s_client", "-connect", &address];
            Command::new(&openssl).args(args).stdin(Stdio::null()).output().unwrap().status.success()
        };
        assert_eq!((dial(&key), dial(&other)), (true, false), "{version:?}");
    }
}

#[test]
fn every_key_that_openssl_serves_and_go_accepts_is_proved() {
    let Some(openssl) = find(Tool::OpenSsl) else { return };
    let scene = Scene::new();
    let kinds = [
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        &["rsa:2048"],
        &["rsa:1024"],
        &["ed25519"],
    ];
    for kind in kinds {
        let (key, cert) = (scene.path("s.key"), scene.path("s.crt"));
        let (key, cert) = (key.to_str().unwrap(), cert.to_str().unwrap());
        let name = format!("subjectAltName=DNS:{GATEWAY}");
        let rest = ["-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=peer", "-addext", &name];
        let made = Command::new(&openssl).args(["req", "-x509", "-newkey"]).args(kind).args(rest).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        for version in ["-tls1_2", "-tls1_3"] {
            if kind.contains(&"ec_paramgen_curve:P-521") && version == "-tls1_2" {
                // Under TLS 1.2 the curve of the certificate must be among those of the key exchange.
                continue;
            }
            let serve = ["s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, version];
            let mut process = Command::new(&openssl)
                .args(serve)
                // For the key of 1,024 bits.
                .args(["-cipher", "DEFAULT:@SECLEVEL=0"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
            let port = lines.find_map(|l| l.unwrap().strip_prefix("ACCEPT 127.0.0.1:").map(str::to_owned)).unwrap();
            let args = ["audit", "--no-policy", "--output", "json", "--server-name", GATEWAY, "--member"];
            let ran = fabcert(&[&args[..], &[&format!("127.0.0.1:{port}")]].concat(), None);
            process.kill().unwrap();
            process.wait().unwrap();
            assert_eq!(ran.json()["summary"]["certificates"], 1, "{kind:?} {version} {ran:?}");
            assert_ne!(ran.code, 6, "{kind:?} {version} {ran:?}");
        }
    }
}

/// A server that requires a client certificate below `root`; its port.
pub(super) fn mutual(cert: &str, key: &str, root: &str, version: &'static SupportedProtocolVersion) -> u16 {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    serve_with(config)
}

#[test]
fn server_that_requires_a_client_certificate_is_reached_without_one_and_a_note_says_so() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer", &[GATEWAY]);
    for version in VERSIONS {
        let ran = probe(&scene, mutual(&cert, &key, &scene.root(), version));
        let (answering, messages) = seen(&ran);
        assert_eq!((ran.code, answering, messages.len()), (0, 1, 1), "{version:?} {ran:?}");
        assert!(messages[0].starts_with("client-certificate-required: "), "{version:?} {messages:?}");
    }
}

/// A server that asks for a client certificate, takes a client without one, and then ends the connection in order.
#[test]
fn server_that_closes_the_connection_of_a_client_without_a_certificate_is_reached_too() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer", &[GATEWAY]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(scene.root().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let config = Arc::new(config);
        for mut tcp in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            while tls.is_handshaking() && tls.complete_io(&mut tcp).is_ok() {}
            tls.send_close_notify();
            let _ = tls.complete_io(&mut tcp);
        }
    });
    let ran = probe(&scene, port);
    let (answering, messages) = seen(&ran);
    assert_eq!((ran.code, answering, messages.len()), (0, 1, 1), "{ran:?}");
    assert!(messages[0].starts_with("client-certificate-required: "), "{messages:?}");
}

#[test]
fn client_certificate_that_the_server_refuses_is_a_failure_under_each_version() {
    let (scene, stranger) = (Scene::new(), Scene::new());
    let (cert, key) = scene.server("peer", &[GATEWAY]);
    for version in VERSIONS {
        for (from, is_accepted) in [(&scene, true), (&stranger, false)] {
            let (own, own_key) = from.server("client", &["client"]);
            let own = scene.write("client.crt", own).display().to_string();
            let own_key = scene.write("client.key", own_key).display().to_string();
            let member = format!("127.0.0.1:{}", mutual(&cert, &key, &scene.root(), version));
            let args = ["audit", "--no-policy", "--output", "json", "--server-name", GATEWAY, "--member", &member];
            let ran = fabcert(&[&args[..], &["--client-cert", &own, "--client-key", &own_key]].concat(), None);
            let (answering, messages) = seen(&ran);
            if is_accepted {
                assert_eq!((answering, messages), (1, Vec::new()), "{version:?} {ran:?}");
            } else {
                assert_eq!((ran.code, answering), (6, 0), "{version:?} {ran:?}");
                assert!(messages[0].contains("the server refused the client certificate"), "{version:?} {messages:?}");
            }
        }
    }
}

/// Where a relay cuts the connection, counted in messages of the server's first flight under TLS 1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    AfterCertificate,
    AfterFlight,
}

/// Relays to `to` until the cut; its port. The first flight of TLS 1.2 is in clear: `ServerHello`, `Certificate`,
/// `ServerKeyExchange`, `ServerHelloDone`.
fn cut(to: u16, cut: Cut) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            server.write_all(&record(&mut client).unwrap()).unwrap();
            let mut flight = Vec::new();
            // The messages have types 2, 11, 12 and 14; the last is empty.
            while !flight.ends_with(&[14, 0, 0, 0]) {
                flight.extend_from_slice(&record(&mut server).unwrap()[5..]);
            }
            let mut kept = Vec::new();
            let mut rest = &flight[..];
            while let [kind, a, b, c, ..] = *rest {
                if cut == Cut::AfterCertificate && kind == 12 {
                    break;
                }
                let length = 4 + usize::from(a) * 65536 + usize::from(b) * 256 + usize::from(c);
                kept.extend_from_slice(&rest[..length]);
                rest = &rest[length..];
            }
            let header = [22, 3, 3, u8::try_from(kept.len() >> 8).unwrap(), u8::try_from(kept.len() & 255).unwrap()];
            client.write_all(&[&header[..], &kept].concat()).unwrap();
            if cut == Cut::AfterFlight {
                let _ = record(&mut client);
            }
        }
    });
    port
}

/// One TLS record.
fn record(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record)?;
    record.resize(5 + usize::from(record[3]) * 256 + usize::from(record[4]), 0);
    from.read_exact(&mut record[5..])?;
    Ok(record)
}

#[test]
fn handshake_that_breaks_off_is_reported_and_a_certificate_without_proof_is_not_kept() {
    let scene = Scene::new();
    let key = KeyPair::generate().unwrap();
    let port = pretend(scene.sign(&server("peer", &[GATEWAY]), &key), &key, &TLS12);

    let ran = probe(&scene, cut(port, Cut::AfterCertificate));
    let (answering, messages) = seen(&ran);
    assert_eq!((ran.code, answering), (6, 0), "{ran:?}");
    assert_eq!(ran.json()["summary"]["certificates"], 0, "{ran:?}");
    assert!(messages[0].contains("closed the connection during the handshake"), "{messages:?}");

    let ran = probe(&scene, cut(port, Cut::AfterFlight));
    let (answering, messages) = seen(&ran);
    assert_eq!((ran.code, answering), (6, 0), "{ran:?}");
    assert_eq!(ran.json()["summary"]["certificates"], 1, "its key is proved, so its names are judged: {ran:?}");
    assert!(messages[0].contains("the handshake broke off after the certificate"), "{messages:?}");
}
