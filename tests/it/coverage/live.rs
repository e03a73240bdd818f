//! From manifests to the wire: two TLS servers with the certificates that the manifests ask for, behind one balanced address.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde::Deserialize as _;

use super::organisation::{Organisation, PEERS, SET};
use crate::audit::live::{balance, serve};
use crate::audit::scene::Scene;
use crate::command::{Ran, fabcert};
use crate::reserved::nobody;

const GATEWAY: &str = "acme-gateway";

/// The names that a peer's Certificate asks for.
fn asked(org: &Organisation, peer: &str) -> Vec<String> {
    let text = org.read(&format!("{peer}.yaml")).replace("${NS}", "acme").replace("${DOMAIN}", "acme.example");
    let first = yaml_serde::Deserializer::from_str(&text).next().unwrap();
    let certificate = serde_json::Value::deserialize(first).unwrap();
    assert_eq!(certificate["kind"], "Certificate");
    let names = certificate["spec"]["dnsNames"].as_array().unwrap();
    names.iter().map(|n| n.as_str().unwrap().to_owned()).collect()
}

/// Servers with those certificates, one a peer; their ports.
fn start(org: &Organisation, scene: &Scene) -> Vec<u16> {
    let one = |peer: &&str| {
        let names = asked(org, peer);
        let (cert, key) = scene.server(peer, &names.iter().map(String::as_str).collect::<Vec<_>>());
        serve(&cert, &key)
    };
    PEERS.iter().map(one).collect()
}

/// How many of 200 connections by the gateway's name fail.
fn failures(port: u16, root: &str) -> usize {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let dial = || -> std::io::Result<()> {
        let mut tcp = TcpStream::connect(("127.0.0.1", port))?;
        let mut tls = ClientConnection::new(Arc::clone(&config), ServerName::try_from(GATEWAY).unwrap()).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(())
    };
    (0..200).filter(|_| dial().is_err()).count()
}

/// Asks each member by its own address, and what is behind the balanced one.
fn probe(ports: &[u16], balanced: u16, root: &str, more: &[&str]) -> (Ran, Ran) {
    let at = |port: &u16| format!("127.0.0.1:{port}");
    let members = ports.iter().map(at).collect::<Vec<_>>().join(",");
    let common = [&["audit", "--no-policy", "--server-name", GATEWAY, "--tls-ca", root], more].concat();
    let balanced = at(&balanced);
    (
        fabcert(&[&common[..], &["--member", &members]].concat(), None),
        fabcert(&[&common[..], &["--connect", &balanced, "--samples", "8"]].concat(), None),
    )
}

#[test]
fn half_of_the_connections_fail_before_the_fix_and_none_after_it() {
    let org = Organisation::new();
    org.change("peer-b.yaml", "    - acme-gateway\n", "");
    let scene = Scene::new();
    let root = scene.write("root.pem", scene.root()).display().to_string();

    let ports = start(&org, &scene);
    let balanced = balance(ports.clone());
    assert_eq!(failures(balanced, &scene.root()), 100);
    let lacking = format!("127.0.0.1:{}", ports[1]);
    let (each, behind) = probe(&ports, balanced, &root, &["--output", "json"]);
    for ran in [&each, &behind] {
        let gateway = &ran.json()["gateways"][0];
        assert_eq!((ran.code, &gateway["members"], &gateway["answering"]), (1, &2.into(), &1.into()), "{ran:?}");
    }
    let report = each.json();
    let finding = &report["findings"][0];
    assert_eq!((&finding["rule"], &finding["path"]), (&"san-gateway-missing".into(), &lacking.as_str().into()));
    assert_eq!(finding["names"], serde_json::json!([GATEWAY]));
    assert!(finding["message"].as_str().unwrap().contains("member 2 of 2"), "{report}");
    let (each, behind) = probe(&ports, balanced, &root, &[]);
    let line = format!("gateway acme-gateway: 1 of 2 members answer to this name; lacking: {lacking}\n");
    assert!(each.stdout.contains(&line), "{}", each.stdout);
    assert!(behind.stdout.contains("gateway acme-gateway: 1 of 2 members answer"), "{}", behind.stdout);

    assert_eq!(org.audit(&["--fix"]).code, 0);

    let ports = start(&org, &scene);
    let balanced = balance(ports.clone());
    assert_eq!(failures(balanced, &scene.root()), 0);
    let (each, behind) = probe(&ports, balanced, &root, &[]);
    for ran in [each, behind] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("gateway acme-gateway: 2 of 2 members answer to this name\n"), "{}", ran.stdout);
    }
}

#[test]
fn a_member_that_is_not_there_is_6_and_a_member_that_lacks_the_name_wins() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer-a", &[GATEWAY]);
    let (bad, bad_key) = scene.server("peer-b", &["peer-b"]);
    let gone = nobody();
    let good = format!("127.0.0.1:{}", serve(&cert, &key));
    let bad = format!("127.0.0.1:{}", serve(&bad, &bad_key));
    let probe =
        |members: &str| fabcert(&["audit", "-q", "--no-policy", "--server-name", GATEWAY, "--member", members], None);
    let there = probe(&format!("{good},{gone}"));
    assert_eq!(there.code, 6, "{there:?}");
    assert!(there.stdout.contains(&format!("1 of 2 members answer to this name; unreachable: {gone}")), "{there:?}");
    assert_eq!(probe(&format!("{good},{gone},{bad}")).code, 1);
    assert_eq!(probe(&good).code, 0);
    let code = |args: &[&str]| fabcert(&[&["audit", "--no-policy"], args].concat(), None).code;
    assert_eq!(code(&["--member", &good]), 2, "by which name?");
    assert_eq!(code(&["--server-name", GATEWAY]), 2, "of whom?");
    assert_eq!(code(&["--member", "peer-a", "--server-name", GATEWAY]), 2, "at which port?");
}

#[test]
fn the_members_of_a_service_follow_from_the_manifests() {
    let org = Organisation::new();
    let paths = [org.path("").display().to_string()];
    let args = [
        "audit",
        &paths[0],
        "--no-policy",
        "--output",
        "json",
        "--connect",
        "acme-gateway:7051",
        "--dial-timeout",
        "100ms",
    ];
    let ran = fabcert(&[&args[..], &SET[..]].concat(), None);
    let report = ran.json();
    let gateway = report["gateways"].as_array().unwrap().iter().find(|g| g["members"] == 2).unwrap();
    assert_eq!(gateway["name"], GATEWAY);
    let unreachable = ["peer-a.acme.svc.cluster.local:7051", "peer-b.acme.svc.cluster.local:7051"];
    assert_eq!(gateway["unreachable"], serde_json::json!(unreachable));
}
